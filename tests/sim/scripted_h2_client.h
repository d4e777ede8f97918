// SPDX-License-Identifier: GPL-3.0-or-later
// A client's connection of HTTP/2 that plays exchanges, several at a time, and checks every byte of the answers.
#pragma once

#include <vector>

#include "tests/sim/exchange.h"
#include "tests/sim/h2_end.h"
#include "tests/sim/scripted_client.h"

namespace sim {

class ScriptedH2Client final : public Actor {
 public:
  ScriptedH2Client(Kernel& kernel, Peer peer, std::vector<Exchange*> exchanges,
                   const ClientHabits& habits, H2Habits of_connection);
  ~ScriptedH2Client() override { kernel_.remove(*this); }
  ScriptedH2Client(const ScriptedH2Client&) = delete;
  ScriptedH2Client& operator=(const ScriptedH2Client&) = delete;

  bool turn() override;
  [[nodiscard]] bool over() const { return over_; }

 private:
  struct Play {
    Exchange* exchange = nullptr;
    H2Stream* stream = nullptr;
    unsigned patience = 0;      // turns to wait for 100
    unsigned cancelled_in = 0;  // turns; 0: never
    std::size_t checked = 0;    // bytes of a tunnel
    bool tunnel = false;
    bool judged = false;
    bool over = false;
  };

  void compose();
  bool follow(Play& play);
  void judge(Play& play);
  bool turn_tunnel(Play& play);
  void end(Play& play);
  bool break_off();
  bool depart();
  void fail(const std::string& what, const Exchange& exchange);
  [[nodiscard]] std::size_t open_count() const;

  Kernel& kernel_;
  std::vector<Exchange*> exchanges_;
  ClientHabits habits_;
  const char* scheme_;
  H2End end_;
  std::vector<Play> plays_;
  bool departing_ = false;
  bool over_ = false;
};

}  // namespace sim
