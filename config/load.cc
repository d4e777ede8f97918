// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <iterator>
#include <set>
#include <utility>

#include "config/findings.h"
#include "config/parse.h"
#include "config/reader.h"
#include "config/text.h"
#include "config/validate.h"

namespace config {
namespace {

struct Document {
  FileRole role;
  Reader reader;
  toml::table root;
};

// One load, from the main file to the last include. The story is load_all().
class Loader {
 public:
  Loader(const Environment& environment, const SiteDefaults& defaults) : environment_(environment) {
    settings_.config.defaults = defaults;
  }

  void add_file(const std::filesystem::path& path, FileRole role);
  void add_text(std::string text, const std::filesystem::path& path, FileRole role);
  Result load_all(const Overrides& overrides);

 private:
  void add_includes();
  void add_include(const Reader::Item& item);
  void parse(const Source& source, FileRole role);
  void add_syntax_error(const Source& source, const toml::parse_error& error);
  void add_problem(Problem problem, Position where, std::string message, std::string hint);

  const Environment& environment_;
  Findings findings_;
  std::deque<Document> documents_;
  std::set<std::filesystem::path> seen_;
  std::vector<std::string> patterns_;
  Settings settings_;
};

Position start_of(const std::filesystem::path& path) { return {path.string(), 0, 0}; }

void Loader::add_problem(Problem problem, Position where, std::string message, std::string hint) {
  Diagnostic diagnostic;
  diagnostic.problem = problem;
  diagnostic.where = std::move(where);
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  findings_.report(std::move(diagnostic));
}

void Loader::add_file(const std::filesystem::path& path, FileRole role) {
  findings_.add_file(path);
  std::expected<std::string, FileError> text = environment_.read_file(path, kFileBytesMax);
  if (!text) {
    FileError& error = text.error();
    return add_problem(error.problem, start_of(path), std::move(error.message),
                       std::move(error.hint));
  }
  add_text(std::move(*text), path, role);
}

void Loader::add_text(std::string text, const std::filesystem::path& path, FileRole role) {
  seen_.insert(path.lexically_normal());
  const Source& source =
      findings_.add_source(Source(path.string(), path.parent_path(), std::move(text)));
  if (source.text().size() > kFileBytesMax) {
    return add_problem(Problem::TooLarge, start_of(path),
                       fmt::format("is larger than {} MiB", kFileBytesMax >> 20),
                       "is it the right file?");
  }
  if (std::optional<std::size_t> offset = find_invalid_utf8(source.text())) {
    TextPlace place = place_of(source.text(), *offset);
    auto byte = static_cast<unsigned char>(source.text()[*offset]);
    return add_problem(Problem::NotUtf8, {source.name(), place.line, place.column},
                       fmt::format("byte 0x{:02x} is not UTF-8 text", byte),
                       "save the file as UTF-8");
  }
  if (std::optional<TextProblem> problem = find_unparsable(source.text())) {
    return add_problem(Problem::Syntax, {source.name(), problem->place.line, problem->place.column},
                       std::move(problem->message), std::move(problem->hint));
  }
  parse(source, role);
}

// toml++ points at the value of a name that is written twice; people look for the name.
TextPlace place_of_name(const Source& source, TextPlace at) {
  std::string_view line = source.line(at.line);
  std::size_t first = line.find_first_not_of(" \t");
  bool is_inline = line.substr(0, byte_of_column(line, at.column)).find('{') != line.npos;
  if (first == line.npos || is_inline) return at;
  return {at.line, static_cast<uint32_t>(code_points(line.substr(0, first)) + 1)};
}

void Loader::add_syntax_error(const Source& source, const toml::parse_error& error) {
  std::string_view description = error.description();
  TextPlace at{error.source().begin.line, error.source().begin.column};
  std::string message;
  if (description.find("cannot redefine existing") != description.npos) {
    at = place_of_name(source, at);
    message = "this name is written twice in one table";
  } else {
    // toml++ speaks of its own inner steps first; people need the rest of the sentence only.
    std::size_t steps =
        description.starts_with("Error while parsing ") ? description.find(": ") : 0;
    if (steps != 0 && steps != description.npos) description.remove_prefix(steps + 2);
    message = fmt::format("not valid TOML: {}", description);
  }
  add_problem(Problem::Syntax, {source.name(), at.line, at.column}, std::move(message), {});
}

void Loader::parse(const Source& source, FileRole role) {
  try {
    toml::table root = toml::parse(source.text());
    documents_.push_back({role, Reader(source, environment_, findings_), std::move(root)});
  } catch (const toml::parse_error& error) {
    add_syntax_error(source, error);
  }
}

void Loader::add_include(const Reader::Item& item) {
  Document& main = documents_.front();
  std::string pattern = (main.reader.source().directory() / item.text).string();
  patterns_.push_back(pattern);
  std::vector<std::string> paths = environment_.match_files(pattern);
  bool is_pattern = pattern.find_first_of("*?[") != std::string::npos;
  if (paths.empty() && !is_pattern) {
    return main.reader.error(
        item.node->source(), fmt::format("{} does not exist", in_quotes(pattern)),
        "check the path; a pattern such as \"conf.d/*.toml\" may match nothing");
  }
  for (const std::string& path : paths) {
    if (seen_.contains(std::filesystem::path(path).lexically_normal())) continue;
    if (documents_.size() >= kFilesMax) {
      return main.reader.error(item.node->source(),
                               fmt::format("more than {} files are included", kFilesMax));
    }
    add_file(path, FileRole::Included);
  }
}

// The main file's settings come first: `include` is one of them.
void Loader::add_includes() {
  if (documents_.empty()) return;
  Document& main = documents_.front();
  parse_settings(main.reader, main.root, main.role, settings_);
  for (const Reader::Item& item : settings_.includes) add_include(item);
}

Result Loader::load_all(const Overrides& overrides) {
  add_includes();
  for (std::size_t i = 1; i < documents_.size(); ++i) {
    parse_settings(documents_[i].reader, documents_[i].root, documents_[i].role, settings_);
  }
  Config& config = settings_.config;
  for (Document& document : documents_) {
    std::vector<Site> sites = parse_routes(document.reader, document.root, config.defaults);
    std::ranges::move(sites, std::back_inserter(config.sites));
  }
  apply(config, overrides);
  validate(config, findings_);
  if (config.listen.empty()) config.listen.push_back({{}, kListenPort, {}});
  return {std::move(config), findings_.take_diagnostics(), findings_.take_files(),
          std::move(patterns_)};
}

// Exceptions of the libraries below end here: the rest of the engine has none.
template <class Add>
Result guarded(const std::string& name, const Environment& environment, const Overrides& overrides,
               const SiteDefaults& defaults, Add add) {
  try {
    Loader loader(environment, defaults);
    add(loader);
    return loader.load_all(overrides);
  } catch (const std::exception& error) {
    Result result;
    Diagnostic diagnostic;
    diagnostic.problem = Problem::Unreadable;
    diagnostic.where.file = name;
    diagnostic.message = fmt::format("cannot be read: {}", error.what());
    result.diagnostics.push_back(std::move(diagnostic));
    return result;
  }
}

}  // namespace

Result load(const std::filesystem::path& path, const Environment& environment,
            const Overrides& overrides) {
  return guarded(path.string(), environment, overrides, {},
                 [&](Loader& loader) { loader.add_file(path, FileRole::Main); });
}

Result load_text(std::string text, const std::string& name, const Environment& environment,
                 const Overrides& overrides, const SiteDefaults& defaults) {
  return guarded(name, environment, overrides, defaults,
                 [&](Loader& loader) { loader.add_text(std::move(text), name, FileRole::Main); });
}

}  // namespace config
