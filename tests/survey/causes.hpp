// The causes that a survey tries: those of 503 and 404, each once.
#pragma once

#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "playbook/library.hpp"

namespace meshdx::test {

inline const std::vector<diagnose::Cause>& causes() {
  static const auto all = [] {
    const auto library = playbook::Library::open("");
    REQUIRE(library.ok());
    std::vector<diagnose::Cause> found;
    std::set<std::string> known;
    for (const char* id : {"503", "404"}) {
      const auto playbook = library->playbook(id);
      REQUIRE(playbook.ok());
      auto listed = library->causes_of(*playbook);
      REQUIRE(listed.ok());
      for (auto& cause : *listed) {
        if (known.insert(cause.id).second) found.push_back(std::move(cause));
      }
    }
    return found;
  }();
  return all;
}

}  // namespace meshdx::test
