#include "evidence/grants.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

bool holds(const std::vector<std::string>& list, std::string_view word) { return std::find(list.begin(), list.end(), word) != list.end(); }

std::string joined(const std::string& resource, const std::string& group, const std::string& subresource) {
  return resource + (group.empty() ? "" : "." + group) + (subresource.empty() ? "" : "/" + subresource);
}

/// The ways to write a grant that covers the action's resource.
std::vector<std::string> covering(const Action& action) {
  std::vector<std::string> texts;
  for (const auto& group : {action.group, std::string("*")}) {
    texts.push_back(joined(action.resource, group, action.subresource));
    texts.push_back(joined("*", group, ""));
    if (!action.subresource.empty()) texts.push_back(joined("*", group, action.subresource));
  }
  return texts;
}

/// "[get list]" as its words; nullopt when there are no brackets.
Expected<std::vector<std::string>> bracketed(std::string_view cell) {
  cell = trim(cell);
  if (cell.size() < 2 || cell.front() != '[' || cell.back() != ']') return Error{"has no brackets"};
  std::vector<std::string> words;
  for (auto& word : split(cell.substr(1, cell.size() - 2), ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

}  // namespace

std::string resource_text(const Action& action) { return joined(action.resource, action.group, action.subresource); }

Expected<std::vector<Grant>> parse_grants(std::string_view table) {
  const auto lines = split(table, '\n');
  const std::string_view header = lines.front();
  const auto urls = header.find("Non-Resource URLs"), names = header.find("Resource Names"), verbs = header.find("Verbs");
  const bool known = starts_with(header, "Resources") && urls != header.npos && names != header.npos && verbs != header.npos && urls < names && names < verbs;
  if (!known) return Error{"not the output of kubectl auth can-i --list"};
  std::vector<Grant> grants;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (trim(line).empty()) continue;
    const auto wrong = Error{fmt::format("line {} of kubectl auth can-i --list does not line up with its header", i + 1)};
    if (line.size() <= verbs || line[urls - 1] != ' ' || line[names - 1] != ' ' || line[verbs - 1] != ' ') return wrong;
    Grant grant;
    grant.resource = trim(line.substr(0, urls));
    auto named = bracketed(line.substr(names, verbs - names));
    auto verb_words = bracketed(line.substr(verbs));
    if (!named || !verb_words) return wrong;
    if (grant.resource.empty()) continue;
    grant.names = std::move(*named);
    grant.verbs = std::move(*verb_words);
    grants.push_back(std::move(grant));
  }
  return grants;
}

bool allows(const std::vector<Grant>& grants, const Action& action) {
  const auto resources = covering(action);
  return std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    const bool named = grant.names.empty() || (!action.name.empty() && holds(grant.names, action.name));
    return named && holds(resources, grant.resource) && (holds(grant.verbs, action.verb) || holds(grant.verbs, "*"));
  });
}

}  // namespace meshdx::evidence
