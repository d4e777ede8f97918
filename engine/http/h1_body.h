// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the payload in an HTTP/1 body, however it is framed, and writes chunk framing. It never
// holds payload and never waits; only trailers allocate. Knows no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/http/head.h"

namespace engine::http {

struct BodyLimits {
  std::uint32_t extension_bytes = 16 * 1024;  // chunk extensions, all together
  std::uint32_t trailer_bytes = 16 * 1024;    // trailer section, with its line ends
  std::uint16_t trailer_count = 64;
};

// State        waits for                                  ends in
// Run          payload of known or endless length         DataCr (chunked), Done (length)
// SizeFirst    first hex digit of a chunk size            Size, Bad
// Size         further digits, ';' or CR                  Extension, SizeLf, Bad
// Extension    CR                                         SizeLf, Bad
// SizeLf       LF after the size line                     Run, Trailer (size 0), Bad
// DataCr, DataLf  CRLF after a chunk's data               SizeFirst, Bad
// Trailer      a byte of a trailer line, or the last CR   TrailerLf, Bad
// TrailerLf    LF                                         Trailer, Done, Bad
// Done, Bad    nothing
class BodyDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  // bytes of the input dealt with, payload and framing
    std::string_view data;     // the payload among them, one piece of the input
  };

  BodyDecoder() = default;  // no body: done at once
  BodyDecoder(Framing framing, std::uint64_t content_length,
              const BodyLimits& limits = {}) noexcept;

  // Takes input up to the end of at most one piece of payload and the framing around it. Call again
  // with the rest until `consumed` is 0: then it needs more input, or is done or bad. No input
  // needs to be kept for it. A step that ends in bad() may still bring payload that was good.
  [[nodiscard]] Step next(std::string_view in);

  [[nodiscard]] bool done() const noexcept { return state_ == State::Done; }
  [[nodiscard]] bool bad() const noexcept { return state_ == State::Bad; }
  [[nodiscard]] std::string_view why() const noexcept;  // static text once bad()

  // The end of the connection is the proper end of this body.
  [[nodiscard]] bool complete_at_close() const noexcept { return done() || until_close_; }

  // Payload bytes that follow next without framing between: what may be spliced. UINT64_MAX when
  // only the end of the connection ends it; 0 when framing comes first.
  [[nodiscard]] std::uint64_t run() const noexcept { return state_ == State::Run ? left_ : 0; }

  // `count` payload bytes (at most run()) went past without next().
  void skip(std::uint64_t count) noexcept;

  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }

  // "Name: value\r\n" lines that may be forwarded; empty before done(), and mostly after.
  [[nodiscard]] std::string_view trailers() const noexcept {
    return done() ? std::string_view(trailers_) : std::string_view();
  }

 private:
  enum class State : std::uint8_t {
    Run,
    SizeFirst,
    Size,
    Extension,
    SizeLf,
    DataCr,
    DataLf,
    Trailer,
    TrailerLf,
    Done,
    Bad
  };
  enum class Fault : std::uint8_t;

  void take_run(std::uint64_t count) noexcept;
  std::size_t take_framing(std::string_view in);
  std::size_t take_size(std::string_view in) noexcept;
  std::size_t take_extension(std::string_view in) noexcept;
  std::size_t take_trailer(std::string_view in);
  void expect(char got, char wanted, State next, Fault fault) noexcept;
  void end_size_line(char got) noexcept;
  void end_trailer_line(char got);
  bool keep_trailer_line();
  void fail(Fault fault) noexcept;

  std::uint64_t left_ = 0;  // of the run; while reading a size line, the size so far
  std::uint64_t body_bytes_ = 0;
  std::string trailers_;  // sanitized lines, then the line being read
  std::uint32_t line_start_ = 0;
  std::uint32_t extension_left_ = 0;
  std::uint16_t trailer_bytes_left_ = 0;
  std::uint8_t trailers_left_ = 0;
  std::uint8_t digits_ = 0;
  State state_ = State::Done;
  Fault fault_{};
  bool chunked_ = false;
  bool until_close_ = false;
};

// The longest a chunk's size line gets: 16 digits and CRLF.
inline constexpr std::size_t kChunkHeaderBytesMax = 18;
inline constexpr std::string_view kChunkEnd = "\r\n";        // after a chunk's data
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";  // without trailers
inline constexpr std::string_view kLastChunkSize = "0\r\n";  // then trailer lines, then kChunkEnd

// Writes "<hex>\r\n" at `out`, which has kChunkHeaderBytesMax bytes; `size` is not 0. Returns the
// length.
[[nodiscard]] std::size_t write_chunk_header(char* out, std::uint64_t size) noexcept;

}  // namespace engine::http
