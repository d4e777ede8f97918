// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the frames in what a peer of HTTP/2 sends (RFC 9113 section 4.1), so that each can be judged
// before anything acts on it. It keeps no payload and knows no streams.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace engine::http {

enum class H2FrameType : std::uint8_t {
  Data = 0,
  Headers = 1,
  Priority = 2,
  RstStream = 3,
  Settings = 4,
  PushPromise = 5,
  Ping = 6,
  Goaway = 7,
  WindowUpdate = 8,
  Continuation = 9,
  PriorityUpdate = 16,
};

struct H2FrameHead {
  static constexpr std::size_t kBytes = 9;
  static constexpr std::uint8_t kAck = 1;         // of SETTINGS and PING
  static constexpr std::uint8_t kEndStream = 1;   // of DATA and HEADERS
  static constexpr std::uint8_t kEndHeaders = 4;  // of HEADERS and CONTINUATION

  std::uint32_t length = 0;  // of the payload
  H2FrameType type{};        // may be a type we have no name for
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::uint32_t parent = 0;  // of PRIORITY: what the stream depends on
};

// State: inside a head (left() is 0) or inside a payload (left() bytes of it are to come).
class H2Frames {
 public:
  // `preface_bytes` come before the first frame.
  explicit H2Frames(std::uint32_t preface_bytes) noexcept : left_(preface_bytes) {}

  struct Step {
    std::size_t consumed = 0;
    bool head = false;  // head() is new
  };
  // Takes bytes up to the end of a head or of a payload, whichever comes first.
  [[nodiscard]] Step next(std::string_view in) noexcept;

  [[nodiscard]] const H2FrameHead& head() const noexcept { return head_; }
  [[nodiscard]] std::uint32_t left() const noexcept { return left_; }

 private:
  static constexpr std::uint32_t kParentBytes = 4;  // PRIORITY is judged with its first field

  bool gather(std::string_view in, std::size_t wanted, std::size_t& taken) noexcept;
  [[nodiscard]] std::uint32_t number(std::size_t at, std::size_t octets) const noexcept;

  H2FrameHead head_;
  std::uint32_t left_;
  std::uint8_t have_ = 0;
  std::array<char, H2FrameHead::kBytes + kParentBytes> bytes_{};
};

}  // namespace engine::http
