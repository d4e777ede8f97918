// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/async/scope.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>

#include "engine/async/await.h"

namespace engine::async {
namespace {

constexpr base::Time kLong = 60 * base::kSecond;

class AsyncTest : public testing::Test {
 protected:
  AsyncTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair_.data()), 0); }
  ~AsyncTest() override {
    scope_.cancel();
    run();
    for (const int socket : pair_) ::close(socket);
  }

  void tick() {
    ring_->submit_and_wait(timers_.next_deadline());
    ring_->dispatch();
    timers_.advance(ring_->now());
  }
  void run() {
    while (!scope_.empty()) tick();
  }

  Task<void> note_ready(base::Time timeout) {
    result_ = co_await Ready(scope_, pair_[0], POLLIN, timeout);
  }
  Task<void> note_sleep(base::Time duration) { result_ = co_await Sleep(scope_, duration); }
  Task<void> note_event(base::Time timeout) {
    result_ = co_await event_.wait(scope_, timeout);
    ++woken_;
  }
  Task<void> note_connect(int socket, const sockaddr_storage* address) {
    result_ = co_await Connect(scope_, socket, reinterpret_cast<const sockaddr*>(address),
                               sizeof(sa_family_t), kLong);
  }
  Task<int> add(int left, int right) {
    co_await Sleep(scope_, base::kMillisecond);
    co_return left + right;
  }
  Task<void> note_sum() {
    const int first = co_await add(1, 2);
    result_ = co_await add(first, 4);
  }
  Task<int> fail() {
    co_await Sleep(scope_, base::kMillisecond);
    throw std::runtime_error("broken");
  }
  Task<void> note_failure() {
    try {
      result_ = co_await fail();
    } catch (const std::runtime_error& error) {
      text_ = error.what();
    }
  }

  std::unique_ptr<io::Ring> ring_ =
      *io::Ring::open({.entries = 8, .completions = 32, .buffer_count = 1, .buffer_bytes = 4096});
  io::Timers timers_{ring_->now()};
  Scope scope_{*ring_, timers_};
  Event event_;
  std::array<int, 2> pair_{};
  int result_ = 1;
  int woken_ = 0;
  std::string text_;
};

TEST_F(AsyncTest, a_task_gives_its_value_to_the_one_that_awaits_it) {
  scope_.spawn(note_sum());
  run();
  EXPECT_EQ(result_, 7);
}

TEST_F(AsyncTest, an_exception_goes_to_the_one_that_awaits) {
  scope_.spawn(note_failure());
  run();
  EXPECT_EQ(text_, "broken");
}

TEST_F(AsyncTest, a_descriptor_that_gets_ready_lets_the_coroutine_go_on) {
  scope_.spawn(note_ready(kLong));
  ASSERT_EQ(::write(pair_[1], "x", 1), 1);
  run();
  EXPECT_EQ(result_, POLLIN);
}

TEST_F(AsyncTest, a_wait_ends_at_its_timeout) {
  scope_.spawn(note_ready(5 * base::kMillisecond));
  run();
  EXPECT_EQ(result_, -ETIMEDOUT);
}

TEST_F(AsyncTest, cancel_ends_every_wait_and_every_later_one) {
  scope_.spawn(note_ready(kLong));
  scope_.spawn(note_event(kLong));
  scope_.cancel();
  run();
  EXPECT_EQ(result_, -ECANCELED);
  EXPECT_EQ(woken_, 1);
  result_ = 1;
  scope_.spawn(note_sleep(kLong));
  EXPECT_TRUE(scope_.empty());
  EXPECT_EQ(result_, -ECANCELED);
}

TEST_F(AsyncTest, a_sleep_lasts_as_long_as_it_says) {
  const base::Time start = ring_->now();
  scope_.spawn(note_sleep(20 * base::kMillisecond));
  run();
  EXPECT_EQ(result_, 0);
  EXPECT_GE(ring_->now() - start, 20 * base::kMillisecond);
}

TEST_F(AsyncTest, an_event_wakes_all_that_wait_and_nobody_later) {
  scope_.spawn(note_event(kLong));
  scope_.spawn(note_event(kLong));
  event_.notify();
  EXPECT_EQ(woken_, 2);
  scope_.spawn(note_event(5 * base::kMillisecond));
  run();
  EXPECT_EQ(result_, -ETIMEDOUT);
}

TEST_F(AsyncTest, connecting_gives_the_kernels_error) {
  sockaddr_storage nowhere{};
  nowhere.ss_family = AF_UNIX;
  const int socket = ring_->open_socket(AF_UNIX);
  scope_.spawn(note_connect(socket, &nowhere));
  run();
  EXPECT_LT(result_, 0);
  ring_->close(socket);
}

}  // namespace
}  // namespace engine::async
