// SPDX-License-Identifier: GPL-3.0-or-later
// Reads single values out of one file's TOML nodes and reports what is wrong with them.
// It must not know which settings exist. Internal to config: the only header with toml++ in it
// beside those that include this one.
#pragma once

// toml++ 3.3 asserts on keys that it then reports as errors ("[ = 1"). Where it is compiled in
// header by header, a bad file must not stop the process.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/complaint.h"
#include "config/environment.h"
#include "config/findings.h"
#include "config/source.h"

namespace config {

// The table an entry stands in.
struct Place {
  std::string label;       // for messages: "[engine]", "site \"shop.localhost\""; empty at the top
  std::string prefix;      // "engine.limits." for a setting that only one file may set
  bool is_shared = false;  // whether `prefix` is to be claimed at all
};

struct Entry {
  const toml::key& key;
  const toml::node& node;
  const Place& place;

  std::string_view name() const { return key.str(); }
};

class Reader {
 public:
  Reader(const Source& source, const Environment& environment, Findings& findings)
      : source_(source), environment_(environment), findings_(findings) {}

  const Source& source() const { return source_; }
  Position position(const toml::source_region& region) const;

  void error(const toml::source_region& at, Complaint complaint);
  void error(const toml::source_region& at, std::string message, std::string hint = {}) {
    error(at, Complaint{std::move(message), std::move(hint)});
  }
  void warning(const toml::source_region& at, Complaint complaint);
  void unknown_key(const Entry& entry, std::span<const std::string_view> known);
  void unsupported_key(const Entry& entry);
  // `"grace" takes a duration, not a table`
  void wrong_type(const Entry& entry, std::string_view takes);
  // Reports a setting that another file has set already.
  void claim(const Entry& entry);

  // Each leaves `out` alone when the value is wrong, after reporting it.
  std::optional<std::string> text(const toml::node& node);  // interpolated; only for strings
  bool string(const Entry& entry, std::string& out);
  // Joined to the directory of the file it is written in. `of`: "a directory", for the message.
  void path(const Entry& entry, std::string_view of, std::string& out);
  void duration(const Entry& entry, Milliseconds& out);
  void size(const Entry& entry, uint64_t& out, uint64_t least, uint64_t most);
  bool integer(const Entry& entry, uint64_t& out, uint64_t least, uint64_t most);
  void boolean(const Entry& entry, bool& out);
  const toml::table* table(const Entry& entry);

  // A list of strings, interpolated; a lone string counts as a list of one.
  struct Item {
    std::string text;
    const toml::node* node;
  };
  std::optional<std::vector<Item>> strings(const Entry& entry);

  // One of some words; `later` are words that a later version will know.
  template <class Choice>
  void choice(const Entry& entry, std::span<const std::pair<std::string_view, Choice>> choices,
              std::span<const std::string_view> later, Choice& out) {
    std::string word;
    if (!string(entry, word)) return;
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) {
      if (word == name) {
        out = value;
        return;
      }
      names.push_back(name);
    }
    bad_choice(entry, word, names, later);
  }
  void bad_choice(const Entry& entry, std::string_view word,
                  std::span<const std::string_view> names, std::span<const std::string_view> later);

 private:
  void report(Severity severity, const toml::source_region& at, Complaint complaint);
  void report_interpolation(const toml::node& node, Complaint complaint, std::string_view at);

  const Source& source_;
  const Environment& environment_;
  Findings& findings_;
};

// A key that a table may have. A field without a reader is known, but not supported yet.
template <class T>
struct Field {
  std::string_view name;
  void (*read)(Reader& reader, const Entry& entry, T& out);
  bool is_per_file = false;  // every file may write it; else only one of them
};

Place place_inside(const Entry& entry);

// Hands every entry of `table` to its field, and reports those that have none.
template <class T>
void read_fields(Reader& reader, const toml::table& table, const Place& place,
                 std::span<const Field<T>> fields, T& out) {
  for (const auto& [key, node] : table) {
    Entry entry{key, node, place};
    const Field<T>* found = nullptr;
    for (const Field<T>& field : fields) {
      if (field.name == entry.name()) found = &field;
    }
    if (found == nullptr) {
      std::vector<std::string_view> known;
      for (const Field<T>& field : fields) known.push_back(field.name);
      reader.unknown_key(entry, known);
    } else if (found->read == nullptr) {
      reader.unsupported_key(entry);
    } else {
      if (!found->is_per_file) reader.claim(entry);
      found->read(reader, entry, out);
    }
  }
}

// The same for an entry that must be a table.
template <class T>
void read_table(Reader& reader, const Entry& entry, std::span<const Field<T>> fields, T& out) {
  const toml::table* table = reader.table(entry);
  if (table != nullptr) read_fields(reader, *table, place_inside(entry), fields, out);
}

}  // namespace config
