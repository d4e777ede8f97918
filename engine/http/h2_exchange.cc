// SPDX-License-Identifier: GPL-3.0-or-later
// What both roles make of the frames that the library has accepted, and bodies at the moment at which
// they fit. An event may end the stream it is about, so that nothing touches a stream after telling
// of it.
#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/http/h2_callbacks.h"
#include "engine/http/h2_endpoint.h"
#include "engine/http/h2_fields.h"

namespace engine::http {
namespace {

// A section that decodes to more than so many times its limit is no mistake but an attack.
constexpr std::uint64_t kHugeSection = 4;

// A little less than the largest frame, so that it and a head fit into one 16 KiB block.
constexpr std::size_t kPieceBytesMax = 16'000;

// A piece cut by the peer's window to less than this costs more than it brings.
constexpr std::size_t kSmallWindowBytes = 1024;

}  // namespace

// ---- What comes.

// False when the rest of the section does not matter any more.
bool H2Endpoint::on_field(std::int32_t id, std::string_view name, std::string_view value) {
  section_.add(name, value);
  if (section_.fault() == H2Section::Fault::Malformed) {
    refuse(id, H2Error::Protocol);
    return false;
  }
  return section_.bytes() <= kHugeSection * limits_.head.head_bytes ||
         spend(H2Abuse::Kind::HeaderBlock);
}

void H2Endpoint::refuse(std::int32_t id, H2Error error) {
  section_.drop();
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(error));
}

void H2Endpoint::end_trailers(std::int32_t id) {
  if (section_.fault() != H2Section::Fault::None) return refuse(id, H2Error::Protocol);
  const base::Buffer lines = section_.take();
  end_message(id, lines.view());
}

void H2Endpoint::end_message(std::int32_t id, std::string_view trailers) {
  H2Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->peer_ended_ = true;
  if (!stream->refused_) tell_end(*stream, trailers);
}

void H2Endpoint::on_content(std::int32_t id, std::string_view bytes) {
  H2Stream* const stream = find(id);
  if (stream == nullptr || stream->refused_) {
    nghttp2_session_consume(session_, id, bytes.size());
    return;
  }
  stream->held_bytes_ += static_cast<std::uint32_t>(bytes.size());
  tell_data(*stream, bytes);
}

void H2Endpoint::on_content_frame(std::int32_t id, bool only_padding, bool ends) {
  if (ends) return end_message(id, {});
  if (only_padding) spend(H2Abuse::Kind::EmptyFrame);
}

void H2Endpoint::consumed(H2Stream& stream, std::size_t count) {
  ENSURE(count <= stream.held_bytes_, "more is given back than came");
  stream.held_bytes_ -= static_cast<std::uint32_t>(count);
  if (stream.peer_ended_) {
    nghttp2_session_consume_connection(session_, count);
  } else {
    nghttp2_session_consume(session_, stream.id_, count);
  }
}

void H2Endpoint::on_stream_end(std::int32_t id, H2Error error) {
  note_closed(id, false);
  if (H2Stream* const stream = find(id); stream != nullptr) close(*stream, error);
}

// ---- What is sent.

void H2Endpoint::resume(H2Stream& stream) {
  if (!stream.body_waits_) return;
  stream.body_waits_ = false;
  nghttp2_session_resume_data(session_, stream.id_);
}

// Straight into the output, behind the place of the frame's head.
H2Piece H2Endpoint::pull_body(H2Stream& stream, std::size_t bytes_max) {
  const std::size_t wanted = std::min(bytes_max, kPieceBytesMax);
  const std::span<char> room = out_->room(H2FrameHead::kBytes + wanted);
  frame_at_ = room.data();
  pulling_ = true;
  const H2Piece piece = pull(stream, room.subspan(H2FrameHead::kBytes, wanted));
  pulling_ = false;
  ENSURE(piece.size <= wanted, "a body gives more than was asked for");
  stream.body_waits_ = piece.size == 0 && !piece.end;
  if (piece.end && !piece.trailers.empty()) {
    const H2FieldList list = trailer_fields(piece.trailers);
    nghttp2_submit_trailer(session_, stream.id_, list.data(), list.size());
  }
  note_piece(piece.size, bytes_max, piece.end);
  return piece;
}

// Our DATA is what WINDOW_UPDATE and PING frames answer, unless the peer wants it in crumbs.
void H2Endpoint::note_piece(std::size_t size, std::size_t bytes_max, bool end) {
  using Kind = H2Abuse::Kind;
  if (size == 0) return;
  if (size == bytes_max && size < kSmallWindowBytes && !end) {
    spend(Kind::SmallWindow);
    return;
  }
  earn(Kind::WindowUpdate, 2 + static_cast<std::uint32_t>(size / 1024));
  earn(Kind::Ping, 1);
}

void H2Endpoint::write_data(std::string_view frame_head, std::size_t size) {
  std::ranges::copy(frame_head, frame_at_);
  out_->commit(frame_head.size() + size);
}

void H2Endpoint::on_sent_reset(std::int32_t id, H2Error error) {
  const bool asked_for = nghttp2_session_get_stream_user_data(session_, id) == reset_mark();
  note_closed(id, true);
  if (error != H2Error::None && !asked_for) spend(H2Abuse::Kind::ProvokedReset);
}

// The library ends the connection by itself when frames break the protocol.
void H2Endpoint::on_sent_goaway(H2Error error) {
  if (error == H2Error::None || failed_) return;
  failed_ = true;
  error_ = error;
  why_ = role_ == Role::Server ? "the client broke HTTP/2" : "the target broke HTTP/2";
}

}  // namespace engine::http
