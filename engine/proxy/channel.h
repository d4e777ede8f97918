// SPDX-License-Identifier: GPL-3.0-or-later
// One side of an exchange as a stream sees it: the bytes of one message in, those of another out,
// and their ends. It is a whole connection of HTTP/1, one stream of a connection of HTTP/2, or a
// spool between the two sides. It must not know what the bytes mean.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/base/buffer.h"

namespace engine::proxy {

class Connection;
class Spool;

class Channel {
 public:
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The connection itself where bytes pass as they are, and messages frame themselves: HTTP/1. Null
  // for the others: their bytes are content alone, and their messages have ends of their own.
  [[nodiscard]] virtual Connection* raw() = 0;
  // Itself where the bytes are here already, to be taken at any time.
  [[nodiscard]] virtual Spool* spool() { return nullptr; }
  [[nodiscard]] virtual bool is_open() const = 0;

  // ---- Reading. Nothing is delivered unless it is wanted; each call asks for one delivery.
  virtual void want_bytes() = 0;
  // Bytes that arrived and were not taken; take_kept() drops some from the front.
  [[nodiscard]] std::string_view kept() const { return kept_.view(); }
  virtual void take_kept(std::size_t count) = 0;
  // While a delivery is on the stack: what is kept comes after bytes in somebody's hands.
  [[nodiscard]] bool offering() const { return offering_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int end_error() const { return end_error_; }
  // "name: value\r\n" lines behind the content, once it ended. HTTP/1 has them in its body.
  [[nodiscard]] virtual std::string_view trailers() const { return {}; }

  // ---- Writing. Bytes leave together at the end of the tick.
  [[nodiscard]] base::Buffer& out() { return out_; }  // append here, then call written()
  virtual void written() = 0;
  // What was appended begins with `bytes` of a head, in the words of HTTP/1.1; counts as written().
  enum class Head : std::uint8_t { Interim, ContentFollows, Whole };
  virtual void head_written(std::size_t bytes, Head head) = 0;
  // Sends at once when it is worth it; copies what does not fit.
  virtual void write_large(std::string_view bytes) = 0;
  // The end of what is written: FIN, or END_STREAM with trailers ("name: value\r\n" lines).
  virtual void finish_writing(std::string_view trailers = {}) = 0;
  // Whether the peer is slower than we are: do not write more than is at hand.
  [[nodiscard]] bool stuck() const { return stuck_; }
  [[nodiscard]] bool send_failed() const { return send_error_ != 0; }

 protected:
  explicit Channel(base::BlockPool& blocks) : out_(blocks), kept_(blocks) {}
  ~Channel() = default;

  base::Buffer out_;
  base::Buffer kept_;
  int end_error_ = 0;
  int send_error_ = 0;
  bool offering_ = false;
  bool ended_ = false;
  bool stuck_ = false;
};

}  // namespace engine::proxy
