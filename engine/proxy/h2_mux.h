// SPDX-License-Identifier: GPL-3.0-or-later
// The streams of one connection of HTTP/2 in their turns: at the end of a tick those that fell behind
// catch up, then frames fill the connection's buffer. It must not know who the peer is.
#pragma once

#include "engine/base/list.h"
#include "engine/http/h2_codec.h"
#include "engine/proxy/h2_channel.h"

namespace engine::proxy {

class Connection;
class Worker;

class H2Mux {
 public:
  H2Mux(Worker& worker, Connection& connection, http::H2Endpoint& endpoint)
      : worker_(worker), connection_(connection), endpoint_(endpoint) {}

  // There is something to be sent.
  void wake();
  // The channel's catch_up() is called before this tick ends.
  void fall_behind(H2Channel& channel);
  // As ConnectionEvents has it: catch_up(), and what is to be sent.
  void on_tick_end();
  void catch_up();

 private:
  void produce();

  Worker& worker_;
  Connection& connection_;
  http::H2Endpoint& endpoint_;
  base::List<H2Channel, &H2Channel::behind_hook> behind_;
  base::Time tick_ = 0;  // of the rounds
  std::uint32_t rounds_ = 0;
};

}  // namespace engine::proxy
