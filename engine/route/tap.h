// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of finished requests for one reader that watches them live: from the workers, which never
// wait for it, to control. What the reader is too slow for is dropped and counted. It must not know
// what a line says.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/byte_ring.h"

namespace engine::route {

// Which requests are wanted; what is empty matches any.
struct TapFilter {
  std::string site;    // its key
  std::string method;  // "GET"
  std::string path;    // a prefix
  std::uint16_t status_min = 0;
  std::uint16_t status_max = UINT16_MAX;

  // Of a request that never became one, everything but the status is empty.
  [[nodiscard]] bool wants(std::string_view of_site, std::string_view of_method,
                           std::string_view of_path, std::uint16_t status) const;
};

class Tap {
 public:
  // `wake` is called by a worker's thread when its lines are waited for.
  Tap(TapFilter filter, std::size_t worker_count, std::function<void()> wake);
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  [[nodiscard]] const TapFilter& filter() const { return filter_; }

  // ---- That worker's thread. `line` ends with '\n'.
  void push(std::size_t worker, std::string_view line);

  // ---- Control's thread.
  // Appends what is there, whole lines.
  void take(std::string& lines);
  // Asks for a wake-up. False when lines are there already, and perhaps none comes.
  [[nodiscard]] bool wait_for_lines();
  // Lines that found no room, so far.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  // Each worker has one, with a cache line of its own.
  struct alignas(64) Lane {
    base::ByteRing ring;
    std::atomic<bool> waited_for{false};
  };

  TapFilter filter_;
  std::function<void()> wake_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace engine::route
