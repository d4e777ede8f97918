// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/redaction.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace engine::proxy {
namespace {

using Cases = std::vector<std::pair<std::string, std::string>>;

const std::vector<std::string> kNames = {"token", "X-Sig"};

std::string in_query(std::string_view query) {
  return std::string(Redaction(kNames).in_query(query));
}

TEST(Redaction, the_value_of_a_named_parameter_is_hidden_wherever_it_stands) {
  for (const auto& [query, shown] : Cases{{"token=a", "token=REDACTED"},
                                          {"token=a&b=c", "token=REDACTED&b=c"},
                                          {"b=c&token=a", "b=c&token=REDACTED"},
                                          {"b=c&token=a&d=e", "b=c&token=REDACTED&d=e"},
                                          {"token=a&token=b", "token=REDACTED&token=REDACTED"},
                                          {"token=a&x-sig=b&c", "token=REDACTED&x-sig=REDACTED&c"},
                                          {"token=a=b?c/d", "token=REDACTED"},
                                          {"&&token=a&&", "&&token=REDACTED&&"},
                                          {"TOKEN=a&X-SIG=b", "TOKEN=REDACTED&X-SIG=REDACTED"}}) {
    EXPECT_EQ(in_query(query), shown);
  }
}

TEST(Redaction, what_is_not_named_so_or_has_no_value_stays_as_it_is) {
  for (const std::string_view query :
       {"", "&", "=", "a=b", "token", "token=", "token&a=b", "tokens=a", "mytoken=a", "a=token",
        "a=token=b", "%74oken=a", "token[]=a", " token=a"}) {
    EXPECT_EQ(in_query(query), query);
    EXPECT_EQ(Redaction(kNames).in_query(query).data(), query.data()) << query;  // not copied
  }
}

TEST(Redaction, without_names_nothing_is_hidden) {
  EXPECT_EQ(Redaction({}).in_query("token=a"), "token=a");
}

TEST(Redaction, of_an_address_only_the_query_and_the_fragment_have_parameters) {
  Redaction redaction(kNames);
  for (const auto& [address, shown] :
       Cases{{"https://a.b/c?token=d&e=f", "https://a.b/c?token=REDACTED&e=f"},
             {"/cb#token=a&state=b", "/cb#token=REDACTED&state=b"},
             {"/cb?x=y&token=a#token=b", "/cb?x=y&token=REDACTED#token=REDACTED"},
             {"/c?token=a#part", "/c?token=REDACTED#part"},
             {"https://a.b/token=c", "https://a.b/token=c"},
             {"token=a", "token=a"},
             {"?", "?"},
             {"", ""}}) {
    EXPECT_EQ(redaction.in_address(address), shown);
  }
}

TEST(Redaction, a_huge_query_is_hidden_to_its_last_parameter) {
  std::string query;
  std::string shown;
  for (int i = 0; i < 5000; ++i) {
    query += "a=b&token=" + std::string(10, 'x') + "&";
    shown += "a=b&token=REDACTED&";
  }
  EXPECT_EQ(in_query(query + "token=y"), shown + "token=REDACTED");
  EXPECT_EQ(in_query("token=" + std::string(1 << 20, 'x')), "token=REDACTED");
}

}  // namespace
}  // namespace engine::proxy
