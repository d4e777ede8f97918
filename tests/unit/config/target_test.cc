// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/target.h"

#include <gtest/gtest.h>

namespace config {
namespace {

using Kind = Target::Kind;

struct Good {
  std::string_view written;
  Kind kind;
  std::string_view shown;
};

TEST(Target, has_one_form_per_kind) {
  const Good cases[] = {
      {"3000", Kind::LoopbackPort, "localhost:3000"},
      {"localhost:3000", Kind::LoopbackPort, "localhost:3000"},
      {"10.0.0.1:80", Kind::Tcp, "10.0.0.1:80"},
      {"App.internal:8080", Kind::Tcp, "app.internal:8080"},
      {"[2001:DB8:0::1]:80", Kind::Tcp, "[2001:db8::1]:80"},
      {"http://10.0.0.4:8080", Kind::Tcp, "10.0.0.4:8080"},
      {"http://app/", Kind::Tcp, "app:80"},
      {"https://App.internal", Kind::Tcp, "https://app.internal:443"},
      {"https://10.0.0.4:8443/", Kind::Tcp, "https://10.0.0.4:8443"},
      {"https://[2001:DB8:0::1]", Kind::Tcp, "https://[2001:db8::1]:443"},
      {"unix:/run/app.sock", Kind::Unix, "unix:/run/app.sock"},
      {"unix:///run/app.sock", Kind::Unix, "unix:/run/app.sock"},
      {"redirect:https://a.com{uri}", Kind::Redirect, "redirect:https://a.com{uri}"},
      {"redirect:https://{host}{path}?{query}", Kind::Redirect,
       "redirect:https://{host}{path}?{query}"},
      {"redirect:https://www.{host}/x{uri}", Kind::Redirect, "redirect:https://www.{host}/x{uri}"},
      {"redirect:/new/{path}", Kind::Redirect, "redirect:/new/{path}"},
      {"status:404", Kind::Status, "status:404"},
      {"h2c://10.0.0.7:50051", Kind::Tcp, "h2c://10.0.0.7:50051"},
      {"h2c://localhost:50051", Kind::LoopbackPort, "h2c://localhost:50051"},
  };
  for (const Good& good : cases) {
    auto target = parse_target(good.written);
    ASSERT_TRUE(target) << good.written << ": " << target.error().message;
    EXPECT_EQ(target->kind, good.kind) << good.written;
    EXPECT_EQ(target->display(), good.shown);
  }
}

TEST(Target, only_https_speaks_tls) {
  EXPECT_TRUE(parse_target("https://app")->tls);
  EXPECT_FALSE(parse_target("http://app:443")->tls);
  EXPECT_FALSE(parse_target("app:443")->tls);
}

TEST(Target, https_keeps_the_name_localhost_for_the_certificate) {
  auto target = parse_target("https://localhost:8443");

  ASSERT_TRUE(target);
  EXPECT_EQ(target->kind, Kind::Tcp);
  EXPECT_EQ(target->host, "localhost");
  EXPECT_EQ(target->port, 8443);
}

TEST(Target, passthrough_names_a_host_and_port_443_without_another) {
  for (const auto& [written, shown] :
       {std::pair{"tls-passthrough:10.0.0.9:8443", "tls-passthrough:10.0.0.9:8443"},
        {"tls-passthrough:db.internal", "tls-passthrough:db.internal:443"},
        {"tls-passthrough:localhost:1", "tls-passthrough:localhost:1"}}) {
    auto target = parse_target(written);
    ASSERT_TRUE(target) << written << ": " << target.error().message;
    EXPECT_TRUE(target->passthrough && !target->tls) << written;
    EXPECT_EQ(target->display(), shown);
  }
  EXPECT_FALSE(parse_target("tls-passthrough:"));
  EXPECT_FALSE(parse_target("db.internal:443")->passthrough);
}

TEST(Target, status_may_carry_a_text) {
  auto target = parse_target("status:410 Gone for good");

  ASSERT_TRUE(target);
  EXPECT_EQ(target->status, 410);
  EXPECT_EQ(target->text, "Gone for good");
}

TEST(Target, redirect_answers_308) {
  EXPECT_EQ(parse_target("redirect:https://a.com")->status, 308);
}

struct Bad {
  std::string_view written, message, hint;
};

TEST(Target, that_is_wrong_says_what_to_write) {
  const Bad cases[] = {
      {"", "the target is empty", "write a port, for example 3000"},
      {"70000", "70000 is not a port – write a number from 1 to 65535", ""},
      {":3000", "target \":3000\" has no host", "write 3000"},
      {"a.com", "target \"a.com\" has no port", "write \"a.com:80\""},
      {"a.com:99999", "\"99999\" is not a port – write a number from 1 to 65535", ""},
      {"a.com:0", "port 0 cannot be connected to", "write a port from 1 to 65535"},
      {"::1:80", "\"::1:80\" looks like an IPv6 address without brackets", "write \"[::1]:8080\""},
      {"http://a/x", "target \"http://a/x\" has a path",
       "leave it out; rewrite.strip changes the path that a target sees"},
      {"http://u:p@a", "a target has no user or password",
       "send them with headers.request.set.Authorization"},
      {"/run/app.sock", "target \"/run/app.sock\" is a path",
       "a unix socket is written \"unix:/run/app.sock\""},
      {"unix:app.sock", "socket path \"app.sock\" is not absolute", "write \"unix:/run/app.sock\""},
      {"unx:/run/x", "unknown kind of target \"unx:/run/x\"", "did you mean \"unix:\"?"},
      {"https://a/x", "target \"https://a/x\" has a path",
       "leave it out; rewrite.strip changes the path that a target sees"},
      {"https://u:p@a", "a target has no user or password",
       "send them with headers.request.set.Authorization"},
      {"https://", "the host is empty", ""},
      {"https://a:0", "port 0 cannot be connected to", "write a port from 1 to 65535"},
      {"htps://a", "unknown kind of target \"htps://a\"", "did you mean \"https:\"?"},
      {"ftp2://a", "unknown kind of target \"ftp2://a\"",
       "write a port, \"host:port\", \"http://…\", \"https://…\", \"h2c://…\", \"unix:…\", "
       "\"tls-passthrough:…\", \"redirect:…\" or "
       "\"status:…\""},
      {"h2c://a", "target \"h2c://a\" has no port", "write \"h2c://a:80\""},
      {"h2c://a:1/x", "target \"h2c://a:1/x\" has a path",
       "leave it out; rewrite.strip changes the path that a target sees"},
      {"file:/srv", "\"file:\" targets are not supported by this version", ""},
      {"status:999", "\"999\" is not a status – write 200 to 599",
       "write \"status:410\" or \"status:410 Gone for good\""},
      {"status:204 x", "status 204 never has a body", "write \"status:204\""},
      {"redirect:302 https://a.com", "a redirect always answers 308, which keeps method and body",
       "write \"redirect:https://a.com\""},
      {"redirect:https://a.com{ury}", "redirect has an unknown placeholder \"{ury}\"",
       "did you mean \"{uri}\"?"},
  };
  for (const Bad& bad : cases) {
    auto target = parse_target(bad.written);
    ASSERT_FALSE(target) << bad.written;
    EXPECT_EQ(target.error().message, bad.message);
    EXPECT_EQ(target.error().hint, bad.hint);
  }
}

TEST(Target, redirect_never_lets_the_client_choose_the_host) {
  for (std::string_view written :
       {"redirect:{uri}", "redirect:/{path}", "redirect:/{uri}", "redirect://a.com",
        "redirect:a.com", "redirect:https://", "redirect:https://{uri}", "redirect:https:///x",
        "redirect:", "redirect:https://a.com{query}", "redirect:javascript:alert(1)",
        "redirect:https://a.com{", "redirect:https://a.com}", "redirect:https://a .com",
        "redirect:https://a.com\r\nX: y"}) {
    EXPECT_FALSE(parse_target(written)) << written;
  }
}

TEST(Target, socket_path_ends_at_107_bytes) {
  std::string path = "/" + std::string(106, 'x');
  EXPECT_TRUE(parse_target("unix:" + path));
  EXPECT_FALSE(parse_target("unix:" + path + "x"));
}

TEST(Target, status_is_final_and_has_three_digits) {
  EXPECT_FALSE(parse_target("status:199"));
  EXPECT_TRUE(parse_target("status:200"));
  EXPECT_TRUE(parse_target("status:599"));
  EXPECT_FALSE(parse_target("status:600"));
  EXPECT_FALSE(parse_target("status:0404"));
  EXPECT_FALSE(parse_target("status:"));
}

}  // namespace
}  // namespace config
