#include <algorithm>

#include "diagnose/verdict.hpp"

namespace meshdx::diagnose {
namespace {

constexpr std::string_view name_bytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/// Length of the "{name}" at the front of a text, 0 when there is none.
std::size_t placeholder_length(std::string_view text) {
  const auto end = text.find_first_not_of(name_bytes, 1);
  return end != std::string_view::npos && end > 1 && text[0] == '{' && text[end] == '}' ? end + 1 : 0;
}

}  // namespace

std::string_view whole_binding(std::string_view text) {
  const auto length = placeholder_length(text);
  return length > 0 && length == text.size() ? text.substr(1, length - 2) : std::string_view();
}

std::string fill(std::string_view text, const facts::Bindings& bindings, std::vector<std::string>* missing) {
  std::string result;
  while (!text.empty()) {
    std::size_t taken = 1;
    const auto length = placeholder_length(text);
    if (text.substr(0, 2) == "{{" || text.substr(0, 2) == "}}") {
      result += text[0];
      taken = 2;
    } else if (length == 0) {
      taken = std::max<std::size_t>(std::min(text.find_first_of("{}", 1), text.size()), 1);
      result += text.substr(0, taken);
    } else {
      taken = length;
      const std::string name(text.substr(1, length - 2));
      const auto found = bindings.find(name);
      if (found == bindings.end()) {
        result += text.substr(0, length);
        if (missing != nullptr) missing->push_back(name);
      } else {
        result += found->second.is_string() ? found->second.get<std::string>() : dump_json(found->second);
      }
    }
    text.remove_prefix(taken);
  }
  return result;
}

}  // namespace meshdx::diagnose
