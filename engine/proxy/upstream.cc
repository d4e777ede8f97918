// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/upstream.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

constexpr std::string_view kHttp2 = "h2";
constexpr std::string_view kProtocols = "h2,http/1.1";
constexpr std::string_view kHttp1 = "http/1.1";
constexpr std::string_view kNoTunnels = "the target does not offer extended CONNECT (RFC 8441)";

}  // namespace

Upstream::Upstream(Worker& worker, TargetState& target)
    : worker_(worker), target_(target), connection_(worker, *this) {
  ++target_.upstreams;
}

Upstream::~Upstream() { --target_.upstreams; }

int Upstream::connect(const route::Address& address, Stream& stream, bool switches) {
  stream_ = &stream;
  switches_ = switches;
  ++worker_.counters().upstream_connects;
  const int error = connection_.connect(address.get(), address.length);
  // Streams that come meanwhile need not open others.
  if (error == 0 && target_.speaks_h2 && !switches) target_.connecting.push_back(*this);
  return error;
}

Lease& Upstream::lease(Stream& stream) {
  ++worker_.counters().upstream_reuses;
  worker_.timers().clear(timer_);
  ++requests_;
  if (state_ == State::Shared) return link_->lease(stream);
  ENSURE(state_ == State::Idle, "an upstream is leased that is not idle");
  leave_pool();
  state_ = State::Leased;
  stream_ = &stream;
  return *this;
}

bool Upstream::may_share(bool tunnel) const {
  return state_ == State::Shared && !connection_.ended() && !connection_.send_failed() &&
         link_->may_lease(tunnel);
}

void Upstream::join_pool(State state) {
  state_ = state;
  state == State::Idle ? target_.idle.push_front(*this) : target_.shared.push_front(*this);
  if (state == State::Idle) ++target_.idle_count;
  worker_.pool().note_spare(target_, 1);
}

void Upstream::leave_pool() {
  const bool was_spare = pool_hook.linked() && state_ != State::Connecting;
  pool_hook.unlink();
  if (!was_spare) return;
  if (state_ == State::Idle) --target_.idle_count;
  worker_.pool().note_spare(target_, -1);
}

void Upstream::release() {
  ENSURE(state_ == State::Leased, "an upstream is released that is not leased");
  keep_tls_session();
  const route::Limits& limits = worker_.limits();
  if (target_.retired || target_.idle_count >= limits.pool_idle_max || connection_.ended() ||
      connection_.send_failed() || !connection_.kept().empty()) {
    return discard(false);
  }
  stream_ = nullptr;
  join_pool(State::Idle);
  // Only now: a worker that waits either sees it, or was seen.
  if (worker_.pool().must_give_up(target_)) return discard(false);
  worker_.timers().set(timer_, worker_.now() + limits.pool_idle_timeout);
  connection_.want_bytes();
}

void Upstream::discard(bool reset) {
  if (state_ == State::Closing) return;
  if (state_ == State::Connecting && !waiting_.empty()) {
    // Others wait for it, each as long as its own limits allow.
    stream_ = nullptr;
    worker_.timers().set(timer_, worker_.now() + route::kLingerTimeout);
    return;
  }
  if (state_ == State::Leased) keep_tls_session();
  // A target may stumble over the session that it was offered.
  if (state_ == State::Connecting && connection_.tls() != nullptr) target_.tls_resumption = {};
  leave_pool();
  state_ = State::Closing;
  stream_ = nullptr;
  worker_.timers().clear(timer_);
  if (reset) return connection_.reset();
  // The target may never read what it still should get: a request's rest, a close_notify.
  worker_.timers().set(timer_, worker_.now() + route::kLingerTimeout);
  connection_.close();
}

void Upstream::retire() {
  if (state_ != State::Shared || !link_->leased()) return discard(false);
  retired_ = true;
  leave_pool();
}

std::size_t Upstream::on_bytes(std::string_view bytes) {
  if (state_ == State::Leased) return stream_->on_upstream_bytes(bytes);
  if (state_ >= State::Ended) return bytes.size();
  if (link_ != nullptr) return on_link_bytes(bytes);
  if (state_ == State::Connecting) return 0;
  // An answer that nobody asked for must never reach the next request.
  discard(false);
  return bytes.size();
}

std::size_t Upstream::on_link_bytes(std::string_view bytes) {
  connection_.want_bytes();
  link_->on_bytes(bytes);
  if (state_ == State::Connecting && link_->greeted()) on_ready();
  return bytes.size();
}

void Upstream::on_readable() {
  if (state_ == State::Leased) stream_->on_upstream_readable();
}

void Upstream::on_end(int error) {
  switch (state_) {
    case State::Connecting: return on_failed(error == 0 ? ECONNRESET : error);
    case State::Leased: return stream_->on_upstream_end(error);
    case State::Shared: return on_link_end();
    case State::Ended: return;
    default: return discard(false);
  }
}

void Upstream::on_send_failed(int error) {
  switch (state_) {
    case State::Connecting: return on_failed(error);
    case State::Leased: return stream_->on_upstream_send_failed(error);
    case State::Shared: return on_link_end();
    case State::Ended: return;
    default: return discard(false);
  }
}

// Its streams may try again, though not here. Those whose response is complete still read it from
// their leases, which the link must outlive.
void Upstream::on_link_end() {
  leave_pool();
  state_ = State::Ended;
  link_->end_all();
  on_lease_end();
}

void Upstream::on_drained() {
  if (state_ == State::Leased) return stream_->on_upstream_drained();
  if (link_ != nullptr) link_->mux().wake();
}

void Upstream::on_connected(int error) {
  if (state_ != State::Connecting) return;
  if (error != 0) return on_failed(error);
  const route::TargetTls* tls = target_.target->tls();
  if (tls == nullptr) return on_open();
  connection_.start_tls(tls->context, nullptr, switches_ ? kHttp1 : kProtocols,
                        target_.target->server_name(), {}, &target_.tls_resumption);
  connection_.want_bytes();
}

void Upstream::on_secured() {
  if (state_ != State::Connecting) return;
  ++worker_.counters().upstream_tls_handshakes;
  if (connection_.tls()->resumed()) {
    ++worker_.counters().upstream_tls_resumed;
  } else {
    target_.tls_resumption = {};  // refused, or too old
  }
  keep_tls_session();
  on_open();
}

// With TLS 1.3 what is needed comes with the first answer.
void Upstream::keep_tls_session() {
  if (connection_.tls() == nullptr) return;
  tls::Resumption newer = connection_.tls()->take_resumption();
  if (newer.session != nullptr) target_.tls_resumption = std::move(newer);
}

// A target of HTTP/2 says first how many streams it takes.
void Upstream::on_open() {
  const tls::Session* const tls = connection_.tls();
  const bool speaks_h2 = target_.target->h2c() || (tls != nullptr && tls->protocol() == kHttp2);
  if (!switches_) target_.speaks_h2 = speaks_h2;
  if (!speaks_h2) return on_ready();
  link_ = std::make_unique<H2Link>(worker_, *this);
  link_->mux().wake();
  connection_.want_bytes();
}

void Upstream::on_tick_end() {
  if (link_ == nullptr || state_ == State::Closing) return;
  if (state_ == State::Ended)
    return link_->mux().catch_up();  // the codec's streams are nobody's now
  link_->on_tick_end();
  if (!link_->over()) return;
  state_ == State::Connecting ? on_failed(EPROTONOSUPPORT) : discard(false);
}

// The streams can use it. One that finds no place on a connection of its own would find none on the
// next one either.
void Upstream::on_ready() {
  if (link_ != nullptr && !link_->may_lease(switches_))
    return on_failed(link_->may_lease(false) ? EOPNOTSUPP : EPROTONOSUPPORT);
  leave_pool();
  Stream* const first = std::exchange(stream_, nullptr);
  if (link_ != nullptr) {
    worker_.timers().clear(timer_);
    join_pool(State::Shared);
    if (first != nullptr) hand_to(*first);
    while (!waiting_.empty()) hand_to(waiting_.pop_front());
    if (state_ == State::Shared && worker_.pool().must_give_up(target_)) return retire();
    return on_lease_end();
  }
  while (!waiting_.empty()) waiting_.pop_front().on_upstream_taken();
  if (first == nullptr) return discard(false);
  state_ = State::Leased;
  stream_ = first;
  ++requests_;
  first->on_upstream_connected(*this);
}

// The end of one before may have been the end of the connection.
void Upstream::hand_to(Stream& stream) {
  if (!may_share(stream.switches())) return stream.on_upstream_taken();
  ++requests_;
  stream.on_upstream_connected(link_->lease(stream));
}

// They try elsewhere, or not at all.
void Upstream::on_failed(int error) {
  Stream* const first = std::exchange(stream_, nullptr);
  base::List<Stream, &Stream::waiting_hook> waiting;
  while (!waiting_.empty()) waiting.push_back(waiting_.pop_front());
  const tls::Session* const tls = connection_.tls();
  const bool session_offered = tls != nullptr && tls->offered_session();
  std::string why = std::strerror(error);
  if (tls != nullptr && !tls->failure().empty()) why = tls->failure();
  if (link_ != nullptr) why = error == EOPNOTSUPP ? kNoTunnels : link_->failure();
  discard(false);
  if (first != nullptr) first->on_upstream_failed(error, why, session_offered);
  while (!waiting.empty()) waiting.pop_front().on_upstream_failed(error, why, false);
}

void Upstream::on_lease_end() {
  if ((state_ != State::Shared && state_ != State::Ended) || link_->leased()) return;
  keep_tls_session();
  if (state_ == State::Ended || retired_ || target_.retired || connection_.ended() ||
      link_->over() || worker_.pool().must_give_up(target_))
    return discard(false);
  worker_.timers().set(timer_, worker_.now() + worker_.limits().pool_idle_timeout);
}

void Upstream::on_goaway() {
  if (state_ == State::Shared) retire();
}

void Upstream::on_closed() {
  worker_.pool().give_back_place(target_);
  worker_.retire(*this);
}

void Upstream::on_deadline() {
  if (state_ == State::Closing) return connection_.reset();
  discard(false);
}

}  // namespace engine::proxy
