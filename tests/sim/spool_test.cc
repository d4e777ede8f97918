// SPDX-License-Identifier: GPL-3.0-or-later
// What is buffered past its memory: files, a disk that fails, and bodies of every size between both versions of HTTP.
#include <gtest/gtest.h>

#include "engine/base/error.h"
#include "tests/sim/exchange.h"
#include "tests/sim/scripted_client.h"
#include "tests/sim/scripted_h2_client.h"
#include "tests/sim/scripted_target.h"
#include "tests/sim/talk.h"

namespace sim {
namespace {

constexpr std::size_t kMemory = 4096;  // of each body

void buffers(route::Service& service) {
  service.buffering = {.requests = true, .responses = true, .memory_bytes = kMemory};
}

// ---- The disk.

constexpr std::string_view kNoSpace = "buffer: No space left on device";

TEST(SpoolSim, a_full_disk_is_500_and_says_so) {
  for (const std::size_t room : {std::size_t{0}, std::size_t{100'000}}) {
    World world(1, {.faults = {.disk_bytes_max = room}, .edit = buffers});
    Peer client = ask(world, post_of(pattern(1, 500'000)));
    world.settle();
    const Message got = answer_in(client);
    EXPECT_EQ(got.status(), 500);
    EXPECT_NE(got.field("proxy-status").find(kNoSpace), std::string::npos);
    EXPECT_EQ(world.worker().counters().upstream_connects, 0U);
    EXPECT_EQ(world.kernel().open_files(), 0U);
  }
}

TEST(SpoolSim, a_full_disk_ends_an_answer_before_the_client_sees_it) {
  World world(1, {.faults = {.disk_bytes_max = 100'000}, .edit = buffers});
  Talk talk = start(world);
  world.send(talk.target, answer_of(pattern(1, 900'000)));
  world.settle();
  EXPECT_EQ(answer_in(talk.client).status(), 500);
  EXPECT_EQ(world.kernel().open_files(), 0U);
}

TEST(SpoolSim, no_file_at_all_is_500) {
  World world(1, {.faults = {.disk_fails = 1000}, .edit = buffers});
  Peer client = ask(world, post_of(pattern(1, 100'000)));
  const Message got = answer_in(client);
  EXPECT_EQ(got.status(), 500);
  EXPECT_NE(got.field("proxy-status").find("buffer: Too many open files"), std::string::npos);
}

TEST(SpoolSim, an_answer_that_cannot_be_read_back_is_cut) {
  World world(1, {.edit = buffers});
  Talk talk = start(world);
  answer(world, talk, answer_of(pattern(1, 1'000'000)));
  world.kernel().set_faults({.disk_fails = 1000});
  std::string got;
  for (int i = 0; i < 1'000 && !talk.client.is_over(); ++i) {
    got += talk.client.read(10'000);
    world.settle();
  }
  EXPECT_LT(got.size(), 1'000'000U);
  constexpr auto kInternal = static_cast<std::size_t>(base::Cause::Internal);
  EXPECT_EQ(world.worker().snapshot().services[0]->metrics->of(0).errors[kInternal], 1U);
}

TEST(SpoolSim, memory_of_what_the_kernel_still_writes_is_kept_for_it) {
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    World world(seed, {.faults = {.slow_completion = 900}, .edit = buffers});
    Peer client = world.connect();
    client.write(post_of(pattern(1, 500'000)).substr(0, 400'000));
    for (std::uint64_t ticks = 0; ticks < seed; ++ticks) static_cast<void>(world.tick());
    client.reset();
    world.settle();
    EXPECT_EQ(world.kernel().open_files(), 0U);
  }
}

// ---- Both versions on both sides.

struct Sides {
  bool h2_client;
  bool h2_target;
};

class SpoolBothSim : public testing::TestWithParam<Sides> {};

// Past memory, through a file, with everything in pieces.
TEST_P(SpoolBothSim, bodies_of_any_size_arrive_as_they_were) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const std::size_t size = std::vector<std::size_t>{
        0,      1,      kMemory - 1, kMemory, kMemory + 1, 65'535,
        65'536, 69'632, 69'633,      135'168, 135'169,     400'000}[seed - 1];
    World world(seed, {.faults = {.short_transfer = 300, .not_now = 200, .slow_completion = 300},
                       .edit = buffers,
                       .h2_targets = GetParam().h2_target ? 1U : 0U});
    std::vector<Exchange> exchanges(1);
    Exchange& exchange = exchanges[0];
    exchange.method = "POST";
    exchange.request_framing = seed % 2 == 0 ? Framing::Length : Framing::Chunked;
    exchange.request_body = pattern(1, size);
    exchange.response_framing = seed % 3 == 0 ? Framing::Length : Framing::Chunked;
    exchange.response_body = pattern(2, size);
    ScriptedTarget target(world.kernel(), exchanges,
                          TargetKind{.http2 = GetParam().h2_target ? 1U : 0U});
    world.kernel().serve(kTargetPort, &target);
    const auto over = [&](auto& client) {
      for (int i = 0; i < 100'000 && !client.over(); ++i) static_cast<void>(world.tick());
      return client.over();
    };
    if (GetParam().h2_client) {
      ScriptedH2Client client(world.kernel(), world.connect("h2"), {&exchange}, {}, {});
      ASSERT_TRUE(over(client));
    } else {
      ScriptedClient client(world.kernel(), world.connect(), {&exchange}, {});
      ASSERT_TRUE(over(client));
    }
    ASSERT_EQ(exchange.outcome, Exchange::Outcome::Proxied) << size << exchange.text();
    world.settle();
    EXPECT_EQ(world.kernel().open_files(), 0U);
  }
}

std::string name_of(const testing::TestParamInfo<Sides>& sides) {
  return std::string(sides.param.h2_client ? "h2" : "h1") + "_to_" +
         (sides.param.h2_target ? "h2" : "h1");
}

INSTANTIATE_TEST_SUITE_P(Versions, SpoolBothSim,
                         testing::Values(Sides{false, false}, Sides{false, true},
                                         Sides{true, false}, Sides{true, true}),
                         name_of);

}  // namespace
}  // namespace sim
