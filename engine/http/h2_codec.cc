// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a connection: its start, each frame before the library sees it, its failure and end.
// What comes of the frames is in h2_receive.cc, what is sent in h2_send.cc.
#include "engine/http/h2_codec.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/http/h2_callbacks.h"

namespace engine::http {
namespace {

using Kind = H2Abuse::Kind;

// The same for all connections, made once.
const nghttp2_option* library_options() {
  static const nghttp2_option* const options = [] {
    nghttp2_option* made = nullptr;
    ENSURE(nghttp2_option_new(&made) == 0, "out of memory");
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_builtin_recv_extension_type(made, NGHTTP2_PRIORITY_UPDATE);
    // As large as heads of targets may get, with room for what we add.
    nghttp2_option_set_max_send_header_block_length(made, 512U * 1024U);
    // Our own budgets take these places: the library's read the clock, and count one frame that
    // comes in pieces as many.
    nghttp2_option_set_stream_reset_rate_limit(made, UINT64_MAX, 0);
    nghttp2_option_set_max_continuations(made, SIZE_MAX);
    return made;
  }();
  return options;
}

void submit_settings(nghttp2_session* session, const H2Limits& limits) {
  const nghttp2_settings_entry entries[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams_max},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head.head_bytes},
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits.table_bytes},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  const int settings =
      nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries, std::size(entries));
  const int window = nghttp2_session_set_local_window_size(
      session, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window_bytes));
  ENSURE(settings == 0 && window == 0, "limits of HTTP/2 are out of their ranges");
}

}  // namespace

H2Codec::H2Codec(H2Events& events, base::BlockPool& blocks, HeadStorage& fields, RequestHead& head,
                 const H2Limits& limits)
    : events_(events),
      fields_(fields),
      head_(head),
      limits_(limits),
      frames_(NGHTTP2_CLIENT_MAGIC_LEN),
      section_(blocks) {
  const int made =
      nghttp2_session_server_new2(&session_, library_callbacks(), this, library_options());
  ENSURE(made == 0, "out of memory");
  submit_settings(session_, limits_);
}

H2Codec::~H2Codec() {
  ENSURE(!inside_, "a codec ends inside one of its events");
  while (!streams_.empty()) delete &streams_.pop_front();
  nghttp2_session_del(session_);
}

void H2Codec::feed(std::string_view bytes, base::Time now) {
  ENSURE(!inside_, "feed() from inside an event");
  now_ = now;
  inside_ = true;
  // The library gets a frame only after it was judged by its head, and whole where it is there.
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size() && !failed_;) {
    const H2Frames::Step step = frames_.next(bytes.substr(at));
    if (step.head && !judge(frames_.head())) break;
    at += step.consumed;
    if (step.head && frames_.left() > 0 && at < bytes.size()) continue;
    receive(bytes.substr(begin, at - begin));
    begin = at;
  }
  inside_ = false;
  after_library();
}

void H2Codec::receive(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(session_, data, bytes.size());
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return fail(H2Error::Protocol, "no HTTP/2 preface");
  if (taken == NGHTTP2_ERR_FLOODED) return void(spend(Kind::Unread));
  if (taken < 0) return fail(H2Error::Internal, "the HTTP/2 library gives up");
  if (nghttp2_session_get_outbound_queue_size(session_) > limits_.frames_waiting_max) {
    spend(Kind::Unread);
  }
}

// Whether the library may see the frame.
bool H2Codec::judge(const H2FrameHead& frame) {
  switch (frame.type) {
    case H2FrameType::Data:
      if (frame.length == 0 && (frame.flags & H2FrameHead::kEndStream) == 0 &&
          !spend(Kind::EmptyFrame)) {
        return false;
      }
      return judge_closed(frame);
    case H2FrameType::Headers:
      continuations_ = 0;
      if (frame.length == 0 && !spend(Kind::EmptyFrame)) return false;
      return judge_closed(frame);
    case H2FrameType::Continuation:
      if (++continuations_ > limits_.continuations_max) return spend(Kind::HeaderBlock);
      return frame.length > 0 || spend(Kind::EmptyFrame);
    case H2FrameType::Priority:
      // The library ignores these frames, so this is ours to see.
      if (frame.stream == 0 || (frame.length == 5 && frame.parent == frame.stream)) {
        fail(H2Error::Protocol, "bad PRIORITY frame");
        return false;
      }
      return spend(Kind::Priority);
    case H2FrameType::PriorityUpdate: return spend(Kind::Priority);
    case H2FrameType::RstStream: return spend(Kind::PeerReset);
    case H2FrameType::Settings:
      return (frame.flags & H2FrameHead::kAck) != 0 || spend(Kind::Settings);
    case H2FrameType::Ping: return spend(Kind::Ping);
    case H2FrameType::WindowUpdate: return spend(Kind::WindowUpdate);
    default: return spend(Kind::OtherFrame);
  }
}

// DATA and HEADERS after the end of their stream. The library forgets a stream when it is closed,
// and then ignores them; right is that only for what was on the way when we reset the stream (RFC
// 9113 section 5.1).
bool H2Codec::judge_closed(const H2FrameHead& frame) {
  const auto id = static_cast<std::int32_t>(frame.stream);
  if (id > last_stream_ || id % 2 == 0) {
    if (frame.type == H2FrameType::Headers && id % 2 == 1) last_stream_ = id;
    return true;
  }
  if (nghttp2_session_find_stream(session_, id) != nullptr || last_announced_) return true;
  const auto closed = std::ranges::find(closed_, id, &Closed::id);
  if (closed != closed_.end() ? closed->by_us : id <= forgotten_reset_) return true;
  if (closed == closed_.end() && frame.type == H2FrameType::Headers) {
    fail(H2Error::Protocol, "stream numbers go back");
  } else {
    fail(H2Error::StreamClosed, "a frame after the end of its stream");
  }
  return false;
}

void H2Codec::note_closed(std::int32_t id, bool by_us) {
  if (closed_[(closed_next_ + kClosedMax - 1) % kClosedMax].id == id) return;
  Closed& oldest = closed_[closed_next_];
  if (oldest.by_us) forgotten_reset_ = std::max(forgotten_reset_, oldest.id);
  oldest = {id, by_us};
  closed_next_ = (closed_next_ + 1) % kClosedMax;
}

bool H2Codec::spend(Kind kind) {
  if (abuse_.spend(kind, now_)) return true;
  fail(H2Error::EnhanceYourCalm, H2Abuse::rule(kind).why);
  return false;
}

void H2Codec::fail(H2Error error, std::string_view why) {
  if (failed_) return;
  failed_ = true;
  error_ = error;
  why_ = why;
  nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(error));
}

// The streams of a failed connection end here, where the library is not in the middle of something.
void H2Codec::after_library() {
  if (!failed_) return;
  while (!streams_.empty()) {
    H2Stream& stream = streams_.front();
    nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
    forget(stream);
    events_.on_closed(stream, error_);
    delete &stream;
  }
}

// Takes it off the books; what it holds goes back to the window of the connection.
void H2Codec::forget(H2Stream& stream) {
  stream.codec_hook.unlink();
  --stream_count_;
  nghttp2_session_consume_connection(session_, stream.held_bytes_);
}

H2Stream* H2Codec::find(std::int32_t id) const {
  void* const data = nghttp2_session_get_stream_user_data(session_, id);
  return data == reset_mark() ? nullptr : static_cast<H2Stream*>(data);
}

void H2Codec::consumed(H2Stream& stream, std::size_t count) {
  ENSURE(count <= stream.held_bytes_, "more is given back than came");
  stream.held_bytes_ -= static_cast<std::uint32_t>(count);
  if (stream.request_ended_) {
    nghttp2_session_consume_connection(session_, count);
  } else {
    nghttp2_session_consume(session_, stream.id_, count);
  }
}

bool H2Codec::wants_to_send() const { return nghttp2_session_want_write(session_) != 0; }

void H2Codec::announce_end() {
  if (!failed_ && !last_announced_) nghttp2_submit_shutdown_notice(session_);
}

void H2Codec::accept_no_more() {
  if (failed_ || last_announced_) return;
  last_announced_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

bool H2Codec::finished() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

}  // namespace engine::http
