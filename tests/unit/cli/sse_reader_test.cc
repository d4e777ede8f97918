// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/sse_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace engine::cli {
namespace {

using Events = std::vector<std::string>;  // "name: data"

constexpr std::string_view kStream =
    ": a comment\n"
    "event: probe\r\ndata: {\"a\": 1}\r\n\r\n"
    "event:done\rdata:one\rdata: two\r\r"
    "id: 7\nretry: 3\ndata\n\n"
    "event: nothing\n\n"
    "data:  kept\n\n"
    "event: unfinished\ndata: never\n";

const Events kEvents = {"probe: {\"a\": 1}", "done: one\ntwo", "message: ", "message:  kept"};

TEST(SseReader, an_event_arrives_whole_wherever_the_stream_is_split) {
  for (std::size_t split = 0; split <= kStream.size(); ++split) {
    SseReader reader;
    Events seen;
    const auto on_event = [&](const SseEvent& event) {
      seen.push_back(event.name + ": " + event.data);
      return true;
    };

    EXPECT_TRUE(reader.feed(kStream.substr(0, split), on_event));
    EXPECT_TRUE(reader.feed(kStream.substr(split), on_event));

    EXPECT_EQ(seen, kEvents) << "split at " << split;
  }
}

TEST(SseReader, an_event_arrives_whole_from_single_bytes) {
  SseReader reader;
  Events seen;
  for (std::size_t i = 0; i < kStream.size(); ++i) {
    EXPECT_TRUE(reader.feed(kStream.substr(i, 1), [&](const SseEvent& event) {
      seen.push_back(event.name + ": " + event.data);
      return true;
    }));
  }
  EXPECT_EQ(seen, kEvents);
}

TEST(SseReader, who_has_heard_enough_hears_no_more) {
  SseReader reader;
  int heard = 0;
  EXPECT_FALSE(reader.feed(kStream, [&](const SseEvent&) { return ++heard < 2; }));
  EXPECT_EQ(heard, 2);
}

}  // namespace
}  // namespace engine::cli
