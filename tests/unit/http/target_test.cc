// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/target.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace engine::http {
namespace {

std::string normalised(std::string_view path) {
  std::array<char, 256> scratch;
  return std::string(normalise_path(path, scratch));
}

TEST(Target, a_host_is_split_from_its_port) {
  EXPECT_EQ(split_host_port("a.test:8080")->host, "a.test");
  EXPECT_EQ(split_host_port("a.test:8080")->port, 8080);
  EXPECT_EQ(split_host_port("[::1]:80")->host, "[::1]");
  EXPECT_EQ(split_host_port("a")->port, 0);
  EXPECT_EQ(split_host_port("a:65535")->port, 65535);
  EXPECT_FALSE(split_host_port("a:65536"));
  EXPECT_FALSE(split_host_port("a:000080"));
  EXPECT_FALSE(split_host_port("[]"));
  EXPECT_FALSE(split_host_port("[::1%25eth0]"));
}

TEST(Target, a_path_with_nothing_to_do_is_returned_itself) {
  const std::string_view path = "/a//b.c/d..e/";
  EXPECT_EQ(normalise_path(path, {}).data(), path.data());
  EXPECT_EQ(normalised("*"), "*");
}

TEST(Target, dot_segments_are_resolved_and_never_leave_the_root) {
  EXPECT_EQ(normalised("/a/../b"), "/b");
  EXPECT_EQ(normalised("/a/./b/."), "/a/b/");
  EXPECT_EQ(normalised("/a/b/.."), "/a/");
  EXPECT_EQ(normalised("/x/../../../c"), "/c");
  EXPECT_EQ(normalised("/.."), "/");
  EXPECT_EQ(normalised("/../"), "/");
  EXPECT_EQ(normalised("/a//../b"), "/a/b");
  EXPECT_EQ(normalised("/.a/..b/..."), "/.a/..b/...");
}

TEST(Target, encoded_dots_count_as_dots) {
  EXPECT_EQ(normalised("/a/%2e%2e/b"), "/b");
  EXPECT_EQ(normalised("/a/%2E/b"), "/a/b");
  EXPECT_EQ(normalised("/a/.%2e"), "/");
}

TEST(Target, only_unreserved_characters_are_decoded) {
  EXPECT_EQ(normalised("/%7Euser/%41%62"), "/~user/Ab");
  EXPECT_EQ(normalised("/a%2fb%00%25%zz%2"), "/a%2fb%00%25%zz%2");
  EXPECT_EQ(normalised("/%252e%252e/a"), "/%252e%252e/a");
  EXPECT_EQ(normalised("/a%"), "/a%");
}

TEST(Target, a_prefix_is_taken_off_on_a_segment_boundary_only) {
  EXPECT_EQ(strip_prefix("/v1/users", "/v1"), "/users");
  EXPECT_EQ(strip_prefix("/v1/users", "/v1/"), "/users");
  EXPECT_EQ(strip_prefix("/v1", "/v1"), "/");
  EXPECT_EQ(strip_prefix("/v1/", "/v1"), "/");
  EXPECT_EQ(strip_prefix("/v10/users", "/v1"), "/v10/users");
  EXPECT_EQ(strip_prefix("/users", "/v1"), "/users");
  EXPECT_EQ(strip_prefix("/users", ""), "/users");
}

TEST(Target, a_path_longer_than_the_scratch_matches_nothing) {
  std::array<char, 4> scratch;
  EXPECT_EQ(normalise_path("/a/../b", scratch), "");
}

}  // namespace
}  // namespace engine::http
