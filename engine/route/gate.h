// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a service lets requests through. Immutable, part of the service; a change is a new
// snapshot, with which every request that waits is routed anew.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/clock.h"

namespace engine::route {

// State    a request                               but GET and HEAD of health_path
// Running  goes on
// Paused   waits: for Running, at most max_pause   are answered 200
// Stopped  gets 503 with the message               are answered 200
struct Gate {
  enum class State : std::uint8_t { Running, Paused, Stopped };

  State state = State::Running;
  base::Time max_pause = 0;  // nanoseconds
  std::string message;       // plain text, may be empty

  bool operator==(const Gate&) const = default;
};

}  // namespace engine::route
