// SPDX-License-Identifier: GPL-3.0-or-later
// What a target is, beside what it does.
struct TargetKind {
  bool lethal = false;
  bool secure = false;
  unsigned http2 = 0;  // a bit for each port, as Options::h2_targets
};

// A target that plays the exchanges it is asked for, connection by connection, and checks what it is sent.
#pragma once

#include <memory>
#include <vector>

#include "tests/sim/exchange.h"
#include "tests/sim/kernel.h"
#include "tests/sim/message.h"
#include "tests/sim/scripted_h2_target.h"

namespace sim {

class ScriptedTarget final : public Acceptor, public Actor {
 public:
  ScriptedTarget(Kernel& kernel, std::vector<Exchange>& exchanges, const TargetKind& kind)
      : kernel_(kernel), exchanges_(exchanges), lethal_(kind.lethal), kind_(kind) {
    kernel.add(*this);
  }
  ~ScriptedTarget() override { kernel_.remove(*this); }

  void on_peer(Peer peer) override;
  bool turn() override;

 private:
  struct Connection {
    Peer peer;
    bool undecided = false;                   // until ALPN tells which version it is
    std::unique_ptr<ScriptedH2Target> http2;  // then that is all
    MessageReader reader{MessageReader::Kind::Request};
    Exchange* exchange = nullptr;  // the one at work
    std::string out;               // of its response
    std::size_t out_at = 0;
    std::size_t read_count = 0;  // bytes of this request
    std::string received;        // in a tunnel
    bool answering = false;
    bool tunnel = false;
    bool out_finished = false;  // our FIN is sent
    bool over = false;
    unsigned idle_turns_left = 0;  // until a lethal target drops a connection that waits
  };

  bool turn(Connection& connection);
  void decide(Connection& connection);
  bool read(Connection& connection);
  void follow_request(Connection& connection);
  void find_exchange(Connection& connection);
  bool write(Connection& connection);
  void finish_response(Connection& connection);
  void await_request(Connection& connection);
  bool turn_tunnel(Connection& connection);
  bool break_off(Connection& connection);
  void close(Connection& connection);
  void fail(const std::string& what, const Exchange* exchange);

  Kernel& kernel_;
  std::vector<Exchange>& exchanges_;
  bool lethal_;
  TargetKind kind_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace sim
