// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/check.h"

namespace engine::cli {

Interrupt::Interrupt() {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, SIGTERM);
  ENSURE(::sigprocmask(SIG_BLOCK, &ours, &before_) == 0, "its arguments are right");
  signals_ = ::signalfd(-1, &ours, SFD_CLOEXEC);
  ENSURE(signals_ >= 0, "a descriptor for signals");
}

Interrupt::~Interrupt() {
  ::close(signals_);
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

Interrupt::Woke Interrupt::wait(int descriptor, short events, base::Time deadline) {
  while (true) {
    const base::Time left = deadline == base::kNever ? 0 : deadline - base::monotonic_now();
    const timespec timeout{.tv_sec = std::max<base::Time>(left, 0) / base::kSecond,
                           .tv_nsec = std::max<base::Time>(left, 0) % base::kSecond};
    pollfd waits[] = {{.fd = signals_, .events = POLLIN, .revents = 0},
                      {.fd = descriptor, .events = events, .revents = 0}};
    const int ready = ::ppoll(waits, 2, deadline == base::kNever ? nullptr : &timeout, nullptr);
    if (ready == 0) return Woke::TimedOut;
    if (ready < 0) {
      ENSURE(errno == EINTR, "poll cannot fail otherwise");
      continue;
    }
    if (waits[0].revents == 0) return Woke::Ready;
    signalfd_siginfo taken;
    if (::read(signals_, &taken, sizeof taken) == sizeof taken) return Woke::Interrupted;
  }
}

}  // namespace engine::cli
