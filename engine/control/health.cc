// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/health.h"

#include <unordered_map>
#include <utility>

#include "engine/async/await.h"
#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

// Probes of many targets must not beat in time: each pause is 80 to 120 % of the one asked for.
constexpr base::Time kJitterParts = 5;

}  // namespace

Health::Health(async::Scope& scope, State& state, Events& events, std::function<void()> changed)
    : scope_(scope), state_(state), events_(events), changed_(std::move(changed)) {}

void Health::review() {
  const route::Snapshot& snapshot = *state_.snapshot();
  std::map<const route::TargetHealth*, WatchPtr> before = std::exchange(watches_, {});
  std::unordered_map<std::string_view, const config::Health*> wishes;
  for (const config::Site& site : state_.effective().sites) {
    if (!site.policy.health.path.empty()) wishes.emplace(site.key, &site.policy.health);
  }
  for (const auto& service : snapshot.services) {
    const auto wish = wishes.find(service->site);
    if (wish == wishes.end()) continue;
    for (const route::WeightedTarget& target : service->targets) {
      const route::TargetHealth* const key = target.health.get();
      if (watches_.contains(key)) continue;  // by another site of the service
      if (const auto known = before.find(key); known != before.end()) {
        known->second->wishes = *wish->second;
        watches_.insert(before.extract(known));
        continue;
      }
      auto watch = std::make_shared<Watch>();
      watch->service = service->name;
      watch->target = target.target;
      watch->health = target.health;
      watch->wishes = *wish->second;
      watches_.emplace(key, watch);
      scope_.spawn(run(std::move(watch)));
    }
  }
  for (auto& [key, watch] : before) {
    watch->stopped = true;
    watch->health->set_up(true);  // nobody asks any more
  }
}

const Health::Last* Health::last(const route::TargetHealth& target) const {
  const auto found = watches_.find(&target);
  return found == watches_.end() || found->second->last.at.empty() ? nullptr : &found->second->last;
}

async::Task<void> Health::run(WatchPtr watch) {
  // The first one soon, but not within the publication that started this.
  base::Time pause = jittered(config::Milliseconds(1));
  while (!watch->stopped) {
    const int slept = co_await async::Sleep(scope_, pause);
    if (slept != 0 || watch->stopped) co_return;
    const ProbeAnswer answer =
        co_await probe(scope_, watch->target, addresses_of(*watch), watch->wishes, watch->as_https);
    if (scope_.cancelled() || watch->stopped) co_return;
    take(*watch, answer);
    pause = jittered(watch->wishes.every);
  }
}

void Health::take(Watch& watch, const ProbeAnswer& answer) {
  watch.last = {.at = log::format_time(base::wall_now()), .text = answer.text};
  if (answer.wants_https) watch.as_https = true;
  const bool was_up = watch.health->up();
  if (answer.ok == was_up) {
    watch.in_row = 0;
    return;
  }
  if (++watch.in_row < (answer.ok ? watch.wishes.rise : watch.wishes.fall)) return;
  watch.in_row = 0;
  watch.health->set_up(answer.ok);
  log::write(answer.ok ? log::Level::Info : log::Level::Warn,
             answer.ok ? "target up" : "target down",
             {{"service", watch.service},
              {"target", watch.target->key()},
              {"probe", probe_text(*watch.target, watch.wishes)},
              {"cause", answer.text}});
  events_.add("health", {{"service", watch.service},
                         {"target", watch.target->key()},
                         {"state", answer.ok ? "up" : "down"},
                         {"cause", answer.text}});
  changed_();
}

std::shared_ptr<const route::Addresses> Health::addresses_of(const Watch& watch) const {
  const route::Snapshot& snapshot = *state_.snapshot();
  const auto at = snapshot.target_index_of.find(watch.target.get());
  if (at != snapshot.target_index_of.end()) return snapshot.addresses[at->second];
  return std::make_shared<const route::Addresses>();
}

base::Time Health::jittered(config::Milliseconds every) {
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  const base::Time pause = every.count() * base::kMillisecond;
  const base::Time share = pause / kJitterParts;
  if (share == 0) return pause;
  return pause - share + static_cast<base::Time>(random_ % static_cast<std::uint64_t>(2 * share));
}

}  // namespace engine::control
