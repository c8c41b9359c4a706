// Kleene's three-valued logic: what was not seen is neither true nor false.
#pragma once

namespace meshdx {

enum class Tri { no, yes, unknown };

constexpr Tri tri(bool value) { return value ? Tri::yes : Tri::no; }

constexpr Tri operator!(Tri a) { return a == Tri::unknown ? a : tri(a == Tri::no); }

/// False wins over unknown, unknown over true.
constexpr Tri operator&(Tri a, Tri b) {
  if (a == Tri::no || b == Tri::no) return Tri::no;
  return a == Tri::yes && b == Tri::yes ? Tri::yes : Tri::unknown;
}

/// True wins over unknown, unknown over false.
constexpr Tri operator|(Tri a, Tri b) { return !((!a) & (!b)); }

}  // namespace meshdx
