// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_reply.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "engine/http/h1_lines.h"
#include "engine/http/names.h"
#include "engine/http/status.h"

namespace engine::control {
namespace {

// RFC 9110 section 5.6.7.
std::string date_of(base::Time wall) {
  const std::time_t seconds = wall / base::kSecond;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  return {text.data(),
          std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

// A value may hold a name that a client chose; it must not begin another line.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) out += http::is_value_char(c) ? c : ' ';
  out += "\r\n";
}

bool has_field(const ApiReply& reply, std::string_view name) {
  return std::ranges::any_of(reply.fields, [name](const auto& field) {
    return http::equals_ignoring_case(field.first, name);
  });
}

}  // namespace

ApiReply problem(int status, std::string title, std::string detail, nlohmann::json extra) {
  extra["title"] = std::move(title);
  extra["status"] = status;
  extra["detail"] = std::move(detail);
  // A detail may quote what a client sent, which is not always UTF-8.
  return {.status = status,
          .content_type = "application/problem+json",
          .body = extra.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

std::string write_reply(const ApiReply& reply, ReplyFraming framing, base::Time wall) {
  const bool is_empty = reply.status == 204 || reply.status == 304;
  std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  out.append(http::reason_phrase(reply.status)).append("\r\n");
  append_field(out, "Date", date_of(wall));
  if (!is_empty) append_field(out, "Content-Type", reply.content_type);
  if (!is_empty && !framing.is_stream)
    append_field(out, "Content-Length", std::to_string(reply.body.size()));
  if (!has_field(reply, "Cache-Control")) append_field(out, "Cache-Control", "no-store");
  append_field(out, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : reply.fields) append_field(out, name, value);
  if (!framing.keep_alive || framing.is_stream) append_field(out, "Connection", "close");
  out += "\r\n";
  if (!is_empty && !framing.is_head) out += reply.body;
  return out;
}

}  // namespace engine::control
