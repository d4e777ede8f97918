// SPDX-License-Identifier: GPL-3.0-or-later
// The control thread's loop: signals, reloads, changed files, and the end. It must not know
// workers, only how to ask for things from them.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "engine/control/reload.h"
#include "engine/control/resolve.h"
#include "engine/control/state.h"
#include "engine/io/ring.h"
#include "engine/io/timers.h"
#include "engine/io/watch.h"

namespace engine::control {

class Control {
 public:
  struct Parts {
    io::Ring& ring;
    io::Timers& timers;
    State& state;
    Reload& reload;
    Resolver& resolver;
    std::size_t worker_count = 0;
    std::function<void(base::Time grace)> stop_workers;
    std::function<void()> reopen_logs;
    std::function<void()> upgrade;
    std::function<void()> hear_workers;  // one of them has something to say
    // Of the control API.
    std::function<void()> close_api;
    std::function<bool()> api_closed;
  };

  // Blocks the signals it handles in this thread, and so in those it starts later; ignores SIGPIPE.
  // To be called before the first thread starts.
  static void block_signals();

  explicit Control(Parts parts);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // Reloads when a file of the configuration changes, or has changed since it was read at
  // `loaded_at` (nanoseconds since 1970).
  void watch_files(base::Time loaded_at);
  // Until a signal asked for the end and every worker has ended. Returns the exit code.
  int run();
  // Instead of run(): the start failed after all.
  void abandon();

  // ---- This thread, while it runs.
  ReloadReport reload(const std::string& reason);
  void ask_to_stop(const std::string& reason);
  [[nodiscard]] bool stopping() const { return phase_ != Phase::Running; }

  // ---- Any thread.
  // A worker's thread is about to end.
  void on_worker_ended() noexcept;
  // A client waits for a certificate of this name.
  void want_certificate(const std::string& name);

 private:
  // Running      signals, files                            a signal: Stopping
  // Stopping     the workers' end, for the grace period    all ended: Closing; a second signal: Hurrying
  // Hurrying     the workers' end, for kHurry              all ended: Closing; time is up: the process ends here
  // Closing      the kernel's last completions             none in flight
  enum class Phase { Running, Stopping, Hurrying, Closing };

  void on_signal_readable(const io::Completion& completion);
  void on_wake(const io::Completion& completion);
  void on_signal(int number);
  void on_files_changed();
  void on_overdue();
  void issue_certificates();
  void stop(const std::string& reason);
  void hurry();
  void close();
  void tick();
  [[nodiscard]] bool all_closed() const;

  Parts parts_;
  Phase phase_ = Phase::Running;
  int exit_code_ = 0;
  int signals_ = -1;
  io::Operation signal_readable_;
  io::Operation wake_;
  io::Timer overdue_;
  io::Timer issue_pause_;
  io::Watch watch_;
  std::atomic<std::size_t> workers_ended_{0};
  std::mutex wanted_mutex_;
  std::set<std::string> wanted_certificates_;
};

}  // namespace engine::control
