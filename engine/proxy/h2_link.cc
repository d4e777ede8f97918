// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/h2_link.h"

#include <cerrno>
#include <utility>

#include "engine/proxy/stream.h"
#include "engine/proxy/upstream.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// Past it, another connection is opened: one would become the bottleneck of its streams.
constexpr std::uint32_t kStreamsMax = 256;

http::H2Limits limits_of(const route::Limits& limits) {
  http::H2Limits own;
  own.head = limits.response_head;
  own.body = limits.body;
  own.streams_max = kStreamsMax;
  // Clients that do not read shut the windows of their own streams: never that of the others too.
  own.connection_window_bytes = kStreamsMax * own.stream_window_bytes;
  return own;
}

H2Lease& lease_of(http::H2Stream& stream) { return *static_cast<H2Lease*>(stream.owner); }

}  // namespace

// ---- H2Lease

H2Lease::H2Lease(Worker& worker, H2Link& link, Stream& stream, bool reused)
    : H2Channel(worker.blocks()), worker_(worker), link_(link), stream_(&stream), reused_(reused) {}

void H2Lease::on_response(const http::ResponseHead& head) {
  if (stream_ != nullptr) stream_->on_upstream_head(head);
}

void H2Lease::on_closed(bool unprocessed) {
  detach(ECONNRESET);
  if (stream_ == nullptr) return end_if_done();
  if (ended() && end_error() == 0) return;  // the response is complete
  unprocessed ? stream_->on_upstream_refused() : stream_->on_upstream_end(ECONNRESET);
}

// The request's last bytes may still wait for the target's window. A refused wish for another
// protocol has not ended, and nothing follows.
void H2Lease::release() {
  stream_ = nullptr;
  finish_writing();
  end_if_done();
}

void H2Lease::discard(bool reset) {
  if (!reset && finished() && ended()) return release();
  stream_ = nullptr;
  if (h2_stream() != nullptr) {
    link_.codec().reset(*h2_stream(), http::H2Error::Cancel);
    link_.mux().wake();
    detach(ECONNRESET);
  }
  end_if_done();
}

void H2Lease::end_if_done() {
  if (stream_ != nullptr || h2_stream() != nullptr) return;
  close();
  link_.forget(*this);
}

void H2Lease::send_head(std::string_view head, Head kind) {
  using Body = http::H2Client::Body;
  http::H2Stream& made =
      link_.codec().request(head, link_.scheme(), kind == Head::Whole ? Body::None : Body::Follows);
  made.owner = this;
  attach(made);
}

void H2Lease::give_window(std::size_t bytes) {
  link_.codec().consumed(*h2_stream(), bytes);
  link_.mux().wake();
}

void H2Lease::wake_writing() {
  link_.codec().resume(*h2_stream());
  link_.mux().wake();
}

void H2Lease::fall_behind() { link_.mux().fall_behind(*this); }

std::size_t H2Lease::take_bytes(std::string_view bytes) {
  return stream_ == nullptr ? bytes.size() : stream_->on_upstream_bytes(bytes);
}

void H2Lease::take_end(int error) {
  if (stream_ != nullptr) stream_->on_upstream_end(error);
}

void H2Lease::take_drained() {
  if (stream_ != nullptr) stream_->on_upstream_drained();
}

// ---- H2Link

H2Link::H2Link(Worker& worker, Upstream& upstream)
    : worker_(worker),
      upstream_(upstream),
      codec_(*this, worker.blocks(), worker.response_fields(), worker.response_head(),
             limits_of(worker.limits())),
      mux_(worker, upstream.connection(), codec_) {}

H2Link::~H2Link() { ENSURE(leases_.empty(), "a link ends before its leases"); }

H2Lease& H2Link::lease(Stream& stream) {
  H2Lease& lease = worker_.new_lease(*this, stream, std::exchange(served_, true));
  leases_.push_back(lease);
  return lease;
}

bool H2Link::may_lease(bool tunnel) const {
  return codec_.may_request() && (!tunnel || codec_.may_tunnel());
}

bool H2Link::over() const {
  return (codec_.failed() || codec_.finished()) && !codec_.wants_to_send() && !leased();
}

std::string_view H2Link::failure() const {
  if (codec_.failed()) return codec_.why();
  return codec_.greeted() ? "the target takes no streams of HTTP/2"
                          : "the target ended the connection without a word of HTTP/2";
}

std::string_view H2Link::scheme() const {
  return upstream_.connection().tls() != nullptr ? "https" : "http";
}

void H2Link::forget(H2Lease& lease) {
  lease.link_hook.unlink();
  lease.behind_hook.unlink();
  worker_.retire(lease);
  upstream_.on_lease_end();
}

void H2Link::end_all() {
  leases_.for_each([](H2Lease& lease) { lease.on_closed(false); });
}

void H2Link::on_bytes(std::string_view bytes) {
  codec_.feed(bytes, worker_.now());
  mux_.wake();
}

void H2Link::on_tick_end() { mux_.on_tick_end(); }

void H2Link::on_response(http::H2Stream& stream, const http::ResponseHead& head) {
  lease_of(stream).on_response(head);
}

void H2Link::on_data(http::H2Stream& stream, std::string_view bytes) {
  lease_of(stream).on_data(bytes);
}

void H2Link::on_response_end(http::H2Stream& stream, std::string_view trailers) {
  lease_of(stream).on_message_end(trailers);
}

void H2Link::on_closed(http::H2Stream& stream, http::H2Error, bool unprocessed) {
  lease_of(stream).on_closed(unprocessed);
}

void H2Link::on_goaway() { upstream_.on_goaway(); }

http::H2Piece H2Link::pull(http::H2Stream& stream, std::span<char> into) {
  return lease_of(stream).pull(into);
}

}  // namespace engine::proxy
