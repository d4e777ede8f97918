// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/async/socket.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "engine/async/await.h"

namespace engine::async {
namespace {

bool is_later(std::int64_t result) { return result == -EAGAIN || result == -EINTR; }

}  // namespace

base::Time Socket::left(base::Time deadline) const {
  return deadline == base::kNever ? base::kNever : std::max<base::Time>(0, deadline - scope_.now());
}

Task<std::int64_t> Socket::read(std::span<char> into, base::Time deadline) {
  while (!scope_.cancelled()) {
    const std::int64_t got = scope_.ring().recv_now(descriptor_, into);
    if (!is_later(got)) co_return got;
    const int ready = co_await Ready(scope_, descriptor_, POLLIN, left(deadline));
    if (ready < 0) co_return ready;
  }
  co_return -ECANCELED;
}

Task<int> Socket::write(std::string_view bytes, base::Time deadline) {
  while (!bytes.empty()) {
    const std::int64_t sent = scope_.ring().send(descriptor_, bytes);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (!is_later(sent)) co_return static_cast<int>(sent);
    const int ready = co_await Ready(scope_, descriptor_, POLLOUT, left(deadline));
    if (ready < 0) co_return ready;
  }
  co_return 0;
}

}  // namespace engine::async
