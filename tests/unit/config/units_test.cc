// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/units.h"

#include <gtest/gtest.h>

#include <tuple>

namespace config {
namespace {

TEST(Units, duration_has_a_number_and_a_unit) {
  const std::pair<std::string_view, int64_t> cases[] = {{"0s", 0},
                                                        {"500ms", 500},
                                                        {"30s", 30'000},
                                                        {"2m", 120'000},
                                                        {"1h", 3'600'000},
                                                        {"1.5s", 1'500},
                                                        {"0.25h", 900'000},
                                                        {"365d", 31'536'000'000},
                                                        {"0.5d", 43'200'000},
                                                        {"17520h", 63'072'000'000},
                                                        {"730d", 63'072'000'000},
                                                        {"007s", 7'000}};
  for (const auto& [written, milliseconds] : cases) {
    auto duration = parse_duration(written);
    ASSERT_TRUE(duration) << written;
    EXPECT_EQ(duration->count(), milliseconds);
  }
}

TEST(Units, rate_has_a_number_and_a_period) {
  const std::tuple<std::string_view, Rate, std::string_view> cases[] = {
      {"100/s", {100, Milliseconds(1'000)}, "100/s"},
      {"30/m", {30, Milliseconds(60'000)}, "30/min"},
      {"30/min", {30, Milliseconds(60'000)}, "30/min"},
      {"5/h", {5, Milliseconds(3'600'000)}, "5/h"},
      {"0/s", {0, Milliseconds(1'000)}, "0/s"}};
  for (const auto& [written, rate, shown] : cases) {
    EXPECT_EQ(parse_rate(written), rate) << written;
    EXPECT_EQ(format_rate(rate), shown);
  }
}

TEST(Units, what_is_no_rate_is_refused) {
  for (std::string_view written : {"", "100", "/s", "100/", "100/d", "100/sec", "100 /s", "100/ s",
                                   "1.5/s", "-1/s", "+1/s", "100/S", "18446744073709551616/s"})
    EXPECT_FALSE(parse_rate(written)) << written;
}

TEST(Units, what_is_no_duration_is_refused) {
  for (std::string_view written : {"",
                                   "30",
                                   "s",
                                   "30 s",
                                   "30S",
                                   "30sec",
                                   "-1s",
                                   "+1s",
                                   "1.s",
                                   ".5s",
                                   "1.5.5s",
                                   "1.0005s",
                                   "1e3s",
                                   "1D",
                                   "17521h",
                                   "731d",
                                   "99999999999999999999s",
                                   "1.0000000000s",
                                   "1m30s",
                                   "٣s"}) {
    EXPECT_FALSE(parse_duration(written)) << written;
  }
}

TEST(Units, size_has_a_binary_or_a_decimal_unit) {
  const std::pair<std::string_view, uint64_t> cases[] = {{"0B", 0},
                                                         {"512B", 512},
                                                         {"64KiB", 65'536},
                                                         {"20MiB", 20'971'520},
                                                         {"1KB", 1'000},
                                                         {"1MB", 1'000'000},
                                                         {"1GB", 1'000'000'000},
                                                         {"1.5MiB", 1'572'864},
                                                         {"2GiB", 2'147'483'648}};
  for (const auto& [written, bytes] : cases) EXPECT_EQ(parse_size(written), bytes) << written;
}

TEST(Units, what_is_no_size_is_refused) {
  for (std::string_view written :
       {"", "20", "20M", "20mib", "MiB", "1 MiB", "-1B", "0.3B", "99999999999GiB", "1TiB"}) {
    EXPECT_FALSE(parse_size(written)) << written;
  }
}

TEST(Units, message_suggests_the_number_that_was_written) {
  EXPECT_EQ(not_a_duration("30"), "\"30\" is not a duration – write \"30s\", \"500ms\" or \"2m\"");
  EXPECT_EQ(not_a_duration("45 sec"),
            "\"45 sec\" is not a duration – write \"45s\", \"500ms\" or \"2m\"");
  EXPECT_EQ(not_a_size("8M"),
            "\"8M\" is not a size – write \"8MiB\", \"64KiB\" or a number of bytes");
}

TEST(Units, formatted_duration_reads_back) {
  for (std::string_view written : {"0s", "1ms", "1500ms", "30s", "2m", "1h", "90m", "1d", "36h"}) {
    EXPECT_EQ(format_duration(*parse_duration(written)), written);
  }
}

}  // namespace
}  // namespace config
