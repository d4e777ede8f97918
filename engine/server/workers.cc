// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/workers.h"

#include <pthread.h>

#include <random>
#include <string>
#include <utility>

#include "engine/server/cpus.h"

namespace engine::server {

Workers::Workers(Options options, route::Published& published, route::Mailboxes& mailboxes,
                 LogWriter* log_writer, std::function<void()> on_ended)
    : options_(std::move(options)),
      published_(published),
      mailboxes_(mailboxes),
      log_writer_(log_writer),
      on_ended_(std::move(on_ended)) {}

std::expected<void, control::Failure> Workers::start() {
  for (std::size_t i = 0; i < options_.count; ++i) seats_.push_back(std::make_unique<Seat>());
  for (std::size_t i = 0; i < options_.count; ++i)
    seats_[i]->thread = std::thread([this, i] { serve(i); });
  std::optional<io::RingFailure> failure;
  for (const auto& seat : seats_) {
    if (auto each = seat->started.get_future().get()) failure = std::move(each);
  }
  if (!failure) return {};
  stop(0);
  join();
  return std::unexpected(control::Failure{
      .message = failure->cause, .fix = failure->fix, .exit_code = control::kExitEnvironment});
}

void Workers::serve(std::size_t index) {
  Seat& seat = *seats_[index];
  ::pthread_setname_np(::pthread_self(), ("worker-" + std::to_string(index)).c_str());
  if (!options_.cpus.empty()) pin_this_thread(options_.cpus[index]);
  // The kernel wants a ring to be used by the thread that opened it.
  auto ring = io::Ring::open({});
  if (!ring) {
    seat.started.set_value(ring.error());
    return;
  }
  proxy::Worker worker(**ring, published_, mailboxes_,
                       log_writer_ == nullptr ? nullptr : &log_writer_->ring(index),
                       options_of(index));
  seat.worker = &worker;
  if (index == 0) ring_capabilities_ = (*ring)->capabilities();
  seat.started.set_value(std::nullopt);
  worker.run();
  seat.counters.add(worker.counters());
  on_ended_();
  may_end_.wait(false);
}

proxy::WorkerOptions Workers::options_of(std::size_t index) const {
  std::random_device random;
  proxy::WorkerOptions options;
  options.index = index;
  options.seed = (std::uint64_t{random()} << 32U | random()) + index;
  options.access = options_.access;
  options.ask_for_certificate = options_.ask_for_certificate;
  // It has said in the target's count that it serves before anybody wakes it.
  options.notify_other = [this](std::size_t other) { seats_[other]->worker->notify(); };
  return options;
}

std::vector<control::WorkerFigures> Workers::figures() const {
  std::vector<control::WorkerFigures> all;
  for (const auto& seat : seats_) {
    const proxy::Worker& worker = *seat->worker;
    all.push_back({.counters = &worker.counters(),
                   .unrouted = &worker.unrouted(),
                   .ring = &worker.ring_stats()});
  }
  return all;
}

void Workers::notify() noexcept {
  for (const auto& seat : seats_) {
    if (seat->worker != nullptr) seat->worker->notify();
  }
}

void Workers::stop(base::Time grace) noexcept {
  for (const auto& seat : seats_) {
    if (seat->worker != nullptr) seat->worker->stop(grace);
  }
}

void Workers::join() {
  may_end_.store(true);
  may_end_.notify_all();
  for (const auto& seat : seats_) {
    if (!seat->thread.joinable()) continue;
    seat->thread.join();
    totals_.add(seat->counters);
    seat->worker = nullptr;
  }
}

}  // namespace engine::server
