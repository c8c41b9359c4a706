// A text that is read once, from front to back: it may lie in memory, or be too big for that and come part by part.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "util/expected.hpp"

namespace meshdx {

class Input {
 public:
  /// Puts the next bytes to `into`, `room` at most, and gives how many: 0 at the end. The Error says why what it gave cannot
  /// be relied on, or the rest be had.
  using Next = std::function<Expected<std::size_t>(char* into, std::size_t room)>;

  Input(std::string_view text) : m_text(text), m_size(text.size()) {}    // NOLINT: implicit by design, as the next two
  Input(const std::string& text) : Input(std::string_view(text)) {}      // NOLINT
  Input(const char* text) : Input(std::string_view(text)) {}             // NOLINT
  /// One of `size` bytes that comes part by part.
  Input(Next next, std::size_t size) : m_next(std::move(next)), m_size(size) {}

  /// Whether it lies in memory; text() is all of it then.
  [[nodiscard]] bool in_memory() const { return !m_next; }
  [[nodiscard]] std::string_view text() const { return m_text; }
  [[nodiscard]] const Next& next() const { return m_next; }
  [[nodiscard]] std::size_t size() const { return m_size; }

  /// All of it. Reads what comes part by part.
  [[nodiscard]] Expected<std::string> whole() const {
    if (in_memory()) return std::string(m_text);
    std::string text;
    text.reserve(m_size);
    std::array<char, 65536> part{};   // a string can only be made with its bytes set: a copy of what is in the cache is cheaper
    for (;;) {
      const auto got = m_next(part.data(), part.size());
      if (!got) return Error{got.error()};
      if (*got == 0) return text;
      text.append(part.data(), *got);
    }
  }

 private:
  std::string_view m_text;
  Next m_next;
  std::size_t m_size = 0;
};

/// What of an Input is in memory while it is walked.
class Window {
 public:
  explicit Window(const Input& input, std::size_t part = std::size_t{1} << 20U) : m_input(input), m_part(part), m_text(input.text()), m_all_there(input.in_memory()) {
    more(0);
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  [[nodiscard]] std::string_view text() const { return m_text; }
  /// How many bytes of the input were before text().
  [[nodiscard]] std::size_t before() const { return m_before; }
  /// Whether text() reaches to the input's end.
  [[nodiscard]] bool all_there() const { return m_all_there; }
  /// Why there is no more, "" when nothing went wrong.
  [[nodiscard]] const std::string& error() const { return m_error; }

  /// Lets go of the first `done` bytes and reads another part behind the rest: text() is another one then.
  void more(std::size_t done) {
    if (m_all_there) return;
    m_buffer.erase(0, done);
    m_before += done;
    const std::size_t kept = m_buffer.size();
    m_buffer.resize(kept + m_part);
    const auto got = m_input.next()(m_buffer.data() + kept, m_part);
    m_buffer.resize(kept + (got ? *got : 0));
    m_all_there = !got || *got == 0;
    if (!got) m_error = got.error();
    m_text = m_buffer;
  }

 private:
  const Input& m_input;
  std::size_t m_part;
  std::string m_buffer;
  std::string_view m_text;
  std::size_t m_before = 0;
  bool m_all_there = false;
  std::string m_error;
};

}  // namespace meshdx
