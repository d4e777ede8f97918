// SPDX-License-Identifier: GPL-3.0-or-later
// Calls the control API of a running engine: HTTP/1.1 over its Unix socket, one connection for each
// call, blocking. It must not know what the calls are for.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "config/config.h"
#include "engine/base/clock.h"
#include "engine/cli/api_failure.h"
#include "engine/cli/fields.h"
#include "engine/cli/interrupt.h"
#include "engine/cli/sse_reader.h"

namespace engine::cli {

struct ApiCall {
  enum class OnInterrupt : unsigned char {
    Stop,    // the call fails with interrupted()
    Finish,  // Ctrl-C waits for the next call
  };

  std::string method = "GET";
  std::string path;  // with its query, encoded (encoded() below)
  std::optional<Json> body;
  std::string subject;  // whose name a 404 is about; may be empty
  config::Milliseconds timeout = config::Milliseconds(10'000);  // for the whole call
  OnInterrupt on_interrupt = OnInterrupt::Stop;
};

// When a stream of events is left; 0: never.
struct EventPatience {
  config::Milliseconds total{0};  // then it fails with kExitTimeout
  config::Milliseconds quiet{0};  // without an event; then it has ended
};

class Client {
 public:
  explicit Client(std::string socket_path);

  // The body of an answer below 400.
  [[nodiscard]] std::expected<std::string, ApiFailure> call(const ApiCall& call);

  // Until the stream ends or `on_event` has heard enough.
  [[nodiscard]] std::expected<void, ApiFailure> events(const std::string& path,
                                                       const SseReader::OnEvent& on_event,
                                                       EventPatience patience = {});

  // False when Ctrl-C ended the pause.
  [[nodiscard]] bool pause(config::Milliseconds duration);

 private:
  std::string socket_path_;
  Interrupt interrupt_;
};

// A name as one segment of a path: everything but unreserved characters as %XX (RFC 3986).
[[nodiscard]] std::string encoded(std::string_view name);

}  // namespace engine::cli
