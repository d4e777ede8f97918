// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/access_log.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <iterator>

#include "engine/proxy/client_info.h"
#include "engine/proxy/escape.h"
#include "engine/proxy/redaction.h"
#include "engine/proxy/stream_record.h"

namespace engine::proxy {
namespace {

void append_time(std::string& out, base::Time wall) {
  const auto seconds = static_cast<std::time_t>(wall / base::kSecond);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, wall % base::kSecond / base::kMicrosecond);
}

void append_json(std::string& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out += ",\"";
  out += key;
  out += "\":\"";
  append_json_escaped(out, value);
  out += '"';
}

double seconds_between(base::Time from, base::Time to) {
  return static_cast<double>(to - from) / static_cast<double>(base::kSecond);
}

void append_json_times(std::string& out, const StreamRecord& record, base::Time now) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, ",\"t_total\":{:.6f}", seconds_between(record.started, now));
  if (record.connected > 0)
    fmt::format_to(to, ",\"t_connect\":{:.6f}", seconds_between(record.started, record.connected));
  if (record.first_byte > 0)
    fmt::format_to(to, ",\"t_first\":{:.6f}", seconds_between(record.started, record.first_byte));
  if (record.gate_wait > 0)
    fmt::format_to(to, ",\"gate_wait\":{:.6f}", seconds_between(0, record.gate_wait));
  if (record.queue > 0) fmt::format_to(to, ",\"queue\":{:.6f}", seconds_between(0, record.queue));
}

std::string_view protocol(const StreamRecord& record) {
  if (record.major_version == 2) return "h2";
  return record.minor_version == 0 ? "http/1.0" : "http/1.1";
}

std::string_view tls_version(const ClientInfo& client) {
  if (!client.secure()) return {};
  return client.tls_minor == 3 ? "1.3" : "1.2";
}

// Whether a field of the request named the client, else its connection did.
bool is_named(const LogLine& line) {
  return line.record != nullptr && !line.record->client.address.empty();
}

std::string_view client_of(const LogLine& line) {
  return is_named(line) ? line.record->client.address : line.client->address();
}

void append_json_client(std::string& out, const LogLine& line) {
  append_json(out, "client", client_of(line));
  const std::uint16_t port = is_named(line) ? line.record->client.port : line.client->port;
  if (port != 0 || !is_named(line)) fmt::format_to(std::back_inserter(out), ",\"port\":{}", port);
}

void append_json_fields(std::string& out, std::string_view key, const LoggedValues::List& fields,
                        Redaction& redaction) {
  if (fields.empty()) return;
  out += ",\"";
  out += key;
  out += "\":";
  char before = '{';
  for (const auto& [name, value] : fields) {
    out += before;
    out += '"';
    append_json_escaped(out, name);
    out += "\":\"";
    append_json_escaped(out, redaction.in_address(value));
    out += '"';
    before = ',';
  }
  out += '}';
}

void append_text_fields(std::string& out, const LoggedValues::List& fields, Redaction& redaction) {
  for (const auto& [name, value] : fields) {
    out += ' ';
    append_json_escaped(out, name);
    out += "=\"";
    append_json_escaped(out, redaction.in_address(value));
    out += '"';
  }
}

void format_json(const LogLine& line, std::string& out) {
  out += "{\"ts\":\"";
  append_time(out, line.wall);
  out += "\",\"level\":\"info\",\"msg\":\"request\"";
  auto to = std::back_inserter(out);
  Redaction redaction(line.redacted);
  if (line.record != nullptr) {
    const StreamRecord& record = *line.record;
    append_json(out, "id", record.request_id);
    append_json(out, "site", record.site);
    if (record.service != record.site) append_json(out, "service", record.service);
    append_json(out, "method", record.method);
    append_json(out, "host", record.host);
    append_json(out, "path", record.path);
    append_json(out, "query", redaction.in_query(record.query));
    append_json(out, "proto", protocol(record));
    append_json(out, "ua", record.user_agent);
    append_json(out, "referer", redaction.in_address(record.referer));
  }
  append_json(out, "tls", tls_version(*line.client));
  append_json_client(out, line);
  fmt::format_to(to, ",\"status\":{}", line.status);
  append_json(out, "error", line.error);
  append_json(out, "details", line.details);
  append_json(out, "target", line.target);
  if (line.record != nullptr) {
    fmt::format_to(to, ",\"tries\":{}", line.record->tries);
    append_json_times(out, *line.record, line.now);
    if (const LoggedValues* const logged = line.record->logged.get()) {
      append_json_fields(out, "request_headers", logged->request, redaction);
      append_json_fields(out, "response_headers", logged->response, redaction);
    }
  }
  fmt::format_to(to, ",\"bytes_in\":{},\"bytes_out\":{},\"worker\":{},\"gen\":{}}}\n",
                 line.bytes_in, line.bytes_out, line.worker, line.generation);
}

void format_text(const LogLine& line, std::string& out) {
  append_time(out, line.wall);
  out += ' ';
  out += client_of(line);
  auto to = std::back_inserter(out);
  Redaction redaction(line.redacted);
  if (line.record != nullptr) {
    const StreamRecord& record = *line.record;
    out += ' ';
    append_json_escaped(out, record.method);
    out += ' ';
    append_json_escaped(out, record.host);
    append_json_escaped(out, record.path);
    if (!record.query.empty()) out += '?';
    append_json_escaped(out, redaction.in_query(record.query));
  }
  fmt::format_to(to, " {} {}B", line.status, line.bytes_out);
  if (line.record != nullptr)
    fmt::format_to(to, " {:.1f}ms", 1000 * seconds_between(line.record->started, line.now));
  if (!line.target.empty()) fmt::format_to(to, " -> {}", line.target);
  if (!line.error.empty()) fmt::format_to(to, " error={}", line.error);
  if (!line.details.empty()) {
    out += " details=\"";
    append_json_escaped(out, line.details);
    out += '"';
  }
  if (line.record != nullptr && line.record->logged != nullptr) {
    append_text_fields(out, line.record->logged->request, redaction);
    append_text_fields(out, line.record->logged->response, redaction);
  }
  out += '\n';
}

}  // namespace

void format_access_line(LogFormat format, const LogLine& line, std::string& out) {
  if (format == LogFormat::Json) format_json(line, out);
  if (format == LogFormat::Text) format_text(line, out);
}

}  // namespace engine::proxy
