// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that carries access-log lines from the workers' byte rings to their output. A worker
// never waits for it: when the output is slower than the workers, lines are dropped and counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "engine/base/byte_ring.h"
#include "engine/control/failure.h"
#include "engine/server/log_output.h"

namespace engine::server {

class LogWriter {
 public:
  // Room for the lines of one nap at full load.
  static constexpr std::size_t kRingBytes = std::size_t{1} << 20U;

  // Opens the output, and starts nothing yet. `log.output` is not Off.
  [[nodiscard]] static std::expected<std::unique_ptr<LogWriter>, control::Failure> open(
      const config::AccessLog& log, std::size_t worker_count);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  [[nodiscard]] base::ByteRing& ring(std::size_t worker) { return *rings_[worker]; }
  // Whether the output is a terminal.
  [[nodiscard]] bool is_terminal() const { return is_terminal_; }

  void start();
  // Writes what is left and ends the thread. The workers must have ended.
  void stop();
  // Any thread: opens the file anew, for logrotate.
  void reopen();

  // Lines that reached nobody.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  LogWriter(const config::AccessLog& log, std::size_t worker_count, int descriptor);

  void run();
  std::size_t drain(int patience_ms);
  void rest(std::size_t drained);
  void wait_for_lines();
  void reopen_file();
  void report_drops();
  void wake() noexcept;

  std::string path_;  // empty: a standard stream
  LogOutput output_;
  bool is_terminal_ = false;
  int wake_descriptor_ = -1;
  std::vector<std::unique_ptr<base::ByteRing>> rings_;
  std::vector<char> buffer_;
  std::atomic<std::uint64_t> lost_{0};  // in the output; the rings count their own
  std::uint64_t dropped_reported_ = 0;
  std::int64_t reported_at_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reopening_{false};
  std::thread thread_;
};

}  // namespace engine::server
