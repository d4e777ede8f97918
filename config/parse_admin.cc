// SPDX-License-Identifier: GPL-3.0-or-later
// [admin].
#include <array>

#include "config/address.h"
#include "config/parse.h"

namespace config {
namespace {

void read_socket(Reader& reader, const Entry& entry, Admin& admin) {
  reader.path(entry, "a unix socket", admin.socket);
  if (auto wrong = check_socket_path(admin.socket)) reader.error(entry.node.source(), *wrong);
}

void read_group(Reader& reader, const Entry& entry, Admin& admin) {
  reader.string(entry, admin.group);
}

void read_http(Reader& reader, const Entry& entry, Admin& admin) {
  std::string written;
  if (const auto* number = entry.node.as_integer()) {
    written = std::to_string(number->get());
  } else if (!entry.node.is_string()) {
    return reader.wrong_type(entry, "an address such as \"127.0.0.1:2020\"");
  } else if (!reader.string(entry, written)) {
    return;
  }
  std::expected<Listener, Complaint> listener = parse_listener(written);
  if (!listener) return reader.error(entry.node.source(), listener.error());
  listener->where = reader.position(entry.node.source());
  admin.http = std::move(*listener);
}

void read_token(Reader& reader, const Entry& entry, Admin& admin) {
  std::string token;
  if (!reader.string(entry, token)) return;
  if (auto wrong = check_token(token)) return reader.error(entry.node.source(), *wrong);
  admin.token = std::move(token);
}

constexpr std::array kFields = {Field<Admin>{"socket", read_socket},
                                Field<Admin>{"group", read_group}, Field<Admin>{"http", read_http},
                                Field<Admin>{"token", read_token}};

}  // namespace

void parse_admin(Reader& reader, const Entry& entry, Admin& admin) {
  read_table<Admin>(reader, entry, kFields, admin);
}

}  // namespace config
