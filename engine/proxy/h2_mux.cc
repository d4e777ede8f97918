// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/h2_mux.h"

#include <utility>

#include "engine/proxy/connection.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// With the frame that may go past it and its records, what one send takes well.
constexpr std::size_t kProduceBytes = 48U << 10U;
// So often in a tick, before the other connections of the worker get their turn.
constexpr std::uint32_t kRoundsMax = 4;

}  // namespace

void H2Mux::wake() { connection_.written(); }

void H2Mux::fall_behind(H2Channel& channel) {
  if (!channel.behind_hook.linked()) behind_.push_back(channel);
  wake();
}

void H2Mux::catch_up() {
  while (!behind_.empty()) behind_.pop_front().catch_up();
}

void H2Mux::on_tick_end() {
  catch_up();
  if (!connection_.stuck()) produce();
}

void H2Mux::produce() {
  if (std::exchange(tick_, worker_.now()) != worker_.now()) rounds_ = 0;
  if (rounds_++ == kRoundsMax) return connection_.wait_for_room();
  base::Buffer& out = connection_.out();
  const std::size_t before = out.size();
  endpoint_.produce(out, kProduceBytes, worker_.now());
  if (!behind_.empty() || (out.size() > before && endpoint_.wants_to_send())) wake();
}

}  // namespace engine::proxy
