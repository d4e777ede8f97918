// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/deploy_options.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

namespace engine::cli {
namespace {

constexpr std::string_view kUsualHealth = R"({"path":"/up","every":"1s","timeout":"5s"})";

DeployFlags web() {
  DeployFlags flags;
  flags.name = "web";
  flags.targets = {"web-2:3000"};
  return flags;
}

using Edit = std::function<void(DeployFlags&)>;

// Compared as JSON: the order of keys says nothing.
void expect_body(const Edit& edit, const char* key, const std::string& expected) {
  DeployFlags flags = web();
  edit(flags);
  const auto body = deploy_body(flags);
  ASSERT_TRUE(body) << body.error().error;
  EXPECT_EQ(nlohmann::json(field(*body, key)), nlohmann::json::parse(expected)) << expected;
}

std::string with_health(std::string_view options) {
  return "{" + std::string(options) + R"(,"health":)" + std::string(kUsualHealth) + "}";
}

TEST(DeployOptions, without_flags_there_is_the_service_its_targets_and_times_only) {
  const auto body = deploy_body(web());
  ASSERT_TRUE(body);
  EXPECT_EQ(json_line(*body),
            R"({"service":"web","targets":["web-2:3000"],"timeout":"30s","drain":"30s"})");
}

TEST(DeployOptions, a_target_without_a_port_has_port_80) {
  const struct {
    const char* written;
    const char* sent;
  } kCases[] = {
      {"web", R"(["web:80"])"},
      {"web-2:3000", R"(["web-2:3000"])"},
      {"a,b:81", R"(["a:80","b:81"])"},
      {"3000", R"(["3000"])"},
      {"10.0.0.4", R"(["10.0.0.4:80"])"},
      {"[::1]", R"(["[::1]:80"])"},
      {"[::1]:81", R"(["[::1]:81"])"},
      {"https://web", R"(["https://web"])"},
      {"h2c://web:50051", R"(["h2c://web:50051"])"},
      {"unix:/run/web.sock", R"(["unix:/run/web.sock"])"},
  };
  for (const auto& c : kCases) {
    expect_body([&](DeployFlags& f) { f.targets = {c.written}; }, "targets", c.sent);
    expect_body([&](DeployFlags& f) { f.read_targets = {c.written}; }, "read_targets", c.sent);
  }
}

TEST(DeployOptions, sites_are_each_host_with_each_path) {
  const struct {
    std::vector<std::string> hosts;
    std::vector<std::string> paths;
    const char* sites;
  } kCases[] = {
      {{"a.test"}, {}, R"(["a.test"])"},
      {{"a.test,b.test"}, {}, R"(["a.test","b.test"])"},
      {{"a.test", "b.test"}, {"/x", "y"}, R"(["a.test/x","a.test/y","b.test/x","b.test/y"])"},
      {{"a.test"}, {"/"}, R"(["a.test"])"},
      {{}, {"/x"}, R"(["*/x"])"},
      {{"a.test/docs"}, {}, R"(["a.test/docs"])"},
  };
  for (const auto& c : kCases) {
    expect_body(
        [&](DeployFlags& f) {
          f.hosts = c.hosts;
          f.paths = c.paths;
        },
        "sites", c.sites);
  }
}

TEST(DeployOptions, a_prefix_is_stripped_unless_the_flag_says_otherwise) {
  expect_body([](DeployFlags&) {}, "strip_prefix", "null");
  expect_body([](DeployFlags& f) { f.paths = {"/x"}; }, "strip_prefix", "true");
  expect_body([](DeployFlags& f) { f.strip_prefix = false; }, "strip_prefix", "false");
}

TEST(DeployOptions, each_flag_is_a_key_of_proxy_toml_and_brings_the_usual_probe) {
  const struct {
    Edit edit;
    std::string options;
  } kCases[] = {
      {[](auto& f) { f.target_timeout = "10s"; }, R"("timeout":{"first_byte":"10s"})"},
      {[](auto& f) { f.errors = "/srv/pages"; }, R"("errors":"/srv/pages")"},
      {[](auto& f) { f.body_max = "1048576"; }, R"("limit":{"body":1048576})"},
      {[](auto& f) { f.body_max = "20MiB"; }, R"("limit":{"body":"20MiB"})"},
      {[](auto& f) { f.buffer_requests = true; }, R"("buffer":{"requests":true})"},
      {[](auto& f) {
         f.buffer_responses = true;
         f.response_max = "1MiB";
         f.buffer_memory = "65536";
       },
       R"("limit":{"response":"1MiB"},"buffer":{"responses":true,"memory":65536})"},
      {[](auto& f) { f.affinity = "2s"; }, R"("readers":{"affinity":"2s"})"},
      {[](auto& f) { f.read_websockets = true; }, R"("readers":{"websockets":true})"},
      {[](auto& f) { f.tls = true; }, R"("tls":{"redirect":true})"},
      {[](auto& f) { f.tls_redirect = "true"; }, R"("tls":{"redirect":true})"},
      {[](auto& f) {
         f.tls = true;
         f.tls_redirect = "false";
       },
       R"("tls":{"redirect":false})"},
      {[](auto& f) { f.canonical_host = "a.test"; }, R"("canonical_host":"a.test")"},
      {[](auto& f) { f.client_ip_header = "X-Client"; }, R"("client_ip_header":"X-Client")"},
      {[](auto& f) { f.forward_headers = true; }, R"("forward_headers":true)"},
      {[](auto& f) { f.scope_cookies = true; }, R"("scope_cookies":true)"},
      {[](auto& f) {
         f.logged_request_headers = {"X-A,X-B", "X-C"};
         f.logged_response_headers = {"X-D"};
       },
       R"("log":{"request_headers":["X-A","X-B","X-C"],"response_headers":["X-D"]})"},
      {[](auto& f) { f.uncounted_paths = {"/healthz"}; }, R"("metrics":{"skip":["/healthz"]})"},
      {[](auto& f) { f.set = {"balance=round-robin"}; }, R"("balance":"round-robin")"},
      {[](auto& f) { f.set = {"retry.times=2", "retry.on=[\"502\"]"}; },
       R"("retry":{"times":2,"on":["502"]})"},
      {[](auto& f) {
         f.target_timeout = "9s";
         f.set = {"timeout.idle=1m"};
       },
       R"("timeout":{"first_byte":"9s","idle":"1m"})"},
  };
  for (const auto& c : kCases) expect_body(c.edit, "options", with_health(c.options));
}

TEST(DeployOptions, the_flags_of_the_probe_go_over_the_usual_one) {
  expect_body([](auto& f) { f.health_path = "/ready"; }, "options",
              R"({"health":{"path":"/ready","every":"1s","timeout":"5s"}})");
  expect_body(
      [](auto& f) {
        f.health_every = "2s";
        f.health_timeout = "3s";
        f.health_port = 9000;
        f.health_host = "app.test";
      },
      "options",
      R"({"health":{"path":"/up","every":"2s","timeout":"3s","port":9000,"host":"app.test"}})");
  expect_body([](auto& f) { f.set = {"health.path=/x"}; }, "options",
              R"({"health":{"path":"/x","every":"1s","timeout":"5s"}})");
  EXPECT_EQ(json_line(field(usual_options(), "health")), kUsualHealth);
}

TEST(DeployOptions, a_relative_directory_of_pages_is_one_of_the_callers) {
  const std::string here = std::filesystem::current_path().string();
  expect_body([](auto& f) { f.errors = "pages"; }, "options",
              with_health(R"("errors":")" + here + R"(/pages")"));
}

TEST(DeployOptions, what_cannot_be_meant_is_refused) {
  DeployFlags flags = web();
  flags.targets = {","};
  EXPECT_EQ(deploy_body(flags).error().error, "no target to deploy");
  for (const char* set : {"balance", "=x", "errors.x=1"}) {
    flags = web();
    flags.errors = "/srv/pages";
    flags.set = {set};
    EXPECT_FALSE(deploy_body(flags)) << set;
  }
}

TEST(DeployOptions, a_rollout_takes_targets_and_times_only) {
  DeployFlags flags = web();
  flags.hosts = {"a.test"};
  flags.drain = "1m";
  EXPECT_EQ(json_line(*rollout_body(flags)),
            R"({"service":"web","targets":["web-2:3000"],"timeout":"30s","drain":"1m"})");
}

TEST(DeployOptions, in_the_older_form_the_service_is_named_after_its_host_or_target) {
  const struct {
    const char* name;
    std::vector<std::string> hosts;
    const char* service;
    std::vector<std::string> targets;
  } kCases[] = {
      {"web", {"a.test"}, "web", {}},
      {"web-1:3000", {"a.test,b.test"}, "a.test", {"web-1:3000"}},
      {"web-1:3000", {}, "web-1", {"web-1:3000"}},
      {"web:next", {}, "web:next", {}},
  };
  for (const auto& c : kCases) {
    DeployFlags flags;
    flags.name = c.name;
    flags.hosts = c.hosts;
    settle_older_form(flags);
    EXPECT_EQ(flags.name, c.service);
    EXPECT_EQ(flags.targets, c.targets) << c.name;
  }
}

TEST(DeployOptions, a_flag_of_kamal_proxy_without_a_key_says_what_to_do_instead) {
  for (const char* flag : {"--tls-staging", "--tls-acme-cache-path"}) {
    EXPECT_NE(instead_of(flag), "") << flag;
  }
  for (const char* flag :
       {"--target", "--canonical-host", "--log-request-header", "--buffer-requests"}) {
    EXPECT_EQ(instead_of(flag), "") << flag;
  }
}

}  // namespace
}  // namespace engine::cli
