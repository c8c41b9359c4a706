// What meshdx tells about itself; made from the tables of options.hpp.
#pragma once

#include <string>

#include "cli/options.hpp"

namespace meshdx::cli {

constexpr const char* k_version = "0.1.0";

/// The text with spaces up to the width, two at least: the left column of a list.
std::string padded(std::string text, std::size_t width);

/// A flag and what it does, as one line.
std::string flag_line(const Flag& flag);
/// -h: what fits on a screen.
std::string short_help();
/// --help: all flags, examples, exit codes.
std::string long_help();
/// `meshdx help COMMAND`: its synopsis and flags.
std::string command_help(const Command& command);

}  // namespace meshdx::cli
