#include "diagnose/cause.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "diagnose/reader.hpp"
#include "diagnose/verdict.hpp"
#include "util/text.hpp"

namespace meshdx::diagnose {
namespace {

constexpr std::array<std::string_view, 5> headings = {"What happens", "Why", "See it yourself", "Fix", "References"};

std::string base_name(const std::string& file) {
  const auto slash = file.rfind('/');
  std::string name = slash == std::string::npos ? file : file.substr(slash + 1);
  if (ends_with(name, ".yaml")) name.resize(name.size() - 5);
  return name;
}

bool is_id(std::string_view id) {
  return !id.empty() && id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

bool is_code(std::string_view code) {
  return code.size() == 7 && starts_with(code, "MDX") &&
         code.find_first_not_of("0123456789", 3) == std::string_view::npos;
}

/// What is wrong with an explain text, or "".
std::string explain_error(const std::string& text) {
  std::size_t next = 0;
  bool empty = false;
  for (const auto& line : split(text, '\n')) {
    const auto found = std::find(headings.begin(), headings.end(), trim(line));
    if (found == headings.end() || line.empty() || line.front() == ' ') {
      empty = empty && trim(line).empty();
      continue;
    }
    if (next == headings.size() || *found != headings[next]) {
      return fmt::format("the heading \"{}\" stands out of order; the order is: {}", *found, fmt::join(headings, ", "));
    }
    if (empty) return fmt::format("nothing stands under the heading \"{}\"", headings[next - 1]);
    empty = true;
    ++next;
  }
  if (next < headings.size()) return fmt::format("the heading \"{}\" is missing on a line of its own", headings[next]);
  return empty ? fmt::format("nothing stands under the heading \"{}\"", headings.back()) : "";
}

/// Reports an operation that RFC 6902 does not know. A "{binding}" may stand for one.
void check_operation(Reader& reader, const std::string& pointer) {
  const Json& operation = *reader.find(pointer);
  if (operation.is_string() && !whole_binding(operation.get_ref<const std::string&>()).empty()) return;
  if (!reader.map(pointer, {"op", "path", "from", "value"})) return;
  if (!reader.has(pointer + "/op")) return reader.fail(pointer, "op is missing");
  const std::string op = reader.word(pointer + "/op", {"add", "remove", "replace", "move", "copy", "test"});
  const Json& path = at(operation, "path");
  const bool is_path = path.is_string() && (path == "" || starts_with(path.get_ref<const std::string&>(), "/") ||
                                            starts_with(path.get_ref<const std::string&>(), "{"));
  if (!is_path) return reader.fail(pointer + "/path", "path must be a JSON pointer, which begins with '/'");
  const bool from = op == "move" || op == "copy";
  const bool value = op == "add" || op == "replace" || op == "test";
  if (from != operation.contains("from"))
    return reader.fail(pointer, fmt::format("{} {} a from", op, from ? "needs" : "takes no"));
  if (from) reader.text(pointer + "/from");
  if (value != operation.contains("value"))
    reader.fail(pointer, fmt::format("{} {} a value", op, value ? "needs" : "takes no"));
}

void read_patch(Reader& reader, const std::string& pointer, FixTemplate& fix) {
  if (!reader.map(pointer, {"kind", "namespace", "name", "ops"})) return;
  fix.kind = reader.text(pointer + "/kind");
  fix.ns = reader.text(pointer + "/namespace", false);
  fix.name = reader.text(pointer + "/name");
  const std::string ops = pointer + "/ops";
  const Json* value = reader.find(ops);
  if (value == nullptr) return reader.fail(pointer, "ops is missing");
  fix.patch = *value;
  if (value->is_string()) {
    if (whole_binding(value->get_ref<const std::string&>()).empty())
      reader.fail(ops, "ops must be a list or one {binding}");
    return;
  }
  const std::size_t size = reader.list(ops);
  if (size == 0) reader.fail(ops, "ops must not be empty");
  for (std::size_t i = 0; i < size && reader.ok(); ++i) check_operation(reader, ops + "/" + std::to_string(i));
}

void read_create(Reader& reader, const std::string& pointer, FixTemplate& fix) {
  const Json* value = reader.find(pointer);
  if (!value->is_object()) return reader.fail(pointer, "must be a map");
  reader.text(pointer + "/apiVersion");
  reader.text(pointer + "/kind");
  if (!reader.has(pointer + "/metadata")) return reader.fail(pointer, "metadata is missing");
  reader.text(pointer + "/metadata/name");
  fix.create = *value;
}

/// Commands that follow a fix run with the user's rights and context, so only the two that take it are let in.
void read_then(Reader& reader, const std::string& pointer, FixTemplate& fix) {
  if (!reader.has(pointer)) return;
  const std::size_t size = reader.list(pointer);
  for (std::size_t i = 0; i < size && reader.ok(); ++i) {
    const std::string place = pointer + "/" + std::to_string(i);
    auto words = reader.texts(place);
    if (reader.ok() && (words.empty() || (words[0] != "kubectl" && words[0] != "istioctl"))) {
      reader.fail(place, "a command must begin with kubectl or istioctl");
    }
    fix.then.push_back(std::move(words));
  }
}

FixTemplate read_fix(Reader& reader, const std::string& pointer) {
  FixTemplate fix;
  if (!reader.map(pointer, {"title", "when", "patch", "create", "advice", "then", "risk", "effect", "touches",
                            "takes", "unchecked"}))
    return fix;
  fix.title = reader.text(pointer + "/title");
  if (reader.has(pointer + "/when")) fix.when = reader.fact(pointer + "/when");
  const int ways = static_cast<int>(reader.has(pointer + "/patch")) +
                   static_cast<int>(reader.has(pointer + "/create")) +
                   static_cast<int>(reader.has(pointer + "/advice"));
  if (ways != 1) reader.fail(pointer, "a fix must have exactly one of patch, create and advice");
  if (!reader.ok()) return fix;
  if (reader.has(pointer + "/patch")) read_patch(reader, pointer + "/patch", fix);
  if (reader.has(pointer + "/create")) read_create(reader, pointer + "/create", fix);
  fix.advice = reader.text(pointer + "/advice", false);
  read_then(reader, pointer + "/then", fix);
  if (!fix.advice.empty() && !fix.then.empty()) reader.fail(pointer + "/then", "advice takes no commands");
  fix.risk = reader.word(pointer + "/risk", {"low", "medium", "high"});
  fix.effect = reader.word(pointer + "/effect", {"permanent", "mitigation"});
  fix.touches = reader.text(pointer + "/touches", false);
  fix.takes = reader.text(pointer + "/takes", false);
  fix.unchecked = reader.text(pointer + "/unchecked", false);
  return fix;
}

void read_identity(Reader& reader, Cause& cause) {
  cause.id = reader.text("/id");
  if (reader.ok() && !is_id(cause.id)) reader.fail("/id", "id must be made of a-z, 0-9 and '-'");
  if (reader.ok() && cause.id != base_name(cause.file)) {
    reader.fail("/id", fmt::format("id {} is not the file's name {}", cause.id, base_name(cause.file)));
  }
  cause.code = reader.text("/code");
  if (reader.ok() && !is_code(cause.code)) reader.fail("/code", "code must be MDX and four digits");
  cause.title = reader.text("/title");
  cause.symptoms = reader.texts("/symptoms");
}

void read_hop(Reader& reader, Cause& cause) {
  const Json* hop = reader.find("/hop");
  if (hop == nullptr) return;
  if (!hop->is_number_integer() || *hop < 0 || *hop > 3) return reader.fail("/hop", "hop must be 0, 1, 2 or 3");
  cause.hop = hop->get<int>();
}

void read_leads_on(Reader& reader, Cause& cause) {
  const Json* leads = reader.find("/leads-on");
  if (leads == nullptr) return;
  if (!leads->is_boolean()) return reader.fail("/leads-on", "leads-on must be true or false");
  cause.leads_on = leads->get<bool>();
}

/// Two causes must not share an id or a code, and what they explain must be there.
void check_set(const std::vector<Cause>& causes, const std::map<std::string, YamlDocument>& documents,
               std::vector<std::string>& errors) {
  std::map<std::string, const Cause*> ids, codes;
  for (const Cause& cause : causes) {
    const YamlDocument& document = documents.at(cause.file);
    const auto [same_id, new_id] = ids.emplace(cause.id, &cause);
    if (!new_id)
      errors.push_back(document.at("/id", fmt::format("id {} is also that of {}", cause.id, same_id->second->file)));
    const auto [same_code, new_code] = codes.emplace(cause.code, &cause);
    if (!new_code) {
      errors.push_back(
          document.at("/code", fmt::format("code {} is also that of {}", cause.code, same_code->second->file)));
    }
  }
  std::vector<std::string> all;
  for (const auto& id : ids) all.push_back(id.first);
  for (const Cause& cause : causes) {
    for (std::size_t i = 0; i < cause.explains.size(); ++i) {
      const std::string& id = cause.explains[i];
      const std::string place = "/explains/" + std::to_string(i);
      if (id == cause.id) errors.push_back(documents.at(cause.file).at(place, "a cause does not explain itself"));
      if (ids.count(id) > 0) continue;
      const std::string message = fmt::format("unknown cause {}{}", dump_json(id), did_you_mean(id, all));
      errors.push_back(documents.at(cause.file).at(place, message));
    }
  }
}

void collect_facts(const Condition& condition, std::vector<std::string>& ids) {
  const bool is_new = std::find(ids.begin(), ids.end(), condition.fact) == ids.end();
  if (condition.op == Condition::Op::fact && is_new) ids.push_back(condition.fact);
  for (const auto& part : condition.parts) collect_facts(part, ids);
}

}  // namespace

Expected<Cause> load_cause(const YamlDocument& document, const FactIds& known) {
  Reader reader(document, known);
  Cause cause;
  cause.file = document.file;
  reader.map("", {"id", "code", "title", "symptoms", "when", "likely-when", "hop", "object", "say", "explains", "leads-on",
                  "fixes", "explain"});
  if (!reader.ok()) return Error{reader.error()};
  read_identity(reader, cause);
  read_hop(reader, cause);
  if (!reader.has("/when")) reader.fail("", "when is missing");
  if (reader.ok()) cause.when = reader.condition("/when");
  if (reader.ok() && facts_of(cause.when).empty()) reader.fail("/when", "when must name a fact");
  if (reader.has("/likely-when")) cause.likely_when = std::make_unique<Condition>(reader.condition("/likely-when"));
  cause.object = reader.text("/object");
  cause.say = reader.text("/say");
  cause.explains = reader.texts("/explains");
  read_leads_on(reader, cause);
  const std::size_t fixes = reader.has("/fixes") ? reader.list("/fixes") : 0;
  for (std::size_t i = 0; i < fixes && reader.ok(); ++i)
    cause.fixes.push_back(read_fix(reader, "/fixes/" + std::to_string(i)));
  cause.explain = reader.text("/explain");
  const std::string wrong = reader.ok() ? explain_error(cause.explain) : "";
  if (!wrong.empty()) reader.fail("/explain", wrong);
  if (!reader.ok()) return Error{reader.error()};
  return cause;
}

Expected<std::vector<Cause>> load_causes(const std::vector<std::pair<std::string, std::string>>& files_and_texts,
                                         const FactIds& known) {
  std::vector<Cause> causes;
  std::map<std::string, YamlDocument> documents;
  std::vector<std::string> errors;
  for (const auto& [file, text] : files_and_texts) {
    auto document = parse_yaml(file, text);
    if (!document.ok()) {
      errors.push_back(document.error());
      continue;
    }
    auto cause = load_cause(*document, known);
    if (cause.ok()) causes.push_back(std::move(*cause));
    else errors.push_back(cause.error());
    documents.emplace(file, std::move(*document));
  }
  // With a file missing from the set, what it defines would look unknown to the others.
  if (errors.empty()) check_set(causes, documents, errors);
  if (!errors.empty()) return Error{join(errors, "\n")};
  std::sort(causes.begin(), causes.end(), [](const Cause& a, const Cause& b) { return a.code < b.code; });
  return causes;
}

std::vector<std::string> facts_of(const Condition& condition) {
  std::vector<std::string> ids;
  collect_facts(condition, ids);
  return ids;
}

Expected<Condition> parse_condition(const YamlDocument& document, const std::string& pointer, const FactIds& known) {
  Reader reader(document, known);
  Condition condition = reader.condition(pointer);
  if (!reader.ok()) return Error{reader.error()};
  return condition;
}

}  // namespace meshdx::diagnose
