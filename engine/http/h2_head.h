// SPDX-License-Identifier: GPL-3.0-or-later
// Field sections of HTTP/2 (RFC 9113 section 8) as lines of text, and from there into the same heads
// that HTTP/1 makes. The lines are kept instead of the head: whoever owns them can read the head
// again. Knows no frames and no streams.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/http/h1_head.h"
#include "engine/http/head.h"

namespace engine::http {

// Gathers one field section: in a request a marker of ours, then "name: value" lines in the order of arrival,
// pseudo-header fields among them, then an empty line.
class H2Section {
 public:
  enum class Fault : std::uint8_t { None, Malformed, TooLarge };

  explicit H2Section(base::BlockPool& pool) noexcept : lines_(pool) {}

  // `ends` tells that no content follows the section.
  void begin_request(bool ends, const HeadLimits& limits);
  // Without a marker.
  void begin_response(const HeadLimits& limits);
  // Only fields that may be forwarded are kept; without the empty line.
  void begin_trailers(std::uint32_t bytes_max, std::uint32_t count_max);
  void add(std::string_view name, std::string_view value);
  void end();
  void drop() { lines_.clear(); }

  [[nodiscard]] Fault fault() const noexcept { return fault_; }
  // Size as RFC 9113 section 6.5.2 counts it, also of what was too large to keep.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string_view lines() const { return lines_.view(); }
  // The lines become the caller's, at the same place in memory.
  [[nodiscard]] base::Buffer take() noexcept { return std::move(lines_); }

 private:
  void line(std::string_view name, std::string_view value);
  void begin(std::uint32_t bytes_max, std::uint32_t count_max);

  base::Buffer lines_;
  std::uint64_t bytes_ = 0;
  std::uint32_t bytes_max_ = 0;
  std::uint32_t count_left_ = 0;
  Fault fault_ = Fault::None;
  bool trailers_ = false;
};

// Reads the request in the lines of an H2Section. Complete, or Bad: with Cause::BadRequest it is
// malformed (RFC 9113 section 8.1.1), any other cause is that of an answer. The slices of `head`
// point into `lines`; its fields lie in `storage`. Nothing is Incomplete.
[[nodiscard]] HeadResult parse_h2_request(std::string_view lines, const HeadLimits& limits,
                                          HeadStorage& storage, RequestHead& head) noexcept;

// What a response answers.
struct H2Asked {
  Method method = Method::Get;
  std::string_view protocol = {};  // of a tunnel (RFC 8441), else empty
};

// Reads the response in the lines of an H2Section; `ends` tells that nothing follows it. Complete, or
// Bad when it is malformed. Framing is None, Length, or Chunked for content of unknown length. A 2xx
// to a tunnel is shown as the 101 it stands for. The rest is as above.
[[nodiscard]] HeadResult parse_h2_response(std::string_view lines, bool ends, const H2Asked& asked,
                                           const HeadLimits& limits, HeadStorage& storage,
                                           ResponseHead& head) noexcept;

}  // namespace engine::http
