// Which files hold the manifests, and their text.
#include "cli/manifests.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "util/text.hpp"

namespace meshdx::cli {

namespace {

namespace fs = std::filesystem;

/// One file may hold a rendered release of a big system; more is a mistake.
constexpr std::size_t k_most_bytes = 256U << 20U;

struct Source {
  std::string name;
  survey::Strangers strangers = survey::Strangers::refuse;
};

bool looks_like_manifest(const fs::path& path) {
  const auto extension = lower(path.extension().string());
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

/// The manifests of a folder and the folders in it, but not those that begin with a dot.
Expected<std::vector<Source>> files_below(const std::string& folder) {
  std::vector<Source> files;
  std::error_code failure;
  fs::recursive_directory_iterator walk(folder, failure), end;
  for (; !failure && walk != end; walk.increment(failure)) {
    const auto name = walk->path().filename().string();
    std::error_code ignored;
    if (walk->is_directory(ignored) && starts_with(name, ".")) walk.disable_recursion_pending();
    else if (walk->is_regular_file(ignored) && !starts_with(name, ".") && looks_like_manifest(walk->path())) files.push_back({walk->path().string(), survey::Strangers::skip});
  }
  if (failure) return Error{"Cannot read the folder " + folder + ": " + failure.message() + "."};
  std::sort(files.begin(), files.end(), [](const Source& a, const Source& b) { return a.name < b.name; });
  return files;
}

Expected<std::vector<Source>> sources_of(const std::vector<std::string>& words) {
  std::vector<Source> sources;
  for (const auto& word : words) {
    std::error_code ignored;
    if (!fs::is_directory(word, ignored)) {
      sources.push_back({word, survey::Strangers::refuse});
      continue;
    }
    const auto files = files_below(word);
    if (!files) return files;
    sources.insert(sources.end(), files->begin(), files->end());
  }
  return sources;
}

Expected<std::string> text_of(const std::string& name) {
  std::string text;
  std::FILE* file = name == "-" ? stdin : std::fopen(name.c_str(), "rb");
  if (file == nullptr) return Error{"Cannot read " + name + ": there is no such file, or it may not be read."};
  char buffer[65536];
  std::size_t size = 0;
  while (text.size() <= k_most_bytes && (size = std::fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, size);
  const bool failed = std::ferror(file) != 0;
  if (file != stdin) std::fclose(file);
  if (failed) return Error{"Cannot read " + name + " to its end."};
  if (text.size() > k_most_bytes) return Error{name + " is larger than " + std::to_string(k_most_bytes >> 20U) + " MiB."};
  return text;
}

}  // namespace

Expected<survey::Manifests> manifests_of(const std::vector<std::string>& words, const std::string& ns, const std::string& else_done, const Io& io) {
  const auto sources = sources_of(words);
  if (!sources) return Error{sources.error()};
  survey::Manifests manifests;
  bool broken = false;
  for (const auto& source : *sources) {
    const auto text = text_of(source.name);
    const auto done = text ? survey::read_manifests(source.name == "-" ? "stdin" : source.name, *text, ns, source.strangers, manifests) : Error{text.error()};
    if (done) continue;
    broken = true;
    io.err(printable(done.error()) + "\n");
  }
  if (broken) return Error{"Not everything could be read; " + else_done + "."};
  if (manifests.objects.empty()) return Error{"There is no Kubernetes object in " + join(words, ", ") + "."};
  return manifests;
}

}  // namespace meshdx::cli
