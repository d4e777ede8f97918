// SPDX-License-Identifier: GPL-3.0-or-later
// A connection of HTTP/2 at a target: plays the exchanges it is asked for, all at once, and checks what it is sent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/exchange.h"
#include "tests/sim/h2_end.h"

namespace sim {

class ScriptedH2Target {
 public:
  ScriptedH2Target(Kernel& kernel, Peer peer, std::vector<Exchange>& exchanges, bool lethal);

  // Whether anything was done.
  bool turn();
  [[nodiscard]] bool over() const { return over_; }

 private:
  struct Play {
    Exchange* exchange = nullptr;
    H2Stream* stream = nullptr;
    std::size_t checked = 0;  // bytes of a tunnel
    bool answered = false;
    bool over = false;
  };

  void welcome();
  bool follow(Play& play);
  void answer(Play& play);
  bool turn_tunnel(Play& play);
  bool break_off(Play& play);
  void forget(Play& play);
  void end(Play& play);
  bool misbehave();
  void go_away();
  void fail(const std::string& what, const Exchange* exchange);

  Kernel& kernel_;
  std::vector<Exchange>& exchanges_;
  bool lethal_;
  H2End end_;
  std::vector<Play> plays_;
  std::size_t welcomed_ = 0;      // streams
  unsigned goes_away_in_ = 0;     // turns in which something happens; 0: never
  unsigned idle_turns_left_ = 0;  // until a lethal target drops a connection without streams
  std::int32_t last_stream_ = INT32_MAX;  // by GOAWAY
  bool end_announced_ = false;
  bool over_ = false;
};

}  // namespace sim
