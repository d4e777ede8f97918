// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/async/scope.h"

#include <exception>
#include <utility>

#include "engine/base/check.h"

namespace engine::async {

// Owns itself: its frame goes when the task has ended.
struct Scope::Root {
  struct promise_type {
    Root get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

Scope::~Scope() { ENSURE(empty(), "a scope ends while its tasks run"); }

Scope::Root Scope::run(Scope& scope, Task<void> task) {
  ++scope.live_;
  co_await std::move(task);
  --scope.live_;
}

void Scope::spawn(Task<void> task) { run(*this, std::move(task)); }

// A cancelled coroutine may go on at once, and end others with it: look at the list anew each time.
void Scope::cancel() {
  cancelled_ = true;
  base::List<Wait, &Wait::scope_hook> waiting;
  while (!waits_.empty()) waiting.push_back(waits_.pop_front());
  while (!waiting.empty()) waiting.pop_front().cancel();
}

}  // namespace engine::async
