// SPDX-License-Identifier: GPL-3.0-or-later
// Pipes for splicing, kept for reuse by one worker. A pipe that still holds bytes is closed, never
// reused: its bytes would reach the next stream.
#pragma once

#include <vector>

#include "engine/io/ring.h"

namespace engine::io {

// A pipe on loan, and how much is in it.
struct Pipe {
  PipeEnds ends;
  std::uint64_t held_bytes = 0;

  [[nodiscard]] bool is_open() const { return ends.in >= 0; }
};

class PipePool {
 public:
  // Keeps at most `idle_max` unused pipes: 256 KiB each count against the user's pipe pages only
  // while filled.
  PipePool(Ring& ring, std::size_t idle_max) : ring_(ring), idle_max_(idle_max) {}
  ~PipePool();
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  // False when the process is out of descriptors: copy instead.
  [[nodiscard]] bool take(Pipe& pipe);
  void give(Pipe& pipe);

 private:
  Ring& ring_;
  std::size_t idle_max_;
  std::vector<PipeEnds> idle_;
};

}  // namespace engine::io
