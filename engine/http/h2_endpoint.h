// SPDX-License-Identifier: GPL-3.0-or-later
// One end of a connection of HTTP/2, on libnghttp2: what a server and a client have in common.
// Frames are judged before the library sees them, bodies are taken and pulled at the pace of who has
// them, and what cheap frames may cost is bounded. It knows no requests and no responses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"
#include "engine/base/list.h"
#include "engine/http/h1_body.h"
#include "engine/http/h2_abuse.h"
#include "engine/http/h2_frames.h"
#include "engine/http/h2_head.h"
#include "engine/http/h2_stream.h"
#include "engine/http/head.h"

struct nghttp2_session;

namespace engine::http {

struct H2Limits {
  HeadLimits head;                  // head_bytes counts as RFC 9113 section 6.5.2 does
  BodyLimits body;                  // of trailers
  std::uint32_t streams_max = 128;  // open at once
  std::uint32_t stream_window_bytes = 256 * 1024;       // at most 2^31-1
  std::uint32_t connection_window_bytes = 1024 * 1024;  // 65,535 .. 2^31-1
  std::uint32_t table_bytes = 4096;                     // HPACK, of the peer's encoder
  std::uint32_t continuations_max = 16;                 // CONTINUATION frames of one header block
  std::uint32_t frames_waiting_max = 1000;              // without DATA; above streams_max
};

class H2Endpoint {
 public:
  enum class Body : std::uint8_t { None, Follows };

  H2Endpoint(const H2Endpoint&) = delete;
  H2Endpoint& operator=(const H2Endpoint&) = delete;

  // Takes all bytes. After failed() they are ignored.
  void feed(std::string_view bytes, base::Time now);
  // Appends what is ready until `out` holds `limit` bytes, at most one frame (16 KiB) past it.
  // Control frames first, then bodies in their turns.
  void produce(base::Buffer& out, std::size_t limit, base::Time now);
  // Whether produce() may have something: false means that it has not.
  [[nodiscard]] bool wants_to_send() const;

  // The consumer has got rid of content; the windows open by that much, in large steps. What a
  // stream still holds at its end is given back by itself.
  void consumed(H2Stream& stream, std::size_t count);
  // The body that is sent has bytes, or its end.
  void resume(H2Stream& stream);
  // The stream ends here, without on_closed(). Not from inside pull().
  void reset(H2Stream& stream, H2Error error);

  // A head has begun to come and is not complete: nothing else can come meanwhile.
  [[nodiscard]] bool inside_head() const;
  // Nothing is left to say or to hear.
  [[nodiscard]] bool finished() const;
  // The connection broke the protocol or a budget: its streams were closed, GOAWAY is the last that
  // produce() gives. Known after the next produce() at the latest.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] H2Error error() const { return error_; }
  [[nodiscard]] std::string_view why() const { return why_; }  // static text
  [[nodiscard]] const H2Abuse& abuse() const { return abuse_; }
  // The budget that was broken, where that is why.
  [[nodiscard]] std::optional<H2Abuse::Kind> flood() const { return flood_; }
  [[nodiscard]] std::size_t streams() const { return stream_count_; }

 protected:
  enum class Role : std::uint8_t { Server, Client };
  // How a stream ended that the library has forgotten. Only the latest are known one by one.
  enum class End : std::uint8_t { ByUs, ByPeer, Unknown };

  H2Endpoint(Role role, base::BlockPool& blocks, const H2Limits& limits);
  ~H2Endpoint();  // of what is still open nobody is told

  // Whether the library may see the frame.
  [[nodiscard]] virtual bool judge(const H2FrameHead& frame);
  bool spend(H2Abuse::Kind kind);
  void earn(H2Abuse::Kind kind, std::uint32_t amount) { abuse_.earn(kind, amount, now_); }
  void fail(H2Error error, std::string_view why);

  H2Stream& open(std::int32_t id);
  // The stream ends now, and its owner is told.
  void close(H2Stream& stream, H2Error error);
  void end_message(std::int32_t id, std::string_view trailers);
  void end_trailers(std::int32_t id);
  // A fault of the peer: the stream ends when the reset is sent.
  void refuse(std::int32_t id, H2Error error);
  [[nodiscard]] H2Stream* find(std::int32_t id) const;
  [[nodiscard]] End end_of(std::int32_t id) const;

  const H2Limits limits_;
  nghttp2_session* session_ = nullptr;
  H2Section section_;
  base::List<H2Stream, &H2Stream::codec_hook> streams_;  // in the order of their beginning
  std::int32_t last_stream_ = 0;                         // the highest that the client used
  bool last_announced_ = false;                          // no further stream is served

 private:
  friend struct H2Callbacks;

  // ---- What differs between the roles. `first` tells that a section begins its stream, `ends` that
  // nothing follows it. An event may end the stream it is about.
  [[nodiscard]] virtual bool judge_closed(const H2FrameHead& frame) = 0;
  virtual void begin_section(std::int32_t id, bool first, bool ends) = 0;
  virtual void on_section(std::int32_t id, bool first, bool ends) = 0;
  virtual void on_settings() {}
  virtual void on_priority_update(std::int32_t /*id*/) {}
  virtual void on_sending_request(std::int32_t /*id*/) {}
  virtual void on_sent_end(std::int32_t /*id*/) {}
  virtual void on_head_not_sent(std::int32_t id) = 0;
  virtual void tell_data(H2Stream& stream, std::string_view bytes) = 0;
  virtual void tell_end(H2Stream& stream, std::string_view trailers) = 0;
  virtual void tell_closed(H2Stream& stream, H2Error error) = 0;
  virtual void tell_goaway(H2Error error) = 0;
  virtual H2Piece pull(H2Stream& stream, std::span<char> into) = 0;

  // ---- h2_endpoint.cc: bytes in and out, the books, failure and end.
  void receive(std::string_view bytes);
  void after_library();
  void forget(H2Stream& stream);
  void note_closed(std::int32_t id, bool by_us);

  // ---- h2_exchange.cc: what the library found in the frames, and what it sends.
  bool on_field(std::int32_t id, std::string_view name, std::string_view value);
  void on_content(std::int32_t id, std::string_view bytes);
  void on_content_frame(std::int32_t id, bool only_padding, bool ends);
  void on_stream_end(std::int32_t id, H2Error error);
  [[nodiscard]] H2Piece pull_body(H2Stream& stream, std::size_t bytes_max);
  void note_piece(std::size_t size, std::size_t bytes_max, bool end);
  void write_data(std::string_view frame_head, std::size_t size);
  void on_sent_reset(std::int32_t id, H2Error error);
  void on_sent_goaway(H2Error error);

  struct Closed {
    std::int32_t id = 0;
    bool by_us = false;
  };
  static constexpr std::size_t kClosedMax = 64;

  const Role role_;
  H2Frames frames_;
  H2Abuse abuse_;
  std::size_t stream_count_ = 0;

  base::Time now_ = 0;
  base::Buffer* out_ = nullptr;  // inside produce()
  std::size_t out_limit_ = 0;
  char* frame_at_ = nullptr;  // in `out_`: the DATA frame that is being made

  std::array<Closed, kClosedMax> closed_{};  // the latest, a ring
  std::size_t closed_next_ = 0;
  std::int32_t forgotten_reset_ = 0;  // the latest that we reset and that left the ring
  std::uint32_t continuations_ = 0;   // of the current header block

  H2Error error_ = H2Error::None;
  std::string_view why_;
  std::optional<H2Abuse::Kind> flood_;
  bool failed_ = false;
  bool introduced_ = false;  // our SETTINGS were sent
  bool inside_ = false;
  bool pulling_ = false;
};

}  // namespace engine::http
