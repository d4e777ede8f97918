// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/sse_reader.h"

#include <utility>

namespace engine::cli {

bool SseReader::feed(std::string_view bytes, const OnEvent& on_event) {
  for (const char c : bytes) {
    // A line ends in CR, LF or both.
    const bool second_half = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (second_half) continue;
    if (c != '\r' && c != '\n') {
      line_ += c;
    } else if (!on_line(on_event)) {
      return false;
    }
  }
  return true;
}

bool SseReader::on_line(const OnEvent& on_event) {
  const std::string line = std::exchange(line_, {});
  if (line.empty()) return dispatch(on_event);
  const std::size_t colon = line.find(':');
  const std::string_view name = std::string_view(line).substr(0, colon);
  std::string_view value =
      colon == line.npos ? std::string_view() : std::string_view(line).substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") event_.name = value;
  if (name == "data") {
    if (std::exchange(has_data_, true)) event_.data += '\n';
    event_.data += value;
  }
  return true;  // comments (no name), id and retry say nothing here
}

bool SseReader::dispatch(const OnEvent& on_event) {
  SseEvent event = std::exchange(event_, {});
  if (!std::exchange(has_data_, false)) return true;
  if (event.name.empty()) event.name = "message";
  return on_event(event);
}

}  // namespace engine::cli
