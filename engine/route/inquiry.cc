// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/inquiry.h"

#include <utility>

#include "engine/base/check.h"

namespace engine::route {

Inquiry::Inquiry(Question question, std::size_t first, std::size_t count)
    : question_(std::move(question)), first_(first), slots_(count), missing_(count) {}

bool Inquiry::answer(std::size_t worker, Report report) {
  Slot& slot = slots_[worker - first_];
  ENSURE(!slot.filled.load(std::memory_order_relaxed), "a worker answers an inquiry twice");
  slot.report = std::move(report);
  slot.filled.store(true, std::memory_order_release);
  return missing_.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

std::vector<Report*> Inquiry::reports() {
  std::vector<Report*> all;
  for (Slot& slot : slots_)
    all.push_back(slot.filled.load(std::memory_order_acquire) ? &slot.report : nullptr);
  return all;
}

Mailboxes::Letter Mailboxes::gone_;

Mailboxes::Mailboxes(std::size_t worker_count, std::function<void()> wake_control)
    : wake_control_(std::move(wake_control)), boxes_(worker_count) {}

Mailboxes::~Mailboxes() {
  for (std::size_t worker = 0; worker < boxes_.size(); ++worker) leave(worker);
}

std::shared_ptr<Inquiry> Mailboxes::ask_all(Question question) {
  const auto inquiry = std::make_shared<Inquiry>(std::move(question), 0, boxes_.size());
  for (std::size_t worker = 0; worker < boxes_.size(); ++worker) post(worker, inquiry);
  return inquiry;
}

std::shared_ptr<Inquiry> Mailboxes::ask_one(std::size_t worker, Question question) {
  const auto inquiry = std::make_shared<Inquiry>(std::move(question), worker, 1);
  post(worker, inquiry);
  return inquiry;
}

void Mailboxes::post(std::size_t worker, const std::shared_ptr<Inquiry>& inquiry) {
  auto letter = std::make_unique<Letter>(inquiry);
  std::atomic<Letter*>& newest = boxes_[worker].newest;
  letter->before = newest.load(std::memory_order_relaxed);
  while (letter->before != &gone_) {
    if (!newest.compare_exchange_weak(letter->before, letter.get(), std::memory_order_release,
                                      std::memory_order_relaxed))
      continue;
    static_cast<void>(letter.release());
    return;
  }
  static_cast<void>(inquiry->answer(worker, {}));
}

void Mailboxes::respond(std::size_t worker, const Respond& respond) {
  answer_all(worker, boxes_[worker].newest.exchange(nullptr, std::memory_order_acquire), respond);
}

void Mailboxes::leave(std::size_t worker) {
  Letter* newest = boxes_[worker].newest.exchange(&gone_, std::memory_order_acq_rel);
  if (newest == &gone_) return;
  answer_all(worker, newest, [](const Question&) { return Report{}; });
}

void Mailboxes::answer_all(std::size_t worker, Letter* newest, const Respond& respond) {
  Letter* first = nullptr;
  while (newest != nullptr) first = std::exchange(newest, std::exchange(newest->before, first));
  while (first != nullptr) {
    const std::unique_ptr<Letter> letter(std::exchange(first, first->before));
    if (letter->inquiry->answer(worker, respond(letter->inquiry->question()))) wake_control_();
  }
}

}  // namespace engine::route
