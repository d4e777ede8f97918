// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h2_client.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/http/h2_callbacks.h"
#include "engine/http/h2_fields.h"

namespace engine::http {

H2Client::H2Client(H2ClientEvents& events, base::BlockPool& blocks, HeadStorage& fields,
                   ResponseHead& head, const H2Limits& limits)
    : H2Endpoint(Role::Client, blocks, limits), events_(events), fields_(fields), head_(head) {}

// ---- Requests.

bool H2Client::may_request() const {
  const std::uint32_t of_target =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return !failed() && streams() < std::min(limits_.streams_max, of_target) &&
         nghttp2_session_check_request_allowed(session_) != 0;
}

bool H2Client::may_tunnel() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) ==
         1;
}

H2Stream& H2Client::request(std::string_view head, std::string_view scheme, Body body) {
  ENSURE(may_request(), "a request on a connection that takes none");
  const H2RequestFields fields = request_fields(head, scheme);
  const bool tunnel = !fields.protocol.empty();
  ENSURE(!tunnel || (may_tunnel() && body == Body::Follows),
         "a tunnel that the target does not take, or without a body");
  H2Stream& stream = open(static_cast<std::int32_t>(nghttp2_session_get_next_stream_id(session_)));
  stream.head_only_ = fields.method == "HEAD";
  stream.protocol_ = fields.protocol;
  const nghttp2_data_provider source = body_provider();
  const std::int32_t id =
      nghttp2_submit_request(session_, nullptr, fields.list.data(), fields.list.size(),
                             body == Body::Follows ? &source : nullptr, &stream);
  ENSURE(id == stream.id_, nghttp2_strerror(id));
  return stream;
}

H2Piece H2Client::pull(H2Stream& stream, std::span<char> into) {
  return events_.pull(stream, into);
}

// Each request is reason enough for a target to reset its stream and to widen its window.
void H2Client::on_sending_request(std::int32_t id) {
  last_stream_ = id;
  earn(H2Abuse::Kind::PeerReset, 1);
  earn(H2Abuse::Kind::WindowUpdate, 2);
}

// The library has not opened its stream yet, so it tells nothing of its end.
void H2Client::on_head_not_sent(std::int32_t id) {
  H2Stream* found = nullptr;
  streams_.for_each([&](H2Stream& stream) {
    if (stream.id_ == id) found = &stream;
  });
  if (found != nullptr) close(*found, H2Error::Internal);
}

// ---- Responses.

bool H2Client::judge(const H2FrameHead& frame) {
  if (!greeted_ && frame.type != H2FrameType::Settings) {
    fail(H2Error::Protocol, "the target does not speak HTTP/2");
    return false;
  }
  if (frame.type == H2FrameType::PushPromise) {
    fail(H2Error::Protocol, "a push that was not allowed");
    return false;
  }
  return H2Endpoint::judge(frame);
}

// What was never asked for is the library's to refuse.
bool H2Client::judge_closed(const H2FrameHead& frame) {
  const auto id = static_cast<std::int32_t>(frame.stream);
  if (id > last_stream_ || id % 2 == 0) return true;
  if (nghttp2_session_find_stream(session_, id) != nullptr || end_of(id) == End::ByUs) return true;
  fail(H2Error::StreamClosed, "a frame after the end of its stream");
  return false;
}

void H2Client::begin_section(std::int32_t id, bool, bool) {
  const H2Stream* const stream = find(id);
  if (stream != nullptr && stream->answered_)
    return section_.begin_trailers(limits_.body.trailer_bytes, limits_.body.trailer_count);
  section_.begin_response(limits_.head);
}

void H2Client::on_section(std::int32_t id, bool, bool ends) {
  H2Stream* const stream = find(id);
  if (stream == nullptr) return section_.drop();
  // A tunnel has no trailers (RFC 9113 section 8.5).
  if (stream->tunnel_) return refuse(id, H2Error::Protocol);
  if (stream->answered_) return end_trailers(id);
  section_.end();
  const base::Buffer lines = section_.take();
  HeadResult result{.status = HeadStatus::Bad, .cause = base::Cause::ResponseHeadTooLarge};
  if (section_.fault() == H2Section::Fault::None) {
    const H2Asked asked{.method = stream->head_only_ ? Method::Head : Method::Get,
                        .protocol = stream->protocol_};
    result = parse_h2_response(lines.view(), ends, asked, limits_.head, fields_, head_);
  }
  if (result.status == HeadStatus::Bad) {
    const bool too_large = result.cause == base::Cause::ResponseHeadTooLarge;
    const H2Error fault = too_large ? H2Error::EnhanceYourCalm : H2Error::Protocol;
    refuse(id, fault);
    return close(*stream, fault);
  }
  stream->touched_ = true;
  stream->tunnel_ = head_.status == 101;
  stream->answered_ = !head_.interim() || stream->tunnel_;
  events_.on_response(*stream, head_);
  if (ends) end_message(id, {});
}

void H2Client::tell_data(H2Stream& stream, std::string_view bytes) {
  events_.on_data(stream, bytes);
}

void H2Client::tell_end(H2Stream& stream, std::string_view trailers) {
  events_.on_response_end(stream, trailers);
}

// ---- The end of streams.

void H2Client::tell_closed(H2Stream& stream, H2Error error) {
  const bool never_sent = stream.id_ > last_stream_;
  const bool refused = error == H2Error::RefusedStream && !stream.touched_;
  // A reset without an error is no end of a response.
  const bool cut = error == H2Error::None && !stream.peer_ended_;
  events_.on_closed(stream, cut ? H2Error::Protocol : error, never_sent || refused);
}

// The library itself ends what is above the last stream of a GOAWAY, but not what still waits for
// its turn to be sent.
void H2Client::tell_goaway(H2Error) {
  events_.on_goaway();
  while (!streams_.empty() && streams_.back().id_ > last_stream_)
    close(streams_.back(), H2Error::RefusedStream);
}

}  // namespace engine::http
