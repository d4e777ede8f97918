// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/scripted_h2_target.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

namespace sim {
namespace {

// A window in crumbs is an attack to the worker; only who may be cut off does that.
H2Habits habits_of(Random& random, bool lethal) {
  H2Habits habits{.lazy = 400, .crumbles = true};
  if (random.chance(300)) habits.streams_max = static_cast<std::uint32_t>(random.between(1, 4));
  if (random.chance(300))
    habits.stream_window = static_cast<std::uint32_t>(random.between(lethal ? 1 : 4'096, 20'000));
  if (random.chance(300))
    habits.connection_window = static_cast<std::uint32_t>(random.between(4'096, 200'000));
  return habits;
}

}  // namespace

ScriptedH2Target::ScriptedH2Target(Kernel& kernel, Peer peer, std::vector<Exchange>& exchanges,
                                   bool lethal)
    : kernel_(kernel),
      exchanges_(exchanges),
      lethal_(lethal),
      end_(kernel, std::move(peer), H2End::Role::Server, habits_of(kernel.random(), lethal)) {
  Random& random = kernel.random();
  if (random.chance(200)) {
    end_.hold_windows(kernel.now() +
                      static_cast<base::Time>(random.between(1, lethal ? 400 : 5)) * base::kSecond);
  }
  if (!lethal) return;
  if (random.chance(200)) goes_away_in_ = static_cast<unsigned>(random.between(1, 100));
  if (random.chance(200)) idle_turns_left_ = static_cast<unsigned>(random.between(1, 60));
}

void ScriptedH2Target::fail(const std::string& what, const Exchange* exchange) {
  kernel_.violation("a target of HTTP/2: " + what +
                    (exchange == nullptr ? "" : " in " + exchange->text()));
}

bool ScriptedH2Target::turn() {
  if (over_) return false;
  if (!end_.fault().empty()) fail(end_.fault(), nullptr);
  welcome();
  bool busy = false;
  for (Play& play : plays_) {
    if (!play.over && !over_) busy = follow(play) || busy;
  }
  if (over_) return true;
  if (end_.over()) {
    end_.leave();
    over_ = true;
    return true;
  }
  return misbehave() || busy;
}

// Streams whose head has come.
void ScriptedH2Target::welcome() {
  while (welcomed_ < end_.streams().size() && end_.streams()[welcomed_]->has_head) {
    H2Stream& stream = *end_.streams()[welcomed_++];
    if (stream.id > last_stream_) continue;
    std::string complaint;
    Exchange* const exchange = find_asked(exchanges_, stream.message, complaint);
    if (!complaint.empty()) fail(complaint, exchange);
    if (exchange == nullptr) continue;
    plays_.push_back({.exchange = exchange, .stream = &stream});
    if (lethal_ && kernel_.random().chance(40)) {
      forget(plays_.back());
      end_.reset(stream, NGHTTP2_REFUSED_STREAM);
    } else if (exchange->expects && kernel_.random().chance(700)) {
      end_.inform(stream, {{":status", "100"}});
    }
  }
}

bool ScriptedH2Target::follow(Play& play) {
  H2Stream& stream = *play.stream;
  Exchange& exchange = *play.exchange;
  if (end_.over() || (stream.closed && !stream.complete)) {
    end(play);
    return true;
  }
  if (break_off(play)) return true;
  if (play.answered && exchange.upgrades) return turn_tunnel(play);
  if (stream.complete && stream.message.body != exchange.request_body) {
    fail("a wrong request body, " + difference(stream.message.body, exchange.request_body),
         &exchange);
  }
  const bool early = exchange.early && kernel_.random().chance(300);
  const bool due = exchange.upgrades || stream.complete || early;
  if (!play.answered && due && !exchange.silent) {
    answer(play);
    return true;
  }
  if (!stream.closed) return false;
  end(play);
  return true;
}

void ScriptedH2Target::answer(Play& play) {
  Exchange& exchange = *play.exchange;
  H2Stream& stream = *play.stream;
  Random& random = kernel_.random();
  play.answered = true;
  for (unsigned i = 0; i < exchange.interims; ++i)
    end_.inform(stream, {{":status", "103"}, {"link", "</style.css>"}});
  const bool content = exchange.upgrades || !exchange.response_body.empty() ||
                       exchange.target_break != Break::None || random.chance(300);
  if (exchange.target_break != Break::None) stream.sent_most = exchange.break_after_writing;
  end_.respond(stream, exchange.response_fields(random),
               content ? H2End::Content::Follows : H2End::Content::None);
  exchange.response_sent = true;
  if (exchange.upgrades) return end_.write(stream, exchange.down);
  if (content) {
    end_.write(stream, exchange.response_body);
    end_.finish(stream);
  }
  if (exchange.target_says_close && !std::exchange(end_announced_, true)) end_.announce_end();
}

bool ScriptedH2Target::turn_tunnel(Play& play) {
  H2Stream& stream = *play.stream;
  Exchange& exchange = *play.exchange;
  const std::string& received = stream.message.body;
  const bool grew = received.size() > play.checked;
  if (grew && !exchange.up.starts_with(received)) fail("wrong bytes in a tunnel", &exchange);
  play.checked = received.size();
  if (!stream.ends && (stream.complete || !exchange.up_ends_first)) {
    exchange.down_finished = exchange.down.size();
    end_.finish(stream);
  }
  if (!stream.complete) return grew;
  if (!exchange.drained && exchange.up_finished != kAnywhere &&
      received.size() != exchange.up_finished) {
    fail("a tunnel ends in an orderly way with " + std::to_string(received.size()) + " bytes of " +
             std::to_string(exchange.up_finished),
         &exchange);
  }
  if (!stream.closed) return grew;
  end(play);
  return true;
}

bool ScriptedH2Target::break_off(Play& play) {
  const Exchange& exchange = *play.exchange;
  H2Stream& stream = *play.stream;
  if (exchange.target_break == Break::None || stream.closed) return false;
  const bool due = stream.message.body.size() >= exchange.break_after_reading ||
                   (play.answered && stream.sent >= exchange.break_after_writing);
  if (!due) return false;
  if (exchange.target_break == Break::Stream) {
    const std::vector<std::uint32_t> errors = {NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR,
                                               NGHTTP2_CANCEL};
    end_.reset(stream, kernel_.random().pick(errors));
    end(play);
    return true;
  }
  end_.break_off(exchange.target_break);
  for (Play& each : plays_) end(each);
  over_ = true;
  return true;
}

// As if its request had never come.
void ScriptedH2Target::forget(Play& play) {
  play.over = true;
  --play.exchange->heads_seen;
}

// What did not leave completely must not look complete to the client.
void ScriptedH2Target::end(Play& play) {
  if (play.over) return;
  play.over = true;
  if (play.stream->end_sent) return;
  Exchange& exchange = *play.exchange;
  exchange.down_finished = kNowhere;
  // A head that announces no content is complete by itself.
  const bool no_content = exchange.bodyless() || (exchange.response_framing == Framing::Length &&
                                                  exchange.response_body.empty());
  if (!exchange.upgrades && !no_content) exchange.response_sent = false;
}

bool ScriptedH2Target::misbehave() {
  if (goes_away_in_ > 0 && welcomed_ > 0 && --goes_away_in_ == 0) {
    go_away();
    return true;
  }
  const bool idle = std::ranges::all_of(plays_, &Play::over);
  if (!idle || idle_turns_left_ == 0 || --idle_turns_left_ > 0) return false;
  end_.break_off(kernel_.random().chance(500) ? Break::Fin : Break::Reset);
  over_ = true;
  return true;
}

// Serves what it has begun to answer, and perhaps more.
void ScriptedH2Target::go_away() {
  std::int32_t touched = 0;
  std::int32_t highest = 0;
  for (const Play& play : plays_) {
    highest = std::max(highest, play.stream->id);
    if (play.answered || play.over || play.exchange->expects) touched = play.stream->id;
  }
  const std::int32_t last = kernel_.random().chance(500) ? touched : highest;
  for (Play& play : plays_) {
    if (play.stream->id > last && !play.over) forget(play);
  }
  last_stream_ = last;
  end_.go_away(last);
}

}  // namespace sim
