// SPDX-License-Identifier: GPL-3.0-or-later
// Who may open a connection to a target that allows only so many over all workers: requests wait in
// the order of their arrival, also for what another worker has and does not use.
#include <utility>

#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// A worker serves its own requests from its warm connections until one elsewhere has waited for so
// much longer: without it, connections would be closed here and opened there all the time.
constexpr base::Time kHeadStart = 20 * base::kMillisecond;

}  // namespace

std::uint32_t UpstreamPool::places_max() const { return worker_.limits().target_connections_max; }

route::TargetConnections::Waiter UpstreamPool::waiter_elsewhere(const TargetState& target) const {
  return target.connections->longest_waiting(worker_.index());
}

// Whether a request of another worker is to be served before those of this one.
bool UpstreamPool::is_wanted_elsewhere(TargetState& target) const {
  const base::Time theirs = waiter_elsewhere(target).since;
  if (theirs == base::kNever) return false;
  return target.waiting.empty() || theirs + kHeadStart < target.waiting.front().waiting_since();
}

bool UpstreamPool::must_give_up(TargetState& target) const {
  if (places_max() == 0) return false;
  return target.connections->places().taken() > places_max() || is_wanted_elsewhere(target);
}

bool UpstreamPool::take_place(TargetState& target) {
  if (std::exchange(target.has_place, false)) return true;
  const auto others_wait = [&] {
    return !target.waiting.empty() || waiter_elsewhere(target).since != base::kNever;
  };
  if (places_max() > 0 && others_wait()) return false;
  return target.connections->places().take(places_max());
}

bool UpstreamPool::reserve_place(TargetState& target) {
  target.has_place =
      !is_wanted_elsewhere(target) && target.connections->places().take(places_max());
  return target.has_place;
}

void UpstreamPool::give_back_place(TargetState& target) {
  target.connections->places().give_back();
  pass_on(target);
}

// A worker that waits has seen no free place, and this one may be the last to know of it.
void UpstreamPool::pass_on(TargetState& target) {
  const route::TargetConnections::Waiter waiter = waiter_elsewhere(target);
  if (waiter.since == base::kNever) return;
  if (target.connections->places().taken() < places_max()) worker_.notify_other(waiter.worker);
}

void UpstreamPool::queue(TargetState& target, Stream& stream) {
  // One that is parked once more has its old place among the others.
  base::List<Stream, &Stream::waiting_hook> later;
  while (!target.waiting.empty() &&
         target.waiting.back().waiting_since() > stream.waiting_since()) {
    Stream& last = target.waiting.back();
    last.waiting_hook.unlink();
    later.push_front(last);
  }
  target.waiting.push_back(stream);
  while (!later.empty()) target.waiting.push_back(later.pop_front());
  if (!target.crowd_hook.linked()) crowded_.push_back(target);
  say_waiting(target);
}

// Said before the last look for a place: who gives one back after that look wakes this worker.
void UpstreamPool::say_waiting(TargetState& target) {
  target.connections->set_waiting(worker_.index(), target.waiting.empty()
                                                       ? base::kNever
                                                       : target.waiting.front().waiting_since());
}

bool UpstreamPool::serve_waiting() {
  bool served = false;
  crowded_.for_each([&](TargetState& target) { served = serve(target) || served; });
  return served;
}

bool UpstreamPool::serve(TargetState& target) {
  bool served = false;
  while (!target.waiting.empty() && target.waiting.front().try_target()) {
    served = true;
    if (std::exchange(target.has_place, false)) target.connections->places().give_back();
  }
  say_waiting(target);
  if (target.waiting.empty()) {
    target.crowd_hook.unlink();
  } else {
    make_room(target);
  }
  pass_on(target);
  return served;
}

// For the first that waits: of the connections that are of no use to it, here or elsewhere, one is
// closed. It hears of the place when that is done.
void UpstreamPool::make_room(TargetState& target) {
  if (target.waiting.front().needs_new_connection() && give_up_one(target)) return;
  const route::TargetConnections& connections = *target.connections;
  for (std::size_t worker = 0; worker < connections.worker_count(); ++worker) {
    if (worker != worker_.index() && connections.spare(worker) > 0) worker_.notify_other(worker);
  }
}

void UpstreamPool::give_up_unused() {
  if (places_max() == 0) return;
  for (auto& state : targets_) {
    if (state != nullptr && state->spare > 0 && is_wanted_elsewhere(*state)) give_up_one(*state);
  }
}

// The coldest; of HTTP/2 one that takes no further streams.
bool UpstreamPool::give_up_one(TargetState& target) {
  if (target.spare == 0) return false;
  if (!target.idle.empty()) {
    target.idle.back().discard(false);
  } else {
    target.shared.back().retire();
  }
  return true;
}

void UpstreamPool::note_spare(TargetState& target, int change) {
  target.spare += static_cast<std::uint32_t>(change);
  target.connections->set_spare(worker_.index(), target.spare, places_max() > 0);
}

}  // namespace engine::proxy
