// SPDX-License-Identifier: GPL-3.0-or-later
// The budgets themselves, and that each flood of frames ends the connection while one frame less
// does not.
#include "engine/http/h2_abuse.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/http/h2_support.h"

namespace engine::http {
namespace {

using Kind = H2Abuse::Kind;

TEST(H2Abuse, a_budget_can_be_spent_at_once_and_not_one_more) {
  H2Abuse abuse;
  const std::uint32_t budget = H2Abuse::rule(Kind::Ping).budget;

  for (std::uint32_t i = 0; i < budget; ++i) EXPECT_TRUE(abuse.spend(Kind::Ping, 7));

  EXPECT_FALSE(abuse.spend(Kind::Ping, 7));
  EXPECT_EQ(abuse.count(Kind::Ping), budget + 1);
}

TEST(H2Abuse, a_kind_has_its_own_budget) {
  H2Abuse abuse;
  while (abuse.spend(Kind::Ping, 7)) {
  }

  EXPECT_TRUE(abuse.spend(Kind::Settings, 7));
}

TEST(H2Abuse, time_gives_back_one_by_one_and_never_more_than_the_budget) {
  const H2Abuse::Rule& rule = H2Abuse::rule(Kind::Ping);
  H2Abuse abuse;
  for (std::uint32_t i = 0; i < rule.budget; ++i) ASSERT_TRUE(abuse.spend(Kind::Ping, 0));

  EXPECT_TRUE(abuse.spend(Kind::Ping, rule.refill));
  EXPECT_FALSE(abuse.spend(Kind::Ping, rule.refill));

  const base::Time later = 1000 * base::kSecond;
  for (std::uint32_t i = 0; i < rule.budget; ++i) ASSERT_TRUE(abuse.spend(Kind::Ping, later));
  EXPECT_FALSE(abuse.spend(Kind::Ping, later));
}

TEST(H2Abuse, what_is_earned_can_be_spent_and_is_not_saved_up) {
  const std::uint32_t budget = H2Abuse::rule(Kind::Ping).budget;
  H2Abuse abuse;
  abuse.earn(Kind::Ping, 1000, 5);
  for (std::uint32_t i = 0; i < budget; ++i) ASSERT_TRUE(abuse.spend(Kind::Ping, 5));

  abuse.earn(Kind::Ping, 1, 5);

  EXPECT_TRUE(abuse.spend(Kind::Ping, 5));
  EXPECT_FALSE(abuse.spend(Kind::Ping, 5));
}

TEST(H2Abuse, every_kind_has_a_name_and_a_reason) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Kind::kCount); ++i) {
    EXPECT_FALSE(H2Abuse::rule(static_cast<Kind>(i)).name.empty());
    EXPECT_FALSE(H2Abuse::rule(static_cast<Kind>(i)).why.empty());
  }
}

// A frame of the flood, by its index.
using Flood = std::function<std::string(std::uint32_t)>;

void expect_flood_to_end(Kind kind, std::uint32_t spent_before, const Flood& flood,
                         const H2Limits& limits = {}) {
  h2::Talk talk(limits);
  const std::uint32_t budget = H2Abuse::rule(kind).budget - spent_before;
  for (std::uint32_t i = 0; i < budget; ++i) {
    talk.feed(flood(i));
    talk.produce();
  }
  ASSERT_FALSE(talk.codec.failed()) << talk.codec.why();

  talk.feed(flood(budget));

  EXPECT_EQ(talk.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(talk.codec.failed());
  EXPECT_EQ(talk.codec.why(), H2Abuse::rule(kind).why);
  EXPECT_EQ(talk.codec.abuse().count(kind), H2Abuse::rule(kind).budget + 1);
}

std::uint32_t id(std::uint32_t i) { return 2 * i + 1; }

TEST(H2Abuse, rapid_resets_end_the_connection) {
  expect_flood_to_end(Kind::PeerReset, 0, [](std::uint32_t i) {
    return h2::headers(id(i), h2::request()) + h2::rst_stream(id(i));
  });
}

TEST(H2Abuse, resets_that_faulty_requests_provoke_end_the_connection) {
  expect_flood_to_end(Kind::ProvokedReset, 0, [](std::uint32_t i) {
    return h2::headers(id(i), h2::request("GET", {{"connection", "close"}}));
  });
}

TEST(H2Abuse, resets_that_refused_streams_provoke_end_the_connection) {
  H2Limits limits;
  limits.streams_max = 0;
  expect_flood_to_end(
      Kind::ProvokedReset, 0, [](std::uint32_t i) { return h2::headers(id(i), h2::request()); },
      limits);
}

TEST(H2Abuse, resets_that_overflown_windows_provoke_end_the_connection) {
  expect_flood_to_end(Kind::ProvokedReset, 0, [](std::uint32_t i) {
    return h2::headers(id(i), h2::request()) + h2::window_update(id(i), 0x7fffffff);
  });
}

TEST(H2Abuse, pings_end_the_connection) {
  expect_flood_to_end(Kind::Ping, 0, [](std::uint32_t) { return h2::ping(); });
}

TEST(H2Abuse, settings_end_the_connection) {
  expect_flood_to_end(Kind::Settings, 1, [](std::uint32_t) { return h2::settings(); });
}

TEST(H2Abuse, priorities_end_the_connection) {
  const std::string priority = h2::frame(NGHTTP2_PRIORITY, 0, 3, h2::number(0, 4) + "\x10");
  expect_flood_to_end(Kind::Priority, 0, [&](std::uint32_t) { return priority; });
}

TEST(H2Abuse, priority_updates_end_the_connection) {
  const std::string update = h2::frame(NGHTTP2_PRIORITY_UPDATE, 0, 0, h2::number(1, 4) + "u=1");
  expect_flood_to_end(Kind::Priority, 0, [&](std::uint32_t) { return update; });
}

TEST(H2Abuse, empty_data_ends_the_connection) {
  expect_flood_to_end(Kind::EmptyFrame, 0, [](std::uint32_t i) {
    return (i == 0 ? h2::headers(1, h2::request("POST"), h2::kWhole) : "") + h2::data(1, "");
  });
}

TEST(H2Abuse, data_of_padding_alone_ends_the_connection) {
  expect_flood_to_end(Kind::EmptyFrame, 0, [](std::uint32_t i) {
    return (i == 0 ? h2::headers(1, h2::request("POST"), h2::kWhole) : "") +
           h2::data(1, std::string("\2\0\0", 3), NGHTTP2_FLAG_PADDED);
  });
}

TEST(H2Abuse, window_updates_end_the_connection) {
  expect_flood_to_end(Kind::WindowUpdate, 0, [](std::uint32_t) { return h2::window_update(0, 1); });
}

TEST(H2Abuse, unknown_frames_end_the_connection) {
  expect_flood_to_end(Kind::OtherFrame, 0,
                      [](std::uint32_t) { return h2::frame(0x77, 0, 0, "what"); });
}

TEST(H2Abuse, one_byte_windows_end_the_connection) {
  h2::Talk talk({}, h2::setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0));
  const std::uint32_t budget = H2Abuse::rule(Kind::SmallWindow).budget;
  talk.feed(h2::headers(1, h2::request()));
  talk.respond(1, std::string(100'000, 'x'));
  talk.produce();
  for (std::uint32_t i = 0; i < budget; ++i) {
    talk.feed(h2::window_update(1, 1));
    talk.produce();
  }
  ASSERT_FALSE(talk.codec.failed());

  talk.feed(h2::window_update(1, 1));

  EXPECT_EQ(talk.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(talk.codec.why(), H2Abuse::rule(Kind::SmallWindow).why);
}

TEST(H2Abuse, a_long_download_may_bring_as_many_window_updates_as_it_likes) {
  h2::Talk talk;
  talk.feed(h2::headers(1, h2::request()));
  talk.respond(1, "", false);
  for (int i = 0; i < 20'000; ++i) {
    talk.bodies[1].left = std::string(100, 'x');
    talk.codec.resume(talk.stream(1));
    talk.produce();
    talk.feed(h2::window_update(1, 100) + h2::window_update(0, 100));
  }
  EXPECT_FALSE(talk.codec.failed());
}

TEST(H2Abuse, continuations_end_the_connection_past_their_number) {
  const std::string part = h2::block({{"a", "b"}});
  const auto flood = [&](std::uint32_t count) {
    h2::Talk talk;
    talk.feed(h2::headers(1, h2::request(), 0));
    for (std::uint32_t i = 0; i < count; ++i)
      talk.feed(h2::frame(NGHTTP2_CONTINUATION, 0, 1, part), 1);
    return talk.goaway_code();
  };
  EXPECT_EQ(flood(H2Limits{}.continuations_max), -1);
  EXPECT_EQ(flood(H2Limits{}.continuations_max + 1), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(H2Abuse, empty_continuations_end_the_connection_also_where_the_block_is_ignored) {
  H2Limits limits;
  limits.streams_max = 0;
  h2::Talk talk(limits);
  talk.feed(h2::headers(1, h2::request(), 0));
  for (std::uint32_t i = 0; i <= limits.continuations_max; ++i)
    talk.feed(h2::frame(NGHTTP2_CONTINUATION, 0, 1));
  EXPECT_EQ(talk.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(H2Abuse, a_block_that_decodes_to_far_more_than_allowed_ends_the_connection) {
  h2::Talk talk;
  // One field of 4,000 bytes into the table, then references of one byte to it.
  const std::string bomb = '\x40' + h2::text("x") + h2::text(std::string(4000, 'v'));
  talk.feed(h2::frame(NGHTTP2_HEADERS, h2::kWhole, 1,
                      h2::block(h2::request()) + bomb + std::string(200, '\xbe')));
  EXPECT_EQ(talk.goaway_code(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(talk.log, "");
}

TEST(H2Abuse, replies_that_are_never_read_end_the_connection) {
  H2Limits limits;
  limits.frames_waiting_max = 20;
  h2::Talk talk(limits);
  talk.produce();
  for (int i = 0; i < 20; ++i) talk.feed(h2::ping());
  ASSERT_FALSE(talk.codec.failed());

  talk.feed(h2::ping());

  EXPECT_TRUE(talk.codec.failed());
  EXPECT_EQ(talk.codec.error(), H2Error::EnhanceYourCalm);
  EXPECT_EQ(talk.codec.abuse().count(Kind::Unread), 1u);
}

}  // namespace
}  // namespace engine::http
