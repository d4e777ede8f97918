// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/media_type.h"

#include "engine/http/names.h"

namespace engine::http {

std::string_view media_type(std::string_view content_type) noexcept {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  return type;
}

bool is_event_stream(std::string_view content_type) noexcept {
  return equals_ignoring_case(media_type(content_type), "text/event-stream");
}

bool is_grpc(std::string_view content_type) noexcept {
  const std::string_view type = media_type(content_type);
  return equals_ignoring_case(type.substr(0, type.find('+')), "application/grpc");
}

}  // namespace engine::http
