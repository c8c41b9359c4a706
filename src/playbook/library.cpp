#include "playbook/library.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "playbook/embedded.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_yaml = ".yaml";
constexpr std::string_view k_causes = "causes/";
constexpr std::uintmax_t k_max_file = 1U << 20U;   ///< a playbook of a megabyte is none

/// Reads the YAML files right below `directory` as `prefix` + name.
Expected<Done> read_directory(const fs::path& directory, const std::string& prefix, std::map<std::string, Library::File>& files) {
  std::error_code failure;
  for (fs::directory_iterator it(directory, failure), end; !failure && it != end; it.increment(failure)) {
    const auto path = it->path();
    if (path.extension() != k_yaml || !fs::is_regular_file(path, failure)) continue;
    if (fs::file_size(path, failure) > k_max_file) return Error{path.string() + " is larger than 1 MiB; that is no playbook."};
    std::ifstream stream(path, std::ios::binary);
    Library::File file;
    file.name = prefix + path.filename().string();
    file.path = path.string();
    file.text.assign(std::istreambuf_iterator<char>(stream), {});
    if (!stream.good() && !stream.eof()) return Error{"Cannot read " + path.string() + "."};
    files[file.name] = std::move(file);
  }
  if (failure) return Error{"Cannot read " + directory.string() + ": " + failure.message() + "."};
  return Done{};
}

/// The document as quickly as it can be had: without places of values for an embedded file, which was checked when built.
Expected<YamlDocument> quick_document(const Library::File& file) {
  if (!file.embedded()) return parse_yaml(file.path, file.text);
  auto value = parse_json(file.embedded_json);
  if (!value) return Error{file.path + ": " + value.error()};
  return YamlDocument{file.path, std::move(*value), {}};
}

}  // namespace

Expected<Library> Library::open(const std::string& directory) {
  std::map<std::string, File> files;
  for (const auto& embedded : embedded_files()) {
    if (!ends_with(embedded.name, k_yaml)) continue;
    const std::string name(embedded.name);
    files[name] = {name, "playbooks/" + name, "", embedded.text, embedded.json};
  }
  if (!directory.empty()) {
    std::error_code failure;
    if (!fs::is_directory(directory, failure)) return Error{directory + " is no directory; --playbooks takes one."};
    auto done = read_directory(directory, "", files);
    const auto causes = fs::path(directory) / "causes";
    if (done && fs::is_directory(causes, failure)) done = read_directory(causes, std::string(k_causes), files);
    if (!done) return Error{done.error()};
  }
  Library library;
  for (auto& [name, file] : files) library.m_files.push_back(std::move(file));
  return library;
}

const Library::File* Library::find(const std::string& name) const {
  const auto found = std::lower_bound(m_files.begin(), m_files.end(), name, [](const File& file, const std::string& wanted) { return file.name < wanted; });
  return found == m_files.end() || found->name != name ? nullptr : &*found;
}

std::vector<std::string> Library::playbook_ids() const {
  std::vector<std::string> ids;
  for (const auto& file : m_files) {
    if (!contains(file.name, "/")) ids.push_back(file.name.substr(0, file.name.size() - k_yaml.size()));
  }
  return ids;
}

Expected<Playbook> Library::playbook(const std::string& id) const {
  const auto* file = find(id + std::string(k_yaml));
  if (file == nullptr) {
    const auto close = nearest(id, playbook_ids());
    return Error{"There is no playbook '" + id + "'; " +
                 (close.empty() ? "there are " + join(playbook_ids(), ", ") + "." : "did you mean '" + close + "'?")};
  }
  auto document = quick_document(*file);
  if (!document) return Error{document.error()};
  auto playbook = load_playbook(*document);
  if (playbook && playbook->id != id) {
    return Error{document->at("/playbook", "the playbook calls itself '" + playbook->id + "', but its file '" + id + "'")};
  }
  return playbook;
}

Expected<diagnose::Cause> Library::cause(const std::string& id) const {
  const auto* file = find(std::string(k_causes) + id + std::string(k_yaml));
  if (file == nullptr) return Error{"There is no cause '" + id + "'."};
  const auto document = quick_document(*file);
  return document ? diagnose::load_cause(*document) : Error{document.error()};
}

Expected<diagnose::Cause> Library::cause_in_full(const std::string& id) const {
  const auto* file = find(std::string(k_causes) + id + std::string(k_yaml));
  if (file == nullptr) return Error{"There is no cause '" + id + "'."};
  const auto full = document(*file);
  return full ? diagnose::load_cause(*full) : Error{full.error()};
}

Expected<std::vector<diagnose::Cause>> Library::causes() const {
  std::vector<diagnose::Cause> causes;
  for (const auto& file : m_files) {
    if (!starts_with(file.name, k_causes)) continue;
    auto document = quick_document(file);
    if (!document) return Error{document.error()};
    auto cause = diagnose::load_cause(*document);
    if (!cause) return Error{cause.error()};
    causes.push_back(std::move(*cause));
  }
  std::sort(causes.begin(), causes.end(), [](const auto& a, const auto& b) { return a.code < b.code; });
  for (std::size_t i = 1; i < causes.size(); ++i) {
    if (causes[i].code != causes[i - 1].code) continue;
    return Error{causes[i].file + ": the code " + causes[i].code + " is already that of " + causes[i - 1].id + "."};
  }
  return causes;
}

Expected<std::vector<diagnose::Cause>> Library::causes_of(const Playbook& playbook) const {
  std::vector<diagnose::Cause> causes;
  for (const auto& id : playbook.causes) {
    auto found = cause(id);
    if (!found) return Error{playbook.file + ": " + found.error()};
    causes.push_back(std::move(*found));
  }
  return causes;
}

Expected<YamlDocument> Library::document(const File& file) {
  return parse_yaml(file.path, file.embedded() ? file.embedded_text : std::string_view(file.text));
}

}  // namespace meshdx::playbook
