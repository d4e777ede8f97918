// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/async/await.h"

#include <cerrno>

namespace engine::async {
namespace {

// base::kNever stays what it is.
base::Time deadline_of(const Scope& scope, base::Time timeout) {
  return timeout == base::kNever ? base::kNever : scope.now() + timeout;
}

}  // namespace

void Sleep::await_suspend(std::coroutine_handle<> waiting) {
  waiting_ = waiting;
  scope_.add(*this);
  scope_.timers().set(timer_, deadline_of(scope_, duration_));
}

int Sleep::await_resume() const noexcept { return done_ ? 0 : -ECANCELED; }

void Sleep::on_due() {
  done_ = true;
  scope_hook.unlink();
  waiting_.resume();  // `this` may be gone
}

void Sleep::cancel() {
  scope_.timers().clear(timer_);
  waiting_.resume();
}

KernelWait::KernelWait(Scope& scope, base::Time timeout)
    : scope_(scope),
      operation_(io::On<&KernelWait::on_done>(), this),
      timeout_(timeout),
      timer_(io::Expires<&KernelWait::on_timeout>(), this),
      result_(-ECANCELED) {}

void KernelWait::await_suspend(std::coroutine_handle<> waiting) {
  waiting_ = waiting;
  scope_.add(*this);
  scope_.timers().set(timer_, deadline_of(scope_, timeout_));
  start();
}

void KernelWait::on_done(const io::Completion& completion) {
  scope_.timers().clear(timer_);
  scope_hook.unlink();
  result_ = completion.result;
  if (result_ == -ECANCELED && timed_out_) result_ = -ETIMEDOUT;
  waiting_.resume();  // `this` may be gone
}

// The kernel answers with its completion, which goes on with the coroutine.
void KernelWait::on_timeout() {
  timed_out_ = true;
  scope_.ring().cancel(operation_);
}

void KernelWait::cancel() {
  scope_.timers().clear(timer_);
  scope_.ring().cancel(operation_);
}

void Ready::start() { scope_.ring().poll(operation_, descriptor_, events_); }

void Connect::start() { scope_.ring().connect(operation_, socket_, address_, length_); }

void Event::Waiting::await_suspend(std::coroutine_handle<> waiting) {
  waiting_ = waiting;
  result_ = 0;
  scope_.add(*this);
  event_.waiting_.push_back(*this);
  scope_.timers().set(timer_, deadline_of(scope_, timeout_));
}

void Event::Waiting::go_on(int result) {
  scope_.timers().clear(timer_);
  scope_hook.unlink();
  event_hook.unlink();
  result_ = result;
  waiting_.resume();  // `this` may be gone
}

void Event::Waiting::cancel() { go_on(-ECANCELED); }
void Event::Waiting::on_timeout() { go_on(-ETIMEDOUT); }

// Those that come to wait while others go on wait for the next time.
void Event::notify() {
  base::List<Waiting, &Waiting::event_hook> now;
  while (!waiting_.empty()) now.push_back(waiting_.pop_front());
  while (!now.empty()) now.pop_front().go_on(0);
}

}  // namespace engine::async
