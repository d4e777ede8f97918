// SPDX-License-Identifier: GPL-3.0-or-later
// The server's end of a WebSocket that says back what it hears (RFC 6455). Frames stream through: a
// message of any size, in any fragments, is never held. Bytes in, bytes out; knows no socket. Text
// is not checked for UTF-8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine::cli {

class WebSocketEcho {
 public:
  // Takes what it can of `in`, appends what to send to `out`, returns how much was taken; 0 when it
  // needs more input or is over().
  [[nodiscard]] std::size_t feed(std::string_view in, std::string& out);

  // A close frame was sent: nothing else follows.
  [[nodiscard]] bool over() const noexcept { return over_; }

 private:
  struct Header {
    std::size_t bytes = 0;  // of the header itself; 0: incomplete
    unsigned opcode = 0;
    bool final = false;
    bool reserved = false;
    bool masked = false;
    std::uint64_t payload_bytes = 0;
    std::array<char, 4> mask{};
  };

  static Header parse(std::string_view in) noexcept;
  [[nodiscard]] bool acceptable(const Header& header) const noexcept;
  std::size_t take_control(const Header& header, std::string_view in, std::string& out);
  std::size_t take_payload(std::string_view in, std::string& out);
  void close(std::uint16_t code, std::string& out);

  std::uint64_t payload_left_ = 0;
  std::size_t mask_at_ = 0;
  std::array<char, 4> mask_{};
  bool in_message_ = false;  // a fragmented message goes on
  bool over_ = false;
};

}  // namespace engine::cli
