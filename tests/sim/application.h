// SPDX-License-Identifier: GPL-3.0-or-later
// An application behind a target: it answers probes as it is told to, and every other request in its name. It notes
// when it was asked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/kernel.h"
#include "tests/sim/message.h"

namespace sim {

class Application final : public Acceptor, public Actor {
 public:
  static constexpr std::string_view kHealthPath = "/up";

  // How it answers probes; Refuses is for requests, too.
  enum class Condition : std::uint8_t {
    Up,
    Failing,       // 503
    Missing,       // 404
    Redirects,     // 301 to another path
    WantsHttps,    // 301 to https://, unless it is told that the client has that
    Hangs,         // accepts, and says nothing
    ClosesInHead,  // in the middle of the answer's
    Refuses,
  };

  // `on_request` is called with the target of each request that is no probe.
  Application(Kernel& kernel, std::uint16_t port,
              std::function<void(const std::string&)> on_request);
  ~Application() override { kernel_.remove(*this); }
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  void become(Condition condition);
  [[nodiscard]] Condition condition() const { return condition_; }
  // How long a request takes at most, and at least.
  void set_pace(base::Time least, base::Time most) { least_ = least, most_ = most; }
  // Of what it answers to requests, from now on.
  void set_status(std::string status) { status_ = std::move(status); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::vector<base::Time>& probes() const { return probes_; }
  [[nodiscard]] const std::vector<base::Time>& requests() const { return requests_; }

  void on_peer(Peer peer) override;
  bool turn() override;
  [[nodiscard]] base::Time wakes() const override;

 private:
  struct Connection {
    Peer peer;
    MessageReader reader{MessageReader::Kind::Request};
    std::string out;
    base::Time due = base::kNever;  // of `out`
    bool closes = false;            // behind it
    bool hangs = false;
    bool over = false;
  };

  bool turn(Connection& connection);
  void answer(Connection& connection);
  void answer_probe(Connection& connection);

  Kernel& kernel_;
  std::uint16_t port_;
  std::function<void(const std::string&)> on_request_;
  Condition condition_ = Condition::Up;
  std::string status_ = "200 OK";
  base::Time least_ = 0;
  base::Time most_ = 0;
  std::vector<base::Time> probes_;
  std::vector<base::Time> requests_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace sim
