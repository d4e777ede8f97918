// SPDX-License-Identifier: GPL-3.0-or-later
// [admin].
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

#include "config/address.h"
#include "config/parse.h"
#include "config/text.h"

namespace config {
namespace {

constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

void read_socket(Reader& reader, const Entry& entry, Admin& admin) {
  reader.path(entry, "a unix socket", admin.socket);
  if (admin.socket.size() <= kPathBytesMax) return;
  reader.error(entry.node.source(),
               fmt::format("the path of a socket may have {} bytes, this one has {}", kPathBytesMax,
                           admin.socket.size()),
               "choose a shorter one, such as \"/run/engine/admin.sock\"");
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

// It may come from a file of secrets: the message does not repeat it.
void read_token(Reader& reader, const Entry& entry, Admin& admin) {
  std::string token;
  if (!reader.string(entry, token)) return;
  const bool is_visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_visible) {
    return reader.error(entry.node.source(),
                        "\"token\" has a blank or a character beyond ASCII, which an Authorization "
                        "field cannot carry",
                        "use letters and digits, for example of openssl rand -hex 32");
  }
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
