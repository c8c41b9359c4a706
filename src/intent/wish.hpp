// What was asked to be written: `meshdx write KIND ...`, read and checked without a cluster.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "util/expected.hpp"

namespace meshdx::intent {

enum class Kind { canary, header_routing, circuit_breaker, fault_injection, retries, isolation, mtls, injection };

/// What a kind is about: its target's kind, and whether it may be left out for the whole namespace.
enum class Scope { service, workload_or_namespace, namespace_only };

/// One kind of configuration: its words and the flags it takes.
struct KindRow {
  Kind kind;
  const char* name;                        ///< "canary"
  Scope scope;
  const char* words;                       ///< "SERVICE --split v1=90,v2=10", as in the synopsis
  const char* help;                        ///< one line
  std::vector<std::string> needs, takes;   ///< long names of flags
  const char* example;                     ///< a whole command
};
const std::vector<KindRow>& kind_rows();
const KindRow& row_of(Kind kind);
const KindRow* find_kind(const std::string& name);

/// Words and flags as they were typed. `values` holds the flags of this command by long name; of switches "yes".
struct Asked {
  std::vector<std::string> words;          ///< KIND first
  std::string ns = "default";
  bool ns_given = false;
  std::map<std::string, std::string> values;
  std::vector<std::string> headers;        ///< "name=value" or "name: value"
};

struct Limits {
  std::optional<int> connections, pending, requests, errors, max_ejection;
  std::string interval, ejection;
};

/// A share of requests that fail with a code or wait.
struct Fault {
  std::optional<int> code;
  double code_percent = 0;
  std::string delay;
  double delay_percent = 0;
};

struct Wish {
  Kind kind{};
  std::string ns;                          ///< of the target
  std::string name;                        ///< the Service or workload; "" the namespace itself
  std::vector<std::pair<std::string, int>> split;              ///< subset and share
  std::vector<std::pair<std::string, std::string>> headers;    ///< names in lower case
  std::string match = "exact";             ///< or prefix, regex
  std::string to, otherwise;               ///< subsets
  Limits limits;
  Fault fault;
  int attempts = 0;
  std::string per_try, retry_on, timeout;
  std::vector<std::string> hosts;          ///< "ns/host"
  std::string mode;                        ///< STRICT or PERMISSIVE
  std::optional<int> port;
  std::string revision;                    ///< "": the default injector
};

/// Reads and checks a wish as far as no cluster is needed for it. The Error is one sentence for the user.
Expected<Wish> make_wish(const Asked& asked);

/// "v1 90 %, v2 10 %": what the shares come to, whatever their sum.
std::string split_text(const std::vector<std::pair<std::string, int>>& split);

}  // namespace meshdx::intent
