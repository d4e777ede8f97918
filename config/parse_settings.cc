// SPDX-License-Identifier: GPL-3.0-or-later
// The top level of a file: what stands beside [routes].
#include <array>

#include "config/address.h"
#include "config/parse.h"
#include "config/text.h"

namespace config {
namespace {

void add_listener(Reader& reader, const toml::node& node, std::string_view written,
                  std::vector<Listener>& listeners) {
  std::expected<Listener, Complaint> listener = parse_listener(written);
  if (!listener) return reader.error(node.source(), listener.error());
  listener->where = reader.position(node.source());
  listeners.push_back(std::move(*listener));
}

void add_listener(Reader& reader, const Entry& entry, const toml::node& node,
                  std::vector<Listener>& listeners) {
  if (const auto* number = node.as_integer()) {
    return add_listener(reader, node, std::to_string(number->get()), listeners);
  }
  if (!node.is_string()) {
    return reader.wrong_type({entry.key, node, entry.place}, "addresses such as \":8080\"");
  }
  std::optional<std::string> written = reader.text(node);
  if (written) add_listener(reader, node, *written, listeners);
}

void read_listen(Reader& reader, const Entry& entry, Settings& settings) {
  const toml::array* list = entry.node.as_array();
  if (list == nullptr) return add_listener(reader, entry, entry.node, settings.config.listen);
  if (list->empty()) {
    return reader.error(entry.node.source(), "\"listen\" is empty", "write \":8080\"");
  }
  for (const toml::node& node : *list) add_listener(reader, entry, node, settings.config.listen);
}

void read_include(Reader& reader, const Entry& entry, Settings& settings) {
  std::optional<std::vector<Reader::Item>> patterns = reader.strings(entry);
  if (patterns) settings.includes = std::move(*patterns);
}

void read_proxies(Reader& reader, const Entry& entry, Config& config) {
  std::optional<std::vector<Reader::Item>> items = reader.strings(entry);
  if (!items) return;
  for (const Reader::Item& item : *items) {
    std::expected<Network, Complaint> network = parse_network(item.text);
    if (network) {
      config.trusted_proxies.push_back(*network);
    } else {
      reader.error(item.node->source(), network.error());
    }
  }
}

void read_proxy_protocol(Reader& reader, const Entry& entry, Config& config) {
  static constexpr std::array kChoices = {
      std::pair{std::string_view("off"), ProxyProtocol::Off},
      std::pair{std::string_view("optional"), ProxyProtocol::Optional},
      std::pair{std::string_view("required"), ProxyProtocol::Required}};
  reader.choice<ProxyProtocol>(entry, kChoices, {}, config.proxy_protocol);
}

constexpr std::array kTrustFields = {Field<Config>{"proxies", read_proxies},
                                     Field<Config>{"proxy_protocol", read_proxy_protocol}};

void read_trust(Reader& reader, const Entry& entry, Settings& settings) {
  read_table<Config>(reader, entry, kTrustFields, settings.config);
}

void read_engine(Reader& reader, const Entry& entry, Settings& settings) {
  parse_engine(reader, entry, settings.config.engine);
}

void read_log(Reader& reader, const Entry& entry, Settings& settings) {
  parse_log(reader, entry, settings.config.log);
}

void read_admin(Reader& reader, const Entry& entry, Settings& settings) {
  parse_admin(reader, entry, settings.config.admin);
}

void read_defaults(Reader& reader, const Entry& entry, Settings& settings) {
  parse_defaults(reader, entry, settings.config.defaults.policy);
}

// parse_routes reads it, when the defaults of all files are known.
void skip_routes(Reader&, const Entry&, Settings&) {}

constexpr std::array kTopFields = {
    Field<Settings>{"listen", read_listen},
    Field<Settings>{"routes", skip_routes},
    Field<Settings>{"defaults", read_defaults},
    Field<Settings>{"trust", read_trust},
    Field<Settings>{"engine", read_engine},
    Field<Settings>{"log", read_log},
    Field<Settings>{"include", read_include, true},
    Field<Settings>{"tls", parse_tls},
    Field<Settings>{"wake", nullptr},
    Field<Settings>{"docker", nullptr},
    Field<Settings>{"admin", read_admin},
    Field<Settings>{"trace", nullptr},
    Field<Settings>{"cluster", nullptr},
};

void refuse_include(Reader& reader, const Entry& entry, Settings&) {
  reader.error(entry.key.source(), "an included file may not include other files",
               "add the pattern to the main file's include");
}

}  // namespace

void parse_settings(Reader& reader, const toml::table& root, FileRole role, Settings& settings) {
  std::array fields = kTopFields;
  for (Field<Settings>& field : fields) {
    if (role == FileRole::Included && field.name == "include") field.read = refuse_include;
  }
  read_fields<Settings>(reader, root, Place{{}, {}, true}, fields, settings);
}

}  // namespace config
