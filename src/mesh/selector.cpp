#include "mesh/selector.hpp"

#include <algorithm>

#include "mesh/istio_config.hpp"

namespace meshdx::mesh {

using evidence::Labels;

namespace {

bool expression_holds(const Json& expression, const Labels& labels) {
  const std::string op = text_at(expression, "operator");
  const auto found = labels.find(text_at(expression, "key"));
  const bool there = found != labels.end();
  if (op == "Exists") return there;
  if (op == "DoesNotExist") return !there;
  const auto values = strings_at(expression, "values");
  const bool listed = there && std::find(values.begin(), values.end(), found->second) != values.end();
  if (op == "In") return listed;
  return op == "NotIn" && !listed;
}

}  // namespace

bool label_selector_takes(const Json& selector, const Labels& labels) {
  if (!selector.is_object()) return false;
  for (const auto& [key, value] : labels_at(selector, "matchLabels")) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  const Json& expressions = at(selector, "matchExpressions");
  if (!expressions.is_array()) return true;
  return std::all_of(expressions.begin(), expressions.end(), [&](const Json& e) { return expression_holds(e, labels); });
}

}  // namespace meshdx::mesh
