// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/scripted_h2_client.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace sim {
namespace {

H2Habits with_breaks(H2Habits habits, const ClientHabits& client) {
  habits.lazy = client.lazy;
  habits.crumbles = true;
  if (client.break_off != Break::None) {
    habits.reads_most = client.break_after_reading;
    habits.writes_most = client.break_after_writing;
  }
  return habits;
}

}  // namespace

ScriptedH2Client::ScriptedH2Client(Kernel& kernel, Peer peer, std::vector<Exchange*> exchanges,
                                   const ClientHabits& habits, H2Habits of_connection)
    : kernel_(kernel),
      exchanges_(std::move(exchanges)),
      habits_(habits),
      scheme_(peer.tls() != nullptr ? "https" : "http"),
      end_(kernel, std::move(peer), H2End::Role::Client, with_breaks(of_connection, habits)) {
  plays_.reserve(exchanges_.size());
  kernel.add(*this);
}

void ScriptedH2Client::fail(const std::string& what, const Exchange& exchange) {
  kernel_.violation("a client of HTTP/2: " + what + " in " + exchange.text());
}

std::size_t ScriptedH2Client::open_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(plays_, [](const Play& play) { return !play.over; }));
}

bool ScriptedH2Client::turn() {
  if (over_) return false;
  if (!end_.fault().empty()) fail(end_.fault(), *exchanges_.front());
  if (break_off()) return true;
  if (end_.bytes_read() > 0) {
    if (habits_.stall > 0) end_.stall(kernel_.now() + std::exchange(habits_.stall, 0));
    if (habits_.holds_windows > 0)
      end_.hold_windows(kernel_.now() + std::exchange(habits_.holds_windows, 0));
  }
  const std::size_t before = plays_.size();
  compose();
  bool busy = plays_.size() > before;
  for (Play& play : plays_) {
    if (!play.over) busy = follow(play) || busy;
  }
  return depart() || busy;
}

bool ScriptedH2Client::break_off() {
  if (habits_.break_off == Break::None || end_.over()) return false;
  if (end_.bytes_written() < habits_.break_after_writing &&
      end_.bytes_read() < habits_.break_after_reading)
    return false;
  end_.break_off(habits_.break_off);
  for (Play& play : plays_) end(play);
  over_ = true;
  return true;
}

// Opens streams as long as the connection and the habits allow.
void ScriptedH2Client::compose() {
  Random& random = kernel_.random();
  while (plays_.size() < exchanges_.size() && open_count() < habits_.pipelined &&
         end_.may_request() && !departing_) {
    Exchange& next = *exchanges_[plays_.size()];
    const bool content = next.upgrades || !next.request_body.empty() ||
                         (next.request_framing != Framing::None && random.chance(500));
    Play play{.exchange = &next};
    play.stream = &end_.request(next.request_fields(scheme_),
                                content ? H2End::Content::Follows : H2End::Content::None);
    if (next.expects) play.patience = static_cast<unsigned>(random.between(20, 200));
    if (random.chance(habits_.cancels))
      play.cancelled_in = static_cast<unsigned>(random.between(1, 150));
    if (next.upgrades) {
      end_.write(*play.stream, std::string_view(next.up).substr(0, next.up_early));
    } else if (content && !next.expects) {
      end_.write(*play.stream, next.request_body);
      end_.finish(*play.stream);
    }
    plays_.push_back(play);
  }
}

bool ScriptedH2Client::follow(Play& play) {
  H2Stream& stream = *play.stream;
  Exchange& exchange = *play.exchange;
  if (!stream.complete && (end_.over() || stream.closed)) {
    if (stream.has_head) exchange.outcome = Exchange::Outcome::Broken;
    end(play);
    return true;
  }
  if (play.cancelled_in > 0 && --play.cancelled_in == 0) {
    end_.reset(stream, NGHTTP2_CANCEL);
    end(play);
    return true;
  }
  bool busy = play.cancelled_in > 0;
  if (play.patience > 0) {
    busy = true;
    if (--play.patience == 0 || stream.message.status() == 100) {
      play.patience = 0;
      end_.write(stream, exchange.request_body);
      end_.finish(stream);
    }
  }
  if (exchange.upgrades && stream.has_head && stream.message.has("x-sim"))
    return turn_tunnel(play) || busy;
  if (stream.complete && !play.judged) judge(play);
  // The rest of the request may still flow, until the worker ends that.
  if (play.judged && (end_.over() || stream.closed || stream.end_sent)) {
    end(play);
    busy = true;
  }
  return busy;
}

void ScriptedH2Client::judge(Play& play) {
  play.judged = true;
  const std::string wrong = play.exchange->judge(play.stream->message);
  if (!wrong.empty()) fail(wrong, *play.exchange);
}

bool ScriptedH2Client::turn_tunnel(Play& play) {
  H2Stream& stream = *play.stream;
  Exchange& exchange = *play.exchange;
  const std::string& received = stream.message.body;
  if (!play.tunnel) {
    if (stream.message.status() != 200) fail("another status", exchange);
    play.tunnel = true;
    exchange.outcome = Exchange::Outcome::Proxied;
    end_.write(stream, std::string_view(exchange.up).substr(exchange.up_early));
  }
  const bool grew = received.size() > play.checked;
  if (grew && !exchange.down.starts_with(received)) fail("wrong bytes in a tunnel", exchange);
  play.checked = received.size();
  if (!stream.ends && (exchange.up_ends_first || stream.complete)) {
    exchange.up_finished = exchange.up.size();
    end_.finish(stream);
  }
  if (!stream.complete) return grew;
  if (!play.judged && !exchange.drained && received.size() != exchange.down_finished) {
    fail("a tunnel ends in an orderly way with " + std::to_string(received.size()) + " bytes of " +
             std::to_string(exchange.down_finished),
         exchange);
  }
  play.judged = true;
  if (stream.end_sent || end_.over()) end(play);
  return true;
}

// What did not leave completely must not look complete to the target.
void ScriptedH2Client::end(Play& play) {
  if (play.over) return;
  play.over = true;
  if (play.exchange->upgrades && !play.stream->end_sent) play.exchange->up_finished = kNowhere;
}

// When nothing is left to do. Who lingers leaves the last word to the worker.
bool ScriptedH2Client::depart() {
  if (open_count() > 0) return false;
  if (end_.over()) {
    over_ = true;
    return true;
  }
  if (plays_.size() < exchanges_.size() && end_.may_request()) return false;
  if (std::exchange(departing_, true)) return false;
  if (!habits_.lingers) {
    end_.leave();
    over_ = true;
  } else if (kernel_.random().chance(500)) {
    end_.say_goodbye();
  }
  return true;
}

}  // namespace sim
