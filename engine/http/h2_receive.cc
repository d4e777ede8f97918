// SPDX-License-Identifier: GPL-3.0-or-later
// What comes of the frames that the library has accepted. An event may end the stream it is about,
// so that nothing touches a stream after telling of it.
#include <nghttp2/nghttp2.h>

#include "engine/base/check.h"
#include "engine/http/h2_codec.h"

namespace engine::http {
namespace {

// A section that decodes to more than so many times its limit is no mistake but an attack.
constexpr std::uint64_t kHugeSection = 4;

}  // namespace

void H2Codec::begin_section(std::int32_t id, bool request, bool ends) {
  if (!request)
    return section_.begin_trailers(limits_.body.trailer_bytes, limits_.body.trailer_count);
  section_.begin_request(ends, limits_.head);
  if (id == prioritized_) return;
  // Bodies of a client that says nothing of priority take turns. What it says comes later than this,
  // and stands.
  const nghttp2_extpri fair{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  nghttp2_session_change_extpri_stream_priority(session_, id, &fair, 0);
}

// False when the rest of the section does not matter any more.
bool H2Codec::on_field(std::int32_t id, std::string_view name, std::string_view value) {
  section_.add(name, value);
  if (section_.fault() == H2Section::Fault::Malformed) {
    reset_malformed(id);
    return false;
  }
  return section_.bytes() <= kHugeSection * limits_.head.head_bytes ||
         spend(H2Abuse::Kind::HeaderBlock);
}

void H2Codec::reset_malformed(std::int32_t id) {
  section_.drop();
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
}

void H2Codec::on_request_section(std::int32_t id, bool ends) {
  section_.end();
  base::Buffer lines = section_.take();
  HeadResult result{.status = HeadStatus::Bad,
                    .cause = base::Cause::HeadTooLarge,
                    .why = "field section too large"};
  if (section_.fault() == H2Section::Fault::None) {
    result = parse_h2_request(lines.view(), limits_.head, fields_, head_);
  }
  const bool good = result.status == HeadStatus::Complete;
  if (!good && result.cause == base::Cause::BadRequest) return reset_malformed(id);

  auto* const stream = new H2Stream(id);
  nghttp2_session_set_stream_user_data(session_, id, stream);
  streams_.push_back(*stream);
  ++stream_count_;
  stream->request_ended_ = ends;
  stream->refused_ = !good;
  if (!good) return events_.on_refused(*stream, result.cause, result.why);
  stream->tunnel_ = head_.extended_connect;
  events_.on_request(*stream, lines, head_);
  if (ends) end_request(id, {});
}

void H2Codec::on_trailer_section(std::int32_t id) {
  if (section_.fault() != H2Section::Fault::None) return reset_malformed(id);
  const base::Buffer lines = section_.take();
  end_request(id, lines.view());
}

void H2Codec::end_request(std::int32_t id, std::string_view trailers) {
  H2Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->request_ended_ = true;
  if (!stream->refused_) events_.on_request_end(*stream, trailers);
}

void H2Codec::on_content(std::int32_t id, std::string_view bytes) {
  H2Stream* const stream = find(id);
  if (stream == nullptr || stream->refused_) {
    nghttp2_session_consume(session_, id, bytes.size());
    return;
  }
  stream->held_bytes_ += static_cast<std::uint32_t>(bytes.size());
  events_.on_data(*stream, bytes);
}

void H2Codec::on_content_frame(std::int32_t id, bool only_padding, bool ends) {
  if (ends) return end_request(id, {});
  if (only_padding) spend(H2Abuse::Kind::EmptyFrame);
}

void H2Codec::on_stream_end(std::int32_t id, H2Error error) {
  note_closed(id, false);
  H2Stream* const stream = find(id);
  if (stream == nullptr) return;
  nghttp2_session_set_stream_user_data(session_, id, nullptr);
  forget(*stream);
  events_.on_closed(*stream, error);
  delete stream;
}

}  // namespace engine::http
