// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/kept_response.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/http/h1_head.h"
#include "engine/http/rules.h"

namespace engine::http {
namespace {

TEST(KeptResponse, it_is_written_as_it_came_after_its_bytes_are_gone) {
  std::string bytes =
      "HTTP/1.1 203 Almost\r\nContent-Type:text/plain\r\nX-Odd:   spaced  \r\nConnection: x-hop\r\n"
      "X-Hop: 1\r\nContent-Length: 5\r\n\r\n";
  HeadStorage storage;
  ResponseHead head;
  std::uint32_t scanned = 0;
  ASSERT_EQ(parse_response(bytes, scanned, {}, storage, Method::Get, /*upgrade_asked=*/false, head)
                .status,
            HeadStatus::Complete);
  const auto kept = std::make_unique<KeptResponse>(head);
  std::string before(1000, '\0'), after(1000, '\0');
  const ResponseForwarding how{.framing = Framing::Length, .content_length = 5};
  const std::size_t size = write_response(head, how, before);

  bytes.assign(bytes.size(), '!');
  head = {};
  EXPECT_EQ(kept->head().status, 203);
  EXPECT_EQ(kept->head().content_type, "text/plain");
  EXPECT_EQ(kept->head().content_length, 5U);
  after.resize(write_response(kept->head(), how, after));
  EXPECT_NE(after.find("203 Almost\r\nContent-Type: text/plain\r\nX-Odd: spaced\r\n"),
            std::string::npos)
      << after;
  EXPECT_EQ(after.find("X-Hop"), std::string::npos);
  EXPECT_GT(size, 0U);
}

}  // namespace
}  // namespace engine::http
