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

void Listener::start() {
  if (stopping_ || accept_operation_.in_flight()) return;
  paused_ = false;
  worker_.ring().accept(accept_operation_, listen_->socket_of(worker_.index()));
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
  worker_.ring().cancel(accept_operation_);
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
  // A multishot ends on any error, and now and then on its own.
  if (!completion.more && !paused_) start();
}

void Listener::on_pause_over() {
  if (worker_.has_slots()) return start();
  worker_.timers().set(pause_timer_, worker_.now() + kPause);
}

}  // namespace engine::proxy
