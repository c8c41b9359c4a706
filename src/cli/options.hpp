// The command line as one table of commands and one of flags: parsing, help and "did you mean" all come from them.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "util/expected.hpp"

namespace meshdx::cli {

/// Which flags a command takes.
enum FlagGroup : unsigned {
  k_question = 1U,     ///< what is asked: -n, --from, -X, -H, --probe
  k_cluster = 2U,      ///< how it is asked: --context, --parallel, --record
  k_output = 4U,       ///< -o, -v, --no-color
  k_playbooks = 8U,    ///< --playbooks
  k_graph = 16U,       ///< --format
  k_place = 32U,       ///< -n, --probe: what decides which permissions are needed
  k_rights = 64U,      ///< --playbook, --rbac, --service-account
  k_sweep = 256U,      ///< what is swept: -A, --shard, --job
  k_check = 512U,      ///< which manifests: -n, --complete
  k_write = 1024U,     ///< what is to be written: -n, --header, and the flags of its kinds
};

/// One flag: everything there is to know about it but the variable it sets.
struct Flag {
  std::string_view letter;   ///< "-n", or ""
  std::string_view name;     ///< "--namespace"
  std::string_view value;    ///< "NS", or "" for a switch
  std::string_view help;
  unsigned group;            ///< of FlagGroup: a command takes it when one of its groups is among these
};
const std::vector<Flag>& flags();

/// One command. CODE stands for every three-digit code.
struct Command {
  std::string_view name;
  std::string_view words;    ///< "TARGET", as in the synopsis
  std::string_view help;     ///< one line
  unsigned groups;
  std::size_t min_words, max_words;
  bool diagnoses = false;    ///< asks a question that can be recorded
};
const std::vector<Command>& commands();
const Command* find_command(std::string_view name);

/// The command that a line with this first word means: 503 and every other code that a caller may see is CODE.
const Command* command_of(std::string_view word);

/// What was typed, checked one by one but not yet put together.
struct Options {
  const Command* command = nullptr;
  std::vector<std::string> words;        ///< after the command's name; for CODE the code is the first
  bool has_dashes = false;
  std::vector<std::string> after_dashes;
  std::set<std::string> given;           ///< long names of the flags that were typed

  std::string ns = "default", from, method = "GET";
  std::vector<std::string> headers;
  bool no_follow = false;
  bool probe = false;
  int log_lines = 500;
  std::string since;                     ///< "2026-01-31T12:00:00.000Z", or a duration back from now

  std::string context, kubeconfig, as;
  std::vector<std::string> as_groups;
  int parallel = 8;
  std::chrono::milliseconds step_timeout{15000}, deadline{60000};
  std::string record;

  std::vector<std::string> chosen;       ///< --playbook
  bool rbac = false;
  std::string istio_namespace = "istio-system", revision = "default";
  std::string account = "meshdx", account_namespace;   ///< --service-account; the namespace "" is that of -n
  bool all_namespaces = false, job = false, complete = false;
  std::string shard, image;              ///< shard: "3/10"
  std::vector<std::string> files;        ///< --filename: manifests instead of a cluster
  std::map<std::string, std::string> wishes;   ///< flags of `write` by long name; of switches "yes"

  std::string output = "text", format = "mermaid", playbooks;
  int verbose = 0;
  bool no_color = false;
};

/// Parses what stands after the program's name. The Error is one sentence; its exit code is 64.
Expected<Options> parse(const std::vector<std::string>& args);

/// The words of --context, --kubeconfig, --as and --as-group, for commands that are printed.
std::vector<std::string> context_flags(const Options& options);

/// Whether a text is a time in UTC by RFC 3339, as proxies log it: "2026-01-31T12:00:00Z", with or without fractions.
bool is_timestamp(std::string_view text);

/// "15s", "500ms", "2m", "20" (seconds).
Expected<std::chrono::milliseconds> read_duration(const std::string& text);

}  // namespace meshdx::cli
