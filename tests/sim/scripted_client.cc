// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/scripted_client.h"

#include <algorithm>

namespace sim {

ScriptedClient::ScriptedClient(Kernel& kernel, Peer peer, std::vector<Exchange*> exchanges,
                               const ClientHabits& habits)
    : kernel_(kernel), peer_(std::move(peer)), exchanges_(std::move(exchanges)), habits_(habits) {
  reader_.start(exchanges_.front()->method);
  kernel.add(*this);
}

void ScriptedClient::fail(const std::string& what) {
  const std::size_t at = std::min(answered_, exchanges_.size() - 1);
  kernel_.violation("a client: " + what + " in " + exchanges_[at]->text());
}

bool ScriptedClient::break_off() {
  if (habits_.break_off == Break::None) return false;
  if (written_ < habits_.break_after_writing && read_ < habits_.break_after_reading) return false;
  // A tunnel is the last of its connection, and may be reached after this client is gone.
  Exchange& last = *exchanges_.back();
  if (last.upgrades)
    last.up_finished = tunnel_ ? last.up.size() - (out_.size() - out_at_) : kAnywhere;
  end_suddenly(peer_, habits_.break_off);
  over_ = true;
  return true;
}

bool ScriptedClient::turn() {
  if (over_) return false;
  Random& random = kernel_.random();
  if (habits_.stall > 0 && read_ > 0)
    stalled_until_ = kernel_.now() + std::exchange(habits_.stall, 0);
  if (stalled_until_ != base::kNever && kernel_.now() < stalled_until_) return false;
  stalled_until_ = base::kNever;
  const bool something = peer_.readable() > 0 || peer_.is_over() || out_at_ < out_.size();
  if (something && random.chance(habits_.lazy)) return true;
  if (tunnel_) return turn_tunnel();
  const bool composed = compose();
  const bool wrote = write();
  const bool got = !over_ && read();
  return composed || wrote || got || over_;
}

// Puts the next request into out_, when it is its turn.
bool ScriptedClient::compose() {
  if (body_ == Body::AwaitsContinue) {
    if (patience_ > 0 && --patience_ > 0) return true;
    out_ += exchanges_[composed_ - 1]->request_tail(kernel_.random());
    body_ = Body::Sent;
    return true;
  }
  if (composed_ == exchanges_.size() || composed_ - answered_ >= habits_.pipelined || expects_end_)
    return false;
  // Behind these nothing more may be sent.
  if (composed_ > 0 &&
      (exchanges_[composed_ - 1]->upgrades || exchanges_[composed_ - 1]->client_says_close))
    return false;
  Exchange& next = *exchanges_[composed_++];
  out_ += next.request_head();
  if (next.expects) {
    body_ = Body::AwaitsContinue;
    patience_ = static_cast<unsigned>(kernel_.random().between(20, 200));
  } else {
    out_ += next.request_tail(kernel_.random()) + next.up.substr(0, next.up_early);
  }
  return true;
}

bool ScriptedClient::write() {
  Random& random = kernel_.random();
  if (out_at_ == out_.size()) {
    if (habits_.half_closes && !finished_ && composed_ == exchanges_.size() &&
        body_ == Body::Sent) {
      finished_ = true;
      peer_.finish();
      return true;
    }
    return false;
  }
  std::size_t most = random.chance(300) ? random.between(1, 100) : 1'000'000;
  if (habits_.break_off != Break::None)
    most = std::min(most, habits_.break_after_writing - written_);
  const std::size_t count = peer_.write(std::string_view(out_).substr(out_at_, most));
  out_at_ += count;
  written_ += count;
  return break_off() || count > 0;
}

bool ScriptedClient::read() {
  Random& random = kernel_.random();
  std::size_t most = random.chance(300) ? random.between(1, 100) : 1'000'000;
  if (habits_.break_off != Break::None) most = std::min(most, habits_.break_after_reading - read_);
  const std::string bytes = peer_.read(most);
  read_ += bytes.size();
  if (break_off()) return true;
  reader_.add(bytes);
  follow();
  if (!over_ && !tunnel_ && peer_.at_end()) {
    reader_.end();
    follow();
  }
  if (over_ || tunnel_) return true;
  if (peer_.is_over()) {
    if (answered_ < exchanges_.size() && !reader_.untouched())
      current().outcome = Exchange::Outcome::Broken;
    end();
    return true;
  }
  return !bytes.empty();
}

void ScriptedClient::end() {
  peer_.close();
  over_ = true;
}

void ScriptedClient::follow() {
  while (!over_ && !tunnel_ && reader_.complete()) {
    if (answered_ == exchanges_.size()) return fail("an answer that nobody asked for");
    const int status = reader_.message().status();
    if (status == 101) return on_tunnel();
    if (status < 200) {
      if (status == 100) patience_ = 1;
      if (current().minor_version == 0) fail("an interim answer for HTTP/1.0");
      reader_.start(current().method);
      continue;
    }
    judge();
  }
  if (reader_.broken() && !peer_.at_end()) fail("a malformed answer: " + reader_.why());
}

void ScriptedClient::judge() {
  const Message& message = reader_.message();
  Exchange& exchange = current();
  if (const std::string wrong = exchange.judge(message); !wrong.empty()) fail(wrong);
  const bool closes =
      message.says_close() || (exchange.minor_version == 0 && message.field("connection").empty());
  if (body_ == Body::AwaitsContinue && answered_ + 1 == composed_) {
    // Its body will never be sent: the connection is good for nothing else.
    body_ = Body::Sent;
    habits_.half_closes = false;
    expects_end_ = true;
  }
  expects_end_ = expects_end_ || closes;
  ++answered_;
  if (closes || (answered_ == exchanges_.size() && !habits_.lingers)) return end();
  reader_.start(answered_ < exchanges_.size() ? current().method : "GET");
}

void ScriptedClient::on_tunnel() {
  Exchange& exchange = current();
  if (!exchange.upgrades) return fail("a tunnel that nobody asked for");
  if (reader_.message().field("sec-websocket-accept") != kWebSocketAccept)
    return fail("a wrong Sec-WebSocket-Accept");
  tunnel_ = true;
  exchange.outcome = Exchange::Outcome::Proxied;
  received_ = reader_.take_rest();
  out_.erase(0, out_at_);
  out_ += exchange.up.substr(exchange.up_early);
  out_at_ = 0;
}

bool ScriptedClient::turn_tunnel() {
  Exchange& exchange = current();
  Random& random = kernel_.random();
  const std::size_t most = random.chance(300) ? random.between(1, 100) : 1'000'000;
  const std::string bytes = peer_.read(most);
  received_ += bytes;
  read_ += bytes.size();
  if (!exchange.down.starts_with(received_)) fail("wrong bytes in a tunnel");
  const std::size_t sent =
      finished_ ? 0 : peer_.write(std::string_view(out_).substr(out_at_, most));
  out_at_ += sent;
  written_ += sent;
  if (break_off()) return true;
  if (out_at_ == out_.size() && !finished_ && (exchange.up_ends_first || peer_.at_end())) {
    finished_ = true;
    exchange.up_finished = exchange.up.size();
    peer_.finish();
    return true;
  }
  if (peer_.at_end() && !exchange.drained && received_.size() != exchange.down_finished) {
    fail("a tunnel ends in an orderly way with " + std::to_string(received_.size()) + " bytes of " +
         std::to_string(exchange.down_finished));
  }
  if (peer_.was_reset()) exchange.outcome = Exchange::Outcome::Broken;
  if (peer_.was_reset() || (peer_.at_end() && finished_)) {
    end();
    return true;
  }
  return !bytes.empty() || sent > 0;
}

}  // namespace sim
