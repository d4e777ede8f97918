// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/listener.h"

#include <cerrno>

#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

constexpr base::Time kPause = 50 * base::kMillisecond;

}  // namespace

Listener::Listener(Worker& worker, std::shared_ptr<const route::Listen> listen)
    : worker_(worker), listen_(std::move(listen)) {}

int Listener::socket() const { return listen_->socket_of(worker_.index()); }

void Listener::start() {
  paused_ = false;
  if (stopping_ || socket() < 0 || accept_operation_.in_flight()) return;
  worker_.ring().accept(accept_operation_, socket());
}

void Listener::pause() {
  if (paused_ || stopping_) return;
  paused_ = true;
  ++worker_.counters().accept_pauses;
  worker_.ring().cancel(accept_operation_);
  worker_.timers().set(pause_timer_, worker_.now() + kPause);
}

void Listener::stop() {
  stopping_ = true;
  worker_.timers().clear(pause_timer_);
  if (!accept_operation_.in_flight()) return refuse_newcomers();
  worker_.ring().cancel(accept_operation_);
}

// Who waits already is served, or the kernel would reset it. Who comes while the process ends is
// refused at once, and may find another server.
void Listener::refuse_newcomers() {
  if (socket() < 0) return;
  while (worker_.has_slots()) {
    const int socket = worker_.ring().accept_now(this->socket());
    if (socket < 0) break;
    worker_.on_connection(socket, listen_->port());
  }
  // After a reload the address may come back: there the socket ends with its last owner. Where
  // another process accepts now, the kernel may have told only this one of who waited.
  if (worker_.draining() && !listen_->handed_over()) worker_.ring().shutdown(socket(), SHUT_RD);
}

void Listener::on_accept(const io::Completion& completion) {
  if (completion.result >= 0) {
    worker_.on_connection(completion.result, listen_->port());
    if (!worker_.has_slots()) pause();
  } else if (completion.result == -EMFILE || completion.result == -ENFILE ||
             completion.result == -ENOBUFS || completion.result == -ENOMEM) {
    worker_.on_out_of_descriptors();
    pause();
  }
  if (completion.more) return;
  if (stopping_) return refuse_newcomers();
  // A multishot ends on any error, and now and then on its own.
  if (!paused_) start();
}

void Listener::on_pause_over() {
  if (worker_.has_slots()) return start();
  worker_.timers().set(pause_timer_, worker_.now() + kPause);
}

}  // namespace engine::proxy
