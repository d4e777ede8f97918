// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/tickets.h"

#include <gtest/gtest.h>

#include <string>

namespace tls {
namespace {

using Opened = TicketKeys::Opened;

struct Ticket {
  std::array<std::uint8_t, TicketKeys::kNameBytes> name{};
  std::array<std::uint8_t, TicketKeys::kIvBytes> iv{};
  std::array<std::uint8_t, TicketKeys::kMacBytes> mac{};
  std::array<std::uint8_t, 5> body{'s', 't', 'a', 't', 'e'};

  [[nodiscard]] bool seal(const TicketKeys& keys, const Digest& context) {
    return keys.seal(context, name, iv, mac, body);
  }
  Opened open(const TicketKeys& keys, const Digest& context) {
    return keys.open(context, name, iv, mac, body);
  }
  [[nodiscard]] std::string text() const { return {body.begin(), body.end()}; }
};

const Digest kHere{1}, kElsewhere{2};

TEST(TicketKeys, what_is_sealed_can_be_opened) {
  const auto keys = TicketKeys::make(nullptr);
  Ticket ticket;
  ASSERT_TRUE(ticket.seal(*keys, kHere));
  EXPECT_NE(ticket.text(), "state");
  EXPECT_EQ(ticket.open(*keys, kHere), Opened::Yes);
  EXPECT_EQ(ticket.text(), "state");
}

TEST(TicketKeys, a_ticket_outlives_one_replacement_and_not_two) {
  const auto first = TicketKeys::make(nullptr);
  const auto second = TicketKeys::make(first.get());
  const auto third = TicketKeys::make(second.get());
  Ticket ticket;
  ASSERT_TRUE(ticket.seal(*first, kHere));
  Ticket later = ticket;
  EXPECT_EQ(ticket.open(*second, kHere), Opened::ByPrevious);
  EXPECT_EQ(ticket.text(), "state");
  EXPECT_EQ(later.open(*third, kHere), Opened::No);
}

TEST(TicketKeys, a_ticket_opens_only_for_the_certificate_it_was_issued_with) {
  const auto keys = TicketKeys::make(nullptr);
  Ticket ticket;
  ASSERT_TRUE(ticket.seal(*keys, kHere));
  EXPECT_EQ(ticket.open(*keys, kElsewhere), Opened::No);
}

TEST(TicketKeys, a_changed_ticket_does_not_open) {
  const auto keys = TicketKeys::make(nullptr);
  for (int part = 0; part < 4; ++part) {
    Ticket ticket;
    ASSERT_TRUE(ticket.seal(*keys, kHere));
    std::uint8_t* const parts[] = {ticket.name.data(), ticket.iv.data(), ticket.mac.data(),
                                   ticket.body.data()};
    parts[part][3] ^= 1;
    EXPECT_EQ(ticket.open(*keys, kHere), Opened::No) << part;
  }
}

TEST(TicketKeys, no_two_tickets_look_alike) {
  const auto keys = TicketKeys::make(nullptr);
  Ticket one, two;
  ASSERT_TRUE(one.seal(*keys, kHere) && two.seal(*keys, kHere));
  EXPECT_NE(one.text(), two.text());
  EXPECT_NE(one.iv, two.iv);
}

}  // namespace
}  // namespace tls
