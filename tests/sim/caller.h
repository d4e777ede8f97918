// SPDX-License-Identifier: GPL-3.0-or-later
// Clients that ask one question after the other, each at its time, and what became of each question.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "tests/sim/kernel.h"
#include "tests/sim/message.h"

namespace sim {

struct Question {
  std::string host;
  std::string path;  // its own
  base::Time when = 0;

  // ---- What happened.
  base::Time asked = base::kNever;
  std::uint64_t generation = 0;  // that the worker had adopted then
  base::Time reached = base::kNever;
  std::uint16_t port = 0;  // that it reached
  base::Time answered = base::kNever;
  int status = 0;     // 0: the connection ended before a complete answer
  std::string body;   // of a target's answer
  std::string cause;  // of one of the engine's own: "drained"
};

class Caller final : public Actor {
 public:
  struct World {
    Kernel& kernel;
    std::function<Peer()> connect;
    std::function<std::uint64_t()> generation;
  };
  // `questions` by their time; they live longer.
  Caller(World world, std::vector<Question*> questions);
  ~Caller() override { world_.kernel.remove(*this); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  [[nodiscard]] bool over() const { return questions_.empty(); }
  bool turn() override;
  [[nodiscard]] base::Time wakes() const override;

 private:
  void ask(Question& question);
  bool hear(Question& question);
  void answer(Question& question);

  World world_;
  std::deque<Question*> questions_;
  Peer peer_;
  MessageReader reader_{MessageReader::Kind::Response};
  std::string out_;
};

}  // namespace sim
