// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/h2_end.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace sim {
namespace {

constexpr std::size_t kOutBytesMost = 16'384;

// They point into `fields`.
std::vector<nghttp2_nv> list_of(const Fields& fields) {
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields)
    list.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  return list;
}

}  // namespace

struct H2End::Callbacks {
  static H2End& end(void* user) { return *static_cast<H2End*>(user); }

  static int on_begin(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2End& self = end(user);
    self.section_.clear();
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) self.open(frame->hd.stream_id);
    return 0;
  }

  static int on_field(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* user) {
    end(user).section_.emplace_back(std::string(name, name + name_size),
                                    std::string(value, value + value_size));
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2End& self = end(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self.told_to_go_ = true;
      self.error_ = frame->goaway.error_code;
    }
    if (frame->hd.type == NGHTTP2_HEADERS) self.on_head(frame->hd.stream_id);
    const bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    H2Stream* const stream = self.find(frame->hd.stream_id);
    if (message && stream != nullptr && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      stream->complete = true;
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    end(user).on_content(id, {reinterpret_cast<const char*>(data), size});
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    H2Stream* const stream = end(user).find(id);
    if (stream == nullptr) return 0;
    stream->closed = true;
    stream->error = error;
    return 0;
  }

  static int on_invalid(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    end(user).fault_ = std::string("a bad frame of type ") + std::to_string(frame->hd.type) + ", " +
                       nghttp2_strerror(error);
    return 0;
  }

  // A request that still waited for its turn when GOAWAY came.
  static int on_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    return on_close(session, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM, user);
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source*, void* user) {
    H2End& self = end(user);
    H2Stream& stream = *self.find(id);
    Random& random = self.kernel_.random();
    const std::size_t whole = std::min(stream.out.size(), stream.sent_most);
    std::size_t count = std::min(size, whole - stream.sent);
    if (self.habits_.crumbles && count > 1 && random.chance(300)) count = random.between(1, count);
    std::copy_n(stream.out.data() + stream.sent, count, into);
    stream.sent += count;
    if (stream.ends && stream.sent == stream.out.size()) {
      *flags = NGHTTP2_DATA_FLAG_EOF;
      stream.end_sent = true;
      return static_cast<ssize_t>(count);
    }
    if (count == 0) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(count);
  }

  static const nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(made, on_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(made, on_not_sent);
    return made;
  }
};

H2End::H2End(Kernel& kernel, Peer peer, Role role, const H2Habits& habits)
    : kernel_(kernel), peer_(std::move(peer)), role_(role), habits_(habits) {
  static const nghttp2_session_callbacks* const callbacks = Callbacks::make();
  static nghttp2_option* const options = [] {
    nghttp2_option* made = nullptr;
    nghttp2_option_new(&made);
    nghttp2_option_set_no_auto_window_update(made, 1);
    return made;
  }();
  const auto make =
      role == Role::Client ? nghttp2_session_client_new2 : nghttp2_session_server_new2;
  make(&session_, callbacks, this, options);
  introduce();
  kernel.add(*this);
}

H2End::~H2End() {
  kernel_.remove(*this);
  nghttp2_session_del(session_);
}

void H2End::introduce() {
  std::vector<nghttp2_settings_entry> entries = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, habits_.stream_window}};
  if (role_ == Role::Client) {
    entries.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  } else {
    entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, habits_.streams_max});
    entries.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, habits_.takes_tunnels ? 1U : 0U});
  }
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(habits_.connection_window));
}

// ---- The wire.

bool H2End::turn() {
  if (over_ || kernel_.now() < stalled_until_) return false;
  if (windows_held_until_ != 0 && kernel_.now() >= windows_held_until_) open_windows();
  const bool something = peer_.readable() > 0 || peer_.is_over() || !out_.empty();
  if (something && kernel_.random().chance(habits_.lazy)) return true;
  const bool received = receive();
  const bool sent = send();
  over_ = over_ || (peer_.is_over() && peer_.readable() == 0);
  return received || sent || over_;
}

base::Time H2End::wakes() const {
  base::Time wake = base::kNever;
  for (const base::Time each : {windows_held_until_, stalled_until_}) {
    if (!over_ && each > kernel_.now()) wake = std::min(wake, each);
  }
  return wake;
}

bool H2End::receive() {
  Random& random = kernel_.random();
  std::size_t most = habits_.crumbles && random.chance(300) ? random.between(1, 100) : 1'000'000;
  most = std::min(most, habits_.reads_most - bytes_read_);
  const std::string bytes = peer_.read(most);
  bytes_read_ += bytes.size();
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) fault_ = nghttp2_strerror(static_cast<int>(taken));
  return !bytes.empty();
}

bool H2End::send() {
  Random& random = kernel_.random();
  const std::uint8_t* data = nullptr;
  while (out_.size() < kOutBytesMost) {
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) break;
    out_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  std::size_t most = habits_.crumbles && random.chance(300) ? random.between(1, 100) : 1'000'000;
  most = std::min(most, habits_.writes_most - bytes_written_);
  const std::size_t count = peer_.write(std::string_view(out_).substr(0, most));
  out_.erase(0, count);
  bytes_written_ += count;
  return count > 0;
}

// ---- What comes.

H2Stream& H2End::open(std::int32_t id) {
  streams_.push_back(std::make_unique<H2Stream>());
  streams_.back()->id = id;
  return *streams_.back();
}

H2Stream* H2End::find(std::int32_t id) const {
  const auto at = std::ranges::find(streams_, id, [](const auto& each) { return each->id; });
  return at == streams_.end() ? nullptr : at->get();
}

// Trailers are not looked at.
void H2End::on_head(std::int32_t id) {
  H2Stream* const stream = find(id);
  if (stream == nullptr || stream->has_head) return;
  Message& message = stream->message;
  message.fields = std::move(section_);
  section_.clear();
  message.start_line = role_ == Role::Client
                           ? "HTTP/2.0 " + message.field(":status")
                           : message.field(":method") + " " + message.field(":path") + " HTTP/2.0";
  const bool interim = role_ == Role::Client && message.status() < 200;
  stream->has_head = !interim;
  if (interim) ++stream->interims;
}

void H2End::on_content(std::int32_t id, std::string_view bytes) {
  H2Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->message.body += bytes;
  if (windows_held_until_ != 0) {
    stream->held_bytes += bytes.size();
  } else {
    nghttp2_session_consume(session_, id, bytes.size());
  }
}

// ---- What goes out.

bool H2End::may_request() const {
  return !over_ && !told_to_go_ && nghttp2_session_check_request_allowed(session_) != 0;
}

H2Stream& H2End::request(const Fields& fields, Content content) {
  const std::vector<nghttp2_nv> list = list_of(fields);
  const nghttp2_data_provider body{.source = {.ptr = nullptr},
                                   .read_callback = Callbacks::read_body};
  const bool follows = content == Content::Follows;
  H2Stream& stream = open(nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                                 follows ? &body : nullptr, nullptr));
  stream.ends = stream.end_sent = !follows;
  return stream;
}

void H2End::inform(H2Stream& stream, const Fields& fields) {
  const std::vector<nghttp2_nv> list = list_of(fields);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, list.data(), list.size(),
                         nullptr);
}

void H2End::respond(H2Stream& stream, const Fields& fields, Content content) {
  const std::vector<nghttp2_nv> list = list_of(fields);
  const nghttp2_data_provider body{.source = {.ptr = nullptr},
                                   .read_callback = Callbacks::read_body};
  const bool follows = content == Content::Follows;
  nghttp2_submit_response(session_, stream.id, list.data(), list.size(), follows ? &body : nullptr);
  stream.ends = stream.end_sent = !follows;
}

void H2End::write(H2Stream& stream, std::string_view bytes) {
  stream.out += bytes;
  nghttp2_session_resume_data(session_, stream.id);
}

void H2End::finish(H2Stream& stream) {
  stream.ends = true;
  nghttp2_session_resume_data(session_, stream.id);
}

void H2End::reset(H2Stream& stream, std::uint32_t error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, error);
}

void H2End::hold_windows(base::Time until) {
  windows_held_until_ = until;
  if (until == 0) open_windows();
}

void H2End::open_windows() {
  windows_held_until_ = 0;
  for (const auto& stream : streams_)
    nghttp2_session_consume(session_, stream->id, std::exchange(stream->held_bytes, 0));
}

void H2End::announce_end() { nghttp2_submit_shutdown_notice(session_); }

void H2End::go_away(std::int32_t last_stream) {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last_stream, NGHTTP2_NO_ERROR, nullptr, 0);
}

void H2End::say_goodbye() { nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR); }

void H2End::leave() {
  peer_.close();
  over_ = true;
}

void H2End::break_off(Break how) {
  end_suddenly(peer_, how);
  over_ = true;
}

}  // namespace sim
