// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/published.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/check.h"

namespace engine::route {
namespace {

constexpr std::uint64_t kGone = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Published::Published(std::size_t reader_count) : readers_(reader_count) {}

Published::~Published() = default;

// Release: the reader's last look at older snapshots happens before the writer, who acquires this,
// frees them.
void Published::quiesce(std::size_t index, std::uint64_t generation_adopted) noexcept {
  ENSURE(index < readers_.size(), "a reader that was not counted in reports");
  readers_[index].adopted.store(generation_adopted, std::memory_order_release);
}

void Published::leave(std::size_t index) noexcept { quiesce(index, kGone); }

void Published::publish(std::unique_ptr<const Snapshot> next) {
  ENSURE(next != nullptr, "nothing is published");
  ENSURE(!latest_ || next->generation > latest_->generation, "generations do not grow");
  current_.store(next.get(), std::memory_order_release);
  if (latest_) retired_.push_back(std::move(latest_));
  latest_ = std::move(next);
}

// A reader that has adopted nothing yet counts as generation 0: it may hold whatever it loaded
// first.
std::size_t Published::collect() {
  std::uint64_t oldest = kGone;
  for (const Reader& reader : readers_) {
    oldest = std::min(oldest, reader.adopted.load(std::memory_order_acquire));
  }
  while (!retired_.empty() && retired_.front()->generation < oldest) retired_.pop_front();
  return retired_.size();
}

}  // namespace engine::route
