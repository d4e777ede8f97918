// SPDX-License-Identifier: GPL-3.0-or-later
// What a site does with header fields: which it sets and removes, and which its log shows.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "config/parse.h"
#include "config/text.h"

namespace config {
namespace {

// Framing and connection fields: the engine writes them itself, and a wrong one is a smuggled
// request (RFC 9110, 7.6.1; RFC 9112, 6).
constexpr std::array<std::string_view, 9> kOwnFields = {
    "connection", "content-length", "http2-settings",    "keep-alive", "proxy-connection",
    "te",         "trailer",        "transfer-encoding", "upgrade"};

enum class Direction : uint8_t { Request, Response };

bool may_edit(Reader& reader, const toml::source_region& at, std::string_view name,
              Direction direction) {
  std::string folded = lower(name);
  if (!is_token(name)) {
    reader.error(at, fmt::format("{} is not the name of a header", in_quotes(name)),
                 "letters, digits and \"-\", without a colon");
    return false;
  }
  if (std::ranges::find(kOwnFields, folded) != kOwnFields.end()) {
    reader.error(at, fmt::format("header {} belongs to the connection and cannot be changed",
                                 in_quotes(name)));
    return false;
  }
  if (folded == "host" && direction == Direction::Request) {
    reader.error(at, "header \"Host\" is not changed here", "write host = \"upstream\" or a name");
    return false;
  }
  return true;
}

// "x-internal-*" stands for every name that begins so.
bool names(std::string_view written, std::string_view folded) {
  const std::string pattern = lower(written);
  if (!pattern.ends_with('*')) return pattern == folded;
  return folded.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

// A name has one fate: the last word about it takes the place of those before.
void forget(HeaderEdits& edits, std::string_view written) {
  const auto is_meant = [&](const auto& pair) { return names(written, lower(pair.first)); };
  std::erase_if(edits.set, is_meant);
  std::erase_if(edits.defaults, is_meant);
  std::erase_if(edits.remove, [&](const auto& name) { return lower(name) == lower(written); });
}

bool is_field_value(std::string_view value) {
  return std::ranges::none_of(value, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

void too_many(Reader& reader, const Entry& entry) {
  reader.error(entry.key.source(), fmt::format("{} names more than {} headers",
                                               in_quotes(entry.name()), kHeaderEditsMax));
}

void set_field(Reader& reader, const Entry& entry, Direction direction, HeaderEdits& edits,
               HeaderEdits::Fields HeaderEdits::* fields) {
  std::string value;
  if (!may_edit(reader, entry.key.source(), entry.name(), direction)) return;
  if (!reader.string(entry, value)) return;
  if (!is_field_value(value) || trim(value).size() != value.size()) {
    return reader.error(entry.node.source(),
                        fmt::format("the value of header {} has a line end, a control character, "
                                    "or a space around it",
                                    in_quotes(entry.name())),
                        "write it on one line");
  }
  forget(edits, entry.name());
  (edits.*fields).emplace_back(entry.name(), std::move(value));
}

void read_fields_of(Reader& reader, const Entry& entry, Direction direction, HeaderEdits& edits,
                    HeaderEdits::Fields HeaderEdits::* fields) {
  const toml::table* table = reader.table(entry);
  if (table == nullptr) return;
  Place place = place_inside(entry);
  if (table->size() > kHeaderEditsMax) return too_many(reader, entry);
  std::vector<std::string> seen;
  for (const auto& [key, node] : *table) {
    Entry field{key, node, place};
    reader.claim(field);
    if (std::ranges::find(seen, lower(field.name())) != seen.end()) {
      reader.error(key.source(), fmt::format("header {} is written twice", in_quotes(field.name())),
                   "names differ in case only; keep one of the two");
      continue;
    }
    seen.push_back(lower(field.name()));
    set_field(reader, field, direction, edits, fields);
  }
}

// A list of a site takes the place of the list in [defaults], like every other value.
void read_remove(Reader& reader, const Entry& entry, Direction direction, HeaderEdits& edits) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items) return;
  if (items->size() > kHeaderEditsMax) return too_many(reader, entry);
  edits.remove.clear();
  for (Reader::Item& item : *items) {
    std::string_view name = item.text;
    if (name.size() > 1 && name.ends_with('*')) name.remove_suffix(1);
    if (!may_edit(reader, item.node->source(), name, direction)) continue;
    forget(edits, item.text);
    edits.remove.push_back(std::move(item.text));
  }
}

// In this order, so that within one table what is set wins over a default, and both over `remove`:
// nothing is sent twice.
void read_edits(Reader& reader, const Entry& entry, Direction direction, HeaderEdits& edits) {
  const toml::table* table = reader.table(entry);
  if (table == nullptr) return;
  Place place = place_inside(entry);
  static constexpr std::array<std::string_view, 3> kKnown = {"remove", "default", "set"};
  for (std::string_view known : kKnown) {
    auto found = table->find(known);
    if (found == table->end()) continue;
    Entry part{found->first, found->second, place};
    reader.claim(part);
    if (known == "remove") {
      read_remove(reader, part, direction, edits);
    } else {
      read_fields_of(reader, part, direction, edits,
                     known == "set" ? &HeaderEdits::set : &HeaderEdits::defaults);
    }
  }
  for (const auto& [key, node] : *table) {
    if (std::ranges::find(kKnown, key.str()) == kKnown.end()) {
      reader.unknown_key({key, node, place}, kKnown);
    }
  }
}

constexpr std::array kHeaderFields = {
    Field<Policy>{"request",
                  [](Reader& reader, const Entry& entry, Policy& policy) {
                    read_edits(reader, entry, Direction::Request, policy.request_headers);
                  }},
    Field<Policy>{"response",
                  [](Reader& reader, const Entry& entry, Policy& policy) {
                    read_edits(reader, entry, Direction::Response, policy.response_headers);
                  }},
};

// Whoever reads a log must not become its users.
constexpr std::array<std::string_view, 4> kSecretFields = {"authorization", "cookie",
                                                           "proxy-authorization", "set-cookie"};

void read_logged(Reader& reader, const Entry& entry, std::vector<std::string>& names) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items) return;
  if (items->size() > kLoggedHeadersMax) {
    return reader.error(
        entry.key.source(),
        fmt::format("{} names more than {} headers", in_quotes(entry.name()), kLoggedHeadersMax));
  }
  names.clear();
  for (Reader::Item& item : *items) {
    const toml::source_region& at = item.node->source();
    const std::string folded = lower(item.text);
    if (!is_token(item.text)) {
      reader.error(at, fmt::format("{} is not the name of a header", in_quotes(item.text)),
                   "letters, digits and \"-\", without a colon");
    } else if (std::ranges::find(kSecretFields, folded) != kSecretFields.end()) {
      reader.error(at,
                   fmt::format("header {} is a secret and is never logged", in_quotes(item.text)),
                   "leave it out");
    } else if (std::ranges::find(names, folded, lower) != names.end()) {
      reader.error(at, fmt::format("header {} is written twice", in_quotes(item.text)),
                   "keep one of the two");
    } else {
      names.push_back(std::move(item.text));
    }
  }
}

constexpr std::array kLogFields = {
    Field<LoggedHeaders>{"request_headers",
                         [](Reader& reader, const Entry& entry, LoggedHeaders& logged) {
                           read_logged(reader, entry, logged.request);
                         }},
    Field<LoggedHeaders>{"response_headers",
                         [](Reader& reader, const Entry& entry, LoggedHeaders& logged) {
                           read_logged(reader, entry, logged.response);
                         }},
};

}  // namespace

void parse_headers(Reader& reader, const Entry& entry, Policy& policy) {
  read_table<Policy>(reader, entry, kHeaderFields, policy);
}

void parse_logged_headers(Reader& reader, const Entry& entry, Policy& policy) {
  read_table<LoggedHeaders>(reader, entry, kLogFields, policy.logged_headers);
}

}  // namespace config
