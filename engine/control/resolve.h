// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the addresses of named targets up to date: asks again when they expire, keeps the last good
// ones when DNS fails, and says when something changed. It must not know snapshots.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/control/dns.h"
#include "engine/io/ring.h"
#include "engine/io/timers.h"
#include "engine/route/target.h"

namespace engine::control {

class Resolver {
 public:
  static constexpr base::Time kTtlMin = base::kSecond;
  static constexpr base::Time kTtlMax = 300 * base::kSecond;
  static constexpr base::Time kRetryMin = base::kSecond;
  static constexpr base::Time kRetryMax = 30 * base::kSecond;
  static constexpr std::size_t kQueriesMax = 64;  // under way at once

  // `changed` is called by the ring's thread, once for the changes of a moment.
  Resolver(io::Ring& ring, io::Timers& timers, std::string servers, std::function<void()> changed);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Empty, or why there is no DNS: names then stay unresolved, and say so.
  std::string open() { return dns_.open(); }
  // The targets whose names are kept up to date from now on; those of others are forgotten.
  void set_targets(std::span<const std::shared_ptr<const route::Target>> targets);
  // What is known of a target that needs DNS. Never null; the same object until something changes.
  [[nodiscard]] std::shared_ptr<const route::Addresses> addresses_of(const route::Target& target);
  void close();
  [[nodiscard]] bool closed() const { return dns_.closed(); }

  [[nodiscard]] std::size_t name_count() const { return names_.size(); }

 private:
  // One name. It waits for its timer, in `waiting_`, or for its answer.
  struct Name {
    Name(Resolver* resolver, std::string text)
        : owner(resolver), name(std::move(text)), due(io::Expires<&Name::on_due>(), this) {}
    void on_due() { owner->start(*this); }

    Resolver* owner;
    std::string name;
    io::Timer due;
    bool asked = false;
    base::Time retry = kRetryMin;  // the next pause after a failure
    std::vector<route::Address> addresses;
    std::string failure;
    std::map<std::uint16_t, std::shared_ptr<const route::Addresses>> by_port;
  };

  void start(Name& name);
  void start_waiting();
  void on_answer(const std::string& text, const DnsAnswer& answer);
  void take_failure(Name& name, const DnsAnswer& answer);
  void take_addresses(Name& name, const DnsAnswer& answer);
  void report_change();
  void on_settled();

  io::Ring& ring_;
  io::Timers& timers_;
  std::function<void()> changed_;
  std::unordered_map<std::string, std::unique_ptr<Name>> names_;
  std::deque<std::string> waiting_;  // for one of the kQueriesMax places
  std::size_t queries_ = 0;
  bool unreported_ = false;
  io::Timer settled_;
  Dns dns_;  // the last member: it answers what is open when it ends
};

}  // namespace engine::control
