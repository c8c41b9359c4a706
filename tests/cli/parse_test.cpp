#include <ostream>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "cli/help.hpp"
#include "cli/options.hpp"

using namespace meshdx;
using namespace meshdx::cli;

namespace {

Options parsed(const std::vector<std::string>& args) {
  auto options = parse(args);
  const auto error = options ? std::string() : options.error();
  REQUIRE_MESSAGE(options.ok(), error);
  return *options;
}

std::string refused(const std::vector<std::string>& args) {
  const auto options = parse(args);
  REQUIRE_FALSE(options.ok());
  return options.error();
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a diagnosis with all its flags") {
  const auto o = parsed({"503", "http://web.shop/?codes=503", "-n", "shop", "--from", "client", "-X", "POST", "-H", "a: b", "-H", "c: [d,e]",
                         "--probe", "--context=prod", "--as", "me", "--as-group", "x", "--as-group", "y", "--parallel", "3", "--step-timeout", "500ms",
                         "--deadline", "2m", "--log-lines", "50", "-o", "json", "-vv", "--record", "out"});
  CHECK(o.command->name == "CODE");
  CHECK(o.words == std::vector<std::string>{"503", "http://web.shop/?codes=503"});
  CHECK(o.ns == "shop");
  CHECK(o.headers == std::vector<std::string>{"a: b", "c: [d,e]"});
  CHECK(o.as_groups == std::vector<std::string>{"x", "y"});
  CHECK(o.parallel == 3);
  CHECK(o.step_timeout == std::chrono::milliseconds(500));
  CHECK(o.deadline == std::chrono::minutes(2));
  CHECK(o.log_lines == 50);
  CHECK(o.verbose == 2);
  CHECK(o.output == "json");
  CHECK(context_flags(o) == std::vector<std::string>{"--context", "prod", "--as", "me", "--as-group", "x", "--as-group", "y"});
}

TEST_CASE("flags may stand anywhere, and the last of several wins") {
  const auto o = parsed({"-n", "a", "mtls", "-nb", "[::1]"});
  CHECK(o.command->name == "mtls");
  CHECK(o.words == std::vector<std::string>{"[::1]"});
  CHECK(o.ns == "b");
  CHECK(parsed({"000", "web"}).words.front() == "000");
}

TEST_CASE("what stands after -- is left alone") {
  const auto o = parsed({"replay", "dir", "-o", "json", "--", "404", "web", "-n", "shop"});
  CHECK(o.words == std::vector<std::string>{"dir"});
  CHECK(o.after_dashes == std::vector<std::string>{"404", "web", "-n", "shop"});
  CHECK(o.ns == "default");
}

TEST_CASE("wrong usage is told in one sentence, with what was meant") {
  CHECK(says(refused({"503", "web", "--form", "client"}), "did you mean --from?"));
  CHECK(says(refused({"503", "web", "--namespce=shop"}), "did you mean --namespace?"));
  CHECK(says(refused({"503", "web", "-q"}), "no flag -q"));
  CHECK(says(refused({"mtl", "web"}), "did you mean mtls?"));
  CHECK(says(refused({"repaly", "web"}), "did you mean replay?"));
  CHECK(says(refused({"600", "web"}), "no code"));
  CHECK(says(refused({"CODE", "web"}), "no command"));
  CHECK(says(refused({}), "What is to be diagnosed?"));
  CHECK(says(refused({"503"}), "lacks something"));
  CHECK(says(refused({"mtls"}), "lacks something"));
  CHECK(says(refused({"503", "a", "b"}), "'b' is one word too many"));
  CHECK(says(refused({"list", "x"}), "one word too many"));
  CHECK(says(refused({"503", "web", "-o", "yamm"}), "sarif or junit"));
  CHECK(says(refused({"503", "web", "--parallel", "0"}), "from 1 to 64"));
  CHECK(says(refused({"503", "web", "--deadline", "soon"}), "no duration"));
  CHECK(says(refused({"503", "web", "--from", ""}), "empty value"));
  CHECK(says(refused({"503", "web", "--from"}), "--from"));
  CHECK(says(refused({"503", "web", "--", "x"}), "nothing after --"));
  CHECK(says(refused({"record", "dir"}), "lacks the question"));
  CHECK(says(refused({"replay", "dir", "-n", "shop"}), "before --"));
  CHECK(says(refused({"list", "--probe"}), "takes no --probe"));
  CHECK(says(refused({"list", "-o", "sarif"}), "text, json or yaml"));
  CHECK(says(refused({"graph", "503", "--format", "svg"}), "mermaid or dot"));
}

TEST_CASE("the flag table is consistent") {
  std::set<std::string_view> names, letters;
  for (const auto& flag : flags()) {
    CHECK(names.insert(flag.name).second);
    if (!flag.letter.empty()) CHECK(letters.insert(flag.letter).second);
    CHECK(flag.name.substr(0, 2) == "--");
    CHECK_FALSE(flag.help.empty());
    CHECK(says(long_help(), std::string(flag.name)));
    const bool taken = std::any_of(commands().begin(), commands().end(), [&](const Command& c) { return (c.groups & flag.group) != 0; });
    CHECK(taken);
  }
  for (const auto& command : commands()) CHECK(says(short_help(), "meshdx " + std::string(command.name)));
  for (const auto* text : {"Exit codes", "130", "Examples"}) CHECK(says(long_help(), text));
}

TEST_CASE("durations") {
  CHECK(*read_duration("15s") == std::chrono::seconds(15));
  CHECK(*read_duration("20") == std::chrono::seconds(20));
  CHECK(*read_duration("250ms") == std::chrono::milliseconds(250));
  for (const auto* text : {"", "0s", "-1s", "1h", "s", "99999999999m", "1.5s"}) CHECK_FALSE(read_duration(text).ok());
}

TEST_CASE("a flag without its value is named with what it takes") {
  CHECK(refused({"503", "web", "--namespace"}) == "--namespace lacks its value: --namespace NS.");
  CHECK(refused({"503", "web", "-n"}) == "--namespace lacks its value: --namespace NS.");
  CHECK(refused({"503", "web", "--from"}) == "--from lacks its value: --from CALLER.");
  CHECK(refused({"503", "web", "-H"}) == "--header lacks its value: --header 'NAME: VALUE'.");
  CHECK(refused({"503", "web", "--probe=maybe"}) == "--probe is a switch: it takes no value.");
}

TEST_CASE("preflight takes what decides about permissions, and nothing of a question") {
  const auto o = parsed({"preflight", "-n", "shop", "--rbac", "--service-account", "ops/dx", "--playbook", "503", "--playbook", "mtls"});
  CHECK(o.rbac);
  CHECK(o.account == "dx");
  CHECK(o.account_namespace == "ops");
  CHECK(o.chosen == std::vector<std::string>{"503", "mtls"});
  CHECK(parsed({"preflight", "--service-account", "dx"}).account_namespace.empty());
  CHECK(says(refused({"preflight", "--from", "client"}), "takes no --from"));
  CHECK(says(refused({"preflight", "--service-account", "a/b/c"}), "names no ServiceAccount"));
  CHECK(says(refused({"503", "web", "--rbac"}), "takes no --rbac"));
}
