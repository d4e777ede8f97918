// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/inquiry.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace engine::route {
namespace {

Question closing(std::uint64_t number) { return CloseConnection{number}; }

std::uint64_t number_in(const Question& question) {
  return std::get<CloseConnection>(question).number;
}

TEST(Mailboxes, the_last_worker_that_answers_wakes_control) {
  int woken = 0;
  Mailboxes mailboxes(2, [&] { ++woken; });
  const auto inquiry = mailboxes.ask_all(closing(7));

  mailboxes.respond(1, [](const Question&) { return Report{.closed = true}; });
  EXPECT_EQ(woken, 0);
  EXPECT_FALSE(inquiry->complete());
  EXPECT_EQ(inquiry->reports()[0], nullptr);
  ASSERT_NE(inquiry->reports()[1], nullptr);
  EXPECT_TRUE(inquiry->reports()[1]->closed);

  mailboxes.respond(0, [](const Question&) { return Report{}; });
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(inquiry->complete());
}

TEST(Mailboxes, questions_are_answered_in_the_order_in_which_they_were_asked) {
  Mailboxes mailboxes(1, [] {});
  for (std::uint64_t i = 1; i <= 5; ++i) mailboxes.ask_one(0, closing(i));
  std::vector<std::uint64_t> seen;
  EXPECT_TRUE(mailboxes.has_mail(0));
  mailboxes.respond(0, [&](const Question& question) {
    seen.push_back(number_in(question));
    return Report{};
  });
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_FALSE(mailboxes.has_mail(0));
}

TEST(Mailboxes, one_worker_is_asked_alone) {
  Mailboxes mailboxes(3, [] {});
  const auto inquiry = mailboxes.ask_one(1, closing(7));
  EXPECT_FALSE(mailboxes.has_mail(0));
  EXPECT_FALSE(mailboxes.has_mail(2));
  mailboxes.respond(1, [](const Question&) { return Report{.closed = true}; });
  ASSERT_TRUE(inquiry->complete());
  EXPECT_TRUE(inquiry->reports().front()->closed);
}

TEST(Mailboxes, a_worker_that_leaves_answers_with_nothing_what_was_and_what_will_be_asked) {
  Mailboxes mailboxes(2, [] {});
  const auto before = mailboxes.ask_all(closing(1));
  mailboxes.leave(0);
  EXPECT_FALSE(before->complete());
  mailboxes.respond(1, [](const Question&) { return Report{.closed = true}; });
  EXPECT_TRUE(before->complete());
  EXPECT_FALSE(before->reports()[0]->closed);

  mailboxes.leave(1);
  EXPECT_TRUE(mailboxes.ask_all(closing(2))->complete());
}

TEST(Mailboxes, an_answer_that_nobody_waits_for_any_more_harms_nobody) {
  Mailboxes mailboxes(1, [] {});
  mailboxes.ask_one(0, closing(1));
  mailboxes.respond(0, [](const Question&) { return Report{}; });
  mailboxes.ask_one(0, closing(2));  // left in the box
}

TEST(Mailboxes, threads_answer_everything_that_is_asked_while_they_come_and_go) {
  constexpr std::uint64_t kQuestions = 5'000;
  std::atomic<std::uint64_t> complete = 0;
  Mailboxes mailboxes(2, [&] { ++complete; });
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&, worker] {
      std::uint64_t last = 0;
      while (last < kQuestions / 2 * (worker + 1)) {  // the first one leaves half-way
        if (!mailboxes.has_mail(worker)) continue;
        mailboxes.respond(worker, [&](const Question& question) {
          EXPECT_EQ(number_in(question), ++last);
          return Report{.connections = std::vector<ConnectionView>(1)};
        });
      }
      mailboxes.leave(worker);
    });
  }

  std::vector<std::shared_ptr<Inquiry>> asked;
  for (std::uint64_t i = 1; i <= kQuestions; ++i) asked.push_back(mailboxes.ask_all(closing(i)));
  for (std::thread& worker : workers) worker.join();

  for (const auto& inquiry : asked) EXPECT_TRUE(inquiry->complete());
  EXPECT_EQ(asked.front()->reports()[0]->connections.size(), 1U);
  EXPECT_GE(complete.load(), kQuestions / 2);
}

}  // namespace
}  // namespace engine::route
