// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/cors.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace engine::http {
namespace {

constexpr std::string_view kApp = "https://app.example.com";

CorsPolicy policy(std::vector<std::string> origins) {
  return {.origins = std::move(origins),
          .methods = "GET, PUT",
          .headers = "Content-Type, X-A",
          .credentials = false,
          .max_age = {}};
}

// A head with these fields, which must live as long as it.
struct Request {
  explicit Request(std::initializer_list<std::pair<std::string_view, std::string_view>> written,
                   Method method = Method::Options) {
    for (const auto& [name, value] : written) fields.push_back({.name = name, .value = value});
    head.method = method;
    head.fields = fields;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::vector<Field> fields;
  RequestHead head;
};

Request preflight(std::string_view method, std::string_view headers = {}) {
  return Request({{"origin", kApp},
                  {"Access-Control-Request-Method", method},
                  {"Access-Control-Request-Headers", headers}});
}

std::string granted(const std::string& allowed, std::string_view origin) {
  const Request request({{"Origin", origin}});
  return std::string(grant_of(policy({allowed}), request.fields).origin);
}

std::string refusal(const CorsPolicy& with, const Request& request) {
  return refusal_of(with, grant_of(with, request.fields), request.head);
}

TEST(Cors, an_origin_is_allowed_as_it_is_written_only) {
  EXPECT_EQ(granted("https://app.example.com", kApp), kApp);
  for (const std::string_view other :
       {"", "null", "http://app.example.com", "https://app.example.com:8443",
        "https://app.example.com.evil.test", "https://app.example.co", "https://App.example.com",
        "https://x.app.example.com", "https://app.example.com/"}) {
    EXPECT_EQ(granted("https://app.example.com", other), "") << other;
  }
}

TEST(Cors, a_wildcard_is_every_name_below_it_and_not_the_name) {
  for (const std::string_view below :
       {"https://a.example.com", "https://a.b-c.example.com", "https://_x.example.com"}) {
    EXPECT_EQ(granted("https://*.example.com", below), below);
  }
  for (const std::string_view other :
       {"https://example.com", "https://.example.com", "http://a.example.com",
        "https://aexample.com", "https://a.example.com:8443", "https://evil.test/.example.com",
        "https://evil.test:1.example.com", "https://u@x.example.com",
        "https://a.example.com.evil"}) {
    EXPECT_EQ(granted("https://*.example.com", other), "") << other;
  }
  EXPECT_EQ(granted("https://*.a.com:8443", "https://x.a.com:8443"), "https://x.a.com:8443");
  EXPECT_EQ(granted("https://*.a.com:8443", "https://x.a.com"), "");
}

TEST(Cors, loopback_is_this_machine_at_any_port) {
  for (const std::string_view here :
       {"http://localhost", "https://localhost:3000", "http://app.localhost:5173",
        "https://a.b.localhost", "http://127.0.0.1:8080", "http://127.255.0.9", "http://[::1]:1"}) {
    EXPECT_EQ(granted("loopback", here), here);
  }
  for (const std::string_view other :
       {"", "null", "localhost", "ftp://localhost", "http://localhost.evil.test",
        "http://evillocalhost", "http://127.0.0.1.evil.test", "http://128.0.0.1", "http://[::2]",
        "http://localhost:99999", "http://localhost/", "http://x@localhost", "http://"}) {
    EXPECT_EQ(granted("loopback", other), "") << other;
  }
}

TEST(Cors, one_of_several_origins_is_enough) {
  const Request request({{"Origin", kApp}});
  EXPECT_EQ(grant_of(policy({"loopback", std::string(kApp)}), request.fields).origin, kApp);
}

TEST(Cors, any_origin_is_told_a_star_and_nothing_varies) {
  const CorsPolicy any = policy({"*"});
  const Request asked({{"Origin", "null"}});
  for (const CorsGrant& grant : {grant_of(any, asked.fields), grant_of(any, {})}) {
    EXPECT_EQ(grant.origin, "*");
    EXPECT_FALSE(grant.varies || grant.credentials);
  }
}

TEST(Cors, credentials_are_granted_with_an_origin_only) {
  CorsPolicy with = policy({std::string(kApp)});
  with.credentials = true;
  EXPECT_TRUE(grant_of(with, Request({{"Origin", kApp}}).fields).credentials);
  const CorsGrant other = grant_of(with, Request({{"Origin", "https://evil.test"}}).fields);
  EXPECT_FALSE(other.credentials);
  EXPECT_TRUE(other.varies);
}

TEST(Cors, without_origins_nothing_is_said) {
  const Request request({{"Origin", kApp}});
  int lines = 0;
  for_each_field(grant_of({}, request.fields),
                 [&](std::string_view, std::string_view) { ++lines; });
  EXPECT_EQ(lines, 0);
}

TEST(Cors, a_preflight_is_options_with_an_origin_and_a_method) {
  EXPECT_TRUE(is_preflight(preflight("PUT").head));
  EXPECT_FALSE(is_preflight(Request({{"Origin", kApp}}).head));
  EXPECT_FALSE(is_preflight(Request({{"Access-Control-Request-Method", "PUT"}}).head));
  EXPECT_FALSE(is_preflight(
      Request({{"Origin", kApp}, {"Access-Control-Request-Method", "PUT"}}, Method::Get).head));
}

TEST(Cors, a_preflight_is_refused_by_the_first_thing_that_is_not_allowed) {
  const CorsPolicy some = policy({std::string(kApp)});
  EXPECT_EQ(refusal(some, preflight("PUT", "x-a,content-type")), "");
  EXPECT_EQ(refusal(some, preflight("GET")), "");
  EXPECT_EQ(refusal(some, preflight("DELETE", "x-b")), "the method DELETE is not allowed");
  EXPECT_EQ(refusal(some, preflight("put")), "the method put is not allowed");
  EXPECT_EQ(refusal(some, preflight("PUT", "x-a, x-b")), "the header x-b is not allowed");
  EXPECT_EQ(refusal(policy({"loopback"}), preflight("PUT")),
            "the origin https://app.example.com is not allowed");
}

TEST(Cors, a_header_that_stands_in_a_second_line_is_looked_at_too) {
  const Request request({{"Origin", kApp},
                         {"Access-Control-Request-Method", "GET"},
                         {"Access-Control-Request-Headers", "x-a"},
                         {"Access-Control-Request-Headers", "x-b"}});
  EXPECT_EQ(refusal(policy({"*"}), request), "the header x-b is not allowed");
}

TEST(Cors, a_refusal_quotes_no_more_than_a_sentence_bears) {
  const std::string method(5000, 'M');
  EXPECT_EQ(refusal(policy({"*"}), preflight(method)).size(),
            100 + sizeof "the method  is not allowed" - 1);
}

TEST(Cors, an_answer_to_a_preflight_says_what_is_allowed) {
  CorsPolicy some = policy({"*"});
  const std::string vary =
      "Vary: Access-Control-Request-Method, Access-Control-Request-Headers\r\n";
  EXPECT_EQ(preflight_lines(some, preflight("PUT", "x-a").head),
            "Access-Control-Allow-Methods: GET, PUT\r\n"
            "Access-Control-Allow-Headers: Content-Type, X-A\r\n" +
                vary);
  some.headers.clear();
  some.max_age = 600;
  EXPECT_EQ(preflight_lines(some, preflight("PUT").head),
            "Access-Control-Allow-Methods: GET, PUT\r\nAccess-Control-Max-Age: 600\r\n" + vary);
}

TEST(Cors, where_any_header_is_allowed_the_answer_names_those_that_were_asked_for) {
  CorsPolicy any = policy({"*"});
  any.headers = "*";
  EXPECT_EQ(refusal(any, preflight("PUT", "authorization,x-b")), "");
  EXPECT_TRUE(preflight_lines(any, preflight("PUT", "authorization,x-b").head)
                  .contains("\r\nAccess-Control-Allow-Headers: authorization, x-b\r\n"));
  EXPECT_FALSE(preflight_lines(any, preflight("PUT").head).contains("Allow-Headers"));
  EXPECT_EQ(refusal(any, preflight("PUT", "x b")), "the header x b is not allowed");
}

}  // namespace
}  // namespace engine::http
