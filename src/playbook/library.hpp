// Where playbooks and causes come from: the ones inside the binary, and a directory's (--playbooks) in their place.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/cause.hpp"
#include "playbook/playbook.hpp"
#include "util/expected.hpp"
#include "util/yaml.hpp"

namespace meshdx::playbook {

/// The files, read when asked for. A file of the directory replaces the embedded one of the same name below it
/// (`503.yaml`, `causes/route-timeout.yaml`); the others stay.
class Library {
 public:
  /// With "" only what is embedded. Errors: no such directory, a file that cannot be read.
  static Expected<Library> open(const std::string& directory);

  struct File {
    std::string name;        ///< below playbooks/
    std::string path;        ///< for messages: where the user finds it
    std::string text;        ///< of a directory's file
    std::string_view embedded_text, embedded_json;
    [[nodiscard]] bool embedded() const { return !embedded_text.empty(); }
  };

  [[nodiscard]] const std::vector<File>& files() const { return m_files; }
  /// Ids of all playbooks ("404", "503", "mtls"): the names of their files.
  [[nodiscard]] std::vector<std::string> playbook_ids() const;

  [[nodiscard]] Expected<Playbook> playbook(const std::string& id) const;
  /// One cause's file by its id. As below, of `explain` there is only an outline.
  [[nodiscard]] Expected<diagnose::Cause> cause(const std::string& id) const;
  /// All causes, sorted by code; two with one code or id are an error.
  [[nodiscard]] Expected<std::vector<diagnose::Cause>> causes() const;
  /// One cause with its `explain`.
  [[nodiscard]] Expected<diagnose::Cause> cause_in_full(const std::string& id) const;
  /// Those that a playbook lists.
  [[nodiscard]] Expected<std::vector<diagnose::Cause>> causes_of(const Playbook& playbook) const;

  /// A file's document with the places of its values (embedded ones are parsed anew from YAML for that).
  static Expected<YamlDocument> document(const File& file);

 private:
  std::vector<File> m_files;   ///< sorted by name
  [[nodiscard]] const File* find(const std::string& name) const;
};

}  // namespace meshdx::playbook
