// Recordings: what a run asked and what every command answered, as a folder (or a .tar.gz of it) that can be kept, sent
// and replayed. One that is read is untrusted input.
//
//   recording.json   {"format": "meshdx.recording/v1", "args": [..], "versions": {..}, "time": "..", "commands": [..],
//                     "redactions": [{"argv": [..], "kind": "jwt", "count": 2}]}
//   out/NNN.out|err  what command NNN printed
//
// A command is {"argv", "exit", "ms", "stdout": {"file", "bytes", "sha256"}, "stderr": {..}}; an empty output has no
// file. "together" is what was asked in its place: a request of the API (`kubectl get --raw PATH`), or a command for it and
// others. "exit" is null when the command did not end by itself. "end" then says how: timed-out (the default), interrupted,
// not-started, refused, not-recorded or damaged, and "why" is the sentence. "truncated": true marks a cut stdout. "time",
// "versions" and "redactions" may be missing.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "run/command.hpp"
#include "util/expected.hpp"

namespace meshdx::run {

constexpr const char* g_recording_format = "meshdx.recording/v1";

/// The bounds of a recording that is read.
constexpr std::uint64_t g_max_recording_json = 16ULL << 20U;
constexpr std::uint64_t g_max_recorded_output = 512ULL << 20U;
constexpr std::uint64_t g_max_recorded_total = 2ULL << 30U;
constexpr std::size_t g_max_recorded_commands = 10'000;

/// A proxy's dump longer than this is not held in memory but read where it lies (CommandResult::stored).
constexpr std::uint64_t g_most_held = 4ULL << 20U;

/// Where a command's output lies, and what it must be.
struct RecordedOutput {
  std::string file;  ///< relative to the recording, without `..`
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// One command of a recording.
struct RecordedCommand {
  Argv argv;
  End end = End::exited;
  int exit_code = 0;
  std::chrono::milliseconds took{0};
  std::string why;
  bool truncated = false;
  Argv together;
  std::optional<RecordedOutput> out;
  std::optional<RecordedOutput> err;
};

/// What was taken out of one command's output: which kind of secret, how often.
struct Redaction {
  Argv argv;
  std::string kind;
  std::size_t count = 0;
};

/// The files of a recording, wherever they are. Reads nothing before it is asked.
class OutputStore {
 public:
  virtual ~OutputStore() = default;
  /// The bytes of one file: part by part, or in memory where they lie there. The Error says what is wrong ("is missing", "is a
  /// link").
  [[nodiscard]] virtual Expected<Input> open(const std::string& file) const = 0;
  /// Whether a link or anything else than folders and a regular file is on the way to the file; "" when all is well,
  /// and when it is merely missing.
  [[nodiscard]] virtual std::string objection(const std::string& file) const = 0;
};

struct Recording {
  std::string format = g_recording_format;
  std::vector<std::string> args;                ///< the meshdx arguments that asked the question
  std::map<std::string, std::string> versions;  ///< of the tools and the cluster
  std::string time;                             ///< when, RFC 3339
  std::vector<RecordedCommand> commands;
  std::vector<Redaction> redactions;
  std::shared_ptr<const OutputStore> store;     ///< where the outputs lie; null in one that was not read

  /// What a command printed and how it ended. An output that is missing, cut or changed makes the result `damaged`.
  [[nodiscard]] CommandResult result(const RecordedCommand& command) const;
};

/// Reads a recording from a folder, or from a .tar.gz into memory. The outputs of a folder are read when they are asked
/// for. Error: no recording there, a bad recording.json, a path or link that leads elsewhere, or a bound is passed.
Expected<Recording> read_recording(const std::string& path);

/// Parses a recording.json; the outputs are not looked at.
Expected<Recording> parse_recording(std::string_view json);

/// Whether a recording may be written there: nothing is there, or an empty folder. Ask before the run, not after it.
Expected<Done> check_recording_target(const std::string& path);

/// Writes a recording at once or not at all: as a folder, or as an archive when the name ends in .tar.gz or .tgz.
/// `head` gives args, versions, time and redactions; `results` are the commands, in this order. Error: the target is
/// taken, or the disk refuses.
Expected<Done> write_recording(const std::string& path, const Recording& head,
                               const std::vector<CommandResult>& results);

/// How the end of a command is spelt in recording.json.
std::string end_name(End end);

}  // namespace meshdx::run
