// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/events.h"

#include <utility>

#include "engine/base/clock.h"
#include "engine/base/log.h"

namespace engine::control {

void Events::add(std::string kind, nlohmann::json details) {
  details["at"] = base::log::format_time(base::wall_now());
  details["event"] = kind;
  kept_.push_back({++last_, std::move(kind), details.dump()});
  if (kept_.size() > kKept) kept_.pop_front();
  added_.notify();
}

const Events::One* Events::after(std::uint64_t number) const {
  if (number >= last_ || kept_.empty()) return nullptr;
  const std::uint64_t first = kept_.front().number;
  return &kept_[number < first ? 0 : number - first + 1];
}

}  // namespace engine::control
