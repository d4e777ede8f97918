// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/upstream_pool.h"

#include <algorithm>

#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// Moves the states whose object is in `index_of` to their new places and the others to `retired`.
template <typename State, typename Key, typename Map>
std::vector<std::unique_ptr<State>> carry_over(std::vector<std::unique_ptr<State>>& old,
                                               std::size_t count, const Map& index_of, Key key,
                                               std::vector<std::unique_ptr<State>>& retired) {
  std::vector<std::unique_ptr<State>> next(count);
  for (auto& state : old) {
    if (state == nullptr) continue;
    const auto at = index_of.find(key(*state));
    if (at != index_of.end()) {
      next[at->second] = std::move(state);
      continue;
    }
    state->retired = true;
    retired.push_back(std::move(state));
  }
  return next;
}

}  // namespace

void UpstreamPool::adopt(const route::Snapshot& snapshot) {
  services_ = carry_over(
      services_, snapshot.services.size(), snapshot.service_index_of,
      [](const ServiceState& state) { return state.service.get(); }, retired_services_);
  targets_ = carry_over(
      targets_, snapshot.targets.size(), snapshot.target_index_of,
      [](const TargetState& state) { return state.target.get(); }, retired_targets_);
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i] != nullptr) targets_[i]->addresses = snapshot.addresses[i];
  }
  for (auto& state : retired_targets_) {
    retire(*state);
  }
  snapshot_ = &snapshot;
  sweep();
}

ServiceState& UpstreamPool::service(std::uint32_t index) {
  auto& state = services_[index];
  if (state == nullptr) {
    state = std::make_unique<ServiceState>(snapshot_->services[index], worker_.index());
    state->balance.random = worker_.random();
  }
  return *state;
}

TargetState* UpstreamPool::target(const route::WeightedTarget& wanted) {
  const std::uint32_t index = wanted.target_index;
  if (index >= targets_.size() || snapshot_->targets[index] != wanted.target) return nullptr;
  auto& state = targets_[index];
  if (state == nullptr) {
    state = std::make_unique<TargetState>(snapshot_->targets[index], snapshot_->addresses[index],
                                          snapshot_->connections[index]);
  }
  return state.get();
}

// What ended in this very tick is still in the list: its owner hears of it when the tick ends.
Upstream* UpstreamPool::ready(TargetState& target, Doubt doubt, bool tunnel) {
  Upstream* shared = nullptr;
  target.shared.for_each([&](Upstream& upstream) {
    if (shared == nullptr && upstream.may_share(tunnel)) shared = &upstream;
  });
  if (shared != nullptr) return shared;
  while (!target.idle.empty()) {
    Upstream& hottest = target.idle.front();
    const bool ended =
        hottest.connection().ended() ||
        (doubt == Doubt::Look && worker_.ring().has_input(hottest.connection().socket()));
    if (!ended) return &hottest;
    hottest.discard(false);  // its end came in this very tick
  }
  return nullptr;
}

void UpstreamPool::retire(TargetState& target) {
  target.idle.for_each([](Upstream& upstream) { upstream.retire(); });
  target.shared.for_each([](Upstream& upstream) { upstream.retire(); });
}

void UpstreamPool::close_idle() {
  for (auto& state : targets_) {
    if (state != nullptr) retire(*state);
  }
}

void UpstreamPool::sweep() {
  std::erase_if(retired_services_, [](const auto& state) { return state->unused(); });
  std::erase_if(retired_targets_, [](const auto& state) { return state->unused(); });
}

}  // namespace engine::proxy
