// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/runtime.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace engine::control {
namespace {

RuntimeService web() {
  RuntimeService service;
  service.origin = "deploy";
  service.sites = {"shop.example.com", "shop.example.com/docs"};
  service.active.writers = {"10.0.0.4:8080"};
  return service;
}

TEST(Runtime, a_service_has_the_sites_of_one_that_proxy_toml_describes) {
  RuntimeService service = web();
  service.options = {{"timeout", {{"first_byte", "7s"}}}, {"balance", "round-robin"}};

  const auto sites = sites_of("web", service, {});

  ASSERT_TRUE(sites) << sites.error().front().message;
  ASSERT_EQ(sites->size(), 2U);
  EXPECT_EQ((*sites)[0].key, "shop.example.com");
  EXPECT_EQ((*sites)[1].prefix, "/docs");
  EXPECT_EQ((*sites)[0].service, "web");
  EXPECT_EQ((*sites)[0].origin(), "deploy");
  EXPECT_EQ((*sites)[0].policy.timeout.first_byte, config::Milliseconds(7000));
  EXPECT_EQ((*sites)[0].policy.balance.kind, config::Balance::Kind::RoundRobin);
  ASSERT_EQ((*sites)[0].targets.size(), 1U);
  EXPECT_EQ((*sites)[0].targets[0].display(), "10.0.0.4:8080");
}

TEST(Runtime, what_a_service_does_not_say_the_defaults_of_the_file_do) {
  RuntimeService service = web();
  service.options = {{"timeout", {{"first_byte", "7s"}}}};
  config::SiteDefaults defaults;
  defaults.policy.timeout = {.connect = config::Milliseconds(3), .first_byte = {}};
  defaults.tls.redirect = true;

  const auto sites = sites_of("web", service, defaults);

  ASSERT_TRUE(sites);
  EXPECT_EQ((*sites)[0].policy.timeout.connect, config::Milliseconds(3));
  EXPECT_EQ((*sites)[0].policy.timeout.first_byte, config::Milliseconds(7000));
  EXPECT_TRUE((*sites)[0].tls.redirect);
}

TEST(Runtime, targets_are_in_the_pool_that_they_were_deployed_to) {
  using Pool = config::Target::Pool;
  RuntimeService service = web();
  service.active.readers = {"10.0.0.5:8080"};
  service.rollout = {.writers = {"10.0.0.6:8080"}, .readers = {"10.0.0.7:8080"}};

  const auto sites = sites_of("web", service, {});

  ASSERT_TRUE(sites);
  const std::vector<Pool> wanted = {Pool::Writers, Pool::Readers, Pool::NewWriters,
                                    Pool::NewReaders};
  for (const config::Site& site : *sites) {
    ASSERT_EQ(site.targets.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(site.targets[i].pool, wanted[i]);
  }
}

TEST(Runtime, each_site_has_its_own_prefix_taken_off) {
  RuntimeService service = web();
  service.strip_prefix = true;

  const auto sites = sites_of("web", service, {});

  ASSERT_TRUE(sites);
  EXPECT_EQ((*sites)[0].policy.strip_prefix, "");
  EXPECT_EQ((*sites)[1].policy.strip_prefix, "/docs");
}

TEST(Runtime, a_wrong_option_is_refused_in_the_words_of_proxy_toml) {
  RuntimeService service = web();
  service.options = {{"timeout", {{"first_byte", "soon"}}}};

  const auto sites = sites_of("web", service, {});

  ASSERT_FALSE(sites);
  EXPECT_NE(sites.error().front().message.find("is not a duration"), std::string::npos)
      << sites.error().front().message;
}

TEST(Runtime, text_reaches_the_configuration_as_it_is) {
  RuntimeService service = web();
  service.options = {{"headers", {{"request", {{"set", {{"X-Odd", "${HOME} $x \"q\" é"}}}}}}}};

  const auto sites = sites_of("web", service, {});

  ASSERT_TRUE(sites) << sites.error().front().message;
  EXPECT_EQ((*sites)[0].policy.request_headers.set.back(),
            std::pair(std::string("X-Odd"), std::string("${HOME} $x \"q\" é")));
}

TEST(Runtime, applications_find_what_kamal_proxy_tells_them_unless_the_service_says_otherwise) {
  using Fields = config::HeaderEdits::Fields;
  auto edits = (*sites_of("web", web(), {}))[1].policy.request_headers;
  EXPECT_EQ(edits.set, (Fields{{"X-Kamal-Target", "{target}"}}));
  EXPECT_EQ(edits.defaults, (Fields{{"X-Request-Start", "t={unix_ms}"}}));

  RuntimeService service = web();
  service.options = Json::parse(R"({"headers": {"request": {
      "set": {"x-request-start": "mine"}, "remove": ["X-Kamal-*"]}}})");
  edits = (*sites_of("web", service, {}))[1].policy.request_headers;
  EXPECT_EQ(edits.set, (Fields{{"x-request-start", "mine"}}));
  EXPECT_EQ(edits.defaults, Fields{});
}

TEST(Runtime, an_option_that_is_wrong_for_every_site_is_told_of_once_beside_the_others) {
  RuntimeService service = web();
  service.options = Json::parse(R"({"balance": "odd", "log": {"request_headers": ["Cookie"]}})");

  const auto sites = sites_of("web", service, {});

  ASSERT_FALSE(sites);
  EXPECT_EQ(sites.error().size(), 2U);
  for (const config::Diagnostic& problem : sites.error()) EXPECT_EQ(problem.where.text(), "web");
}

TEST(Runtime, a_site_that_is_named_twice_is_there_once) {
  RuntimeService service = web();
  service.sites.push_back("shop.example.com");
  const auto sites = sites_of("web", service, {});
  ASSERT_TRUE(sites) << sites.error().front().message;
  EXPECT_EQ(sites->size(), 2U);
}

TEST(Runtime, a_canonical_host_is_one_of_the_service) {
  const struct {
    std::vector<std::string> sites;
    bool good;
  } kCases[] = {
      {{"www.example.com", "example.com"}, true},
      {{"www.example.com", "example.com/docs"}, true},
      {{"*"}, true},
      {{"*.com"}, true},
      {{"www.example.com"}, false},
      {{"*.example.com"}, false},
  };
  for (const auto& c : kCases) {
    RuntimeService service = web();
    service.sites = c.sites;
    service.options = {{"canonical_host", "example.com"}};
    const auto sites = sites_of("web", service, {});
    EXPECT_EQ(sites.has_value(), c.good) << c.sites.front();
    if (sites) continue;
    EXPECT_EQ(sites.error().front().message,
              "canonical_host \"example.com\" is the host of no site");
  }
}

TEST(Runtime, a_target_that_is_none_is_refused_by_its_text) {
  RuntimeService service = web();
  service.active.readers = {"redirect:https://x"};

  const auto sites = sites_of("web", service, {});

  ASSERT_FALSE(sites);
  EXPECT_NE(sites.error().front().message.find("redirect:https://x"), std::string::npos);
}

TEST(Runtime, a_state_with_a_part_missing_is_refused_and_says_which) {
  Json json = to_json(Runtime());
  json.erase("gates");
  const auto runtime = runtime_of(json);
  ASSERT_FALSE(runtime);
  EXPECT_NE(runtime.error().find("gates"), std::string::npos) << runtime.error();
}

TEST(Runtime, names_of_services_are_words) {
  for (const char* good : {"web", "shop.example.com/docs", "*", "[::1]", "a_b-c.1"})
    EXPECT_TRUE(is_service_name(good)) << good;
  for (const char* bad : {"", "a b", "a\n", "ü", "a@b"}) EXPECT_FALSE(is_service_name(bad)) << bad;
  EXPECT_TRUE(is_service_name(std::string(200, 'a')));
  EXPECT_FALSE(is_service_name(std::string(201, 'a')));
}

}  // namespace
}  // namespace engine::control
