// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "engine/cli/service_page.h"
#include "engine/cli/status_page.h"

namespace engine::cli {
namespace {

const Json kService = parse_json(R"({
  "name": "web", "origin": "deploy", "sites": ["a.test", "a.test/docs"], "state": "paused",
  "message": "", "waiting": 3, "options": {"balance": "first", "health": {"path": "/up"}},
  "rollout": {"percent": 10, "list": [], "cookie": "kamal-rollout"},
  "targets": [{"id": "web@b:1", "target": "b:1", "pool": "writers", "state": "up", "weight": 1,
               "inflight": 2, "tunnels": 1, "requests": 9, "failures": 0,
               "last_probe": {"at": "2026-11-21T20:32:34Z", "result": "200 in 12 ms"}}]})");

TEST(ServicePage, each_site_of_a_service_is_a_row) {
  EXPECT_EQ(services_table({{"services", {kService}}}).render(0),
            "SERVICE  HOST    PATH   TARGET  STATE                            FROM\n"
            "web      a.test  /      b:1     paused, 3 waiting, rollout 10 %  deploy\n"
            "web      a.test  /docs  b:1     paused, 3 waiting, rollout 10 %  deploy\n");
}

TEST(ServicePage, a_service_is_shown_in_the_words_of_proxy_toml) {
  EXPECT_EQ(service_page(kService),
            "# web: paused, 3 waiting, rollout 10 %, from deploy\n"
            "# target  b:1  writers  up, weight 1, 9 requests (2 running), 0 failures, 1 tunnels; "
            "200 in 12 ms, 2026-11-21T20:32:34Z\n"
            "# rollout  {\"percent\":10,\"list\":[],\"cookie\":\"kamal-rollout\"}\n"
            "sites                = [\"a.test\",\"a.test/docs\"]\n"
            "to                   = [\"b:1\"]\n"
            "balance              = \"first\"\n"
            "health.path          = \"/up\"\n");
}

TEST(ServicePage, many_targets_of_a_route_are_counted) {
  const Json answer = parse_json(R"({"routes": [
    {"site": "a.test", "targets": ["x:1", "y:1", "z:1"], "answer": "proxy", "state": "up", "up": 2,
     "origin": "proxy.toml:18", "tls": "local", "requests": 7},
    {"site": "b.test", "targets": [], "answer": "redirect", "state": "up", "origin": "added",
     "tls": "none", "requests": 0}]})");
  EXPECT_EQ(routes_table(answer).render(0),
            "SITE    TARGET     STATE           FROM           TLS    REQUESTS\n"
            "a.test  3 targets  up (2 of 3 up)  proxy.toml:18  local  7\n"
            "b.test  redirect   up              added          none   0\n");
}

TEST(StatusPage, it_says_what_is_in_force_and_what_is_wrong) {
  const std::string page = status_page(parse_json(R"({
    "version": "0.1.0", "pid": 7, "uptime_seconds": 200, "generation": 4,
    "loaded": "2026-11-21T20:32:34Z", "config": {"path": "/p.toml", "ok": false, "problem": "line 3"},
    "listeners": [":80", ":443"], "services": {"total": 2, "running": 1, "paused": 1, "stopped": 0},
    "targets": {"total": 1, "up": 1, "down": 0},
    "soonest_expiry": {"names": ["a.test"], "not_after": "2027-01-01T00:00:00Z"},
    "warnings": ["the clock jumped"]})"));
  EXPECT_TRUE(page.contains("engine       0.1.0, pid 7, up 3 min\n")) << page;
  EXPECT_TRUE(page.contains("config       /p.toml: line 3, an older one is in force\n")) << page;
  EXPECT_TRUE(page.contains("listening    :80, :443\n")) << page;
  EXPECT_TRUE(page.contains("services     2: 1 running, 1 paused\n")) << page;
  EXPECT_TRUE(page.contains("certificate  a.test ends 2027-01-01T00:00:00Z\n")) << page;
  EXPECT_TRUE(page.ends_with("warning      the clock jumped\n")) << page;
}

TEST(StatusPage, an_event_is_one_line) {
  EXPECT_EQ(
      event_line(parse_json(
          R"({"at":"2026-11-21T20:32:34Z","event":"gate","service":"web","message":"at noon","n":2})")),
      "2026-11-21T20:32:34Z gate service=web message=\"at noon\" n=2");
  EXPECT_EQ(event_line(Json()), " ");
}

TEST(StatusPage, changes_are_marked) {
  EXPECT_EQ(
      changes_page(parse_json(
          R"({"added":["a"],"changed":["b"],"removed":["c"],"settings":["tls"],"needs_restart":["engine.io"]})")),
      "+ a\n~ b\n- c\n~ setting tls\n! waits for a restart: engine.io\n"
      "  a new process has it without downtime: engine upgrade\n");
  EXPECT_EQ(changes_page(Json()), "");
}

}  // namespace
}  // namespace engine::cli
