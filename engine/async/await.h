// SPDX-License-Identifier: GPL-3.0-or-later
// What a coroutine can wait for: time, a descriptor, a connection, an event. Each wait has an end:
// its own, its timeout, or the scope's cancel(). Timeouts are nanoseconds from now; kNever waits
// without one.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <coroutine>

#include "engine/async/scope.h"
#include "engine/io/operation.h"

namespace engine::async {

// Gives 0, or -ECANCELED.
class Sleep final : public Wait {
 public:
  Sleep(Scope& scope, base::Time duration) : scope_(scope), duration_(duration) {}

  bool await_ready() const noexcept { return scope_.cancelled(); }
  void await_suspend(std::coroutine_handle<> waiting);
  int await_resume() const noexcept;

 private:
  void cancel() override;
  void on_due();

  Scope& scope_;
  base::Time duration_;
  io::Timer timer_{io::Expires<&Sleep::on_due>{}, this};
  std::coroutine_handle<> waiting_;
  bool done_ = false;
};

// A request to the kernel with a timeout. Gives its result; -ETIMEDOUT; -ECANCELED.
class KernelWait : public Wait {
 public:
  bool await_ready() const noexcept { return scope_.cancelled(); }
  void await_suspend(std::coroutine_handle<> waiting);
  int await_resume() const noexcept { return result_; }

 protected:
  KernelWait(Scope& scope, base::Time timeout);
  ~KernelWait() = default;

  Scope& scope_;
  io::Operation operation_;

 private:
  virtual void start() = 0;
  void cancel() override;
  void on_done(const io::Completion& completion);
  void on_timeout();

  base::Time timeout_;
  io::Timer timer_;
  std::coroutine_handle<> waiting_;
  int result_;
  bool timed_out_ = false;
};

// Until the descriptor is ready for `events` (poll(2)); gives the events.
class Ready final : public KernelWait {
 public:
  Ready(Scope& scope, int descriptor, unsigned events, base::Time timeout)
      : KernelWait(scope, timeout), descriptor_(descriptor), events_(events) {}

 private:
  void start() override;

  int descriptor_;
  unsigned events_;
};

// Connects a socket; gives 0. The address must live as long as the wait.
class Connect final : public KernelWait {
 public:
  Connect(Scope& scope, int socket, const sockaddr* address, socklen_t length, base::Time timeout)
      : KernelWait(scope, timeout), socket_(socket), address_(address), length_(length) {}

 private:
  void start() override;

  int socket_;
  const sockaddr* address_;
  socklen_t length_;
};

// Something that happens, which any number of coroutines wait for. Each notify() lets all of them
// go on that wait at this moment.
class Event {
 public:
  // Gives 0; -ETIMEDOUT; -ECANCELED.
  class Waiting final : public Wait {
   public:
    Waiting(Event& event, Scope& scope, base::Time timeout)
        : event_(event), scope_(scope), timeout_(timeout) {}

    bool await_ready() const noexcept { return scope_.cancelled(); }
    void await_suspend(std::coroutine_handle<> waiting);
    int await_resume() const noexcept { return result_; }

    base::ListHook event_hook;

   private:
    friend class Event;
    void cancel() override;
    void on_timeout();
    void go_on(int result);

    Event& event_;
    Scope& scope_;
    base::Time timeout_;
    io::Timer timer_{io::Expires<&Waiting::on_timeout>{}, this};
    std::coroutine_handle<> waiting_;
    int result_ = -ECANCELED;
  };

  [[nodiscard]] Waiting wait(Scope& scope, base::Time timeout) { return {*this, scope, timeout}; }
  void notify();

 private:
  base::List<Waiting, &Waiting::event_hook> waiting_;
};

}  // namespace engine::async
