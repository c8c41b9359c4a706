// The playbooks and causes inside the binary, so that an installed meshdx needs no files. CMake generates the table from
// playbooks/ with src/playbook/embed: YAML is turned into JSON then, because reading 100 kB of YAML at every start would
// take longer than a whole replay may.
#pragma once

#include <string_view>
#include <vector>

namespace meshdx::playbook {

struct EmbeddedFile {
  std::string_view name;   ///< below playbooks/: "503.yaml", "causes/route-timeout.yaml", "schema/report.v1.json"
  std::string_view text;   ///< as it stands in the repository
  std::string_view json;   ///< the YAML's value as JSON, with an outline of `explain`; "" for other files
};

/// All of them, sorted by name.
const std::vector<EmbeddedFile>& embedded_files();

}  // namespace meshdx::playbook
