// A value, or the reason there is none. The subset of C++23's std::expected that meshdx needs (g++ 12 has none in C++20).
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace meshdx {

/// Why something failed: one clear sentence naming the object, the reason and, where there is one, the way out.
struct Error {
  std::string message;
};

/// Holds a T or an Error. Reading the value of a failed one is a programming error (std::bad_variant_access).
template <class T>
class Expected {
 public:
  Expected(T value) : m_state(std::in_place_index<0>, std::move(value)) {}         // NOLINT: implicit by design
  Expected(Error error) : m_state(std::in_place_index<1>, std::move(error)) {}     // NOLINT: implicit by design

  [[nodiscard]] bool ok() const { return m_state.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() { return std::get<0>(m_state); }
  const T& operator*() const { return std::get<0>(m_state); }
  T* operator->() { return &std::get<0>(m_state); }
  const T* operator->() const { return &std::get<0>(m_state); }

  /// The sentence of a failed one.
  [[nodiscard]] const std::string& error() const { return std::get<1>(m_state).message; }

 private:
  std::variant<T, Error> m_state;
};

/// Success without a value.
struct Done {};

}  // namespace meshdx
