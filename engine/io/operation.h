// SPDX-License-Identifier: GPL-3.0-or-later
// One request to the kernel, embedded in the object that waits for its completion. It must not know
// what the request is for: that is its owner's story.
#pragma once

#include <cstdint>

#include "engine/base/check.h"

namespace engine::io {

// What the kernel says when a request ends (or, for a multishot, happened once more).
struct Completion {
  std::int32_t result = 0;       // ≥ 0, or a negated errno
  bool more = false;             // the request goes on: further completions follow
  bool has_buffer = false;       // `buffer` names a provided buffer that now belongs to the handler
  bool socket_nonempty = false;  // a receive left bytes in the socket (a hint, Linux 5.19)
  std::uint16_t buffer = 0;
};

// Names the member function that handles an operation's completions.
template <auto Method>
struct On {};

// While it is in flight, the kernel may use it: it never moves, and its owner must not end before.
class Operation {
 public:
  template <auto Method, typename Owner>
  Operation(On<Method>, Owner* owner)
      : owner_(owner), handler_([](void* self, const Completion& completion) {
          (static_cast<Owner*>(self)->*Method)(completion);
        }) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() { ENSURE(!in_flight_, "an operation ends while the kernel still has it"); }

  [[nodiscard]] bool in_flight() const { return in_flight_; }

 private:
  friend class Ring;

  void begin() {
    ENSURE(!in_flight_, "an operation is started twice");
    in_flight_ = true;
  }
  void complete(const Completion& completion) {
    in_flight_ = completion.more;
    handler_(owner_, completion);
  }

  void* owner_;
  void (*handler_)(void*, const Completion&);
  bool in_flight_ = false;
};

}  // namespace engine::io
