#include "cli/commands.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "cli/complaint.hpp"
#include "cli/diagnosis.hpp"
#include "cli/help.hpp"
#include "playbook/catalogue.hpp"
#include "playbook/embedded.hpp"
#include "playbook/execute.hpp"
#include "playbook/library.hpp"
#include "report/render.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

using playbook::Library;

/// A playbook by the name a user typed: unknown ones are wrong usage, broken ones bad input.
Expected<playbook::Playbook> named_playbook(const Library& library, const std::string& id, Exit& code) {
  const auto ids = library.playbook_ids();
  code = std::find(ids.begin(), ids.end(), id) == ids.end() ? k_usage : k_bad_input;
  return library.playbook(id);
}

Json list_json(const std::vector<playbook::Playbook>& playbooks, const std::vector<diagnose::Cause>& causes) {
  Json json = {{"format", "meshdx.list/v1"}, {"playbooks", Json::array()}, {"causes", Json::array()}};
  for (const auto& p : playbooks) {
    json["playbooks"].push_back({{"id", p.id}, {"title", p.title}, {"drill", p.drill}, {"steps", p.steps.size()}, {"causes", p.causes}, {"file", p.file}});
  }
  for (const auto& c : causes) {
    json["causes"].push_back({{"code", c.code}, {"id", c.id}, {"title", c.title}, {"symptoms", c.symptoms}, {"file", c.file}});
  }
  return json;
}

}  // namespace

int list(const Options& options, const Io& io) {
  const auto library = Library::open(options.playbooks);
  if (!library) return fail(io, k_bad_input, library.error());
  std::vector<playbook::Playbook> playbooks;
  for (const auto& id : library->playbook_ids()) {
    auto playbook = library->playbook(id);
    if (!playbook) return fail(io, k_bad_input, playbook.error());
    playbooks.push_back(std::move(*playbook));
  }
  const auto causes = library->causes();
  if (!causes) return fail(io, k_bad_input, causes.error());
  if (options.output != "text") {
    io.out(report::render(list_json(playbooks, *causes), options.output));
    return k_ok;
  }
  const auto from = [](const std::string& file) { return starts_with(file, "playbooks/") ? std::string() : "   (" + file + ")"; };
  std::string text = "Playbooks\n";
  for (const auto& p : playbooks) {
    text += "  " + padded(p.id, 10) + p.title + " (" + count(p.steps.size(), "step") + ", " + count(p.causes.size(), "cause") + ")" + from(p.file) + "\n";
  }
  text += "\nCauses (meshdx explain CAUSE tells more)\n";
  for (const auto& c : *causes) text += "  " + c.code + "  " + padded(c.id, 42) + c.title + from(c.file) + "\n";
  io.out(printable(text));
  return k_ok;
}

int graph(const Options& options, const Io& io) {
  const auto library = Library::open(options.playbooks);
  if (!library) return fail(io, k_bad_input, library.error());
  Exit code = k_ok;
  const auto playbook = named_playbook(*library, options.words.front(), code);
  if (!playbook) return fail(io, code, playbook.error());
  io.out(printable(options.format == "dot" ? playbook::to_dot(*playbook) : playbook::to_mermaid(*playbook)));
  return k_ok;
}

int plan(const Options& options, const Io& io) {
  const auto complaint = complaint_of(options);
  if (!complaint) return fail(io, k_usage, complaint.error());
  const auto library = Library::open(options.playbooks);
  if (!library) return fail(io, k_bad_input, library.error());
  Exit code = k_ok;
  const auto playbook = named_playbook(*library, complaint->playbook, code);
  if (!playbook) return fail(io, code, playbook.error());
  playbook::ExecuteOptions execute;
  execute.probe = options.probe;
  execute.log_lines = options.log_lines;
  io.out(printable(playbook::plan(*playbook, *complaint, execute)));
  return k_ok;
}

namespace {

/// Checks one document: a playbook has `playbook`, all else is read as a cause.
std::vector<std::string> lint_document(const YamlDocument& document, const std::vector<diagnose::Cause>& causes) {
  if (!document.value.is_object() || !document.value.contains("playbook")) {
    const auto cause = diagnose::load_cause(document);
    return cause ? std::vector<std::string>{} : std::vector<std::string>{cause.error()};
  }
  const auto playbook = playbook::load_playbook(document);
  return playbook ? playbook::lint(*playbook, document, causes) : std::vector<std::string>{playbook.error()};
}

/// The files to check: those named, else all of the library.
Expected<std::vector<Library::File>> lint_files(const Library& library, const std::vector<std::string>& names) {
  if (names.empty()) return library.files();
  std::vector<Library::File> files;
  for (const auto& name : names) {
    std::ifstream stream(name, std::ios::binary);
    if (!stream) return Error{"Cannot read " + name + "."};
    Library::File file;
    file.name = file.path = name;
    file.text.assign(std::istreambuf_iterator<char>(stream), {});
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

int lint(const Options& options, const Io& io) {
  const auto library = Library::open(options.playbooks);
  if (!library) return fail(io, k_bad_input, library.error());
  const auto files = lint_files(*library, options.words);
  if (!files) return fail(io, k_bad_input, files.error());
  std::vector<std::string> messages;
  const auto causes = library->causes();
  // Broken causes are found file by file below, unless only other files are checked.
  if (!causes && !options.words.empty()) messages.push_back(causes.error());
  const auto none = std::vector<diagnose::Cause>{};
  for (const auto& file : *files) {
    const auto document = Library::document(file);
    auto found = document ? lint_document(*document, causes ? *causes : none) : std::vector<std::string>{document.error()};
    messages.insert(messages.end(), found.begin(), found.end());
  }
  if (messages.empty() && !causes) messages.push_back(causes.error());
  for (const auto& message : messages) io.out(printable(message) + "\n");
  if (messages.empty()) io.out(count(files->size(), "file") + " checked, nothing wrong\n");
  return messages.empty() ? k_ok : k_bad_input;
}

namespace {

/// "a, b or c".
std::string one_of(std::vector<std::string> names) {
  const auto last = names.back();
  names.pop_back();
  return names.empty() ? last : join(names, ", ") + " or " + last;
}

}  // namespace

int explain(const Options& options, const Io& io) {
  const auto library = Library::open(options.playbooks);
  if (!library) return fail(io, k_bad_input, library.error());
  const auto causes = library->causes();
  if (!causes) return fail(io, k_bad_input, causes.error());
  const auto& word = options.words.front();
  std::vector<std::string> known;
  for (const auto& cause : *causes) {
    known.push_back(cause.id);
    known.push_back(cause.code);
    if (cause.id != word && lower(cause.code) != lower(word)) continue;
    const auto full = library->cause_in_full(cause.id);
    if (!full) return fail(io, k_bad_input, full.error());
    std::string text = cause.code + " " + cause.id + "\n" + cause.title + "\n";
    if (!cause.symptoms.empty()) text += "\nSeen as\n";
    for (const auto& symptom : cause.symptoms) text += "  " + symptom + "\n";
    text += "\n" + std::string(trim(full->explain)) + "\n";
    io.out(printable(text));
    return k_ok;
  }
  std::vector<std::string> holding;
  for (const auto& cause : *causes) {
    if (contains(cause.id, lower(word)) || contains(lower(cause.code), lower(word))) holding.push_back(cause.id);
  }
  const auto close = holding.empty() ? nearest(word, known) : one_of(holding);
  return fail(io, k_usage, "There is no cause '" + word + "'" + (close.empty() ? "; meshdx list shows them all." : "; did you mean " + close + "?"));
}

namespace {

/// What playbooks/CATALOGUE.md is written from.
int print_catalogue(const Options& options, const Io& io) {
  const auto library = Library::open(options.playbooks);
  const auto causes = library ? library->causes() : Error{library.error()};
  if (!causes) return fail(io, k_bad_input, causes.error());
  io.out(playbook::catalogue(*causes));
  return k_ok;
}

}  // namespace

int help(const Options& options, const Io& io) {
  if (options.words.empty()) {
    io.out(long_help());
    return k_ok;
  }
  const auto& word = options.words.front();
  static const std::map<std::string, std::string_view> schemas = {{"schema", "schema/report.v1.json"}, {"survey-schema", "schema/survey.v1.json"}, {"write-schema", "schema/write.v1.json"}};
  if (const auto schema = schemas.find(word); schema != schemas.end()) {
    for (const auto& file : playbook::embedded_files()) {
      if (file.name == schema->second) io.out(file.text);
    }
    return k_ok;
  }
  if (word == "catalogue") return print_catalogue(options, io);
  const auto* command = command_of(word);
  if (command == nullptr) return fail(io, k_usage, "There is no command '" + word + "'; meshdx --help lists them.");
  io.out(command_help(*command));
  return k_ok;
}

}  // namespace meshdx::cli
