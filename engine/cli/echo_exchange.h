// SPDX-License-Identifier: GPL-3.0-or-later
// One request of the echo server after its head was understood: what is still to do, and how heads
// of answers are written. Plain data and text; knows no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/clock.h"

namespace engine::cli {

// What of the request decides how any answer to it is written.
struct ReplyStyle {
  bool http10 = false;
  bool keep_alive = true;
  bool head_only = false;  // HEAD
};

struct Exchange {
  // Kind        what goes on until the exchange ends
  // Text        nothing: the answer is written already
  // Pattern     `left` octets of the pattern, in pieces when there is a gap or chunks
  // Echo        the request body goes back as it comes
  // Count       the request body is counted, then answered; slowly where `piece` is set
  // Discard     the answer is out already, the body is still read
  // Chunks      `left` lines, one chunk each, `gap` between
  // Events      `left` server-sent events, `gap` between; UINT64_MAX: endless
  // WebSocket   frames go back, until a close frame
  // Raw         bytes go back, until the end of the connection
  // Delay       at `due` the head is looked at again, without `skip` octets of its path
  // Hang        nothing, until the peer leaves
  enum class Kind : std::uint8_t {
    Text,
    Pattern,
    Echo,
    Count,
    Discard,
    Chunks,
    Events,
    WebSocket,
    Raw,
    Delay,
    Hang
  };
  // KeepAlive: the next request. Close: an orderly end. Cut: close(2) at once. Reset: a RST.
  enum class End : std::uint8_t { KeepAlive, Close, Cut, Reset };

  Kind kind = Kind::Text;
  End end = End::KeepAlive;
  bool ignores_body = false;  // neither answered to nor read away
  bool chunked = false;       // of the answer
  bool in_chunk = false;
  ReplyStyle style;
  std::uint64_t left = 0;
  std::uint64_t sent = 0;
  std::uint64_t piece = 0;  // octets at once; 0: as many as there are
  std::uint64_t fnv = 0xcbf29ce484222325;
  base::Time gap = 0;
  base::Time due = 0;
  std::size_t skip = 0;

  // The kinds that read the request body themselves; for the others it is read before they answer.
  [[nodiscard]] bool takes_body() const noexcept {
    return kind == Kind::Echo || kind == Kind::Count || kind == Kind::Discard ||
           kind == Kind::WebSocket || kind == Kind::Raw || kind == Kind::Delay;
  }
};

inline constexpr std::string_view kTextPlain = "text/plain; charset=utf-8";
inline constexpr std::string_view kJson = "application/json";

// Status line, Content-Type (unless empty), `fields` ("Name: value\r\n" lines) and Connection where
// the style wants it; no framing and no empty line.
void append_head_start(std::string& out, const ReplyStyle& style, unsigned status,
                       std::string_view type, std::string_view fields = {});

// A whole answer with Content-Length.
void append_reply(std::string& out, const ReplyStyle& style, unsigned status, std::string_view type,
                  std::string_view body, std::string_view fields = {});

// The head of an answer that comes in pieces: with a length, or chunked, or (HTTP/1.0) until the
// end of the connection; `exchange` learns which. After HEAD nothing more follows.
void append_stream_head(std::string& out, Exchange& exchange, std::optional<std::uint64_t> length,
                        std::string_view type, std::string_view fields = {});

// One piece of such an answer, in a chunk where it is chunked.
void append_piece(std::string& out, const Exchange& exchange, std::string_view piece);
void append_chunk_size(std::string& out, std::uint64_t bytes);
// The last chunk with `trailers` ("Name: value\r\n" lines); nothing when not chunked.
void append_stream_end(std::string& out, const Exchange& exchange, std::string_view trailers = {});

}  // namespace engine::cli
