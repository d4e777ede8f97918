// SPDX-License-Identifier: GPL-3.0-or-later
// A connected socket for coroutines: it does what the kernel can do at once, and waits for the rest.
// One coroutine may read while another writes. It must not know what the bytes mean.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/async/scope.h"
#include "engine/async/task.h"

namespace engine::async {

// Deadlines are on the scope's clock; kNever waits without one.
class Socket {
 public:
  // Owns the descriptor, which is non-blocking.
  Socket(Scope& scope, int descriptor) : scope_(scope), descriptor_(descriptor) {}
  // Nobody reads or writes any more.
  ~Socket() { scope_.ring().close(descriptor_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // How many bytes came; 0 at their end; -ETIMEDOUT, -ECANCELED, or another negated errno.
  Task<std::int64_t> read(std::span<char> into, base::Time deadline);
  // 0 when the kernel has all of them, which the caller keeps until then; else as read().
  Task<int> write(std::string_view bytes, base::Time deadline);
  // As shutdown(2): ends what waits for it.
  void shutdown(int how) { scope_.ring().shutdown(descriptor_, how); }

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  [[nodiscard]] base::Time left(base::Time deadline) const;

  Scope& scope_;
  int descriptor_;
};

}  // namespace engine::async
