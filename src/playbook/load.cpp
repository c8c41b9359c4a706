// Reading a playbook: every key is known, every value of the right kind, or the error says where.
#include <algorithm>
#include <set>

#include "playbook/order.hpp"
#include "playbook/placeholder.hpp"
#include "playbook/playbook.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

/// Collects the first error; later reads still return something harmless.
class Reader {
 public:
  explicit Reader(const YamlDocument& document) : m_document(document) {}

  void fail(const std::string& pointer, std::string_view message) {
    if (m_error.empty()) m_error = m_document.at(pointer, message);
  }
  /// A message that says itself where it belongs.
  void fail_placed(const std::string& message) {
    if (m_error.empty()) m_error = message;
  }
  [[nodiscard]] const std::string& error() const { return m_error; }
  [[nodiscard]] const YamlDocument& document() const { return m_document; }

  /// False (and an error) when `value` is no mapping, has a key that is not in `known` or lacks one of `required`.
  bool keys(const std::string& pointer, const Json& value, const std::vector<std::string>& known,
            const std::vector<std::string>& required);
  std::string text(const std::string& pointer, const Json& object, const char* key);
  std::vector<std::string> words(const std::string& pointer, const Json& list, bool may_be_empty);

 private:
  const YamlDocument& m_document;
  std::string m_error;
};

bool Reader::keys(const std::string& pointer, const Json& value, const std::vector<std::string>& known,
                  const std::vector<std::string>& required) {
  if (!value.is_object()) {
    fail(pointer, "expected a mapping with the keys " + join(known, ", "));
    return false;
  }
  for (const auto& item : value.items()) {
    if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
    const auto close = nearest(item.key(), known);
    fail_placed(m_document.at_key(pointer + "/" + escape_pointer(item.key()),
         "unknown key '" + item.key() + "'" + (close.empty() ? "; known are " + join(known, ", ") : "; did you mean '" + close + "'?")));
    return false;
  }
  for (const auto& key : required) {
    if (!value.contains(key)) {
      fail(pointer, "the key '" + key + "' is missing");
      return false;
    }
  }
  return true;
}

std::string Reader::text(const std::string& pointer, const Json& object, const char* key) {
  const auto& value = at(object, key);
  if (value.is_string() && !value.get_ref<const std::string&>().empty()) return value.get<std::string>();
  if (!value.is_null()) fail(pointer + "/" + key, "expected a text that is not empty");
  return "";
}

std::vector<std::string> Reader::words(const std::string& pointer, const Json& list, bool may_be_empty) {
  std::vector<std::string> result;
  if (!list.is_array() || (list.empty() && !may_be_empty)) {
    fail(pointer, may_be_empty ? "expected a list of words" : "expected a list with at least one word");
    return result;
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto here = pointer + "/" + std::to_string(i);
    if (list[i].is_string()) {
      result.push_back(list[i].get<std::string>());
    } else if (list[i].is_number_integer()) {
      result.push_back(dump_json(list[i]));
    } else {
      fail(here, "expected a word (quote it when YAML reads it as something else)");
    }
  }
  return result;
}

/// An argv template: only known placeholders.
std::vector<std::string> read_argv(Reader& reader, const std::string& pointer, const Json& list) {
  auto argv = reader.words(pointer, list, false);
  for (const auto& name : placeholders_in(argv)) {
    const auto& known = placeholders();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto close = nearest(name, known);
    reader.fail(pointer, "unknown placeholder {" + name + "}" +
                             (close.empty() ? "; known are " + join(known, ", ") : "; did you mean {" + close + "}?"));
  }
  return argv;
}

void read_when(Reader& reader, const std::string& pointer, const Json& value, Step& step) {
  if (!value.contains("when")) return;
  auto condition = diagnose::parse_condition(reader.document(), pointer + "/when");
  if (!condition) {
    reader.fail_placed(condition.error());
    return;
  }
  step.has_when = true;
  step.when = std::move(*condition);
}

Step read_step(Reader& reader, const std::string& pointer, const Json& value) {
  Step step;
  if (!reader.keys(pointer, value, {"id", "ask", "needs", "run", "otherwise", "when", "probe"}, {"id", "ask", "run"})) return step;
  step.id = reader.text(pointer, value, "id");
  step.ask = reader.text(pointer, value, "ask");
  step.run = read_argv(reader, pointer + "/run", value["run"]);
  if (value.contains("needs")) step.needs = reader.words(pointer + "/needs", value["needs"], false);
  const auto& otherwise = at(value, "otherwise");
  if (!otherwise.is_null() && !otherwise.is_array()) reader.fail(pointer + "/otherwise", "expected a list of commands");
  for (std::size_t i = 0; otherwise.is_array() && i < otherwise.size(); ++i) {
    step.otherwise.push_back(read_argv(reader, pointer + "/otherwise/" + std::to_string(i), otherwise[i]));
  }
  const auto& probe = at(value, "probe");
  if (!probe.is_null() && !probe.is_boolean()) reader.fail(pointer + "/probe", "expected true or false");
  step.probe = bool_at(value, "probe");
  read_when(reader, pointer, value, step);
  return step;
}

std::vector<Step> read_steps(Reader& reader, const Json& steps) {
  std::vector<Step> result;
  if (!steps.is_array() || steps.empty()) {
    reader.fail("/steps", "expected a list with at least one step");
    return result;
  }
  std::set<std::string> ids;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto pointer = "/steps/" + std::to_string(i);
    result.push_back(read_step(reader, pointer, steps[i]));
    if (!result.back().id.empty() && !ids.insert(result.back().id).second) {
      reader.fail(pointer + "/id", "the step id '" + result.back().id + "' is used twice");
    }
  }
  return result;
}

/// Every need is a step, and no steps wait for each other: else they could never run.
void check_needs(Reader& reader, const std::vector<Step>& steps) {
  std::vector<std::string> known;
  for (const auto& step : steps) known.push_back(step.id);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (std::size_t n = 0; n < steps[i].needs.size(); ++n) {
      const auto& need = steps[i].needs[n];
      if (std::find(known.begin(), known.end(), need) != known.end()) continue;
      const auto close = nearest(need, known);
      reader.fail("/steps/" + std::to_string(i) + "/needs/" + std::to_string(n),
                  "step '" + steps[i].id + "' can never run: it needs '" + need + "', which is no step" +
                      (close.empty() ? "" : "; did you mean '" + close + "'?"));
    }
  }
  const auto cycle = find_cycle(needs_of(steps));
  if (cycle.empty()) return;
  std::vector<std::string> circle;
  for (const auto step : cycle) circle.push_back(steps[step].id);
  reader.fail("/steps/" + std::to_string(cycle.front()) + "/needs", "steps wait for each other in a cycle and can never run: " + join(circle, ", "));
}

std::vector<std::string> read_facts(Reader& reader, const Json& root, const char* key) {
  if (!root.contains(key)) return {};
  const auto pointer = std::string("/") + key;
  auto ids = reader.words(pointer, root[key], true);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (facts::find_fact(ids[i]) != nullptr) continue;
    std::vector<std::string> known;
    for (const auto& fact : facts::registry()) known.emplace_back(fact.id);
    const auto close = nearest(ids[i], known);
    reader.fail(pointer + "/" + std::to_string(i), "unknown fact '" + ids[i] + "'" + (close.empty() ? "" : "; did you mean '" + close + "'?"));
  }
  return ids;
}

std::vector<std::string> read_answers(Reader& reader, const Json& root) {
  if (!root.contains("answers")) return {};
  auto ids = reader.words("/answers", root["answers"], true);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (facts::find_answer(ids[i]) != nullptr) continue;
    std::vector<std::string> known;
    for (const auto& kind : facts::answer_registry()) known.emplace_back(kind.id);
    const auto close = nearest(ids[i], known);
    reader.fail("/answers/" + std::to_string(i), "unknown answer '" + ids[i] + "'" + (close.empty() ? "; known are " + join(known, ", ") : "; did you mean '" + close + "'?"));
  }
  return ids;
}

}  // namespace

Expected<Playbook> load_playbook(const YamlDocument& document) {
  Reader reader(document);
  Playbook playbook;
  playbook.file = document.file;
  const auto& root = document.value;
  const std::vector<std::string> required = {"playbook", "title", "about", "steps"};
  if (reader.keys("", root, {"playbook", "title", "about", "drill", "steps", "healthy-when", "causes", "notes", "answers"}, required)) {
    playbook.id = reader.text("", root, "playbook");
    playbook.title = reader.text("", root, "title");
    playbook.about = reader.text("", root, "about");
    if (root.contains("drill") && !root["drill"].is_number_integer()) reader.fail("/drill", "expected a number");
    playbook.drill = static_cast<int>(number_at(root, "drill"));
    playbook.steps = read_steps(reader, root["steps"]);
    check_needs(reader, playbook.steps);
    playbook.healthy_when = read_facts(reader, root, "healthy-when");
    playbook.notes = read_facts(reader, root, "notes");
    playbook.answers = read_answers(reader, root);
    if (root.contains("causes")) playbook.causes = reader.words("/causes", root["causes"], true);
  }
  if (!reader.error().empty()) return Error{reader.error()};
  return playbook;
}

const std::vector<std::string>& placeholders() {
  static const std::vector<std::string> names = {"app.container", "app.namespace", "app.pod", "called.namespace", "client.namespace",  "client.pod", "control.config-map", "control.namespace", "control.revision", "from.namespace", "namespace.name",
                                                 "option.log-lines",  "server.namespace", "server.pod",     "target.namespace",  "target.pod",     "to.namespace",
                                                 "witness.namespace", "witness.pod"};
  return names;
}

}  // namespace meshdx::playbook
