// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/2 as a client speaks it to a target (RFC 9113, 7541, 8441), on libnghttp2: bytes in, events
// and bytes out. Bodies are taken and pulled at the pace of who has them, so that its memory is
// bounded. It knows no socket, no clock, no route and no client of the proxy.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/http/h2_endpoint.h"
#include "engine/http/h2_stream.h"
#include "engine/http/head.h"

namespace engine::http {

// What the codec tells its owner. on_*() is called from inside feed() and produce(), pull() from
// inside produce(). Each may call everything of the codec but these two.
class H2ClientEvents {
 public:
  // The head of a response, interim (1xx) or final, with HTTP/2 as its version and without a reason;
  // `head` and all it points to are good for this call only. Its framing is None when nothing
  // follows, also where the stream ends with the head; else Length, or Chunked where no length is
  // known. A 2xx that opens a tunnel is shown as the 101 it stands for, with the protocol asked for.
  virtual void on_response(H2Stream& stream, const ResponseHead& head) = 0;
  virtual void on_data(H2Stream& stream, std::string_view bytes) = 0;
  // The response is complete, also one without content. Trailers that may be forwarded, as
  // "name: value\r\n" lines, valid during the call.
  virtual void on_response_end(H2Stream& stream, std::string_view trailers) = 0;
  // The stream ends with this call: None only after on_response_end(), when the request is complete
  // too or the target wants no more of it. A fault of the target ends it at the latest with the
  // produce() that sends the reset: Protocol for a malformed response, EnhanceYourCalm for a head past the limits.
  // `unprocessed`: the target has not touched the request, so that sending it again is safe (RFC
  // 9113 section 8.7): refused, above the last stream of a GOAWAY, or never sent.
  virtual void on_closed(H2Stream& stream, H2Error error, bool unprocessed) = 0;
  // No further streams are opened here; may come twice.
  virtual void on_goaway() = 0;
  // Fills `into`, at most 16 KiB, with the next bytes of a request's body.
  virtual H2Piece pull(H2Stream& stream, std::span<char> into) = 0;

 protected:
  ~H2ClientEvents() = default;
};

// Bodies take turns.
class H2Client final : public H2Endpoint {
 public:
  // `fields` and `head` are the worker's, used only during an event.
  H2Client(H2ClientEvents& events, base::BlockPool& blocks, HeadStorage& fields, ResponseHead& head,
           const H2Limits& limits);

  // Within the target's limit of streams (100 before its SETTINGS) and our own, and neither GOAWAY,
  // failure nor the end of stream numbers forbids it.
  [[nodiscard]] bool may_request() const;
  // The target's SETTINGS have come: its limits are known.
  [[nodiscard]] bool greeted() const { return greeted_; }
  // The target takes extended CONNECT. False before its SETTINGS.
  [[nodiscard]] bool may_tunnel() const;
  // Asks for what `head` says: HTTP/1.1 text with the empty line, as write_request() makes it, no
  // longer needed after the call; `scheme` is "http" or "https". Only with may_request(). What
  // belongs to a connection is left out, but for "TE: trailers". Upgrade makes it a tunnel: a CONNECT
  // with the first protocol that Upgrade names and without Sec-WebSocket-Key and Content-Length;
  // only with may_tunnel() and a body, which should have nothing before the 101.
  H2Stream& request(std::string_view head, std::string_view scheme, Body body);

 private:
  [[nodiscard]] bool judge(const H2FrameHead& frame) override;
  [[nodiscard]] bool judge_closed(const H2FrameHead& frame) override;
  void begin_section(std::int32_t id, bool first, bool ends) override;
  void on_section(std::int32_t id, bool first, bool ends) override;
  void on_settings() override { greeted_ = true; }
  void on_sending_request(std::int32_t id) override;
  void on_head_not_sent(std::int32_t id) override;
  void tell_data(H2Stream& stream, std::string_view bytes) override;
  void tell_end(H2Stream& stream, std::string_view trailers) override;
  void tell_closed(H2Stream& stream, H2Error error) override;
  void tell_goaway(H2Error error) override;
  H2Piece pull(H2Stream& stream, std::span<char> into) override;

  H2ClientEvents& events_;
  HeadStorage& fields_;
  ResponseHead& head_;
  bool greeted_ = false;
};

}  // namespace engine::http
