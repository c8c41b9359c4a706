// The part of JSON Schema that playbooks/schema uses: type, required, properties, additionalProperties, items, enum, $ref.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::testing {

inline bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  return type == "boolean" && value.is_boolean();
}

/// Adds what is wrong with `value`, each with its place; an unknown keyword of the schema is wrong, too.
inline void validate(const Json& root, const Json& schema, const Json& value, const std::string& place, std::vector<std::string>& wrong) {
  for (const auto& item : schema.items()) {
    const auto& key = item.key();
    const auto& rule = item.value();
    if (key == "$ref") {
      const auto path = rule.get<std::string>();
      validate(root, root.at(Json::json_pointer(path.substr(1))), value, place, wrong);
    } else if (key == "type") {
      if (!has_type(value, rule.get<std::string>())) wrong.push_back(place + ": not of type " + rule.get<std::string>());
    } else if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) wrong.push_back(place + ": " + dump_json(value) + " is not allowed");
    } else if (key == "required") {
      for (const auto& name : rule) {
        if (!value.contains(name.get<std::string>())) wrong.push_back(place + ": lacks " + name.get<std::string>());
      }
    } else if (key == "properties") {
      for (const auto& member : value.items()) {
        if (rule.contains(member.key())) validate(root, rule[member.key()], member.value(), place + "/" + member.key(), wrong);
      }
    } else if (key == "additionalProperties") {
      for (const auto& member : value.items()) {
        if (!schema["properties"].contains(member.key())) wrong.push_back(place + ": has the unknown member " + member.key());
      }
    } else if (key == "items") {
      for (std::size_t i = 0; i < value.size(); ++i) validate(root, rule, value[i], place + "/" + std::to_string(i), wrong);
    } else if (key != "$schema" && key != "$defs" && key != "title" && key != "description") {
      wrong.push_back("the schema uses the keyword " + key + ", which this validator does not know");
    }
  }
}

}  // namespace meshdx::testing
