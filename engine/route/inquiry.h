// SPDX-License-Identifier: GPL-3.0-or-later
// What control asks of workers while they run, and what they answer. Each worker has a mailbox; it
// looks there between two ticks, and no lock is held by anybody. A worker that has ended answers
// with nothing. It must not know who asks, nor what a worker is.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "engine/route/connection_view.h"
#include "engine/route/tap.h"

namespace engine::route {

struct ListConnections {
  ConnectionFilter filter;
  std::size_t most = 0;  // of one worker; it says when there were more
};
struct CloseConnection {
  std::uint64_t number = 0;
};
// Lines of finished requests go to the tap, from then on or no longer.
struct BeginTap {
  std::shared_ptr<Tap> tap;
};
struct EndTap {
  std::shared_ptr<Tap> tap;
};
using Question = std::variant<ListConnections, CloseConnection, BeginTap, EndTap>;

struct Report {
  std::vector<ConnectionView> connections = {};
  bool truncated = false;
  bool closed = false;  // there was such a connection
};

class Inquiry {
 public:
  // Of the workers [first, first + count).
  Inquiry(Question question, std::size_t first, std::size_t count);
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  [[nodiscard]] const Question& question() const { return question_; }

  // ---- A worker's thread, once. True when this was the last answer that was missing.
  [[nodiscard]] bool answer(std::size_t worker, Report report);

  // ---- Control's thread.
  [[nodiscard]] bool complete() const { return missing_.load(std::memory_order_acquire) == 0; }
  // By worker, from the first one asked; null for who has not answered yet.
  [[nodiscard]] std::vector<Report*> reports();

 private:
  struct Slot {
    Report report;
    std::atomic<bool> filled{false};
  };

  Question question_;
  std::size_t first_;
  std::vector<Slot> slots_;
  std::atomic<std::size_t> missing_;
};

class Mailboxes {
 public:
  // `wake_control` is called by a worker's thread when an inquiry is complete.
  Mailboxes(std::size_t worker_count, std::function<void()> wake_control);
  // The workers are gone.
  ~Mailboxes();
  Mailboxes(const Mailboxes&) = delete;
  Mailboxes& operator=(const Mailboxes&) = delete;

  [[nodiscard]] std::size_t worker_count() const { return boxes_.size(); }

  // ---- Control's thread. The caller wakes the workers afterwards.
  std::shared_ptr<Inquiry> ask_all(Question question);
  std::shared_ptr<Inquiry> ask_one(std::size_t worker, Question question);

  // ---- That worker's thread.
  // Costs one load.
  [[nodiscard]] bool has_mail(std::size_t worker) const {
    return boxes_[worker].newest.load(std::memory_order_relaxed) != nullptr;
  }
  // Answers what has come, in its order.
  using Respond = std::function<Report(const Question& question)>;
  void respond(std::size_t worker, const Respond& respond);
  // It answers nothing any more.
  void leave(std::size_t worker);

 private:
  struct Letter {
    std::shared_ptr<Inquiry> inquiry;
    Letter* before = nullptr;  // came earlier
  };
  struct alignas(64) Box {
    std::atomic<Letter*> newest{nullptr};
  };

  void post(std::size_t worker, const std::shared_ptr<Inquiry>& inquiry);
  void answer_all(std::size_t worker, Letter* newest, const Respond& respond);

  static Letter gone_;  // in the box of a worker that has ended
  std::function<void()> wake_control_;
  std::vector<Box> boxes_;
};

}  // namespace engine::route
