// SPDX-License-Identifier: GPL-3.0-or-later
// A server's side: which streams are the client's to use, requests out of their sections, responses
// out of their HTTP/1.1 text, and the orderly end.
#include "engine/http/h2_codec.h"

#include <nghttp2/nghttp2.h>
#include <utility>

#include "engine/base/check.h"
#include "engine/http/h2_callbacks.h"
#include "engine/http/h2_fields.h"

namespace engine::http {

H2Codec::H2Codec(H2Events& events, base::BlockPool& blocks, HeadStorage& fields, RequestHead& head,
                 const H2Limits& limits)
    : H2Endpoint(Role::Server, blocks, limits), events_(events), fields_(fields), head_(head) {}

// ---- What comes.

bool H2Codec::judge_closed(const H2FrameHead& frame) {
  const auto id = static_cast<std::int32_t>(frame.stream);
  if (id > last_stream_ || id % 2 == 0) {
    if (frame.type == H2FrameType::Headers && id % 2 == 1) last_stream_ = id;
    return true;
  }
  if (nghttp2_session_find_stream(session_, id) != nullptr || last_announced_) return true;
  const End end = end_of(id);
  if (end == End::ByUs) return true;
  if (end == End::Unknown && frame.type == H2FrameType::Headers) {
    fail(H2Error::Protocol, "stream numbers go back");
  } else {
    fail(H2Error::StreamClosed, "a frame after the end of its stream");
  }
  return false;
}

void H2Codec::begin_section(std::int32_t id, bool first, bool ends) {
  if (!first)
    return section_.begin_trailers(limits_.body.trailer_bytes, limits_.body.trailer_count);
  section_.begin_request(ends, limits_.head);
  if (id == prioritized_) return;
  // Bodies of a client that says nothing of priority take turns. What it says comes later than this,
  // and stands.
  const nghttp2_extpri fair{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  nghttp2_session_change_extpri_stream_priority(session_, id, &fair, 0);
}

void H2Codec::on_section(std::int32_t id, bool first, bool ends) {
  if (!first) return end_trailers(id);
  on_request_section(id, ends);
}

void H2Codec::on_request_section(std::int32_t id, bool ends) {
  section_.end();
  base::Buffer lines = section_.take();
  if (streams() >= limits_.streams_max) return refuse(id, H2Error::RefusedStream);
  HeadResult result{.status = HeadStatus::Bad,
                    .cause = base::Cause::HeadTooLarge,
                    .why = "field section too large"};
  if (section_.fault() == H2Section::Fault::None) {
    result = parse_h2_request(lines.view(), limits_.head, fields_, head_);
  }
  const bool good = result.status == HeadStatus::Complete;
  if (!good && result.cause == base::Cause::BadRequest) return refuse(id, H2Error::Protocol);

  H2Stream& stream = open(id);
  nghttp2_session_set_stream_user_data(session_, id, &stream);
  stream.peer_ended_ = ends;
  stream.refused_ = !good;
  if (!good) return events_.on_refused(stream, result.cause, result.why);
  stream.tunnel_ = head_.extended_connect;
  events_.on_request(stream, lines, head_);
  if (ends) end_message(id, {});
}

void H2Codec::on_priority_update(std::int32_t id) {
  if (id > last_stream_) prioritized_ = id;
}

void H2Codec::tell_data(H2Stream& stream, std::string_view bytes) {
  events_.on_data(stream, bytes);
}

void H2Codec::tell_end(H2Stream& stream, std::string_view trailers) {
  events_.on_request_end(stream, trailers);
}

void H2Codec::tell_closed(H2Stream& stream, H2Error error) { events_.on_closed(stream, error); }

void H2Codec::tell_goaway(H2Error error) { events_.on_goaway(error); }

// ---- What is sent.

void H2Codec::inform(H2Stream& stream, std::string_view head) {
  ENSURE(stream.codec_hook.linked() && !stream.answered_,
         "an interim response after the final one");
  const H2FieldList list = response_fields(head, false);
  const int rv = nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr,
                                        list.data(), list.size(), nullptr);
  ENSURE(rv == 0, nghttp2_strerror(rv));
}

void H2Codec::respond(H2Stream& stream, std::string_view head, Body body) {
  ENSURE(stream.codec_hook.linked() && !stream.answered_, "a second response");
  stream.answered_ = true;
  const H2FieldList list = response_fields(head, stream.tunnel_);
  const nghttp2_data_provider source = body_provider();
  const int rv = nghttp2_submit_response(session_, stream.id_, list.data(), list.size(),
                                         body == Body::Follows ? &source : nullptr);
  ENSURE(rv == 0, nghttp2_strerror(rv));
}

H2Piece H2Codec::pull(H2Stream& stream, std::span<char> into) { return events_.pull(stream, into); }

// A complete response makes the rest of the request needless (RFC 9113 section 8.1).
void H2Codec::on_sent_end(std::int32_t id) {
  H2Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->sent_end_ = true;
  if (!stream->peer_ended_ && !stream->tunnel_) reset_rest(*stream);
}

void H2Codec::give_up_rest(H2Stream& stream) {
  if (!std::exchange(stream.tunnel_, false)) return;
  if (stream.sent_end_ && !stream.peer_ended_) reset_rest(stream);
}

void H2Codec::reset_rest(const H2Stream& stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_NO_ERROR);
}

void H2Codec::on_head_not_sent(std::int32_t id) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
}

// ---- The end.

void H2Codec::announce_end() {
  if (!failed() && !last_announced_) nghttp2_submit_shutdown_notice(session_);
}

void H2Codec::accept_no_more() {
  if (failed() || last_announced_) return;
  last_announced_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

}  // namespace engine::http
