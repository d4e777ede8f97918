// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/upstream.h"

#include <cerrno>

#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

constexpr std::string_view kProtocols = "http/1.1";

}  // namespace

Upstream::Upstream(Worker& worker, TargetState& target)
    : worker_(worker), target_(target), connection_(worker, *this) {
  ++target_.connections;
}

Upstream::~Upstream() { --target_.connections; }

int Upstream::connect(const route::Address& address, Stream& stream) {
  stream_ = &stream;
  ++worker_.counters().upstream_connects;
  return connection_.connect(address.get(), address.length);
}

void Upstream::lease(Stream& stream) {
  ENSURE(state_ == State::Idle, "an upstream is leased that is not idle");
  ++worker_.counters().upstream_reuses;
  pool_hook.unlink();
  --target_.idle_count;
  worker_.timers().clear(timer_);
  state_ = State::Leased;
  stream_ = &stream;
  ++requests_;
}

void Upstream::release() {
  ENSURE(state_ == State::Leased, "an upstream is released that is not leased");
  const route::Limits& limits = worker_.limits();
  if (target_.retired || target_.idle_count >= limits.pool_idle_max || connection_.ended() ||
      connection_.send_failed() || !connection_.kept().empty()) {
    return discard(false);
  }
  state_ = State::Idle;
  stream_ = nullptr;
  target_.idle.push_front(*this);
  ++target_.idle_count;
  worker_.timers().set(timer_, worker_.now() + limits.pool_idle_timeout);
  connection_.want_bytes();
}

void Upstream::discard(bool reset) {
  if (state_ == State::Closing) return;
  if (state_ == State::Idle) {
    pool_hook.unlink();
    --target_.idle_count;
  }
  state_ = State::Closing;
  stream_ = nullptr;
  worker_.timers().clear(timer_);
  if (reset) return connection_.reset();
  // The target may never read what it still should get: a request's rest, a close_notify.
  worker_.timers().set(timer_, worker_.now() + route::kLingerTimeout);
  connection_.close();
}

std::size_t Upstream::on_bytes(std::string_view bytes) {
  if (state_ == State::Leased) return stream_->on_upstream_bytes(bytes);
  if (state_ == State::Connecting) return 0;
  // An answer that nobody asked for must never reach the next request.
  discard(false);
  return bytes.size();
}

void Upstream::on_readable() {
  if (state_ == State::Leased) stream_->on_upstream_readable();
}

void Upstream::on_end(int error) {
  if (state_ == State::Connecting) return on_ready(error == 0 ? ECONNRESET : error);
  if (state_ == State::Leased) return stream_->on_upstream_end(error);
  discard(false);
}

void Upstream::on_send_failed(int error) {
  if (state_ == State::Connecting) return on_ready(error);
  if (state_ == State::Leased) return stream_->on_upstream_send_failed(error);
  discard(false);
}

void Upstream::on_drained() {
  if (state_ == State::Leased) stream_->on_upstream_drained();
}

void Upstream::on_connected(int error) {
  if (state_ != State::Connecting) return;
  const route::TargetTls* tls = target_.target->tls();
  if (error != 0 || tls == nullptr) return on_ready(error);
  connection_.start_tls(tls->context, nullptr, kProtocols, target_.target->server_name(), {});
  connection_.want_bytes();
}

void Upstream::on_secured() {
  if (state_ == State::Connecting) on_ready(0);
}

// The stream can use it, or will not.
void Upstream::on_ready(int error) {
  Stream& stream = *stream_;
  if (error == 0) {
    state_ = State::Leased;
    ++requests_;
  } else {
    discard(false);
  }
  stream.on_upstream_connected(error);
}

void Upstream::on_closed() { worker_.retire(*this); }

void Upstream::on_deadline() { state_ == State::Closing ? connection_.reset() : discard(false); }

}  // namespace engine::proxy
