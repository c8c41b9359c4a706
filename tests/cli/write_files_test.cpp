// `meshdx write -f`, as data: a case of write_files/ begins with what is asked of it, the exit code, and what comes out: every
// step ("# apply: create VirtualService shop/web"), and what is said to be not known or, where nothing is written, why.
#include <ostream>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "../report/schema.hpp"
#include "outcome.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

struct Case {
  std::vector<std::string> ask, apply;
  std::string exit, not_known, says;
};

Case read_case(const std::filesystem::path& path) {
  Case one;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line) && starts_with(line, "# ");) {
    const auto colon = line.find(": ");
    const auto key = line.substr(2, colon - 2), value = line.substr(colon + 2);
    if (key == "ask") one.ask = split(value, ' ');
    else if (key == "apply") one.apply.push_back(value);
    else if (key == "exit") one.exit = value;
    else if (key == "notKnown") one.not_known = value;
    else if (key == "says") one.says = value;
    else CHECK_MESSAGE(false, path.string() << " has the unknown key " << key);
  }
  return one;
}

void check(const std::filesystem::path& path) {
  const auto one = read_case(path);
  INFO(path.filename().string());
  std::vector<std::string> args = {"write"};
  args.insert(args.end(), one.ask.begin(), one.ask.end());
  args.insert(args.end(), {"-f", path.string(), "-o", "json"});
  const auto printed = meshdx_with(args);
  CHECK_MESSAGE(std::to_string(printed.code) == one.exit, printed.err);
  CHECK_MESSAGE(contains(printed.err, one.says), printed.err);
  CHECK(one.says.empty() == (one.exit == "0"));
  CHECK(printed.out.empty() == (one.exit != "0"));
  if (one.exit != "0") return;
  const auto json = parse_json(printed.out);
  const auto schema = parse_json(meshdx_with({"help", "write-schema"}).out);
  REQUIRE(json.ok());
  REQUIRE(schema.ok());
  std::vector<std::string> wrong, apply;
  testing::validate(*schema, *schema, *json, "", wrong);
  for (const auto& message : wrong) CHECK_MESSAGE(false, message);
  for (const auto& step : at(*json, "apply")) apply.push_back(text_at(step, "action") + " " + text_at(step, "object"));
  CHECK_MESSAGE(apply == one.apply, printed.out);
  CHECK_MESSAGE(contains(dump_json(at(*json, "notKnown")), one.not_known), printed.out);
}

}  // namespace

TEST_CASE("what is written from files, case by case") {
  for (const auto& entry : std::filesystem::directory_iterator(SOURCE_DIR "/tests/cli/write_files")) check(entry.path());
}

TEST_CASE("files and a recording are not asked at once") {
  const auto printed = meshdx_with({"replay", SOURCE_DIR "/fixtures/selector-mismatch", "--", "write", "retries", "web", "-n", "shop", "--attempts", "3", "--on", "5xx", "-f", SOURCE_DIR "/tests/cli/write_files/canary-new.yaml"});
  CHECK(printed.code == 64);
  CHECK(contains(printed.err, "only one of them"));
}
