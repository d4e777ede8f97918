// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_request.h"

#include <gtest/gtest.h>

#include "engine/control/api_reply.h"

namespace engine::control {
namespace {

std::optional<ApiRequest> read(std::string_view path, std::string_view query = "") {
  http::RequestHead head;
  head.method_text = "GET";
  head.path = path;
  head.query = query;
  return request_of(head);
}

TEST(ApiRequest, the_path_is_decoded) {
  EXPECT_EQ(read("/v1/routes/app.example.com%2Fadmin%2f")->path,
            "/v1/routes/app.example.com/admin/");
  EXPECT_EQ(read("/a+b%20c")->path, "/a+b c");
  for (const auto* bad : {"/%", "/%4", "/%zz", "/%+1", "/a%00b", "/a%0Ab", "/%7f"})
    EXPECT_FALSE(read(bad)) << bad;
}

TEST(ApiRequest, the_query_is_decoded) {
  using Query = std::map<std::string, std::string>;
  EXPECT_EQ(read("/", "site=a%2Fb&status=5xx")->query, (Query{{"site", "a/b"}, {"status", "5xx"}}));
  EXPECT_EQ(read("/", "a=1&&a=2&b&=c&d=x=y&e=1+2")->query,
            (Query{{"", "c"}, {"a", "2"}, {"b", ""}, {"d", "x=y"}, {"e", "1 2"}}));
  EXPECT_EQ(read("/", "")->query, Query{});
  EXPECT_FALSE(read("/", "a=%4"));
}

TEST(ApiRequest, fields_are_found_in_any_case) {
  ApiRequest request;
  request.fields = {{"If-Match", "\"1\""}, {"if-match", "\"2\""}};
  EXPECT_EQ(request.header("IF-MATCH"), "\"1\"");
  EXPECT_EQ(request.header("Accept"), "");
}

TEST(ApiReply, a_problem_reads_as_rfc_9457_says) {
  const ApiReply reply = problem(409, "Conflict", "a deploy is under way \xff", {{"line", 3}});
  EXPECT_EQ(reply.content_type, "application/problem+json");
  const nlohmann::json body = nlohmann::json::parse(reply.body);
  EXPECT_EQ(body, (nlohmann::json{{"title", "Conflict"},
                                  {"status", 409},
                                  {"detail", "a deploy is under way \xEF\xBF\xBD"},
                                  {"line", 3}}));
}

TEST(ApiReply, is_written_with_its_length_and_not_kept) {
  const ApiReply reply{.body = "{}", .fields = {{"ETag", "\"a\r\nX: y\""}}};
  EXPECT_EQ(write_reply(reply, {}, 784111777 * base::kSecond),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\nCache-Control: no-store\r\n"
            "X-Content-Type-Options: nosniff\r\nETag: \"a  X: y\"\r\n\r\n{}");
}

TEST(ApiReply, only_what_is_there_is_announced) {
  const std::string head = write_reply({.body = "{}"}, {.keep_alive = false, .is_head = true}, 0);
  EXPECT_TRUE(head.find("Content-Length: 2\r\n") != std::string::npos &&
              head.ends_with("\r\n\r\n"));
  EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos);
  const std::string none = write_reply({.status = 304, .body = "{}"}, {}, 0);
  EXPECT_EQ(none.find("\r\nContent-"), std::string::npos);
  EXPECT_TRUE(none.ends_with("\r\n\r\n"));
  const std::string kept = write_reply({.fields = {{"cache-control", "max-age=60"}}}, {}, 0);
  EXPECT_EQ(kept.find("no-store"), std::string::npos);
}

}  // namespace
}  // namespace engine::control
