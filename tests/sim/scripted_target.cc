// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/scripted_target.h"

#include <algorithm>

#include "tests/sim/identity.h"
#include "tests/sim/tls_end.h"
#include "tests/sim/world.h"

namespace sim {

void ScriptedTarget::on_peer(Peer peer) {
  const bool http2 = (kind_.http2 >> (peer.socket().port - kTargetPort) & 1U) != 0;
  if (kind_.secure)
    peer.secure(identity().server, {}, http2 ? kBothVersions : std::string_view("http/1.1"));
  connections_.push_back(std::make_unique<Connection>());
  Connection& connection = *connections_.back();
  connection.peer = std::move(peer);
  connection.reader.start();
  connection.undecided = http2;
  if (http2 && !kind_.secure) decide(connection);
}

void ScriptedTarget::decide(Connection& connection) {
  const TlsEnd* const tls = connection.peer.tls();
  if (tls != nullptr && !tls->session().established()) return;
  connection.undecided = false;
  if (tls != nullptr && tls->session().protocol() != "h2") return;
  connection.http2 =
      std::make_unique<ScriptedH2Target>(kernel_, connection.peer, exchanges_, lethal_);
}

void ScriptedTarget::fail(const std::string& what, const Exchange* exchange) {
  kernel_.violation("a target: " + what + (exchange == nullptr ? "" : " in " + exchange->text()));
}

bool ScriptedTarget::turn() {
  bool busy = false;
  // By index: a turn may bring new connections.
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    if (!connections_[i]->over) busy = turn(*connections_[i]) || busy;
  }
  return busy;
}

bool ScriptedTarget::turn(Connection& connection) {
  if (connection.undecided) decide(connection);
  if (connection.undecided) {
    if (connection.peer.is_over()) close(connection);
    return false;
  }
  if (connection.http2 != nullptr) {
    const bool busy = connection.http2->turn();
    connection.over = connection.http2->over();
    return busy;
  }
  Random& random = kernel_.random();
  const bool lazy = random.chance(400);
  const bool something = connection.peer.readable() > 0 || connection.peer.is_over() ||
                         connection.out_at < connection.out.size();
  if (lazy && something) return true;
  if (connection.tunnel) return turn_tunnel(connection);
  bool busy = read(connection);
  if (connection.over) return true;
  busy = write(connection) || busy;
  if (connection.over || connection.tunnel) return true;
  if (connection.peer.is_over() &&
      (connection.exchange == nullptr || connection.answering || connection.peer.was_reset())) {
    close(connection);
    return true;
  }
  if (connection.idle_turns_left > 0 && --connection.idle_turns_left == 0 &&
      connection.exchange == nullptr) {
    random.chance(500) ? connection.peer.close() : connection.peer.reset();
    connection.over = true;
    return true;
  }
  return busy;
}

void ScriptedTarget::close(Connection& connection) {
  connection.peer.close();
  connection.over = true;
}

bool ScriptedTarget::break_off(Connection& connection) {
  const Exchange& exchange = *connection.exchange;
  if (exchange.target_break == Break::None) return false;
  if (connection.read_count < exchange.break_after_reading &&
      connection.out_at < exchange.break_after_writing)
    return false;
  if (connection.tunnel) connection.exchange->down_finished = connection.out_at;
  if (connection.answering && connection.out_at == connection.out.size()) {
    connection.exchange->response_sent = true;
    if (!connection.tunnel) connection.exchange->down_finished = 0;
  }
  end_suddenly(connection.peer, exchange.target_break);
  connection.over = true;
  return true;
}

bool ScriptedTarget::read(Connection& connection) {
  Random& random = kernel_.random();
  std::size_t most = random.chance(300) ? random.between(1, 100) : 1'000'000;
  // So that a death in the middle of the request is one.
  if (connection.exchange != nullptr && connection.exchange->target_break != Break::None) {
    most = std::min(most, connection.exchange->break_after_reading - connection.read_count);
  }
  const std::string bytes = connection.peer.read(most);
  const bool ended = connection.peer.at_end();
  if (bytes.empty() && !ended) return false;
  connection.read_count += bytes.size();
  connection.reader.add(bytes);
  if (ended) connection.reader.end();
  follow_request(connection);
  return !bytes.empty();
}

void ScriptedTarget::follow_request(Connection& connection) {
  MessageReader& reader = connection.reader;
  if (connection.exchange == nullptr && reader.head_complete()) find_exchange(connection);
  if (reader.broken()) {
    if (!connection.peer.at_end()) fail("a bad request: " + reader.why(), connection.exchange);
    if (!connection.answering) close(connection);
    return;
  }
  if (connection.exchange == nullptr || break_off(connection)) return;
  Exchange& exchange = *connection.exchange;
  if (reader.complete() && reader.message().body != exchange.request_body) {
    fail("a wrong request body, " + difference(reader.message().body, exchange.request_body),
         &exchange);
  }
  if (connection.answering && connection.out.empty() && reader.complete())
    return await_request(connection);
  const bool may_answer = reader.complete() || (exchange.early && kernel_.random().chance(300));
  if (connection.answering || exchange.silent || !may_answer) return;
  connection.answering = true;
  connection.out += exchange.response_bytes(reader.message(), kernel_.random());
}

void ScriptedTarget::find_exchange(Connection& connection) {
  const Message& message = connection.reader.message();
  std::string complaint;
  connection.exchange = find_asked(exchanges_, message, complaint);
  if (!complaint.empty()) fail(complaint, connection.exchange);
  if (message.field("expect") == "100-continue" && kernel_.random().chance(700)) {
    connection.out += "HTTP/1.1 100 Continue\r\n\r\n";
  }
}

bool ScriptedTarget::write(Connection& connection) {
  if (connection.exchange == nullptr || connection.out_at >= connection.out.size()) return false;
  const Exchange& exchange = *connection.exchange;
  Random& random = kernel_.random();
  std::size_t most = random.chance(300) ? random.between(1, 100) : 1'000'000;
  if (exchange.target_break != Break::None)
    most = std::min(most, exchange.break_after_writing - connection.out_at);
  const std::size_t count =
      connection.peer.write(std::string_view(connection.out).substr(connection.out_at, most));
  connection.out_at += count;
  if (break_off(connection)) return true;
  if (connection.answering && connection.out_at == connection.out.size())
    finish_response(connection);
  return count > 0;
}

void ScriptedTarget::finish_response(Connection& connection) {
  Exchange& exchange = *connection.exchange;
  exchange.response_sent = true;
  if (exchange.upgrades) {
    connection.tunnel = true;
    connection.out = exchange.down;
    connection.out_at = 0;
    connection.received = connection.reader.take_rest();
    return;
  }
  const bool until_close = !exchange.bodyless() && exchange.response_framing == Framing::UntilClose;
  const bool clean = connection.reader.complete();
  if (until_close || exchange.target_says_close ||
      (!clean && lethal_ && kernel_.random().chance(300))) {
    // An orderly target reads what still comes; a hasty one does not.
    if (clean || lethal_) return close(connection);
    connection.peer.finish();
    connection.out_finished = true;
  }
  connection.out.clear();
  connection.out_at = 0;
  // Otherwise it reads on until the request is complete after all, or the worker gives up.
  if (clean) await_request(connection);
}

void ScriptedTarget::await_request(Connection& connection) {
  const bool early = connection.exchange->early;
  connection.exchange = nullptr;
  connection.answering = false;
  connection.read_count = 0;
  if (connection.out_finished) return close(connection);
  if (lethal_ && kernel_.random().chance(200)) {
    connection.idle_turns_left = static_cast<unsigned>(kernel_.random().between(1, 60));
  }
  connection.reader.start();
  if (connection.reader.untouched()) return;
  // Who is answered early may have sent the rest of the request and the next one since.
  if (!early) fail("bytes behind a request that was not answered", nullptr);
  follow_request(connection);
}

bool ScriptedTarget::turn_tunnel(Connection& connection) {
  Exchange& exchange = *connection.exchange;
  Random& random = kernel_.random();
  const std::size_t most = random.chance(300) ? random.between(1, 100) : 1'000'000;
  const std::string bytes = connection.peer.read(most);
  connection.received += bytes;
  if (!exchange.up.starts_with(connection.received)) fail("wrong bytes in a tunnel", &exchange);
  const std::size_t sent =
      connection.peer.write(std::string_view(connection.out).substr(connection.out_at, most));
  connection.out_at += sent;
  if (break_off(connection)) return true;
  if (connection.out_at == connection.out.size() && !connection.out_finished &&
      (exchange.up_ends_first ? connection.peer.at_end() : true)) {
    connection.out_finished = true;
    exchange.down_finished = connection.out_at;
    connection.peer.finish();
    return true;
  }
  if (connection.peer.at_end() && !exchange.drained && exchange.up_finished != kAnywhere &&
      connection.received.size() != exchange.up_finished) {
    fail("a tunnel ends in an orderly way with " + std::to_string(connection.received.size()) +
             " bytes of " + std::to_string(exchange.up_finished),
         &exchange);
  }
  if (connection.peer.was_reset() || (connection.peer.at_end() && connection.out_finished)) {
    close(connection);
    return true;
  }
  return !bytes.empty() || sent > 0;
}

}  // namespace sim
