// SPDX-License-Identifier: GPL-3.0-or-later
// Reads what an end of HTTP/2 sends, for tests that look at its frames.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/http/h2_client.h"

namespace engine::http::h2 {

using Frames = std::vector<Frame>;

// Of one connection, since header blocks depend on those before.
class FrameReader {
 public:
  FrameReader() { nghttp2_hd_inflate_new(&inflater_); }
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  ~FrameReader() { nghttp2_hd_inflate_del(inflater_); }

  // Whole frames; header blocks are decoded into "name: value" lines.
  Frames read(std::string_view bytes) {
    Frames frames;
    for (std::string_view rest = bytes; !rest.empty();) {
      const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(rest.at(at)); };
      const std::size_t size = byte(0) * 65536U + byte(1) * 256U + byte(2);
      Frame next{byte(3), byte(4), 0, std::string(rest.substr(9, size))};
      for (std::size_t i = 5; i < 9; ++i) next.stream = next.stream << 8U | byte(i);
      if (next.type == NGHTTP2_HEADERS) next.payload = inflate(next.payload);
      frames.push_back(next);
      rest.remove_prefix(9 + size);
    }
    return frames;
  }

 private:
  std::string inflate(const std::string& bytes) {
    std::string lines;
    const auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    for (std::size_t left = bytes.size();;) {
      nghttp2_nv field;
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in, left, 1);
      if (used < 0) return "broken";
      in += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        lines += std::string(reinterpret_cast<char*>(field.name), field.namelen) + ": " +
                 std::string(reinterpret_cast<char*>(field.value), field.valuelen) + "\n";
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return lines;
  }

  nghttp2_hd_inflater* inflater_ = nullptr;
};

inline Frames of_type(Frames frames, int type) {
  std::erase_if(frames, [&](const Frame& each) { return each.type != type; });
  return frames;
}

// The codes of a reset and of the last GOAWAY; -1: there is none.
inline int reset_code_in(const Frames& frames, std::uint32_t stream) {
  for (const Frame& each : frames)
    if (each.type == NGHTTP2_RST_STREAM && each.stream == stream)
      return static_cast<int>(each.number_at(0));
  return -1;
}
inline int goaway_code_in(const Frames& frames) {
  const Frames found = of_type(frames, NGHTTP2_GOAWAY);
  return found.empty() ? -1 : static_cast<int>(found.back().number_at(4));
}

}  // namespace engine::http::h2
