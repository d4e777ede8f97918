// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/2 as a server speaks it to its clients (RFC 9113, 7541, 8441, 9218), on libnghttp2: bytes in,
// events and bytes out. Bodies are taken and pulled at the pace of who has them, so that its memory
// is bounded. It knows no socket, no clock, no route and no target.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/error.h"
#include "engine/http/h2_endpoint.h"
#include "engine/http/h2_stream.h"
#include "engine/http/head.h"

namespace engine::http {

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

// Bodies go out by urgency (RFC 9218); within an urgency, bodies that are incremental, or whose
// client says nothing of priority, take turns.
class H2Codec final : public H2Endpoint {
 public:
  // `fields` and `head` are the worker's, used only during an event. The preface of the client is
  // the first that feed() gets.
  H2Codec(H2Events& events, base::BlockPool& blocks, HeadStorage& fields, RequestHead& head,
          const H2Limits& limits);

  // ---- Responses. Heads are HTTP/1.1 text with the empty line, as write_response() makes it: what
  // belongs to a connection is left out, and a 101 of a tunnel becomes the 200 of RFC 8441.
  void inform(H2Stream& stream, std::string_view head);  // 1xx
  void respond(H2Stream& stream, std::string_view head, Body body);
  // Nobody reads any more of a tunnel: as of any request, once its response is complete the rest of it
  // is not waited for.
  void give_up_rest(H2Stream& stream);

  // ---- The end: announce_end() tells that it is near, accept_no_more() a round trip later which
  // streams are still served; then finished() comes when these are.
  void announce_end();
  void accept_no_more();

 private:
  [[nodiscard]] bool judge_closed(const H2FrameHead& frame) override;
  void begin_section(std::int32_t id, bool first, bool ends) override;
  void on_section(std::int32_t id, bool first, bool ends) override;
  void on_request_section(std::int32_t id, bool ends);
  void on_priority_update(std::int32_t id) override;
  void on_sent_end(std::int32_t id) override;
  void reset_rest(const H2Stream& stream);
  void on_head_not_sent(std::int32_t id) override;
  void tell_data(H2Stream& stream, std::string_view bytes) override;
  void tell_end(H2Stream& stream, std::string_view trailers) override;
  void tell_closed(H2Stream& stream, H2Error error) override;
  void tell_goaway(H2Error error) override;
  H2Piece pull(H2Stream& stream, std::span<char> into) override;

  H2Events& events_;
  HeadStorage& fields_;
  RequestHead& head_;
  std::int32_t prioritized_ = 0;  // its PRIORITY_UPDATE came before its request
};

}  // namespace engine::http
