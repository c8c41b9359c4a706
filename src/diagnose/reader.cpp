#include "diagnose/reader.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "util/text.hpp"

namespace meshdx::diagnose {

std::string did_you_mean(std::string_view word, const std::vector<std::string>& words) {
  const std::string near = nearest(word, words);
  return near.empty() ? "" : fmt::format("; did you mean {}?", near);
}

void Reader::fail(const std::string& pointer, std::string_view message) {
  if (ok()) m_error = m_document.at(pointer, message);
}

const Json* Reader::find(std::string_view pointer) const { return at_pointer(m_document.value, pointer); }

bool Reader::map(const std::string& pointer, std::initializer_list<std::string_view> keys) {
  const Json* value = find(pointer);
  if (value == nullptr || !value->is_object()) {
    fail(pointer, "must be a map");
    return false;
  }
  for (auto member = value->begin(); member != value->end(); ++member) {
    if (std::find(keys.begin(), keys.end(), member.key()) != keys.end()) continue;
    const std::vector<std::string> words(keys.begin(), keys.end());
    const std::string message =
        fmt::format("unknown key {}{}", dump_json(member.key()), did_you_mean(member.key(), words));
    if (ok()) m_error = m_document.at_key(pointer + "/" + escape_pointer(member.key()), message);
    return false;
  }
  return true;
}

std::string Reader::text(const std::string& pointer, bool required) {
  const Json* value = find(pointer);
  const std::string key = pointer.substr(pointer.rfind('/') + 1);
  if (value == nullptr) {
    if (required) fail(pointer, fmt::format("{} is missing", key));
    return "";
  }
  if (!value->is_string()) fail(pointer, fmt::format("{} must be text (quote it)", key));
  else if (trim(value->get_ref<const std::string&>()).empty()) fail(pointer, fmt::format("{} must not be empty", key));
  else return value->get<std::string>();
  return "";
}

std::string Reader::word(const std::string& pointer, std::initializer_list<std::string_view> words) {
  const std::string word = text(pointer, false);
  if (word.empty()) return std::string(*words.begin());
  if (std::find(words.begin(), words.end(), word) == words.end()) {
    const std::vector<std::string> all(words.begin(), words.end());
    fail(pointer, fmt::format("must be one of {}, not {}", join(all, ", "), dump_json(word)));
  }
  return word;
}

std::size_t Reader::list(const std::string& pointer) {
  const Json* value = find(pointer);
  if (value != nullptr && value->is_array()) return value->size();
  fail(pointer, "must be a list");
  return 0;
}

std::vector<std::string> Reader::texts(const std::string& pointer) {
  std::vector<std::string> result;
  if (!has(pointer)) return result;
  const std::size_t size = list(pointer);
  for (std::size_t i = 0; i < size; ++i) result.push_back(text(pointer + "/" + std::to_string(i)));
  return result;
}

std::string Reader::fact(const std::string& pointer) {
  std::string id = text(pointer);
  if (!id.empty() && m_known.find(id) == m_known.end()) {
    const std::vector<std::string> all(m_known.begin(), m_known.end());
    fail(pointer, fmt::format("unknown fact {}{}", dump_json(id), did_you_mean(id, all)));
  }
  return id;
}

Condition Reader::condition(const std::string& pointer) {
  Condition result;
  const Json* value = find(pointer);
  if (value == nullptr || !(value->is_string() || value->is_array() || value->is_object())) {
    fail(pointer, "a condition must be a fact, a list, or a map with all, any or not");
    return result;
  }
  if (value->is_string()) {
    result.op = Condition::Op::fact;
    result.fact = fact(pointer);
    return result;
  }
  std::string parts = pointer;
  if (value->is_object()) {
    if (!map(pointer, {"all", "any", "not"})) return result;
    if (value->size() != 1) {
      fail(pointer, "a condition must have exactly one of all, any and not");
      return result;
    }
    const std::string& key = value->begin().key();
    result.op = key == "not" ? Condition::Op::negation : key == "any" ? Condition::Op::any : Condition::Op::all;
    parts += "/" + key;
    if (key == "not") {
      result.parts.push_back(condition(parts));
      return result;
    }
  }
  const std::size_t size = list(parts);
  if (ok() && size == 0 && result.op == Condition::Op::any) fail(parts, "an empty any is never true");
  for (std::size_t i = 0; i < size && ok(); ++i) result.parts.push_back(condition(parts + "/" + std::to_string(i)));
  return result;
}

}  // namespace meshdx::diagnose
