#include "cli/options.hpp"

#include <algorithm>

#include "cli/complaint.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

const std::vector<Flag>& flags() {
  static const std::vector<Flag> table = {
      {"-n", "--namespace", "NS", "namespace where short names are looked up, that is swept, or of manifests without one (default: default)", k_question | k_place | k_sweep | k_check | k_write},
      {"-A", "--all-namespaces", "", "sweep every namespace of the mesh", k_sweep},
      {"", "--shard", "I/N", "sweep only this share of the namespaces; in an Indexed Job also without I", k_sweep},
      {"", "--job", "", "print the Job that sweeps the mesh in N pods, and the rights it needs; run nothing", k_sweep},
      {"", "--complete", "", "the files hold all there is in their namespaces: what is missing there is wrong", k_check},
      {"", "--image", "IMAGE", "image for --job: one with meshdx, kubectl and istioctl", k_sweep},
      {"", "--from", "CALLER", "who asked: a workload (client, client.shop) or gateway[/name[.ns]]", k_question},
      {"-X", "--method", "METHOD", "method of the request, where routing depends on it (default: GET)", k_question},
      {"-H", "--header", "'NAME: VALUE'", "header of the request, where routing depends on it (repeatable)", k_question | k_write},
      {"", "--no-follow", "", "stop at the first hop, also when its application passed on the error of a service it calls", k_question},
      {"", "--probe", "", "also read the sidecar's socket table (kubectl exec ... cat /proc/net/tcp)", k_question | k_place},
      {"", "--log-lines", "N", "lines of each proxy's log to read (default: 500), 4 MB at most", k_question},
      {"", "--since", "TIME", "count only requests later than TIME: 2026-01-31T12:00:00Z, or 5m for the last five minutes", k_question},
      {"", "--split", "SUBSET=WEIGHT,...", "weights of the subsets: v1=90,v2=10", k_write},
      {"", "--to", "SUBSET", "where requests with the header go", k_write},
      {"", "--default", "SUBSET", "where all other requests go (default: they stay as they are)", k_write},
      {"", "--match", "exact|prefix|regex", "how the value of --header is meant (default: exact)", k_write},
      {"", "--max-connections", "N", "TCP connections of one caller's proxy", k_write},
      {"", "--max-pending", "N", "requests that wait for a connection", k_write},
      {"", "--max-requests", "N", "requests under way at once", k_write},
      {"", "--consecutive-5xx", "N", "failures in a row after which a pod is ejected", k_write},
      {"", "--interval", "TIME", "how often ejections are decided (Istio's default: 10s)", k_write},
      {"", "--base-ejection", "TIME", "how long a pod stays ejected at the first time (Istio's default: 30s)", k_write},
      {"", "--max-ejection", "PERCENT", "share of the pods that may be ejected (Istio's default: 10%)", k_write},
      {"", "--abort", "CODE=SHARE", "answer with CODE instead: 503=10%", k_write},
      {"", "--delay", "TIME=SHARE", "wait before passing on: 2s=50%", k_write},
      {"", "--attempts", "N", "retries after the first try (0: none)", k_write},
      {"", "--per-try", "TIME", "longest time for each try", k_write},
      {"", "--on", "LIST", "what is retried: 5xx,reset,connect-failure, or codes like 503", k_write},
      {"", "--timeout", "TIME", "longest time for the request with all its tries", k_write},
      {"", "--allow", "NS/HOST,...", "hosts that may be reached: ./*,shop/api.shop.svc.cluster.local", k_write},
      {"", "--strict", "", "only mutual TLS is taken", k_write},
      {"", "--permissive", "", "mutual TLS and plain text are taken", k_write},
      {"", "--port", "N", "only this port of the workload's pods", k_write},
      {"-f", "--filename", "FILE|DIR|-", "write from manifests instead of a cluster (repeatable)", k_write},
      {"", "--context", "NAME", "kubeconfig context, as for kubectl", k_cluster},
      {"", "--kubeconfig", "FILE", "kubeconfig file, as for kubectl", k_cluster},
      {"", "--as", "USER", "user to impersonate, as for kubectl", k_cluster},
      {"", "--as-group", "GROUP", "group to impersonate, as for kubectl (repeatable)", k_cluster},
      {"", "--parallel", "N", "commands under way at once (default: 8)", k_cluster},
      {"", "--step-timeout", "TIME", "longest time for one command (default: 15s)", k_cluster},
      {"", "--deadline", "TIME", "longest time for all of them (default: 60s)", k_cluster},
      {"", "--record", "DIR", "keep what was read in DIR (or a .tar.gz), secrets redacted, for replay", k_cluster},
      {"", "--playbook", "NAME", "only what this playbook needs (repeatable; without it: all)", k_rights},
      {"-i", "--istio-namespace", "NS", "namespace of istiod (default: istio-system; a diagnosis finds it by the proxies)", k_rights},
      {"", "--revision", "REV", "revision of istiod (default: default; a diagnosis finds it by the proxies); for write the one, or the tag, that injects", k_rights | k_write},
      {"", "--rbac", "", "print the smallest roles that suffice, to apply, and ask no cluster", k_rights},
      {"", "--service-account", "NS/NAME", "whom --rbac binds the roles to (default: meshdx in the namespace of -n)", k_rights},
      {"-o", "--output", "FORM", "text, json, yaml, markdown, html, sarif or junit (default: text); list and preflight: text, json or yaml", k_output},
      {"-v", "--verbose", "", "also show what was ruled out, not checked, and every command", k_output},
      {"", "--no-color", "", "no colours (as with NO_COLOR in the environment)", k_output},
      {"", "--playbooks", "DIR", "playbooks and causes that replace or add to the built-in ones", k_playbooks},
      {"", "--format", "mermaid|dot", "form of the graph (default: mermaid)", k_graph},
  };
  return table;
}

const std::vector<Command>& commands() {
  constexpr unsigned diagnosis = k_question | k_cluster | k_output | k_playbooks;
  static const std::vector<Command> table = {
      {"CODE", "TARGET", "find out why the caller saw CODE (000: no answer at all)", diagnosis, 2, 2, true},
      {"mtls", "TARGET", "find out whether the hop to TARGET is mutual TLS, and if not, why", diagnosis, 1, 1, true},
      {"injection", "TARGET", "find out why the pods of TARGET have no sidecar, or a wrong one", diagnosis, 1, 1, true},
      {"canary", "TARGET", "compare the split asked for with Envoy's and with what arrived", diagnosis, 1, 1, true},
      {"header-routing", "TARGET", "tell which rule a request takes (-H, -X), and which are never reached", diagnosis, 1, 1, true},
      {"circuit-breaker", "TARGET", "compare limits and outlier detection with Envoy's; who is ejected, what overflowed", diagnosis, 1, 1, true},
      {"fault-injection", "TARGET", "find the faults that are injected, and into which share of which requests", diagnosis, 1, 1, true},
      {"retries", "TARGET", "tell what is retried, how often and how long, and whether it covers the failures seen", diagnosis, 1, 1, true},
      {"isolation", "TARGET", "tell what the workload TARGET may reach and which of its calls were blocked", diagnosis, 1, 1, true},
      {"run", "PLAYBOOK TARGET", "work through a playbook by its name", diagnosis, 2, 2, true},
      {"sweep", "", "check every Service and Gateway of a namespace or (-A) the mesh: what would fail if it were called now", k_sweep | k_cluster | k_output | k_playbooks, 0, 0, true},
      {"check", "FILE|DIR|-...", "check manifests without a cluster: what they alone decide to be wrong", k_check | k_output | k_playbooks, 1, 10000},
      {"write", "KIND [TARGET]", "print the configuration for an intent: canary, retries, mtls --strict ... (write --help)", k_write | k_cluster | k_output, 0, 2, true},
      {"replay", "DIR [-- ARGS]", "ask a recording its own question again, or another one", k_output | k_playbooks, 1, 1},
      {"record", "DIR -- ARGS", "diagnose and keep what was read (the same as ARGS --record DIR)", 0, 1, 1},
      {"plan", "CODE|PLAYBOOK TARGET", "print the commands that a diagnosis would run, and run none", k_question | k_cluster | k_playbooks, 2, 2},
      {"preflight", "", "say what works here: tools, versions, and each permission that the playbooks take", k_place | k_rights | k_cluster | k_output | k_playbooks, 0, 0},
      {"list", "", "list playbooks and causes", k_output | k_playbooks, 0, 0},
      {"graph", "PLAYBOOK", "draw a playbook's steps", k_graph | k_playbooks, 1, 1},
      {"lint", "[FILE...]", "check playbooks and causes (without FILE: all of them)", k_playbooks, 0, 1000},
      {"explain", "CAUSE", "tell about a cause, by its name or its MDX code", k_playbooks, 1, 1},
      {"completion", "SHELL", "print what completes commands and flags in bash, zsh or fish", k_playbooks, 1, 1},
      {"help", "[COMMAND]", "tell about meshdx or one of its commands", 0, 0, 1},
  };
  return table;
}

const Command* find_command(std::string_view name) {
  const auto& table = commands();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Command& command) { return command.name == name; });
  return found == table.end() ? nullptr : &*found;
}

const Command* command_of(std::string_view word) {
  if (read_code(word)) return find_command("CODE");
  return word == "CODE" ? nullptr : find_command(word);
}

std::vector<std::string> context_flags(const Options& options) {
  std::vector<std::string> words;
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    words.emplace_back(name);
    words.push_back(value);
  };
  add("--context", options.context);
  add("--kubeconfig", options.kubeconfig);
  add("--as", options.as);
  for (const auto& group : options.as_groups) add("--as-group", group);
  return words;
}

Expected<std::chrono::milliseconds> read_duration(const std::string& text) {
  const auto letters = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = to_number(text.substr(0, letters));
  const auto unit = text.substr(letters);
  std::uint64_t scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s" || unit.empty()) scale = 1000;
  if (unit == "m") scale = 60'000;
  constexpr std::uint64_t day = 86'400'000;
  if (!number || scale == 0 || *number == 0 || *number > day / scale) return Error{"'" + text + "' is no duration like 15s, 500ms or 2m"};
  return std::chrono::milliseconds(*number * scale);
}

bool is_timestamp(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= shape.size() || text.back() != 'Z') return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != shape[i]) return false;
  }
  const auto rest = text.substr(shape.size(), text.size() - shape.size() - 1);
  return rest.empty() || (rest.front() == '.' && rest.size() > 1 && rest.find_first_not_of("0123456789", 1) == rest.npos);
}

}  // namespace meshdx::cli
