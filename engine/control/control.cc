// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/control.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "config/units.h"
#include "engine/base/check.h"
#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

// What is left to do after the grace period: closing what is open.
constexpr base::Time kHurry = 3 * base::kSecond;

constexpr std::size_t kIssuesMax = 16;
constexpr base::Time kIssuePause = 100 * base::kMillisecond;

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2})
    sigaddset(&set, number);
  return set;
}

std::string name_of(int number) {
  const char* name = sigabbrev_np(number);
  return name == nullptr ? std::to_string(number) : std::string("SIG") + name;
}

}  // namespace

void Control::block_signals() {
  const sigset_t set = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Control::Control(Parts parts)
    : parts_(std::move(parts)),
      signal_readable_(io::On<&Control::on_signal_readable>(), this),
      wake_(io::On<&Control::on_wake>(), this),
      overdue_(io::Expires<&Control::on_overdue>(), this),
      issue_pause_(io::Expires<&Control::issue_certificates>(), this),
      watch_(parts_.ring, parts_.timers, [this] { on_files_changed(); }) {
  const sigset_t set = handled_signals();
  signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  ENSURE(signals_ >= 0, "the kernel gives no signalfd");
  parts_.ring.poll(signal_readable_, signals_, POLLIN);
  parts_.ring.await_wake(wake_);
}

Control::~Control() { ::close(signals_); }

void Control::watch_files(base::Time loaded_at) {
  if (const int error = watch_.open(); error != 0) {
    log::warn("files are not watched",
              {{"cause", std::strerror(error)},
               {"fix", "raise fs.inotify.max_user_instances, or reload with SIGHUP"}});
    return;
  }
  watch_.set_paths(parts_.reload.watched().files, parts_.reload.watched().directories);
  if (parts_.reload.is_stale(loaded_at)) reload("file changed");
}

int Control::run() {
  while (phase_ != Phase::Closing) tick();
  while (!all_closed()) tick();
  return exit_code_;
}

void Control::abandon() {
  close();
  parts_.ring.cancel(wake_);
  while (!all_closed()) tick();
}

void Control::tick() {
  parts_.ring.submit_and_wait(parts_.timers.next_deadline());
  parts_.ring.dispatch();
  parts_.timers.advance(parts_.ring.now());
}

void Control::on_worker_ended() noexcept {
  workers_ended_.fetch_add(1, std::memory_order_release);
  parts_.ring.wake();
}

void Control::want_certificate(const std::string& name) {
  {
    const std::scoped_lock lock(wanted_mutex_);
    wanted_certificates_.insert(name);
  }
  parts_.ring.wake();
}

// A few at a time: each costs a signature and a file, and anybody may ask for any local name.
void Control::issue_certificates() {
  if (issue_pause_.is_set()) return;
  std::vector<std::string> names;
  {
    const std::scoped_lock lock(wanted_mutex_);
    while (!wanted_certificates_.empty() && names.size() < kIssuesMax)
      names.push_back(
          std::move(wanted_certificates_.extract(wanted_certificates_.begin()).value()));
  }
  if (names.empty()) return;
  parts_.timers.set(issue_pause_, parts_.ring.now() + kIssuePause);
  parts_.state.issue_certificates(names);
}

void Control::on_signal_readable(const io::Completion& completion) {
  if (completion.result == -ECANCELED) return;
  signalfd_siginfo info{};
  while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    on_signal(static_cast<int>(info.ssi_signo));
  }
  if (phase_ != Phase::Closing) parts_.ring.poll(signal_readable_, signals_, POLLIN);
}

void Control::on_wake(const io::Completion& completion) {
  if (completion.result == -ECANCELED || phase_ == Phase::Closing) return;
  if (workers_ended_.load(std::memory_order_acquire) == parts_.worker_count) return close();
  parts_.ring.await_wake(wake_);
  issue_certificates();
  parts_.hear_workers();
}

void Control::on_signal(int number) {
  if (number == SIGUSR1) return parts_.reopen_logs();
  if (number == SIGUSR2) {
    if (phase_ == Phase::Running) parts_.upgrade();
    return;
  }
  if (number == SIGHUP) {
    if (phase_ == Phase::Running) reload(name_of(number));
    return;
  }
  switch (phase_) {
    case Phase::Running: return stop(name_of(number));
    case Phase::Stopping: return hurry();
    // The third time somebody really means it.
    case Phase::Hurrying: ::_exit(1);
    case Phase::Closing: return;
  }
}

void Control::on_files_changed() {
  if (phase_ == Phase::Running) reload("file changed");
}

ReloadReport Control::reload(const std::string& reason) {
  watch_.forget_changes();
  ReloadReport report = parts_.reload.run(reason);
  watch_.set_paths(parts_.reload.watched().files, parts_.reload.watched().directories);
  return report;
}

void Control::ask_to_stop(const std::string& reason) {
  if (phase_ == Phase::Running) stop(reason);
}

void Control::stop(const std::string& reason) {
  const config::Milliseconds grace = parts_.state.config().engine.grace;
  log::info("stopping", {{"reason", reason}, {"grace", config::format_duration(grace)}});
  phase_ = Phase::Stopping;
  const base::Time grace_ns = grace.count() * base::kMillisecond;
  parts_.timers.set(overdue_, parts_.ring.now() + grace_ns + kHurry);
  parts_.stop_workers(grace_ns);
}

void Control::hurry() {
  log::warn("stopping at once", {{"reason", "a second signal"}});
  phase_ = Phase::Hurrying;
  parts_.timers.set(overdue_, parts_.ring.now() + kHurry);
  parts_.stop_workers(0);
}

void Control::on_overdue() {
  log::error("the workers did not end in time; the process ends without them");
  ::_exit(exit_code_ == 0 ? 1 : exit_code_);
}

void Control::close() {
  phase_ = Phase::Closing;
  parts_.timers.clear(overdue_);
  parts_.timers.clear(issue_pause_);
  parts_.ring.cancel(signal_readable_);
  watch_.close();
  parts_.resolver.close();
  parts_.close_api();
}

bool Control::all_closed() const {
  return !signal_readable_.in_flight() && !wake_.in_flight() && watch_.closed() &&
         parts_.resolver.closed() && parts_.api_closed();
}

}  // namespace engine::control
