// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/h2_session.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/http/names.h"
#include "engine/http/target.h"
#include "engine/proxy/reply.h"
#include "engine/proxy/session.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

http::H2Limits limits_of(const route::Limits& limits) {
  http::H2Limits own;
  own.head = limits.request_head;
  own.body = limits.body;
  own.streams_max = limits.h2_streams_max;
  return own;
}

H2Exchange& exchange_of(http::H2Stream& stream) { return *static_cast<H2Exchange*>(stream.owner); }

}  // namespace

// ---- H2Exchange

H2Exchange::H2Exchange(Worker& worker, H2Session& session, http::H2Stream& stream)
    : H2Channel(worker.blocks()), worker_(worker), session_(session) {
  attach(stream);
  stream.owner = this;
}

void H2Exchange::start(base::Buffer lines, const http::RequestHead& head) {
  stream_ = &worker_.new_stream(*this, std::move(lines));
  stream_->start(head);
}

void H2Exchange::refuse(base::Cause cause, std::string_view why) {
  const std::uint16_t status = base::describe(cause).status;
  worker_.log_refusal(info(), status, cause, why);
  const std::uint64_t content =
      write_reply(out(), {.status = status, .cause = cause, .details = why}, worker_);
  head_written(out().size() - content, Head::ContentFollows);
  finish_writing();
}

const ClientInfo& H2Exchange::info() const { return session_.info(); }

bool H2Exchange::covers(std::string_view authority) const { return session_.covers(authority); }

void H2Exchange::on_stream_done(bool, bool) {
  stream_ = nullptr;
  finish_writing();
  if (h2_stream() != nullptr) {
    session_.codec().give_up_rest(*h2_stream());
    session_.mux().wake();
  }
  end_if_done();
  if (sent()) return;
  pulled_at_ = worker_.now();
  worker_.timers().set(timer_, pulled_at_ + worker_.limits().body_timeout);
}

void H2Exchange::on_stream_broken(bool) {
  stream_ = nullptr;
  if (h2_stream() != nullptr) {
    session_.codec().reset(*h2_stream(), http::H2Error::Internal);
    session_.mux().wake();
    detach(ECONNRESET);
  }
  end_if_done();
}

void H2Exchange::on_closed() {
  detach(ECONNRESET);
  if (stream_ != nullptr) return stream_->on_client_end(ECONNRESET);
  end_if_done();
}

void H2Exchange::abort(base::Cause cause) {
  if (stream_ != nullptr) return stream_->abort(cause);
  on_stream_broken(true);
}

void H2Exchange::describe(route::ConnectionView& view) const {
  if (stream_ != nullptr) return stream_->describe(view);
  view.idle = std::min(view.idle, worker_.now() - pulled_at_);
}

void H2Exchange::end_if_done() {
  if (stream_ != nullptr || h2_stream() != nullptr) return;
  close();
  worker_.timers().clear(timer_);
  session_.forget(*this);
}

// The client does not open its window for a response that is long complete.
void H2Exchange::on_deadline() {
  const base::Time deadline = pulled_at_ + worker_.limits().body_timeout;
  if (deadline > worker_.now()) return worker_.timers().set(timer_, deadline);
  abort(base::Cause::ClientTooSlow);
}

void H2Exchange::send_head(std::string_view head, Head kind) {
  using Body = http::H2Codec::Body;
  if (kind == Head::Interim) return session_.codec().inform(*h2_stream(), head);
  session_.codec().respond(*h2_stream(), head, kind == Head::Whole ? Body::None : Body::Follows);
}

void H2Exchange::give_window(std::size_t bytes) {
  session_.codec().consumed(*h2_stream(), bytes);
  session_.mux().wake();
}

void H2Exchange::wake_writing() {
  session_.codec().resume(*h2_stream());
  session_.mux().wake();
}

void H2Exchange::fall_behind() { session_.mux().fall_behind(*this); }

std::size_t H2Exchange::take_bytes(std::string_view bytes) {
  return stream_ == nullptr ? bytes.size() : stream_->on_client_bytes(bytes);
}

void H2Exchange::take_end(int error) {
  if (stream_ != nullptr) stream_->on_client_end(error);
}

void H2Exchange::take_drained() {
  if (stream_ != nullptr) stream_->on_client_drained();
}

// ---- H2Session

H2Session::H2Session(Worker& worker, Session& session)
    : worker_(worker),
      session_(session),
      codec_(*this, worker.blocks(), worker.request_fields(), worker.request_head(),
             limits_of(worker.limits())),
      mux_(worker, session.connection(), codec_) {
  ++worker_.counters().h2_sessions;
  session_.set_deadline(session.opened_at() + worker_.limits().head_timeout);
}

H2Session::~H2Session() { ENSURE(exchanges_.empty(), "a session ends before its exchanges"); }

Connection& H2Session::connection() { return session_.connection(); }

const ClientInfo& H2Session::info() const { return session_.client(); }

void H2Session::forget(H2Exchange& exchange) {
  exchange.session_hook.unlink();
  exchange.behind_hook.unlink();
  worker_.retire(exchange);
}

std::size_t H2Session::on_bytes(std::string_view bytes) {
  worker_.own_request_head(nullptr);
  codec_.feed(bytes, worker_.now());
  connection().want_bytes();
  mux_.wake();
  return bytes.size();
}

// What the streams of this tick have to say leaves together.
void H2Session::on_tick_end() {
  mux_.on_tick_end();
  if (!end_if_over()) watch();
}

// True when the session goes on without us.
bool H2Session::end_if_over() {
  const bool stalled = state_ == State::Ending && codec_.inside_head();
  if (!codec_.failed() && !codec_.finished() && !stalled) return false;
  if (codec_.wants_to_send() || !exchanges_.empty()) return false;
  if (codec_.failed()) {
    if (const auto flood = codec_.flood())
      ++worker_.counters().h2_floods[static_cast<std::size_t>(*flood)];
    worker_.log_refusal(info(), 0, base::Cause::BadRequest, codec_.why());
  }
  session_.linger(route::kLingerTimeout);
  return true;
}

// The session's deadline is that of what it waits for; streams have their own.
void H2Session::watch() {
  if (state_ == State::LastCall) return;
  const bool head = state_ == State::Open && codec_.inside_head();
  const Waits waits = head                 ? Waits::ForHead
                      : exchanges_.empty() ? Waits::ForRequest
                                           : Waits::ForStreams;
  if (std::exchange(waits_, waits) == waits) return;
  if (waits == Waits::ForRequest) session_.note_idle();
  const route::Limits& limits = worker_.limits();
  const base::Time patience = state_ == State::Ending   ? limits.body_timeout
                              : waits == Waits::ForHead ? limits.head_timeout
                                                        : limits.keepalive_idle;
  session_.set_deadline(waits == Waits::ForStreams ? base::kNever : worker_.now() + patience);
}

void H2Session::on_end(int) {
  abort_all(base::Cause::ClientClosed);
  session_.close();
}

void H2Session::on_send_failed(int error) { on_end(error); }

void H2Session::on_drained() { mux_.wake(); }

void H2Session::on_deadline() {
  if (state_ == State::Ending && !exchanges_.empty()) return;  // they came in this very tick
  if (state_ == State::Ending) return session_.close();
  if (waits_ == Waits::ForHead) {
    worker_.log_refusal(info(), 0, base::Cause::ClientTooSlow, "the head did not arrive in time");
  }
  state_ = State::Ending;
  waits_ = Waits::ForStreams;
  session_.set_deadline(base::kNever);
  codec_.accept_no_more();
  mux_.wake();
}

void H2Session::drain() { last_call(); }

// Requests that are on their way still come in (RFC 9113 section 6.8).
void H2Session::last_call() {
  if (state_ != State::Open) return;
  state_ = State::LastCall;
  session_.set_deadline(worker_.now() + route::kDrainPatience);
  codec_.announce_end();
  mux_.wake();
}

void H2Session::end_now(base::Cause cause) {
  abort_all(cause);
  session_.reset();
}

// Exchanges come in the order of their requests. One may be over but for what the client has not
// taken of it.
void H2Session::describe(route::ConnectionView& view) {
  view.protocol = route::ConnectionView::Protocol::Http2;
  view.requests = requests_;
  if (exchanges_.empty()) return;
  view.state = route::ConnectionView::State::Active;
  view.idle = worker_.now() - session_.opened_at();
  exchanges_.for_each([&view](H2Exchange& exchange) { exchange.describe(view); });
}

void H2Session::abort_all(base::Cause cause) {
  exchanges_.for_each([cause](H2Exchange& exchange) { exchange.abort(cause); });
}

H2Exchange& H2Session::add(http::H2Stream& stream) {
  H2Exchange& exchange = worker_.new_exchange(*this, stream);
  exchanges_.push_back(exchange);
  return exchange;
}

void H2Session::on_request(http::H2Stream& stream, base::Buffer& lines,
                           const http::RequestHead& head) {
  const route::Limits& limits = worker_.limits();
  ++requests_;
  if ((limits.requests_per_connection_max > 0 && requests_ >= limits.requests_per_connection_max) ||
      worker_.now() - session_.opened_at() >= limits.keepalive_total)
    last_call();
  add(stream).start(std::move(lines), head);
  worker_.own_request_head(nullptr);  // the codec reads others into it
}

void H2Session::on_refused(http::H2Stream& stream, base::Cause cause, std::string_view why) {
  add(stream).refuse(cause, why);
}

void H2Session::on_data(http::H2Stream& stream, std::string_view bytes) {
  exchange_of(stream).on_data(bytes);
}

void H2Session::on_request_end(http::H2Stream& stream, std::string_view trailers) {
  exchange_of(stream).on_message_end(trailers);
}

void H2Session::on_closed(http::H2Stream& stream, http::H2Error) {
  exchange_of(stream).on_closed();
}

http::H2Piece H2Session::pull(http::H2Stream& stream, std::span<char> into) {
  H2Exchange& exchange = exchange_of(stream);
  exchange.note_pull(worker_.now());
  return exchange.pull(into);
}

bool H2Session::covers(std::string_view authority) {
  if (connection().tls() == nullptr || authority == covered_) return true;
  if (!certificate_covers(authority)) return false;
  covered_ = authority;
  return true;
}

// By the name that the client asked for, or because the same certificate would be shown for this
// one.
bool H2Session::certificate_covers(std::string_view authority) {
  const tls::Session& tls = *connection().tls();
  std::string host(http::split_host_port(authority).value_or(http::HostPort{}).host);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (http::equals_ignoring_case(host, tls.server_name())) return true;
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  const route::Certificates& certificates = *worker_.snapshot().certificates;
  auto context = certificates.find(host);
  if (context == nullptr) context = certificates.fallback(host);
  return context != nullptr && context->id() == tls.context().id();
}

}  // namespace engine::proxy
