// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/explain.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

TEST(ExplainPage, a_request_that_is_forwarded_has_its_targets_and_limits) {
  const Json answer = parse_json(R"({
    "site": "a.test/api", "service": "web", "origin": "proxy.toml:3", "gate": "paused",
    "why": ["the host a.test is named exactly", "/api is the longest prefix of /api/x"],
    "answer": "proxy", "outcome": "forwarded to one of 2 targets", "path": "/x",
    "targets": [{"target": "b:1", "weight": 1, "pool": "writers", "state": "up"},
                {"target": "c:1", "weight": 3}],
    "timeout": {"connect": "2s", "first_byte": "60s", "idle": "5m", "total": "none"},
    "limit": {"inflight": 9, "body_bytes": 0}, "retry": {"times": 1}})");
  EXPECT_EQ(explain_page("GET http://a.test/api/x", answer),
            "GET http://a.test/api/x\n"
            "site      a.test/api\n"
            "why       the host a.test is named exactly\n"
            "why       /api is the longest prefix of /api/x\n"
            "from      proxy.toml:3\n"
            "service   web\n"
            "gate      paused: requests wait\n"
            "answer    forwarded to one of 2 targets\n"
            "path      /x\n"
            "target    b:1, weight 1, writers, up\n"
            "target    c:1, weight 3\n"
            "timeout   connect 2s, first byte 60s, idle 5m, total none\n"
            "limit     9 requests at a time, bodies of any size\n"
            "retries   1\n");
}

TEST(ExplainPage, a_rate_is_said_where_there_is_one) {
  const std::string page = explain_page("GET x", parse_json(R"({"site": "x", "answer": "proxy",
                              "limit": {"rate": "30/min", "burst": 5, "by": "header:x-user"}})"));
  EXPECT_NE(page.find("limit     any number of requests at a time, bodies of any size, 30/min with "
                      "bursts of 5 by header:x-user\n"),
            std::string::npos)
      << page;
}

TEST(ExplainPage, what_is_buffered_is_said_where_something_is) {
  const auto buffer_line = [](const char* buffer) {
    const std::string page = explain_page(
        "GET x",
        parse_json(R"({"site": "x", "answer": "proxy", "buffer": )" + std::string(buffer) + "}"));
    const std::size_t at = page.find("buffer ");
    return at == page.npos ? "" : page.substr(at, page.find('\n', at) - at);
  };
  EXPECT_EQ(buffer_line(R"({"requests": true, "responses": true, "memory_bytes": 9})"),
            "buffer    requests and responses, 9 bytes of each in memory");
  EXPECT_EQ(buffer_line(R"({"requests": true, "memory_bytes": 9})"),
            "buffer    requests, 9 bytes of each in memory");
  EXPECT_EQ(buffer_line(R"({"responses": true, "memory_bytes": 9})"),
            "buffer    responses, 9 bytes of each in memory");
  EXPECT_EQ(buffer_line(R"({"requests": false, "responses": false})"), "");
}

TEST(ExplainPage, what_other_origins_may_do_is_said_where_there_are_some) {
  const auto last_line = [](const char* cors) {
    const std::string page = explain_page(
        "GET x",
        parse_json(R"({"site": "x", "answer": "proxy", "cors": )" + std::string(cors) + "}"));
    return page.substr(page.rfind('\n', page.size() - 2) + 1);
  };
  EXPECT_EQ(last_line(R"({"origins": ["loopback", "https://b.c"], "methods": ["GET", "PUT"],
                          "headers": ["X-A", "X-B"], "credentials": true, "max_age": "10m"})"),
            "cors      loopback, https://b.c: GET, PUT, with X-A, X-B, with credentials\n");
  EXPECT_EQ(last_line(R"({"origins": ["*"], "methods": ["GET"], "headers": []})"),
            "cors      *: GET\n");
  EXPECT_EQ(last_line("null"), "retries   0\n");
}

TEST(ExplainPage, a_request_without_a_site_has_the_answer_of_the_engine) {
  const Json answer = parse_json(R"({"site": null, "status": 404, "why": ["no site has the host x"],
                                     "outcome": "404 by the engine itself"})");
  EXPECT_EQ(explain_page("GET x", answer),
            "GET x\n"
            "site      none\n"
            "why       no site has the host x\n"
            "answer    404 by the engine itself\n");
}

}  // namespace
}  // namespace engine::cli
