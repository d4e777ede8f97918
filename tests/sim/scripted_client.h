// SPDX-License-Identifier: GPL-3.0-or-later
// A client's connection that plays a list of exchanges in order and checks every byte of the answers.
#pragma once

#include <vector>

#include "tests/sim/exchange.h"
#include "tests/sim/kernel.h"
#include "tests/sim/message.h"

namespace sim {

struct ClientHabits {
  unsigned pipelined = 1;    // requests on the way at a time
  unsigned lazy = 300;       // chance in 1/1000 to skip a turn
  bool half_closes = false;  // FIN behind the last request
  bool lingers = false;      // keeps the connection until the worker closes it
  Break break_off = Break::None;
  std::size_t break_after_writing = kNowhere;
  std::size_t break_after_reading = kNowhere;
  base::Time stall = 0;  // reads nothing for so long, once
  // ---- Of HTTP/2 alone.
  base::Time holds_windows = 0;  // does not open them for so long, once
  unsigned cancels = 0;          // chance in 1/1000 to reset a request at some time
};

class ScriptedClient final : public Actor {
 public:
  ScriptedClient(Kernel& kernel, Peer peer, std::vector<Exchange*> exchanges,
                 const ClientHabits& habits);
  ~ScriptedClient() override { kernel_.remove(*this); }
  ScriptedClient(const ScriptedClient&) = delete;
  ScriptedClient& operator=(const ScriptedClient&) = delete;

  bool turn() override;
  [[nodiscard]] base::Time wakes() const override { return over_ ? base::kNever : stalled_until_; }
  [[nodiscard]] bool over() const { return over_; }

 private:
  enum class Body : std::uint8_t { Sent, AwaitsContinue };

  bool compose();
  bool write();
  bool read();
  void follow();
  void judge();
  void on_tunnel();
  bool turn_tunnel();
  void end();
  void fail(const std::string& what);
  [[nodiscard]] bool break_off();
  Exchange& current() { return *exchanges_[answered_]; }

  Kernel& kernel_;
  Peer peer_;
  std::vector<Exchange*> exchanges_;
  ClientHabits habits_;
  MessageReader reader_{MessageReader::Kind::Response};
  std::string out_;
  std::size_t out_at_ = 0;
  std::size_t written_ = 0, read_ = 0;  // bytes altogether
  std::size_t composed_ = 0;            // requests whose head is in out_ or went out
  std::size_t answered_ = 0;
  Body body_ = Body::Sent;
  unsigned patience_ = 0;  // turns to wait for 100
  std::string received_;   // in a tunnel
  base::Time stalled_until_ = base::kNever;
  bool tunnel_ = false;
  bool finished_ = false;     // our FIN is sent
  bool expects_end_ = false;  // the last answer closes the connection
  bool over_ = false;
};

}  // namespace sim
