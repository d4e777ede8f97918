// SPDX-License-Identifier: GPL-3.0-or-later
// One line per stream for the access log, as JSON or text. It formats; the worker's byte ring
// carries the line away.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"

namespace engine::proxy {

class Stream;
struct ClientInfo;
struct StreamRecord;

enum class LogFormat : std::uint8_t { None, Json, Text };

struct AccessLogOptions {
  LogFormat format = LogFormat::None;
  double sample = 1;              // share of the streams that are logged; errors always are
  base::Time slow = 0;            // log only streams that took at least so long; errors always are
  std::vector<std::string> skip;  // path prefixes that are not logged
};

// What a line is made of, gathered by the worker.
struct LogLine {
  const StreamRecord* record = nullptr;  // null for a request that never became one
  const ClientInfo* client = nullptr;
  std::string_view target;
  std::string_view details;
  std::uint16_t status = 0;
  std::string_view error;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  base::Time wall = 0;  // nanoseconds since 1970
  base::Time now = 0;   // loop clock
  std::size_t worker = 0;
  std::uint64_t generation = 0;
  std::span<const std::string> redacted = {};  // parameters of queries whose values it hides
};

// Appends the line with its newline to `out`.
void format_access_line(LogFormat format, const LogLine& line, std::string& out);

}  // namespace engine::proxy
