// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/admin.h"

#include <gtest/gtest.h>

#include "config/diff.h"
#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;

Result load_admin(const std::string& lines, const World& world = {}) {
  return load_toml("[admin]\n" + lines + "\n", world);
}

TEST(Admin, nothing_is_set_until_it_is_wanted) {
  const Admin admin = load_toml("").config.admin;
  EXPECT_EQ(admin.socket + admin.group + admin.token, "");
  EXPECT_FALSE(admin.http);
}

TEST(Admin, reads_every_key) {
  World world;
  world.files["/run/secrets/token"] = "s3cret\n";
  const Result result = load_admin(
      "socket = \"/run/engine/admin.sock\"\ngroup = \"engine\"\nhttp = \":2020\"\n"
      "token = \"${file:/run/secrets/token}\"",
      world);

  ASSERT_TRUE(result.ok()) << only_message(result);
  const Admin& admin = result.config.admin;
  EXPECT_EQ(admin.socket, "/run/engine/admin.sock");
  EXPECT_EQ(admin.group, "engine");
  ASSERT_TRUE(admin.http);
  EXPECT_EQ(admin.http->text(), ":2020");
  EXPECT_EQ(admin.token, "s3cret");
}

TEST(Admin, a_loopback_address_needs_no_token) {
  for (std::string http : {"\"127.0.0.1:2020\"", "\"127.9.9.9:0\"", "\"[::1]:2020\""}) {
    const Result result = load_admin("http = " + http);
    EXPECT_TRUE(result.ok()) << only_message(result);
  }
}

TEST(Admin, any_other_address_does) {
  for (std::string http :
       {"\":2020\"", "2020", "\"10.0.0.1:2020\"", "\"[::]:2020\"", "\"0.0.0.0:2020\""}) {
    const Result result = load_admin("http = " + http + "\ntoken = \"\"");
    EXPECT_NE(only_message(result).find("needs a \"token\""), std::string::npos) << http;
    EXPECT_TRUE(load_admin("http = " + http + "\ntoken = \"abc\"").ok()) << http;
  }
  EXPECT_EQ(problems(load_admin("http = \":2020\"")),
            Strings{"2:8 error: the control API on \":2020\" needs a \"token\": others can reach "
                    "that address"});
  EXPECT_EQ(only_hint(load_admin("http = \":2020\"")),
            "set token = \"${file:/run/secrets/admin_token}\" in [admin], or write http = "
            "\"127.0.0.1:2020\"");
}

TEST(Admin, a_value_that_is_wrong_says_what_to_write) {
  const std::pair<std::string, std::string> cases[] = {
      {"socket = \"\"", "2:10 error: \"socket\" takes the path of a unix socket"},
      {"socket = \"/" + std::string(107, 'x') + "\"",
       "2:10 error: the path of a socket may have 107 bytes, this one has 108"},
      {"group = 7", "2:9 error: \"group\" takes a string, not a whole number"},
      {"http = true",
       "2:8 error: \"http\" takes an address such as \"127.0.0.1:2020\", not true "
       "or false"},
      {"http = \"localhost:2020\"", "2:8 error: \"localhost\" is not an address of this machine"},
      {"http = \"127.0.0.1\"", "2:8 error: \"127.0.0.1\" has no port"},
      {"sokcet = \"/a\"", "2:1 error: unknown key \"sokcet\" in [admin]"},
  };
  for (const auto& [line, problem] : cases)
    EXPECT_EQ(problems(load_admin(line)), Strings{problem}) << line;
  EXPECT_TRUE(load_admin("socket = \"/" + std::string(106, 'x') + "\"").ok());
}

TEST(Admin, a_token_that_no_header_can_carry_is_refused_and_not_repeated) {
  for (std::string token : {"two words", "käse", "\\u0007bell"}) {
    const Result result = load_admin("token = \"" + token + "\"");
    EXPECT_NE(only_message(result).find("cannot carry"), std::string::npos) << token;
    EXPECT_EQ(only_message(result).find(token), std::string::npos);
  }
}

TEST(Admin, a_port_that_clients_use_is_refused) {
  const Result result = load_toml("listen = \":2020\"\n[admin]\nhttp = \"127.0.0.1:2020\"\n");
  EXPECT_NE(only_message(result).find("\"http\" of [admin] is for clients already"),
            std::string::npos);
}

TEST(Admin, every_key_counts_for_a_reload) {
  const std::string before = "[admin]\nhttp = \"127.0.0.1:1\"\n";
  for (std::string after : {"[admin]\n", "[admin]\nhttp = \"127.0.0.1:2\"\n",
                            "[admin]\nhttp = \"127.0.0.1:1\"\n"
                            "token = \"a\"\n",
                            "[admin]\nhttp = \"127.0.0.1:1\"\ngroup = \"a\"\n",
                            "[admin]\nhttp = \"127.0.0.1:1\"\nsocket = \"/a\"\n"}) {
    EXPECT_EQ(diff(load_toml(before).config, load_toml(after).config).settings, Strings{"admin"})
        << after;
  }
  EXPECT_TRUE(diff(load_toml(before).config, load_toml("# moved\n" + before).config).empty());
}

}  // namespace
}  // namespace config::test
