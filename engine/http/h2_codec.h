// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/2 as a server speaks it to its clients (RFC 9113, 7541, 8441, 9218), on libnghttp2: bytes in,
// events and bytes out. Bodies are taken and pulled at the pace of who has them, so that its memory
// is bounded. It knows no socket, no clock, no route and no target.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/base/list.h"
#include "engine/http/h1_body.h"
#include "engine/http/h2_abuse.h"
#include "engine/http/h2_frames.h"
#include "engine/http/h2_head.h"
#include "engine/http/head.h"

struct nghttp2_session;

namespace engine::http {

// RFC 9113 section 7.
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

struct H2Limits {
  HeadLimits head;  // head_bytes counts as RFC 9113 section 6.5.2 does
  BodyLimits body;  // of trailers
  std::uint32_t streams_max = 128;
  std::uint32_t stream_window_bytes = 256 * 1024;       // at most 2^31-1
  std::uint32_t connection_window_bytes = 1024 * 1024;  // 65,535 .. 2^31-1
  std::uint32_t table_bytes = 4096;                     // HPACK, of the client's encoder
  std::uint32_t continuations_max = 16;                 // CONTINUATION frames of one header block
  std::uint32_t frames_waiting_max = 1000;              // without DATA, for a client that reads
};

// One request and its response. Made by the codec; it ends with on_closed() or reset().
class H2Stream {
 public:
  explicit H2Stream(std::int32_t id) noexcept : id_(id) {}

  [[nodiscard]] std::int32_t id() const noexcept { return id_; }
  // Received and not yet given back with consumed().
  [[nodiscard]] std::uint32_t held_bytes() const noexcept { return held_bytes_; }

  void* owner = nullptr;  // whatever the receiver of the events likes to find here
  base::ListHook codec_hook;

 private:
  friend class H2Codec;

  std::int32_t id_;
  std::uint32_t held_bytes_ = 0;
  bool request_ended_ = false;
  bool answered_ = false;    // respond() was called
  bool tunnel_ = false;      // extended CONNECT: each side ends by itself
  bool refused_ = false;     // its content is thrown away
  bool body_waits_ = false;  // the body had nothing when it was asked
};

// What a body gives: bytes in the memory offered, and whether that was all. With neither, it is asked
// again after resume().
struct H2Piece {
  std::size_t size = 0;
  bool end = false;
  std::string_view trailers = {};  // with `end`: "Name: value\r\n" lines, valid during the call
};

// What the codec tells its owner. on_*() is called from inside feed() and produce(), pull() from
// inside produce(). Each may call everything of the codec but these two.
class H2Events {
 public:
  // A valid request. `lines` are for parse_h2_request() at any later time and may be moved away;
  // the slices of `head` point into them. `head` itself and its fields are good for this call only.
  virtual void on_request(H2Stream& stream, base::Buffer& lines, const RequestHead& head) = 0;
  // A request that is not malformed but not taken either: answer it with the status of `cause`.
  virtual void on_refused(H2Stream& stream, base::Cause cause, std::string_view why) = 0;
  virtual void on_data(H2Stream& stream, std::string_view bytes) = 0;
  // The request is complete, also one without content. Trailers that may be forwarded, as
  // "name: value\r\n" lines, valid during the call; mostly empty.
  virtual void on_request_end(H2Stream& stream, std::string_view trailers) = 0;
  // The stream ends with this call: None after both sides were complete, or the early end of the
  // response made the rest of the request needless. A fault of the client ends it with the
  // produce() that sends the reset.
  virtual void on_closed(H2Stream& stream, H2Error error) = 0;
  // The client opens no further streams.
  virtual void on_goaway(H2Error error) = 0;
  // Fills `into`, at most 16 KiB, with the next bytes of a response's body.
  virtual H2Piece pull(H2Stream& stream, std::span<char> into) = 0;

 protected:
  ~H2Events() = default;
};

class H2Codec {
 public:
  enum class Body : std::uint8_t { None, Follows };

  // `fields` and `head` are the worker's, used only during an event. The preface of the client is
  // the first that feed() gets.
  H2Codec(H2Events& events, base::BlockPool& blocks, HeadStorage& fields, RequestHead& head,
          const H2Limits& limits);
  H2Codec(const H2Codec&) = delete;
  H2Codec& operator=(const H2Codec&) = delete;
  ~H2Codec();  // of what is still open nobody is told

  // Takes all bytes. After failed() they are ignored.
  void feed(std::string_view bytes, base::Time now);
  // Appends what is ready until `out` holds `limit` bytes, at most one frame (16 KiB) past it.
  // Control frames first, then bodies by urgency (RFC 9218); within an urgency, bodies that are
  // incremental, or whose client says nothing of priority, take turns.
  void produce(base::Buffer& out, std::size_t limit, base::Time now);
  // Whether produce() may have something: false means that it has not.
  [[nodiscard]] bool wants_to_send() const;

  // ---- Requests.
  // The consumer has got rid of content; the windows open by that much, in large steps. What a
  // stream still holds at its end is given back by itself.
  void consumed(H2Stream& stream, std::size_t count);

  // ---- Responses. Heads are HTTP/1.1 text with the empty line, as write_response() makes it: what
  // belongs to a connection is left out, and a 101 of a tunnel becomes the 200 of RFC 8441.
  void inform(H2Stream& stream, std::string_view head);  // 1xx
  void respond(H2Stream& stream, std::string_view head, Body body);
  // The body has bytes, or its end.
  void resume(H2Stream& stream);
  // The stream ends here, without on_closed(). Not from inside pull().
  void reset(H2Stream& stream, H2Error error);

  // ---- The end: announce_end() tells that it is near, accept_no_more() a round trip later which
  // streams are still served; then finished() comes when these are.
  void announce_end();
  void accept_no_more();
  // Nothing is left to say or to hear.
  [[nodiscard]] bool finished() const;

  // The connection broke the protocol or a budget: its streams were closed, GOAWAY is the last that
  // produce() gives. Known after the next produce() at the latest.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] H2Error error() const { return error_; }
  [[nodiscard]] std::string_view why() const { return why_; }  // static text
  [[nodiscard]] const H2Abuse& abuse() const { return abuse_; }
  [[nodiscard]] std::size_t streams() const { return stream_count_; }

 private:
  friend struct H2Callbacks;

  // h2_codec.cc: frames before the library sees them, and the ends of streams.
  [[nodiscard]] bool judge(const H2FrameHead& frame);
  [[nodiscard]] bool judge_closed(const H2FrameHead& frame);
  bool spend(H2Abuse::Kind kind);
  void receive(std::string_view bytes);
  void fail(H2Error error, std::string_view why);
  void after_library();
  void forget(H2Stream& stream);
  void note_closed(std::int32_t id, bool by_us);
  [[nodiscard]] H2Stream* find(std::int32_t id) const;

  // h2_receive.cc: what the library found in the frames.
  void begin_section(std::int32_t id, bool request, bool ends);
  bool on_field(std::int32_t id, std::string_view name, std::string_view value);
  void on_request_section(std::int32_t id, bool ends);
  void on_trailer_section(std::int32_t id);
  void on_content(std::int32_t id, std::string_view bytes);
  void on_content_frame(std::int32_t id, bool only_padding, bool ends);
  void on_stream_end(std::int32_t id, H2Error error);
  void end_request(std::int32_t id, std::string_view trailers);
  void reset_malformed(std::int32_t id);

  // h2_send.cc: what the library sends.
  [[nodiscard]] H2Piece pull_body(H2Stream& stream, std::size_t bytes_max);
  void note_piece(std::size_t size, std::size_t bytes_max, bool end);
  void write_data(std::string_view frame_head, std::size_t size);
  void on_sent_end(std::int32_t id);
  void on_sent_reset(std::int32_t id, H2Error error);
  void on_sent_goaway(H2Error error);
  void on_head_not_sent(std::int32_t id);

  struct Closed {
    std::int32_t id = 0;
    bool by_us = false;
  };
  static constexpr std::size_t kClosedMax = 64;

  H2Events& events_;
  HeadStorage& fields_;
  RequestHead& head_;
  H2Limits limits_;
  nghttp2_session* session_ = nullptr;
  H2Frames frames_;
  H2Abuse abuse_;
  H2Section section_;
  base::List<H2Stream, &H2Stream::codec_hook> streams_;
  std::size_t stream_count_ = 0;

  base::Time now_ = 0;
  base::Buffer* out_ = nullptr;  // inside produce()
  std::size_t out_limit_ = 0;
  char* frame_at_ = nullptr;  // in `out_`: the DATA frame that is being made

  std::array<Closed, kClosedMax> closed_{};  // the latest, a ring
  std::size_t closed_next_ = 0;
  std::int32_t forgotten_reset_ = 0;  // the latest that we reset and that left the ring
  std::int32_t last_stream_ = 0;      // the highest that the client used
  std::int32_t prioritized_ = 0;      // its PRIORITY_UPDATE came before its request
  std::uint32_t continuations_ = 0;   // of the current header block

  H2Error error_ = H2Error::None;
  std::string_view why_;
  bool failed_ = false;
  bool inside_ = false;
  bool pulling_ = false;
  bool last_announced_ = false;  // accept_no_more() was called
};

}  // namespace engine::http
