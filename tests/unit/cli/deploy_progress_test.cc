// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/deploy_progress.h"

#include <gtest/gtest.h>

namespace engine::cli {
namespace {

constexpr std::size_t kLog = 0;
constexpr std::size_t kWide = 120;

Json probe(const std::string& target, const std::string& result, double at, bool ok = false) {
  return {{"target", target}, {"request", "GET /up"}, {"result", result},
          {"ok", ok},         {"seconds", at},        {"attempt", 1}};
}

TEST(DeployProgress, a_log_has_a_line_for_each_probe) {
  DeployProgress progress(kLog, {"web-2:3000"});

  EXPECT_EQ(progress.on_event("resolve", {{"target", "web-2:3000"}, {"addresses", {"10.0.0.6"}}}),
            "  web-2:3000  resolve 10.0.0.6                ok\n");
  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(progress.on_event("probe", probe("web-2:3000", "connection refused", i)),
              "  web-2:3000  GET /up  connection refused     (" + std::to_string(i) + " s)\n");
  }
  EXPECT_EQ(progress.on_event("probe", probe("web-2:3000", "200 in 12 ms", 3, true)), "");
  EXPECT_EQ(progress.on_event("healthy", {{"target", "web-2:3000"}, {"seconds", 3}}),
            "  web-2:3000  GET /up  200 in 12 ms           (3 s)  healthy\n");
}

TEST(DeployProgress, a_terminal_counts_equal_probes_in_the_line_of_their_target) {
  DeployProgress progress(kWide, {"a:1", "b:1"});
  std::string screen;
  for (int i = 1; i <= 6; ++i) {
    screen = progress.on_event("probe", probe("a:1", "refused", i));
    screen = progress.on_event("probe", probe("b:1", "refused", i));
  }
  EXPECT_EQ(screen,
            "\x1b[2A\x1b[J"
            "  a:1  GET /up  refused                (6 s) … ×6\n"
            "  b:1  GET /up  refused                (6 s) … ×6\n");

  screen = progress.on_event("probe", probe("a:1", "503", 7));
  EXPECT_EQ(screen,
            "\x1b[2A\x1b[J"
            "  a:1  GET /up  refused                (6 s) … ×6\n"
            "  b:1  GET /up  refused                (6 s) … ×6\n"
            "  a:1  GET /up  503                    (7 s)\n");
  // The line that is done is not drawn again.
  EXPECT_TRUE(progress.on_event("probe", probe("a:1", "503", 8)).starts_with("\x1b[2A\x1b[J  b:1"));
}

TEST(DeployProgress, a_line_of_a_terminal_never_wraps) {
  DeployProgress progress(30, {"a:1"});
  EXPECT_EQ(progress.on_event("probe", probe("a:1", "refused", 1)),
            "  a:1  GET /up  refused     …\n");
}

TEST(DeployProgress, a_hint_stands_behind_its_probe) {
  DeployProgress progress(kLog, {"a:1"});
  Json event = probe("a:1", "301", 1);
  event["hint"] = "the app forces https";
  EXPECT_EQ(progress.on_event("probe", event),
            "  a:1  GET /up  301                    (1 s)  hint: the app forces https\n");
}

const Json kSwapped = {{"sites", {"a.test"}},
                       {"from", {"web-1:3000"}},
                       {"to", {"web-2:3000"}},
                       {"inflight", 14},
                       {"tunnels", 1}};

TEST(DeployProgress, a_swap_says_what_drains_and_then_what_became_of_it) {
  DeployProgress log(kLog, {"web-2:3000"});
  EXPECT_EQ(log.on_event("swapped", kSwapped),
            "  a.test: web-1:3000 → web-2:3000, draining 14 requests, 1 WebSocket\n");
  EXPECT_EQ(log.on_event("drained", {{"left", 0}, {"cut", 0}, {"seconds", 2.1}}),
            "  drained: 0 left (2.1 s)\n");

  DeployProgress terminal(kWide, {"web-2:3000"});
  (void)terminal.on_event("swapped", kSwapped);
  EXPECT_EQ(terminal.on_event("drained", {{"left", 0}, {"cut", 2}, {"seconds", 30}}),
            "\x1b[1A\x1b[J  a.test: web-1:3000 → web-2:3000, draining 14 requests, 1 WebSocket … "
            "0 left (30 s), 2 cut\n");
}

TEST(DeployProgress, a_first_deploy_drains_nothing) {
  DeployProgress progress(kLog, {});
  EXPECT_EQ(progress.on_event("swapped", {{"sites", {"*"}}, {"to", {"a:1"}}}),
            "  *: nothing → a:1\n");
}

TEST(DeployProgress, what_a_target_says_cannot_move_the_cursor) {
  DeployProgress progress(kLog, {"a:1"});
  EXPECT_FALSE(progress.on_event("probe", probe("a:1", "\x1b[2J", 1)).contains('\x1b'));
}

TEST(DeployProgress, the_end_has_a_sentence_and_an_exit_code) {
  DeployProgress done(kLog, {});
  EXPECT_FALSE(done.outcome());
  (void)done.on_event("done", {{"service", "web"}, {"generation", 42}, {"seconds", 10.3}});
  EXPECT_EQ(done.outcome()->exit_code, kExitOk);
  EXPECT_EQ(done.outcome()->summary, "deployed web (generation 42) in 10.3 s");

  for (const int code : {1, 7, 9}) {
    DeployProgress failed(kLog, {});
    (void)failed.on_event("failed", {{"exit", code}, {"cause", "why"}, {"hint", "do"}});
    EXPECT_EQ(failed.outcome()->exit_code, code);
    EXPECT_EQ(failed.outcome()->error, "deploy failed: why");
    EXPECT_EQ(failed.outcome()->fix, "do");
  }
  DeployProgress aborted(kLog, {});
  (void)aborted.on_event("aborted", Json::object());
  EXPECT_EQ(aborted.outcome()->exit_code, kExitFailed);
}

TEST(DeployProgress, a_failure_without_an_exit_code_is_one_all_the_same) {
  DeployProgress failed(kLog, {});
  (void)failed.on_event("failed", Json());
  EXPECT_EQ(failed.outcome()->exit_code, kExitFailed);
}

}  // namespace
}  // namespace engine::cli
