// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Result with_request(const std::string& edits) {
  return load_toml("[routes.\"a.com\"]\nto = 1\nheaders.request = { " + edits + " }\n");
}

TEST(Headers, are_set_and_removed_in_both_directions) {
  Result result = load_toml(
      "[routes.\"a.com\"]\nto = 1\nheaders = { request = { set = { X-Env = \"prod\" }, remove = "
      "[\"X-Debug\"] }, response = { set = { Strict-Transport-Security = \"max-age=1\" } } }\n");

  ASSERT_TRUE(result.ok()) << only_message(result);
  const Policy& policy = result.config.sites[0].policy;
  EXPECT_EQ(policy.request_headers.set, (Pairs{{"X-Env", "prod"}}));
  EXPECT_EQ(policy.request_headers.remove, Strings{"X-Debug"});
  EXPECT_EQ(policy.response_headers.set, (Pairs{{"Strict-Transport-Security", "max-age=1"}}));
}

TEST(Headers, have_defaults_too_and_a_name_has_one_fate) {
  const HeaderEdits edits =
      load_toml(
          "[defaults.headers.request]\nset = { X-A = \"d\", X-I-1 = \"d\" }\ndefault = { X-B = "
          "\"d\", X-I-2 = \"d\", X-D = \"d\" }\nremove = [\"X-Gone\"]\n"
          "[routes.\"a.com\"]\nto = 1\nheaders.request = { default = { x-a = \"s\", X-C = "
          "\"s\" }, set = { x-b = \"s\", X-C = \"set\" }, remove = [\"x-i-*\", \"X-C\"] }\n")
          .config.sites[0]
          .policy.request_headers;
  EXPECT_EQ(edits.set, (Pairs{{"X-C", "set"}, {"x-b", "s"}}));
  EXPECT_EQ(edits.defaults, (Pairs{{"X-D", "d"}, {"x-a", "s"}}));
  EXPECT_EQ(edits.remove, Strings{"x-i-*"});
}

TEST(Headers, are_removed_by_the_beginning_of_their_name) {
  EXPECT_TRUE(with_request("remove = [\"X-Internal-*\"]").ok());
  EXPECT_EQ(only_message(with_request("remove = [\"Content-Length*\"]")),
            "header \"Content-Length\" belongs to the connection and cannot be changed");
  for (const char* name : {"X *", "ä*"}) {
    EXPECT_FALSE(with_request(fmt::format("remove = [\"{}\"]", name)).ok()) << name;
  }
}

TEST(Headers, that_the_log_shows_are_named_and_never_secrets) {
  const Result good = load_toml(
      "[defaults]\nlog.response_headers = [\"Age\"]\n[routes.\"a.com\"]\nto = 1\nlog = { "
      "request_headers = [\"X-A\", \"Cache-Control\"] }\n");
  ASSERT_TRUE(good.ok()) << only_message(good);
  EXPECT_EQ(good.config.sites[0].policy.logged_headers,
            (LoggedHeaders{{"X-A", "Cache-Control"}, {"Age"}}));

  const Result bad = load_toml(
      "[routes.\"a.com\"]\nto = 1\nlog = { request_headers = [\"authorization\", \"Cookie\", "
      "\"Proxy-Authorization\", \"X Y\", \"X-A\", \"x-a\"], response_headers = "
      "[\"Set-Cookie\"], headers = [] }\n");
  Strings messages;
  for (const Diagnostic& problem : bad.diagnostics) messages.push_back(problem.message);
  EXPECT_EQ(messages,
            (Strings{"header \"authorization\" is a secret and is never logged",
                     "header \"Cookie\" is a secret and is never logged",
                     "header \"Proxy-Authorization\" is a secret and is never logged",
                     "\"X Y\" is not the name of a header", "header \"x-a\" is written twice",
                     "header \"Set-Cookie\" is a secret and is never logged",
                     "unknown key \"headers\" in \"log\" of site \"a.com\""}));
}

TEST(Headers, of_framing_and_of_the_connection_are_refused) {
  for (std::string name : {"Connection", "Content-Length", "Transfer-Encoding", "TE", "Trailer",
                           "upgrade", "Keep-Alive", "Proxy-Connection", "HTTP2-Settings"}) {
    std::string message = "header \"" + name + "\" belongs to the connection and cannot be changed";
    EXPECT_EQ(only_message(with_request("set = { " + name + " = \"x\" }")), message);
    EXPECT_EQ(only_message(with_request("remove = [\"" + name + "\"]")), message);
  }
}

TEST(Headers, host_has_its_own_key) {
  Result result = with_request("set = { Host = \"x\" }");

  EXPECT_EQ(only_message(result), "header \"Host\" is not changed here");
  EXPECT_EQ(only_hint(result), "write host = \"upstream\" or a name");
}

TEST(Headers, with_a_name_that_is_no_token_are_refused) {
  for (std::string name : {"\"X Y\"", "\"X:\"", "\":path\"", "\"\"", "\"X\\r\\nY\"", "\"ä\""}) {
    EXPECT_FALSE(with_request("set = { " + name + " = \"x\" }").ok()) << name;
  }
}

TEST(Headers, with_a_value_that_could_split_a_message_are_refused) {
  for (std::string value :
       {"a\\r\\nb", "a\\nb", "a\\u0000b", "a\\u001bb", "a\\u007fb", " a", "a "}) {
    Result result = with_request("set = { X = \"" + value + "\" }");
    EXPECT_EQ(only_message(result),
              "the value of header \"X\" has a line end, a control character, "
              "or a space around it");
  }
  EXPECT_TRUE(with_request("set = { X = \"a\\tb ä\", Y = \"\" }").ok());
}

TEST(Headers, from_a_variable_are_checked_like_written_ones) {
  World world{{{"EVIL", "x\r\nX-Admin: 1"}}, {}};
  Result result =
      load_toml("[routes.\"a.com\"]\nto = 1\nheaders.request.set.X-Env = \"${EVIL}\"\n", world);

  EXPECT_FALSE(result.ok());
}

TEST(Headers, written_twice_in_another_case_are_refused) {
  EXPECT_EQ(only_message(with_request("set = { X-A = \"1\", x-a = \"2\" }")),
            "header \"x-a\" is written twice");
}

TEST(Headers, end_at_64_per_table) {
  auto many = [](int count) {
    std::string out = "set = { X0 = \"\"";
    for (int i = 1; i < count; ++i) out += fmt::format(", X{} = \"\"", i);
    return out + " }";
  };
  EXPECT_TRUE(with_request(many(64)).ok());
  EXPECT_EQ(only_message(with_request(many(65))), "\"set\" names more than 64 headers");
}

TEST(Headers, with_an_unknown_direction_or_verb_are_refused) {
  EXPECT_EQ(only_hint(with_request("sett = {}")), "did you mean \"set\"?");
  EXPECT_EQ(only_message(with_request("add = {}")),
            "unknown key \"add\" in \"request\" of \"headers\" of site \"a.com\"");
}

}  // namespace
}  // namespace config::test
