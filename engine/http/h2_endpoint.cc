// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a connection: its start, each frame before the library sees it, bytes out, its failure
// and end. What comes of the frames is in h2_exchange.cc.
#include "engine/http/h2_endpoint.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/http/h2_callbacks.h"

namespace engine::http {
namespace {

using Kind = H2Abuse::Kind;

// The library would end the connection for one stream too many, and with it the others: it knows of
// no limit, and the client hears of the true one.
constexpr std::uint32_t kLimitIsOurs = 1U << 30U;

// The same for all connections, made once.
const nghttp2_option* library_options() {
  static const nghttp2_option* const options = [] {
    nghttp2_option* made = nullptr;
    ENSURE(nghttp2_option_new(&made) == 0, "out of memory");
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_builtin_recv_extension_type(made, NGHTTP2_PRIORITY_UPDATE);
    // As large as heads of peers may get, with room for what we add.
    nghttp2_option_set_max_send_header_block_length(made, 512U * 1024U);
    // Our own budgets take these places: the library's read the clock, and count one frame that
    // comes in pieces as many.
    nghttp2_option_set_stream_reset_rate_limit(made, UINT64_MAX, 0);
    nghttp2_option_set_max_continuations(made, SIZE_MAX);
    return made;
  }();
  return options;
}

void submit_settings(nghttp2_session* session, std::span<const nghttp2_settings_entry> of_role,
                     const H2Limits& limits) {
  std::vector<nghttp2_settings_entry> entries = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head.head_bytes},
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits.table_bytes},
  };
  entries.insert(entries.end(), of_role.begin(), of_role.end());
  const int settings =
      nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  const int window = nghttp2_session_set_local_window_size(
      session, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window_bytes));
  ENSURE(settings == 0 && window == 0, "limits of HTTP/2 are out of their ranges");
}

// Writes the true limit of streams over the one in our SETTINGS, the first frame that is sent.
void announce_limit(std::span<char> settings, std::uint32_t limit) {
  constexpr std::size_t kEntryBytes = 6;
  for (auto rest = settings.subspan(H2FrameHead::kBytes); rest.size() >= kEntryBytes;
       rest = rest.subspan(kEntryBytes)) {
    if (rest[0] != 0 || rest[1] != NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS) continue;
    for (std::size_t i = 0; i < 4; ++i) rest[2 + i] = static_cast<char>(limit >> (24 - 8 * i));
    return;
  }
  ENSURE(false, "the first frame is not our SETTINGS");
}

}  // namespace

H2Endpoint::H2Endpoint(Role role, base::BlockPool& blocks, const H2Limits& limits)
    : limits_(limits),
      section_(blocks),
      role_(role),
      frames_(role == Role::Server ? NGHTTP2_CLIENT_MAGIC_LEN : 0) {
  const nghttp2_settings_entry of_server[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kLimitIsOurs},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  const nghttp2_settings_entry of_client[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  const bool server = role == Role::Server;
  const auto make = server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
  ENSURE(make(&session_, library_callbacks(), this, library_options()) == 0, "out of memory");
  using Entries = std::span<const nghttp2_settings_entry>;
  submit_settings(session_, server ? Entries(of_server) : Entries(of_client), limits_);
}

H2Endpoint::~H2Endpoint() {
  ENSURE(!inside_, "a codec ends inside one of its events");
  while (!streams_.empty()) delete &streams_.pop_front();
  nghttp2_session_del(session_);
}

// ---- Bytes in.

void H2Endpoint::feed(std::string_view bytes, base::Time now) {
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

void H2Endpoint::receive(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const ssize_t taken = nghttp2_session_mem_recv(session_, data, bytes.size());
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return fail(H2Error::Protocol, "no HTTP/2 preface");
  if (taken == NGHTTP2_ERR_FLOODED) return void(spend(Kind::Unread));
  if (taken < 0) return fail(H2Error::Internal, "the HTTP/2 library gives up");
  if (nghttp2_session_get_outbound_queue_size(session_) > limits_.frames_waiting_max) {
    spend(Kind::Unread);
  }
}

bool H2Endpoint::judge(const H2FrameHead& frame) {
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

bool H2Endpoint::spend(Kind kind) {
  if (abuse_.spend(kind, now_)) return true;
  if (!failed_) flood_ = kind;
  fail(H2Error::EnhanceYourCalm, H2Abuse::rule(kind).why);
  return false;
}

// ---- Bytes out.

bool H2Endpoint::wants_to_send() const { return nghttp2_session_want_write(session_) != 0; }

void H2Endpoint::produce(base::Buffer& out, std::size_t limit, base::Time now) {
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
    const std::span<char> room = out.room(static_cast<std::size_t>(size));
    std::memcpy(room.data(), data, static_cast<std::size_t>(size));
    if (!std::exchange(introduced_, true) && role_ == Role::Server)
      announce_limit(room.first(static_cast<std::size_t>(size)), limits_.streams_max);
    out.commit(static_cast<std::size_t>(size));
  }
  if (out.empty()) out.clear();  // a body was offered room and had nothing
  inside_ = false;
  out_ = nullptr;
  after_library();
}

// ---- The books.

H2Stream& H2Endpoint::open(std::int32_t id) {
  auto* const stream = new H2Stream(id);
  streams_.push_back(*stream);
  ++stream_count_;
  return *stream;
}

H2Stream* H2Endpoint::find(std::int32_t id) const {
  void* const data = nghttp2_session_get_stream_user_data(session_, id);
  return data == reset_mark() ? nullptr : static_cast<H2Stream*>(data);
}

void H2Endpoint::reset(H2Stream& stream, H2Error error) {
  ENSURE(stream.codec_hook.linked() && !pulling_, "a stream is reset that has ended, or in pull()");
  nghttp2_session_set_stream_user_data(session_, stream.id_, reset_mark());
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_,
                            static_cast<std::uint32_t>(error));
  forget(stream);
  delete &stream;
}

void H2Endpoint::close(H2Stream& stream, H2Error error) {
  nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
  forget(stream);
  tell_closed(stream, error);
  delete &stream;
}

// Takes it off the books; what it holds goes back to the window of the connection.
void H2Endpoint::forget(H2Stream& stream) {
  stream.codec_hook.unlink();
  --stream_count_;
  nghttp2_session_consume_connection(session_, stream.held_bytes_);
}

// The library forgets a stream when it is closed, and then ignores DATA and HEADERS for it; right is
// that only for what was on the way when we reset the stream (RFC 9113 section 5.1).
void H2Endpoint::note_closed(std::int32_t id, bool by_us) {
  if (closed_[(closed_next_ + kClosedMax - 1) % kClosedMax].id == id) return;
  Closed& oldest = closed_[closed_next_];
  if (oldest.by_us) forgotten_reset_ = std::max(forgotten_reset_, oldest.id);
  oldest = {id, by_us};
  closed_next_ = (closed_next_ + 1) % kClosedMax;
}

H2Endpoint::End H2Endpoint::end_of(std::int32_t id) const {
  const auto closed = std::ranges::find(closed_, id, &Closed::id);
  if (closed != closed_.end()) return closed->by_us ? End::ByUs : End::ByPeer;
  return id <= forgotten_reset_ ? End::ByUs : End::Unknown;
}

// ---- The end.

void H2Endpoint::fail(H2Error error, std::string_view why) {
  if (failed_) return;
  failed_ = true;
  error_ = error;
  why_ = why;
  nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(error));
}

// The streams of a failed connection end here, where the library is not in the middle of something.
void H2Endpoint::after_library() {
  if (!failed_) return;
  while (!streams_.empty()) close(streams_.front(), error_);
}

bool H2Endpoint::inside_head() const {
  const H2FrameHead& frame = frames_.head();
  if (frame.type != H2FrameType::Headers && frame.type != H2FrameType::Continuation) return false;
  return frames_.left() > 0 || (frame.flags & H2FrameHead::kEndHeaders) == 0;
}

bool H2Endpoint::finished() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

}  // namespace engine::http
