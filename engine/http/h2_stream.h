// SPDX-License-Identifier: GPL-3.0-or-later
// One exchange on a connection of HTTP/2, the pieces its bodies are made of and the codes it ends
// with, for both roles. It knows no frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/list.h"

namespace engine::http {

// RFC 9113 section 7. What a peer sends may be a code that has no name here.
enum class H2Error : std::uint32_t {
  None = 0,
  Protocol = 1,
  Internal = 2,
  FlowControl = 3,
  StreamClosed = 5,
  FrameSize = 6,
  RefusedStream = 7,
  Cancel = 8,
  Compression = 9,
  EnhanceYourCalm = 11,
};

// One request and its response. Made by H2Codec or H2Client; it ends with on_closed() or reset().
class H2Stream {
 public:
  explicit H2Stream(std::int32_t id) noexcept : id_(id) {}

  [[nodiscard]] std::int32_t id() const noexcept { return id_; }
  // Received and not yet given back with consumed().
  [[nodiscard]] std::uint32_t held_bytes() const noexcept { return held_bytes_; }

  void* owner = nullptr;  // whatever the receiver of the events likes to find here
  base::ListHook codec_hook;

 private:
  friend class H2Endpoint;
  friend class H2Codec;
  friend class H2Client;

  std::int32_t id_;
  std::uint32_t held_bytes_ = 0;
  bool peer_ended_ = false;  // the peer's message is complete
  bool answered_ = false;    // the final head of the response was sent, or has come
  bool tunnel_ = false;  // extended CONNECT, at a client once it is open: each side ends by itself
  bool sent_end_ = false;    // of a server: the response is complete, and all of it in frames
  bool body_waits_ = false;  // the body had nothing when it was asked
  bool refused_ = false;     // of a server: the request's content is thrown away
  bool touched_ = false;     // of a client: a head has come, interim or final
  bool head_only_ = false;   // of a client: HEAD was asked
  std::string protocol_;     // of a client's tunnel: what was asked for
};

// What a body gives: bytes in the memory offered, and whether that was all. With neither, it is asked
// again after resume().
struct H2Piece {
  std::size_t size = 0;
  bool end = false;
  std::string_view trailers = {};  // with `end`: "Name: value\r\n" lines, valid during the call
};

}  // namespace engine::http
