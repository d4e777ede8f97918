// SPDX-License-Identifier: GPL-3.0-or-later
// The one place where a snapshot passes from control to the workers: RCU with a quiescent point per
// tick. A reader pays one pointer load; the writer frees an old snapshot when every worker has said
// that it moved on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/route/snapshot.h"

namespace engine::route {

class Published {
 public:
  explicit Published(std::size_t reader_count);
  // All readers must be gone.
  ~Published();
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  [[nodiscard]] std::size_t reader_count() const { return readers_.size(); }

  // Reader side, any thread. The pointer stays valid until this reader's next `quiesce`.
  [[nodiscard]] const Snapshot* current() const noexcept {
    return current_.load(std::memory_order_acquire);
  }
  // Reader `index` holds no pointer older than `adopted`. Called when the reader adopts a snapshot.
  void quiesce(std::size_t index, std::uint64_t generation_adopted) noexcept;
  // Reader `index` is gone for good and holds nothing back any more.
  void leave(std::size_t index) noexcept;

  // Writer side, one thread. Generations must grow. The caller wakes the readers afterwards.
  void publish(std::unique_ptr<const Snapshot> next);
  // Of the writer's thread: how many snapshots there are, the current one among them.
  [[nodiscard]] std::size_t alive() const { return retired_.size() + (latest_ ? 1 : 0); }
  // Frees what no reader can see any more; returns how many old snapshots are still alive.
  std::size_t collect();

 private:
  struct alignas(64) Reader {
    std::atomic<std::uint64_t> adopted{0};
  };

  std::atomic<const Snapshot*> current_{nullptr};
  std::vector<Reader> readers_;
  std::unique_ptr<const Snapshot> latest_;
  std::deque<std::unique_ptr<const Snapshot>> retired_;
};

}  // namespace engine::route
