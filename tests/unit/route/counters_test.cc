// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/counters.h"

#include <gtest/gtest.h>

namespace engine::route {
namespace {

TEST(Counters, the_sum_has_the_first_the_last_and_what_is_inside_arrays) {
  Counters sum, more;
  ++sum.connections;
  more.connections += 2;
  more.tls_handshakes[1][0] += 3;
  more.refusals.back() += 4;
  more.tick_time.record(5);

  sum.add(more);

  EXPECT_EQ(sum.connections, 3U);
  EXPECT_EQ(sum.tls_handshakes[1][0], 3U);
  EXPECT_EQ(sum.refusals.back(), 4U);
  EXPECT_EQ(sum.tick_time.sum(), 5U);
  EXPECT_EQ(sum.connections_open, 0U);
}

TEST(Counters, handshakes_are_counted_over_versions_and_resumption) {
  Counters counters;
  counters.tls_handshakes[0][0] += 1;
  counters.tls_handshakes[0][1] += 2;
  counters.tls_handshakes[1][0] += 4;
  counters.tls_handshakes[1][1] += 8;
  EXPECT_EQ(counters.tls_handshake_count(), 15U);
}

}  // namespace
}  // namespace engine::route
