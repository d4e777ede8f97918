// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/log_writer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <span>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/log.h"

namespace engine::server {
namespace {

namespace log = base::log;

// One nap gathers the lines of many requests into one write. Under load naps are short, so that no
// ring runs full.
constexpr auto kNap = std::chrono::milliseconds(20);
constexpr auto kShortNap = std::chrono::milliseconds(1);
constexpr std::size_t kBusyBytes = 32 * 1024;
// A wake-up can be missed (ByteRing::arm_wake): lines wait no longer than this.
constexpr int kIdleWaitMs = 250;
// How long a full pipe may hold us up.
constexpr int kPatienceMs = 1000;
constexpr base::Time kReportInterval = 60 * base::kSecond;

int descriptor_of(config::AccessLog::Output output) {
  return output == config::AccessLog::Output::Stderr ? STDERR_FILENO : STDOUT_FILENO;
}

}  // namespace

std::expected<std::unique_ptr<LogWriter>, control::Failure> LogWriter::open(
    const config::AccessLog& log, std::size_t worker_count) {
  const bool is_file = log.output == config::AccessLog::Output::File;
  int descriptor = descriptor_of(log.output);
  if (is_file) {
    const auto opened = LogOutput::open_file(log.path);
    if (!opened) return std::unexpected(opened.error());
    descriptor = *opened;
  }
  return std::unique_ptr<LogWriter>(new LogWriter(log, worker_count, descriptor));
}

LogWriter::LogWriter(const config::AccessLog& log, std::size_t worker_count, int descriptor)
    : path_(log.output == config::AccessLog::Output::File ? log.path : ""),
      output_(descriptor),
      is_terminal_(::isatty(descriptor) == 1),
      wake_descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      buffer_(kRingBytes),
      reported_at_(base::monotonic_now()) {
  if (!path_.empty()) output_.take_file(descriptor);
  for (std::size_t i = 0; i < worker_count; ++i) {
    rings_.push_back(std::make_unique<base::ByteRing>(kRingBytes));
    rings_.back()->set_wake([](void* self) { static_cast<LogWriter*>(self)->wake(); }, this);
  }
}

LogWriter::~LogWriter() {
  stop();
  ::close(wake_descriptor_);
}

void LogWriter::start() {
  thread_ = std::thread([this] { run(); });
}

void LogWriter::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  wake();
  thread_.join();
}

void LogWriter::reopen() {
  reopening_.store(true, std::memory_order_release);
  wake();
}

std::uint64_t LogWriter::dropped() const {
  std::uint64_t count = lost_.load(std::memory_order_relaxed);
  for (const auto& ring : rings_) count += ring->dropped();
  return count;
}

void LogWriter::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    if (reopening_.exchange(false, std::memory_order_acq_rel)) reopen_file();
    rest(drain(kPatienceMs));
    report_drops();
  }
  while (drain(kPatienceMs) > 0) {
  }
}

// Ring by ring, each into the whole buffer: so lines stay whole.
std::size_t LogWriter::drain(int patience_ms) {
  std::size_t total = 0;
  for (const auto& ring : rings_) {
    const std::size_t bytes = ring->pop(buffer_);
    if (bytes == 0) continue;
    total += bytes;
    const std::uint64_t lost = output_.write(std::string_view(buffer_.data(), bytes), patience_ms);
    lost_.fetch_add(lost, std::memory_order_relaxed);
    // At the end nobody waits once for each worker.
    if (lost > 0 && stopping_.load(std::memory_order_relaxed)) patience_ms = 0;
  }
  return total;
}

void LogWriter::rest(std::size_t drained) {
  if (drained == 0) return wait_for_lines();
  if (!stopping_.load(std::memory_order_relaxed)) {
    std::this_thread::sleep_for(drained >= kBusyBytes ? kShortNap : kNap);
  }
}

void LogWriter::wait_for_lines() {
  for (const auto& ring : rings_) ring->arm_wake();
  for (const auto& ring : rings_) {
    if (!ring->empty()) return;
  }
  pollfd ready{.fd = wake_descriptor_, .events = POLLIN, .revents = 0};
  ::poll(&ready, 1, kIdleWaitMs);
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_descriptor_, &count, sizeof count);
}

void LogWriter::reopen_file() {
  if (path_.empty()) return;
  const auto opened = LogOutput::open_file(path_);
  if (!opened) {
    log::warn("the access log goes on in the old file", {{"cause", opened.error().message}});
    return;
  }
  output_.take_file(*opened);
  log::info("access log reopened", {{"path", path_}});
}

void LogWriter::report_drops() {
  const base::Time now = base::monotonic_now();
  if (now < reported_at_ + kReportInterval) return;
  reported_at_ = now;
  const std::uint64_t count = dropped();
  if (count == dropped_reported_) return;
  log::warn("access log lines dropped", {{"lines", std::to_string(count - dropped_reported_)},
                                         {"total", std::to_string(count)}});
  dropped_reported_ = count;
}

void LogWriter::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_descriptor_, &one, sizeof one);
}

}  // namespace engine::server
