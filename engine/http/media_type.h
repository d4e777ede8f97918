// SPDX-License-Identifier: GPL-3.0-or-later
// What a Content-Type says, as far as content is treated by it. It must not know what is done then.
#pragma once

#include <string_view>

namespace engine::http {

// Without its parameters (RFC 9110 section 8.3.1), as it was written.
[[nodiscard]] std::string_view media_type(std::string_view content_type) noexcept;

// text/event-stream: server-sent events.
[[nodiscard]] bool is_event_stream(std::string_view content_type) noexcept;

// application/grpc, also with a suffix such as +proto. Not application/grpc-web, which is another
// protocol.
[[nodiscard]] bool is_grpc(std::string_view content_type) noexcept;

}  // namespace engine::http
