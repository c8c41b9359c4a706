// What was typed as a question → mesh::Complaint. Pure: no files, no environment.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mesh/complaint.hpp"
#include "util/expected.hpp"

namespace meshdx::cli {

/// The words of a question as they were typed.
struct Asked {
  std::string playbook;
  std::optional<int> code;
  std::string target;
  std::string ns = "default";
  std::string from;
  std::string method = "GET";
  std::vector<std::string> headers;   ///< "Name: value"
};

/// Reads target, caller and headers. Takes `http://web.shop:8080/p?x=1`, `web`, `svc/web`, `deploy/web`, `pod/x`,
/// `web.shop`, `web.shop.svc.cluster.local:80`, `host:port`, `10.0.0.1`, `[::1]:80`; for the caller `client`,
/// `client.shop`, `deploy/client`, `gateway`, `gateway/name`, `gateway/name.ns`. Errors are sentences for the user.
Expected<mesh::Complaint> make_complaint(const Asked& asked);

/// "503": the number of a code that a caller may see (000, 100-599), or nothing.
std::optional<int> read_code(std::string_view word);

/// Whether a word can name a namespace: then it can also stand in an argv without being taken for a flag.
bool is_namespace_name(std::string_view word);

/// "503 from client to http://web.shop/ (namespace shop)".
std::string question_text(const mesh::Complaint& complaint, const std::string& from);

/// What the causes of this complaint are causes of: "a 503", "a request without an answer", or "" when no code was seen.
std::string symptom_text(const mesh::Complaint& complaint);

}  // namespace meshdx::cli
