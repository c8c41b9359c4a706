#include "cli/help.hpp"

#include <algorithm>

#include "cli/write.hpp"

namespace meshdx::cli {

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size() + 2), ' ');
  return text;
}

std::string flag_line(const Flag& flag) {
  std::string left = flag.letter.empty() ? "    " : std::string(flag.letter) + ", ";
  left += std::string(flag.name) + (flag.value.empty() ? "" : " " + std::string(flag.value));
  return "  " + padded(left, 35) + std::string(flag.help) + "\n";
}

namespace {

constexpr const char* k_about =
    "meshdx finds out why requests in an Istio mesh fail (503, 404, mTLS) and prints the fix to paste.\n"
    "It only reads: kubectl get and logs, istioctl proxy-status and proxy-config. It never changes the cluster.\n";

std::string command_lines() {
  std::string text;
  for (const auto& command : commands()) {
    const auto words = std::string(command.name) + (command.words.empty() ? "" : " ") + std::string(command.words);
    text += "  " + padded("meshdx " + words, 35) + std::string(command.help) + "\n";
  }
  return text;
}

std::string flag_lines(unsigned groups) {
  std::string text;
  for (const auto& flag : flags()) {
    if ((flag.group & groups) != 0) text += flag_line(flag);
  }
  return text;
}

constexpr const char* k_targets =
    "TARGET is what you have at hand: a URL as the caller typed it, a Service or a workload.\n"
    "  http://web.shop:8080/path?x=1   web   svc/web   deploy/web   pod/web-0   web.shop   10.0.0.1:80   [::1]:80\n";

constexpr const char* k_exit_codes =
    "Exit codes, the same for every -o:\n"
    "  0    nothing wrong, and everything that tells was checked\n"
    "  1    meshdx or the access to the cluster failed\n"
    "  2    a cause was found (mtls: the hop is not mutual TLS)\n"
    "  3    inconclusive: nothing confirmed, something could not be checked\n"
    "  64   wrong usage\n"
    "  65   a bad playbook or recording\n"
    "  130  interrupted; what was gathered until then is reported\n";

constexpr const char* k_examples =
    "Examples:\n"
    "  meshdx 503 http://web.shop/ -n shop --from client\n"
    "      Why does client get 503 from web? Without --from, callers are found in web's own log.\n"
    "  meshdx 404 http://shop.example.com/cart --from gateway\n"
    "      Why does the ingress gateway answer 404?\n"
    "  meshdx mtls web.shop -n shop --from client\n"
    "      Is the hop from client to web mutual TLS?\n"
    "  meshdx 000 web.shop -n shop --from client --record case.tar.gz\n"
    "      Keep everything that was read; secrets are redacted. Later, on any machine, without a cluster:\n"
    "  meshdx replay case.tar.gz\n"
    "      The same verdict, text and exit code.\n"
    "  meshdx replay case.tar.gz -- 404 http://web.shop/cart -n shop --from client\n"
    "      Another question to the same recording.\n"
    "  meshdx sweep -A\n"
    "      Nobody complained: what in the mesh would fail if it were called now?\n"
    "  meshdx check manifests/ -o sarif\n"
    "      What is wrong with these manifests? No cluster is needed.\n"
    "  meshdx plan 503 web.shop -n shop --from client\n"
    "      What would be run? For those who must ask before they may.\n";

}  // namespace

constexpr const char* k_about_sweep =
    "Nobody complained: for every port of every Service, and every host of every Gateway, a request is made up for each rule\n"
    "that may take it, and followed through what istiod would give the proxies, told from the objects, pods and endpoints.\n"
    "No log is read, no proxy is asked, no request is sent. Exit code 0: nothing wrong in what was looked at; 2: something\n"
    "would fail; 3: nothing confirmed, something not decided or not read.\n"
    "In a Kubernetes Indexed Job `--shard N` takes the share of JOB_COMPLETION_INDEX; --job prints such a Job.\n";

constexpr const char* k_about_check =
    "Reads YAML and JSON: files, folders (*.yaml, *.yml, *.json), `-` for stdin; several documents and Lists. What has to be\n"
    "rendered first (Helm, Kustomize) is taken rendered: helm template . | meshdx check -\n"
    "What the files refer to and do not hold (a Service of another repository, pods, a gateway) is taken for right and listed,\n"
    "never reported; with --complete the files hold all there is in their namespaces. Without a Namespace object a namespace is\n"
    "taken to inject sidecars. Exit code 0: nothing wrong in what the files hold (what they cannot decide is listed); 2: a cause;\n"
    "3: a likely one, that only objects outside the files could take away; 65: a file cannot be read (file:line:column).\n";

constexpr const char* k_about_write =
    "Reads what is there and prints what to paste: an edit of the object that rules the target now, guarded against changes since,\n"
    "or a new one; how to take it back, and how to verify it. Nothing is applied. What would not work is said, as far as the\n"
    "evidence proves it. Exit code 0: printed; 1: it cannot be written (no such Service, what decides could not be read).\n"
    "`meshdx write KIND --help` tells about one kind:\n";

std::string short_help() {
  return std::string(k_about) + "\nUsage:\n" + command_lines() + "\nMost used flags:\n" + flag_lines(k_question) + flag_lines(k_output) +
         "\nmeshdx --help tells everything, with examples and exit codes.\n";
}

std::string long_help() {
  return std::string(k_about) + "\nUsage:\n" + command_lines() + "  " + padded("meshdx --version", 35) + "print the version\n\n" + k_targets +
         "\nThe question:\n" + flag_lines(k_question) + "\nHow it is asked:\n" + flag_lines(k_cluster) + "\nThe result:\n" +
         flag_lines(k_output) + "\nMore:\n" + flag_lines(k_playbooks | k_graph | k_rights | k_sweep | k_check | k_write) + "\n" + k_examples + "\n" + k_exit_codes +
         "\nResults go to stdout, progress to stderr and only to a terminal. As kubectl-meshdx on PATH it is also\n"
         "`kubectl meshdx`. The JSON of -o json is meshdx.report/v1, of sweep and check meshdx.survey/v1,\nof write meshdx.write/v1; `meshdx help schema`, `survey-schema` and `write-schema` print their JSON Schemas.\n";
}

std::string command_help(const Command& command) {
  std::string text = "meshdx " + std::string(command.name) + (command.words.empty() ? "" : " ") + std::string(command.words) + "\n  " +
                     std::string(command.help) + ".\n";
  const auto known = flag_lines(command.groups);
  if (command.name == "sweep") text += std::string("\n") + k_about_sweep;
  if (command.name == "check") text += std::string("\n") + k_about_check;
  if (command.name == "write") text += std::string("\n") + k_about_write + write_kinds();
  if (command.diagnoses && command.name != "sweep" && command.name != "write") text += "\n" + std::string(k_targets);
  if (!known.empty()) text += "\nFlags:\n" + known;
  return text;
}

}  // namespace meshdx::cli
