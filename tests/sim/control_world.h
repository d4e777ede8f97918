// SPDX-License-Identifier: GPL-3.0-or-later
// A worker and the control thread, with applications behind the targets and clients that ask them. It looks at every
// request that reaches an application: whether some snapshot since it was asked would have sent it there.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/application.h"
#include "tests/sim/caller.h"
#include "tests/sim/control_thread.h"
#include "tests/sim/stage.h"

namespace sim {

struct ControlOptions {
  Faults faults;
  std::string toml;  // proxy.toml without `listen`
  unsigned applications = 2;
};

class ControlWorld final : public Stage {
 public:
  static constexpr std::uint16_t kFirstPort = 9000;  // of the applications

  explicit ControlWorld(std::uint64_t seed, ControlOptions options = {});
  ~ControlWorld() override;

  [[nodiscard]] control::Operations& operations() { return control_->operations(); }
  [[nodiscard]] Application& application(std::size_t index = 0) { return *applications_[index]; }
  [[nodiscard]] std::size_t application_count() const { return applications_.size(); }
  // Of the application in the host's service, as it is now; null when it is not among its targets.
  [[nodiscard]] std::shared_ptr<route::TargetHealth> health(const std::string& host,
                                                            std::size_t application = 0);

  void run_for(base::Time time);
  // False when it does not come true in `most`.
  template <typename Condition>
  [[nodiscard]] bool run_until(Condition condition, base::Time most = 100 * base::kSecond) {
    const base::Time end = kernel().now() + most;
    while (!condition() && kernel().now() < end && !kernel().violated()) tick_until(end);
    return condition();
  }

  // The answer of a verb, once it is there, and when.
  struct Done {
    std::optional<control::Verbs::Result> result;
    base::Time at = 0;
  };
  std::shared_ptr<Done> start(async::Task<control::Verbs::Result> verb);

  // A client that asks these hosts, each at its time from now.
  struct Wish {
    base::Time in = 0;
    std::string host = "a.test";
  };
  void call(const std::vector<Wish>& wishes);
  // In the order in which they were wished.
  [[nodiscard]] const std::deque<Question>& questions() const { return questions_; }
  [[nodiscard]] bool all_answered() const;

  // Control ends, then the worker, and nothing is left. Called at the end if it was not before.
  void close();

 private:
  // What a snapshot says of one service.
  struct Route {
    bool open = false;  // its gate
    std::set<std::uint16_t> ports;
  };
  using Routes = std::map<std::string, Route>;  // by host

  // A wait of the worker's ends at `end`, and when control did something.
  void tick_until(base::Time end);
  void on_notified();
  void on_request(std::uint16_t port, const std::string& path);
  [[nodiscard]] bool may_reach(const Question& question, std::uint16_t port) const;
  void check_rest();

  std::vector<std::unique_ptr<Application>> applications_;
  std::unique_ptr<ControlThread> control_;
  std::deque<Question> questions_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::map<std::uint64_t, Routes> history_;                                // by generation
  std::map<std::shared_ptr<route::TargetHealth>, base::Time> down_since_;  // kNever: it is up
};

// "10.0.0.1:9000"
[[nodiscard]] std::string address_of(std::size_t application);
// The long form of a site with these applications: `rest` are further lines.
[[nodiscard]] std::string site_of(const std::string& host,
                                  const std::vector<std::size_t>& applications,
                                  const std::string& rest = {});

}  // namespace sim
