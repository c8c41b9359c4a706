#include "report/preflight.hpp"

#include <algorithm>

#include "report/page.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

using playbook::Open;
using playbook::Permission;
using playbook::Preflight;

/// So many missing permissions fit on a screen with the rest.
constexpr std::size_t k_most = 12;
/// So many names are listed before their number says more.
constexpr std::size_t k_names = 3;

Page::Mark mark_of(Tri works) { return works == Tri::yes ? Page::Mark::yes : works == Tri::no ? Page::Mark::no : Page::Mark::unknown; }

/// "create pods/portforward in shop".
std::string permission_text(const Permission& permission) {
  const auto& action = permission.right.action;
  const auto named = action.name.empty() ? "" : " " + action.name;
  return action.verb + " " + evidence::resource_text(action) + named + (permission.ns.empty() ? " in all namespaces" : " in " + permission.ns);
}

std::string names_or_number(const std::vector<std::string>& names, const char* what, bool all) {
  return all || names.size() <= k_names ? join(names, ", ") : count(names.size(), what);
}

/// "leaves open: jwt-rejected; no answer can be "healthy"".
std::string open_text(const Open& open, bool all) {
  std::vector<std::string> parts;
  if (!open.lost.empty()) parts.push_back("not seen: " + names_or_number(open.lost, "step", all));
  if (!open.partly.empty()) parts.push_back("seen in some namespaces only: " + names_or_number(open.partly, "step", all));
  if (!open.causes.empty()) parts.push_back("leaves open: " + names_or_number(open.causes, "cause", all));
  if (open.health) parts.emplace_back("nothing can be called healthy");
  return join(parts, "; ");
}

Json open_json(const Open& open) { return {{"steps", open.lost}, {"stepsInPart", open.partly}, {"causes", open.causes}, {"health", open.health}}; }

std::vector<const Permission*> needed(const Preflight& preflight) {
  std::vector<const Permission*> list;
  for (const auto& permission : preflight.permissions) {
    if (!permission.substitute) list.push_back(&permission);
  }
  return list;
}

void permissions(Page& page, const Preflight& preflight, const TextOptions& options) {
  const auto all = needed(preflight);
  std::vector<const Permission*> missing;
  std::copy_if(all.begin(), all.end(), std::back_inserter(missing), [](const auto* p) { return p->granted != Tri::yes; });
  const auto granted = std::to_string(all.size() - missing.size()) + " of " + count(all.size(), "permission");
  page.marked(missing.empty() ? Page::Mark::yes : Page::Mark::no, granted + " that the playbooks take for " + preflight.ns, "", Page::Overflow::leave_out);
  const bool verbose = options.verbose > 0;
  std::size_t shown = 0;
  for (const auto* permission : missing) {
    if (shown++ == k_most && !verbose) {
      page.paragraph("and " + std::to_string(missing.size() - k_most) + " more (-v shows them)", 2);
      break;
    }
    page.marked(mark_of(permission->granted), permission_text(*permission) + (permission->why.empty() ? "" : ": " + permission->why), "", Page::Overflow::leave_out, 2);
    const auto open = open_text(permission->open, verbose);
    if (!open.empty()) page.paragraph(open, 6);
  }
  if (verbose) {
    for (const auto* permission : all) {
      if (permission->granted == Tri::yes) page.marked(Page::Mark::yes, permission_text(*permission), "", Page::Overflow::leave_out, 2);
    }
  }
  if (missing.empty()) return;
  page.headed("OPEN", open_text(preflight.open, verbose), Page::Style::yellow);
  page.paragraph("meshdx preflight --rbac -n " + preflight.ns + " prints the roles that would suffice.");
}

Json prerequisite_json(const playbook::Prerequisite& p) {
  return {{"id", p.id}, {"works", p.works == Tri::yes ? "yes" : p.works == Tri::no ? "no" : "unknown"}, {"text", p.text}, {"command", command_line(p.command, {})}};
}

Json permission_json(const Permission& p) {
  const auto& a = p.right.action;
  Json json = {{"verb", a.verb}, {"resource", a.resource + (a.subresource.empty() ? "" : "/" + a.subresource)}, {"group", a.group}, {"name", a.name},
               {"namespace", p.ns}, {"granted", p.granted == Tri::yes ? "yes" : p.granted == Tri::no ? "no" : "unknown"}};
  if (p.granted == Tri::yes) return json;
  json["open"] = open_json(p.open);
  if (!p.why.empty()) json["why"] = p.why;
  return json;
}

}  // namespace

std::string to_text(const Preflight& preflight, const TextOptions& options) {
  Page page({options.color, options.ascii, options.width});
  for (const auto& p : preflight.prerequisites) page.marked(mark_of(p.works), p.text, "", Page::Overflow::leave_out);
  if (preflight.interrupted) page.paragraph("Interrupted: the rest was not looked at.");
  else if (preflight.no_cluster.empty()) permissions(page, preflight, options);
  return page.text();
}

Json json_of(const Preflight& preflight) {
  Json prerequisites = Json::array(), permissions = Json::array();
  for (const auto& p : preflight.prerequisites) prerequisites.push_back(prerequisite_json(p));
  for (const auto* p : needed(preflight)) permissions.push_back(permission_json(*p));
  return {{"format", "meshdx.preflight/v1"}, {"namespace", preflight.ns}, {"exitCode", playbook::exit_code(preflight)},
                     {"interrupted", preflight.interrupted}, {"prerequisites", prerequisites}, {"permissions", permissions}, {"open", open_json(preflight.open)}};
}

}  // namespace meshdx::report
