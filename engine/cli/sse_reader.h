// SPDX-License-Identifier: GPL-3.0-or-later
// Server-sent events (HTML, section 9.2) out of a body that arrives in pieces of any size. It must
// not know what the events mean.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace engine::cli {

struct SseEvent {
  std::string name;  // "message" when the stream does not say
  std::string data;  // lines joined by '\n'
};

class SseReader {
 public:
  // Returns false when it has heard enough: feed() then drops the rest.
  using OnEvent = std::function<bool(const SseEvent& event)>;

  // False once the listener has heard enough.
  [[nodiscard]] bool feed(std::string_view bytes, const OnEvent& on_event);

 private:
  bool on_line(const OnEvent& on_event);
  bool dispatch(const OnEvent& on_event);

  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
};

}  // namespace engine::cli
