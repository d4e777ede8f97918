// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/resolve.h"

#include <netinet/in.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

// Answers that arrive together become one snapshot.
constexpr base::Time kSettle = 10 * base::kMillisecond;

bool same_set(const std::vector<route::Address>& left, const std::vector<route::Address>& right) {
  return left.size() == right.size() && std::ranges::is_permutation(left, right);
}

std::string join(const std::vector<route::Address>& addresses) {
  std::string text;
  for (const route::Address& address : addresses) {
    // Without the port, which is 0 here.
    const std::string each = address.text();
    text += (text.empty() ? "" : ",") + each.substr(0, each.rfind(':'));
  }
  return text;
}

}  // namespace

Resolver::Resolver(io::Ring& ring, io::Timers& timers, std::string servers,
                   std::function<void()> changed)
    : ring_(ring),
      timers_(timers),
      changed_(std::move(changed)),
      settled_(io::Expires<&Resolver::on_settled>(), this),
      dns_(ring, timers, std::move(servers),
           [this](const std::string& name, const DnsAnswer& answer) { on_answer(name, answer); }) {}

void Resolver::set_targets(std::span<const std::shared_ptr<const route::Target>> targets) {
  std::unordered_set<std::string> wanted;
  for (const auto& target : targets) {
    if (target->needs_dns()) wanted.insert(target->host());
  }
  std::erase_if(names_, [&wanted](const auto& each) { return !wanted.contains(each.first); });
  for (const std::string& text : wanted) {
    if (names_.contains(text)) continue;
    auto name = std::make_unique<Name>(this, text);
    name->failure = text + ": not resolved yet";
    // From the timer, not at once: an answer from /etc/hosts would come while the caller still
    // builds.
    timers_.set(name->due, ring_.now());
    names_.emplace(text, std::move(name));
  }
}

std::shared_ptr<const route::Addresses> Resolver::addresses_of(const route::Target& target) {
  const auto found = names_.find(target.host());
  if (found == names_.end()) {
    return std::make_shared<const route::Addresses>(
        route::Addresses{.list = {}, .failure = target.host() + ": not resolved yet"});
  }
  Name& name = *found->second;
  auto& known = name.by_port[target.port()];
  if (known != nullptr) return known;
  route::Addresses addresses{.list = name.addresses, .failure = {}};
  if (addresses.list.empty()) addresses.failure = name.failure;
  for (route::Address& address : addresses.list) {
    // sin_port and sin6_port lie at the same offset.
    reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(target.port());
  }
  known = std::make_shared<const route::Addresses>(std::move(addresses));
  return known;
}

void Resolver::close() {
  timers_.clear(settled_);
  names_.clear();
  waiting_.clear();
  dns_.close();
}

void Resolver::start(Name& name) {
  if (name.asked) return;
  name.asked = true;
  waiting_.push_back(name.name);
  start_waiting();
}

void Resolver::start_waiting() {
  while (queries_ < kQueriesMax && !waiting_.empty()) {
    const std::string text = std::move(waiting_.front());
    waiting_.pop_front();
    if (!names_.contains(text)) continue;
    ++queries_;
    dns_.ask(text);
  }
}

void Resolver::on_answer(const std::string& text, const DnsAnswer& answer) {
  --queries_;
  if (const auto found = names_.find(text); found != names_.end() && found->second->asked) {
    Name& name = *found->second;
    name.asked = false;
    if (!answer.addresses.empty())
      take_addresses(name, answer);
    else if (!answer.failure.empty())
      take_failure(name, answer);
    else
      timers_.set(name.due, ring_.now());
  }
  // Not from within this answer: c-ares may call back at once, and deeper each time.
  if (!waiting_.empty()) timers_.set(settled_, ring_.now());
}

// What was good goes on being used: an outage of DNS must not become one of the sites.
void Resolver::take_failure(Name& name, const DnsAnswer& answer) {
  timers_.set(name.due, ring_.now() + name.retry);
  name.retry = std::min(2 * name.retry, kRetryMax);
  if (name.failure == answer.failure) return;
  name.failure = answer.failure;
  log::warn("name not resolved",
            {{"name", name.name},
             {"cause", answer.failure},
             {"using", name.addresses.empty() ? "nothing" : join(name.addresses)}});
  if (!name.addresses.empty()) return;
  name.by_port.clear();
  report_change();
}

void Resolver::take_addresses(Name& name, const DnsAnswer& answer) {
  timers_.set(name.due, ring_.now() + std::clamp(answer.ttl, kTtlMin, kTtlMax));
  name.retry = kRetryMin;
  name.failure.clear();
  if (same_set(name.addresses, answer.addresses)) return;
  name.addresses = answer.addresses;
  name.by_port.clear();
  log::info("name resolved", {{"name", name.name}, {"addresses", join(name.addresses)}});
  report_change();
}

void Resolver::report_change() {
  unreported_ = true;
  if (!settled_.is_set()) timers_.set(settled_, ring_.now() + kSettle);
}

void Resolver::on_settled() {
  start_waiting();
  if (std::exchange(unreported_, false)) changed_();
}

}  // namespace engine::control
