// SPDX-License-Identifier: GPL-3.0-or-later
// What is sent: heads out of their HTTP/1.1 text, bodies at the moment at which they fit.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <vector>

#include "engine/base/check.h"
#include "engine/http/h1_lines.h"
#include "engine/http/h2_callbacks.h"
#include "engine/http/h2_codec.h"

namespace engine::http {
namespace {

// A little less than the largest frame, so that it and a head fit into one 16 KiB block.
constexpr std::size_t kPieceBytesMax = 16'000;

// A piece cut by the client's window to less than this costs more than it brings.
constexpr std::size_t kSmallWindowBytes = 1024;

using FieldList = std::vector<nghttp2_nv>;

nghttp2_nv pair(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// RFC 9113 section 8.2.2.
bool is_of_connection(FieldName name) {
  switch (name) {
    case FieldName::Connection:
    case FieldName::KeepAlive:
    case FieldName::ProxyConnection:
    case FieldName::Te:
    case FieldName::TransferEncoding:
    case FieldName::Upgrade: return true;
    default: return false;
  }
}

// Field lines up to their end or the empty line. The library makes the names small.
void add_lines(std::string_view lines, FieldList& list) {
  LineReader in{.at = lines.data(), .end = lines.data() + lines.size()};
  while (in.at != in.end && *in.at != '\r') {
    Field field;
    ENSURE(in.field(field) == Reading::Good, "a line that is sent is no field line");
    if (!is_of_connection(field.known)) list.push_back(pair(field.name, field.value));
  }
}

// "HTTP/1.1 200 OK" and field lines.
FieldList head_fields(std::string_view head, bool tunnel) {
  constexpr std::size_t kStatusAt = 9;
  const std::size_t line = head.find("\r\n");
  ENSURE(head.starts_with("HTTP/1.1 ") && line != std::string_view::npos && line >= kStatusAt + 3,
         "a head that is sent has no status line");
  const std::string_view status = head.substr(kStatusAt, 3);
  FieldList list;
  list.reserve(24);
  list.push_back(pair(":status", tunnel && status == "101" ? "200" : status));
  add_lines(head.substr(line + 2), list);
  return list;
}

}  // namespace

void H2Codec::inform(H2Stream& stream, std::string_view head) {
  ENSURE(stream.codec_hook.linked() && !stream.answered_,
         "an interim response after the final one");
  const FieldList list = head_fields(head, false);
  const int rv = nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr,
                                        list.data(), list.size(), nullptr);
  ENSURE(rv == 0, nghttp2_strerror(rv));
}

void H2Codec::respond(H2Stream& stream, std::string_view head, Body body) {
  ENSURE(stream.codec_hook.linked() && !stream.answered_, "a second response");
  stream.answered_ = true;
  const FieldList list = head_fields(head, stream.tunnel_);
  const nghttp2_data_provider source = body_provider();
  const int rv = nghttp2_submit_response(session_, stream.id_, list.data(), list.size(),
                                         body == Body::Follows ? &source : nullptr);
  ENSURE(rv == 0, nghttp2_strerror(rv));
}

void H2Codec::resume(H2Stream& stream) {
  if (!stream.body_waits_) return;
  stream.body_waits_ = false;
  nghttp2_session_resume_data(session_, stream.id_);
}

void H2Codec::reset(H2Stream& stream, H2Error error) {
  ENSURE(stream.codec_hook.linked() && !pulling_, "a stream is reset that has ended, or in pull()");
  nghttp2_session_set_stream_user_data(session_, stream.id_, reset_mark());
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_,
                            static_cast<std::uint32_t>(error));
  forget(stream);
  delete &stream;
}

void H2Codec::produce(base::Buffer& out, std::size_t limit, base::Time now) {
  ENSURE(!inside_, "produce() from inside an event");
  now_ = now;
  out_ = &out;
  out_limit_ = limit;
  inside_ = true;
  while (out.size() < limit) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    ENSURE(size >= 0, nghttp2_strerror(static_cast<int>(size)));
    if (size == 0) break;
    out.append({reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)});
  }
  if (out.empty()) out.clear();  // a body was offered room and had nothing
  inside_ = false;
  out_ = nullptr;
  after_library();
}

// Straight into the output, behind the place of the frame's head.
H2Piece H2Codec::pull_body(H2Stream& stream, std::size_t bytes_max) {
  const std::size_t wanted = std::min(bytes_max, kPieceBytesMax);
  const std::span<char> room = out_->room(H2FrameHead::kBytes + wanted);
  frame_at_ = room.data();
  pulling_ = true;
  const H2Piece piece = events_.pull(stream, room.subspan(H2FrameHead::kBytes, wanted));
  pulling_ = false;
  ENSURE(piece.size <= wanted, "a body gives more than was asked for");
  stream.body_waits_ = piece.size == 0 && !piece.end;
  if (piece.end && !piece.trailers.empty()) {
    FieldList list;
    add_lines(piece.trailers, list);
    nghttp2_submit_trailer(session_, stream.id_, list.data(), list.size());
  }
  note_piece(piece.size, bytes_max, piece.end);
  return piece;
}

// Our DATA is what WINDOW_UPDATE and PING frames answer, unless the client wants it in crumbs.
void H2Codec::note_piece(std::size_t size, std::size_t bytes_max, bool end) {
  using Kind = H2Abuse::Kind;
  if (size == 0) return;
  if (size == bytes_max && size < kSmallWindowBytes && !end) {
    spend(Kind::SmallWindow);
    return;
  }
  abuse_.earn(Kind::WindowUpdate, 2 + static_cast<std::uint32_t>(size / 1024), now_);
  abuse_.earn(Kind::Ping, 1, now_);
}

void H2Codec::write_data(std::string_view frame_head, std::size_t size) {
  std::ranges::copy(frame_head, frame_at_);
  out_->commit(frame_head.size() + size);
}

// A complete response makes the rest of the request needless (RFC 9113 section 8.1).
void H2Codec::on_sent_end(std::int32_t id) {
  const H2Stream* const stream = find(id);
  if (stream == nullptr || stream->request_ended_ || stream->tunnel_) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
}

void H2Codec::on_sent_reset(std::int32_t id, H2Error error) {
  const bool asked_for = nghttp2_session_get_stream_user_data(session_, id) == reset_mark();
  note_closed(id, true);
  if (error != H2Error::None && !asked_for) spend(H2Abuse::Kind::ProvokedReset);
}

// The library ends the connection by itself when frames break the protocol.
void H2Codec::on_sent_goaway(H2Error error) {
  if (error == H2Error::None || failed_) return;
  failed_ = true;
  error_ = error;
  why_ = "the client broke HTTP/2";
}

void H2Codec::on_head_not_sent(std::int32_t id) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
}

}  // namespace engine::http
