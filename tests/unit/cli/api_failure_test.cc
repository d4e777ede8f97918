// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/api_failure.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

TEST(ApiFailure, each_status_has_its_exit_code) {
  const struct {
    int status;
    const char* body;
    int exit_code;
  } kCases[] = {
      {400, "{}", kExitUsage},
      {413, "{}", kExitUsage},
      {415, "{}", kExitUsage},
      {422, R"({"detail":"no targets"})", kExitUsage},
      {422, R"({"diagnostics":[]})", kExitConfig},
      {401, "{}", kExitPermission},
      {403, "{}", kExitPermission},
      {404, "{}", kExitNotFound},
      {409, "{}", kExitConflict},
      {412, "{}", kExitConflict},
      {408, "{}", kExitTimeout},
      {504, "{}", kExitTimeout},
      {405, "{}", kExitFailed},
      {500, "no JSON at all", kExitFailed},
      {503, R"({"status":"draining"})", kExitFailed},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(failure_of(c.status, c.body, "").exit_code, c.exit_code) << c.status << c.body;
  }
}

TEST(ApiFailure, the_detail_is_the_sentence_with_the_field_before_it) {
  EXPECT_EQ(
      failure_of(400, R"({"title":"bad request","detail":"is no duration","field":"drain"})", "")
          .error,
      "drain: is no duration");
  EXPECT_EQ(failure_of(400, R"({"title":"bad request"})", "").error, "bad request");
  EXPECT_EQ(failure_of(502, "<html>", "").error, "the engine answered with status 502");
  EXPECT_EQ(failure_of(400, R"({"detail":7})", "").error, "the engine answered with status 400");
}

TEST(ApiFailure, the_nearest_of_the_known_names_is_proposed) {
  constexpr std::string_view kBody = R"({"detail":"no service wbe","known":["api","web"]})";
  EXPECT_EQ(failure_of(404, kBody, "wbe").fix, "did you mean \"web\"?");
  EXPECT_EQ(failure_of(404, kBody, "something").fix, "there is api, web");
}

TEST(ApiFailure, a_long_list_of_known_names_is_cut) {
  constexpr std::string_view kBody = R"({"known":["a","b","c","d","e","f","g","h","i","j"]})";
  EXPECT_EQ(failure_of(404, kBody, "zzzz").fix, "there is a, b, c, d, e, f, g, h and 2 more");
}

TEST(ApiFailure, a_hint_of_the_engine_goes_before_our_own) {
  EXPECT_EQ(failure_of(404, R"({"hint":"add it","known":["web"]})", "wbe").fix, "add it");
}

TEST(ApiFailure, a_conflict_names_the_owner) {
  EXPECT_EQ(failure_of(409, R"({"detail":"it is taken","owner":"proxy.toml:18"})", "").cause,
            "it belongs to proxy.toml:18");
}

TEST(ApiFailure, an_interrupt_is_said_by_its_exit_code_alone) {
  EXPECT_EQ(interrupted().exit_code, kExitInterrupted);
  EXPECT_EQ(interrupted().error, "");
}

}  // namespace
}  // namespace engine::cli
