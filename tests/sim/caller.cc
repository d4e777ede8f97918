// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/caller.h"

#include <utility>

namespace sim {
namespace {

// "app; error=drained; details=…"
std::string cause_of(const Message& message) {
  const std::string status = message.field("proxy-status");
  const std::size_t at = status.find("error=");
  if (at == std::string::npos) return {};
  return status.substr(at + 6, status.find(';', at) - at - 6);
}

}  // namespace

Caller::Caller(World world, std::vector<Question*> questions)
    : world_(std::move(world)), questions_(questions.begin(), questions.end()) {
  world_.kernel.add(*this);
}

base::Time Caller::wakes() const {
  return questions_.empty() || questions_.front()->asked != base::kNever ? base::kNever
                                                                         : questions_.front()->when;
}

bool Caller::turn() {
  if (peer_ && peer_.is_over() && (questions_.empty() || wakes() != base::kNever)) {
    peer_.close();
    peer_ = {};
  }
  if (questions_.empty()) return false;
  Question& question = *questions_.front();
  if (question.asked != base::kNever) return hear(question);
  if (question.when > world_.kernel.now()) return false;
  ask(question);
  return true;
}

void Caller::ask(Question& question) {
  if (!peer_) peer_ = world_.connect();
  question.asked = world_.kernel.now();
  question.generation = world_.generation();
  out_ = "GET " + question.path + " HTTP/1.1\r\nHost: " + question.host + "\r\n\r\n";
  out_.erase(0, peer_.write(out_));
  reader_.start();
}

bool Caller::hear(Question& question) {
  const std::size_t sent = peer_.write(out_);
  out_.erase(0, sent);
  const std::string bytes = peer_.read();
  reader_.add(bytes);
  const bool ended = peer_.is_over();
  if (peer_.at_end()) reader_.end();
  if (reader_.complete() || reader_.broken() || ended) answer(question);
  return sent > 0 || !bytes.empty() || ended;
}

void Caller::answer(Question& question) {
  question.answered = world_.kernel.now();
  bool closes = true;
  if (reader_.complete()) {
    const Message& message = reader_.message();
    question.status = message.status();
    question.cause = cause_of(message);
    question.body = message.body;
    closes = message.says_close();
    if (!reader_.take_rest().empty())
      world_.kernel.violation("more than one answer to " + question.path);
  }
  questions_.pop_front();
  if (!closes && !questions_.empty()) return;
  peer_.close();
  peer_ = {};
}

}  // namespace sim
