#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>
#include <sys/stat.h>

#include "run/recording.hpp"
#include "run/sha256.hpp"
#include "run/store.hpp"
#include "util/json.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

constexpr std::size_t g_max_json_depth = 16;
constexpr std::size_t g_max_words = 256;
constexpr std::size_t g_max_word = 8192;

constexpr std::array<std::pair<End, const char*>, 7> g_end_names{{
    {End::exited, "exited"},
    {End::timed_out, "timed-out"},
    {End::interrupted, "interrupted"},
    {End::not_started, "not-started"},
    {End::refused, "refused"},
    {End::not_recorded, "not-recorded"},
    {End::damaged, "damaged"},
}};

/// Reads recording.json field by field. The first thing that is wrong is remembered, with its place; the rest is
/// skipped.
class JsonReader {
 public:
  Expected<Recording> read(const Json& json) {
    Recording recording;
    if (!json.is_object()) return Error{"it is not a JSON object"};
    recording.format = text(json, "format", "format", true);
    if (ok() && recording.format != g_recording_format) {
      fail("format", fmt::format("is `{}`, but this meshdx reads `{}`", recording.format, g_recording_format));
    }
    recording.args = words(at(json, "args"), "args", true);
    recording.versions = read_versions(at(json, "versions"));
    recording.time = text(json, "time", "time", false);
    read_commands(at(json, "commands"), recording.commands);
    read_redactions(at(json, "redactions"), recording.redactions);
    if (!ok()) return Error{m_error};
    return recording;
  }

 private:
  [[nodiscard]] bool ok() const { return m_error.empty(); }

  void fail(const std::string& place, const std::string& what) {
    if (ok()) m_error = printable(fmt::format("`{}` {}", place, what));
  }

  std::string text(const Json& object, const char* key, const std::string& place, bool required) {
    const Json& value = at(object, key);
    if (value.is_null() && !required) return "";
    if (!value.is_string()) {
      fail(place, value.is_null() ? "is missing" : "is not a string");
      return "";
    }
    return value.get<std::string>();
  }

  std::vector<std::string> words(const Json& value, const std::string& place, bool required) {
    std::vector<std::string> list;
    if (value.is_null() && !required) return list;
    if (!value.is_array() || value.size() > g_max_words) {
      fail(place, fmt::format("is not a list of at most {} words", g_max_words));
      return list;
    }
    for (const auto& word : value) {
      if (!word.is_string() || word.get_ref<const std::string&>().size() > g_max_word) {
        fail(place, fmt::format("holds something else than strings of at most {} bytes", g_max_word));
        return list;
      }
      list.push_back(word.get<std::string>());
    }
    return list;
  }

  std::map<std::string, std::string> read_versions(const Json& value) {
    std::map<std::string, std::string> versions;
    if (value.is_null()) return versions;
    if (!value.is_object()) fail("versions", "is not an object");
    for (const auto& [name, version] : value.items()) {
      if (version.is_string()) versions[name] = version.get<std::string>();
      else fail("versions." + name, "is not a string");
    }
    return versions;
  }

  void read_commands(const Json& value, std::vector<RecordedCommand>& commands) {
    if (!value.is_array()) return fail("commands", value.is_null() ? "is missing" : "is not a list");
    if (value.size() > g_max_recorded_commands) {
      return fail("commands", fmt::format("holds {} commands, more than {}", value.size(), g_max_recorded_commands));
    }
    for (std::size_t i = 0; i < value.size() && ok(); ++i) {
      commands.push_back(read_command(value[i], fmt::format("commands[{}]", i)));
    }
    if (m_total > g_max_recorded_total) {
      fail("commands", fmt::format("claim {} bytes of output, more than {}", m_total, g_max_recorded_total));
    }
  }

  RecordedCommand read_command(const Json& value, const std::string& place) {
    RecordedCommand command;
    if (!value.is_object()) {
      fail(place, "is not an object");
      return command;
    }
    command.argv = words(at(value, "argv"), place + ".argv", true);
    if (command.argv.empty()) fail(place + ".argv", "is empty");
    read_end(value, place, command);
    command.took = std::chrono::milliseconds(number(value, "ms", place, false));
    command.out = read_output(at(value, "stdout"), place + ".stdout");
    command.err = read_output(at(value, "stderr"), place + ".stderr");
    const Json& truncated = at(value, "truncated");
    if (!truncated.is_null() && !truncated.is_boolean()) fail(place + ".truncated", "is not true or false");
    command.truncated = bool_at(value, "truncated");
    command.together = words(at(value, "together"), place + ".together", false);
    return command;
  }

  void read_end(const Json& value, const std::string& place, RecordedCommand& command) {
    const auto exit = value.find("exit");
    if (exit == value.end()) return fail(place + ".exit", "is missing (null: the command did not end by itself)");
    command.why = text(value, "why", place + ".why", false);
    const std::string end = text(value, "end", place + ".end", false);
    if (exit->is_null()) {
      command.end = End::timed_out;
      const auto* known = std::find_if(g_end_names.begin() + 1, g_end_names.end(),
                                       [&](const auto& entry) { return end == entry.second; });
      if (known != g_end_names.end()) command.end = known->first;
      else if (!end.empty()) fail(place + ".end", fmt::format("is `{}`, which is no way to end", end));
      return;
    }
    const auto code = number(value, "exit", place, true);
    if (code > 255) fail(place + ".exit", "is not between 0 and 255");
    if (!end.empty() && end != "exited") fail(place + ".end", "does not go with an exit code");
    command.exit_code = static_cast<int>(std::min<std::uint64_t>(code, 255));
  }

  std::uint64_t number(const Json& object, const char* key, const std::string& place, bool required) {
    const Json& value = at(object, key);
    if (value.is_null() && !required) return 0;
    if (!value.is_number_integer() || (!value.is_number_unsigned() && value.get<std::int64_t>() < 0) ||
        value.get<std::uint64_t>() > (1ULL << 52U)) {
      fail(place + "." + key, value.is_null() ? "is missing" : "is not a whole number in range");
      return 0;
    }
    return value.get<std::uint64_t>();
  }

  std::optional<RecordedOutput> read_output(const Json& value, const std::string& place) {
    if (value.is_null()) return std::nullopt;
    RecordedOutput output;
    if (!value.is_object()) {
      fail(place, "is not an object");
      return output;
    }
    output.file = text(value, "file", place + ".file", true);
    output.bytes = number(value, "bytes", place, true);
    output.sha256 = text(value, "sha256", place + ".sha256", true);
    if (const auto objection = path_objection(output.file); ok() && !objection.empty()) {
      fail(place + ".file", fmt::format("is `{}`, which {}", output.file, objection));
    }
    const bool hex = output.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (output.sha256.size() != 64 || !hex) fail(place + ".sha256", "is not 64 lower-case hex digits");
    if (output.bytes > g_max_recorded_output) {
      fail(place + ".bytes", fmt::format("claims {} bytes, more than {}", output.bytes, g_max_recorded_output));
    }
    m_total += output.bytes;
    return output;
  }

  void read_redactions(const Json& value, std::vector<Redaction>& redactions) {
    if (value.is_null()) return;
    if (!value.is_array()) return fail("redactions", "is not a list");
    for (std::size_t i = 0; i < value.size() && ok(); ++i) {
      const std::string place = fmt::format("redactions[{}]", i);
      Redaction redaction;
      redaction.argv = words(at(value[i], "argv"), place + ".argv", true);
      redaction.kind = text(value[i], "kind", place + ".kind", true);
      redaction.count = number(value[i], "count", place, true);
      redactions.push_back(std::move(redaction));
    }
  }

  std::string m_error;
  std::uint64_t m_total = 0;
};

/// A link on the way to any output could lead anywhere on this machine: the recording is not to be trusted at all.
Expected<Done> check_files(const Recording& recording) {
  for (const auto& command : recording.commands) {
    for (const auto* output : {&command.out, &command.err}) {
      if (!output->has_value()) continue;
      const std::string objection = recording.store->objection((*output)->file);
      if (!objection.empty()) return Error{fmt::format("its file {} {}", (*output)->file, objection)};
    }
  }
  return Done{};
}

/// "" when the checksum of an output is the recorded one.
std::string damage_of(const RecordedOutput& output, const std::string& sum) {
  return sum == output.sha256 ? "" : fmt::format("{} was changed after the recording", output.file);
}

/// The bytes as they come, and at their end whether they are the ones that were recorded.
Input::Next checked(const Input& input, const RecordedOutput& output) {
  return [next = input.next(), output, sum = Sha256()](char* into, std::size_t room) mutable -> Expected<std::size_t> {
    const auto got = next(into, room);
    if (!got) return Error{fmt::format("{} {}", output.file, got.error())};
    sum.add({into, *got});
    const auto damage = *got == 0 ? damage_of(output, sum.sum()) : "";
    return damage.empty() ? got : Expected<std::size_t>(Error{damage});
  };
}

/// An output where it lies. What is wrong with it is told at once or, of its bytes, when they have been read.
Input open_output(const OutputStore& store, const RecordedOutput& output) {
  const auto input = store.open(output.file);
  std::string damage;
  if (!input) damage = fmt::format("{} {}", output.file, input.error());
  else if (input->size() != output.bytes) damage = fmt::format("{} holds {} bytes, but {} were recorded", output.file, input->size(), output.bytes);
  else if (input->in_memory()) damage = damage_of(output, sha256(input->text()));
  else return {checked(*input, output), input->size()};
  if (damage.empty()) return *input;
  return {[damage](char*, std::size_t) { return Expected<std::size_t>(Error{damage}); }, 0};
}

/// Fills one output in; "" or what is wrong with it.
std::string load(const OutputStore& store, const std::optional<RecordedOutput>& output, std::string& into) {
  if (!output) return "";
  auto text = open_output(store, *output).whole();
  if (!text) return text.error();
  into = std::move(*text);
  return "";
}

bool is_proxy_dump(const Argv& argv) { return argv.size() > 1 && argv[0] == "istioctl" && argv[1] == "proxy-config"; }

Expected<std::string> read_head(const OutputStore& store) {
  const auto input = store.open("recording.json");
  if (!input) return Error{input.error()};
  if (input->size() > g_max_recording_json) return Error{fmt::format("is larger than {} bytes", g_max_recording_json)};
  return input->whole();
}

Error about(const std::string& path, const std::string& what) {
  return {fmt::format("bad recording {}: {}", path, what)};
}

}  // namespace

std::string end_name(End end) { return g_end_names[static_cast<std::size_t>(end)].second; }

CommandResult Recording::result(const RecordedCommand& command) const {
  CommandResult result;
  result.argv = command.argv;
  result.end = command.end;
  result.exit_code = command.exit_code;
  result.took = command.took;
  result.why = command.why;
  result.truncated = command.truncated;
  result.together = command.together;
  if (command.end != End::exited && result.why.empty()) {
    result.why = fmt::format("`{}` did not end when it was recorded", printable(shell_join(command.argv)));
  }
  if (store == nullptr) return result;
  const bool stored = is_proxy_dump(command.argv) && command.out && command.out->bytes > g_most_held;
  if (stored) result.stored = [files = store, output = *command.out] { return open_output(*files, output); };
  std::string damage = stored ? "" : load(*store, command.out, result.out);
  if (damage.empty()) damage = load(*store, command.err, result.err);
  if (damage.empty()) return result;
  result.end = End::damaged;
  result.out.clear();
  result.stored = nullptr;
  result.err.clear();
  result.why = fmt::format("the recorded output of `{}` is damaged: {}", printable(shell_join(command.argv)), damage);
  return result;
}

Expected<Recording> parse_recording(std::string_view json) {
  const auto parsed = parse_json(json, g_max_json_depth);
  if (!parsed.ok()) return Error{fmt::format("recording.json is not valid JSON: {}", printable(parsed.error()))};
  auto recording = JsonReader().read(*parsed);
  if (!recording.ok()) return Error{"in recording.json " + recording.error()};
  return recording;
}

Expected<Recording> read_recording(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return Error{fmt::format("there is no recording {}: {}", path, std::strerror(errno))};
  }
  const bool folder = S_ISDIR(status.st_mode);
  if (!folder && !S_ISREG(status.st_mode)) return about(path, "it is neither a folder nor a .tar.gz");
  auto store = folder ? open_folder(path) : open_archive(path);
  if (!store.ok()) return Error{store.error()};
  const auto json = read_head(**store);
  if (!json.ok()) return about(path, "its recording.json " + json.error());
  auto recording = parse_recording(*json);
  if (!recording.ok()) return about(path, recording.error());
  recording->store = std::move(*store);
  const auto files = check_files(*recording);
  if (!files.ok()) return about(path, files.error());
  return recording;
}

}  // namespace meshdx::run
