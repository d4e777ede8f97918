// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/pipe.h"

namespace engine::io {

PipePool::~PipePool() {
  for (PipeEnds& each : idle_) ring_.close_pipe(each);
}

bool PipePool::take(Pipe& pipe) {
  ENSURE(!pipe.is_open(), "a pipe is taken into a place that has one");
  pipe.held_bytes = 0;
  if (idle_.empty()) return ring_.open_pipe(pipe.ends) == 0;
  pipe.ends = idle_.back();
  idle_.pop_back();
  return true;
}

void PipePool::give(Pipe& pipe) {
  if (!pipe.is_open()) return;
  if (pipe.held_bytes > 0 || idle_.size() >= idle_max_) {
    ring_.close_pipe(pipe.ends);
  } else {
    idle_.push_back(pipe.ends);
  }
  pipe = {};
}

}  // namespace engine::io
