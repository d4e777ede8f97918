// SPDX-License-Identifier: GPL-3.0-or-later
// What the help says about the verbs for the running engine and its configuration, examples first.
// Text only.
#pragma once

#include <string_view>

namespace engine::cli {

inline constexpr std::string_view kAboutStatus = R"(Say how the running engine is.

  engine status
  engine status -w
  engine status --json
)";

inline constexpr std::string_view kAboutEvents =
    R"(List what changed: deploys, health, pauses, reloads, targets, routes.

  engine events
  engine events -f
  engine events -f --json

The last 100; -f goes on with what happens.
)";

inline constexpr std::string_view kAboutMetrics = R"(Print the metrics in Prometheus' text format.

  engine metrics
)";

inline constexpr std::string_view kAboutConns =
    R"(List the connections of clients that are open now.

  engine conns
  engine conns --site app.example.com --state active
  engine conns -w
  engine conns close 0-5a2c301

IDLE is how long nothing has moved. A connection is idle between two requests. IN and OUT are the
payload of what goes on there now: of HTTP/2 all of its requests together, while SITE and TARGET are
those of the newest.
)";

inline constexpr std::string_view kAboutConnsClose =
    R"(Close a client's connection at once, whatever goes on there.

  engine conns close 0-5a2c301

Its requests are in the access log with the error connection_closed.
)";

inline constexpr std::string_view kAboutTop = R"(Show the sites by their requests per second.

  engine top
  engine top -n 5
  engine top --once --json

Each second anew, from what was counted since; without a terminal once. 5XX: the share of answers
with such a status. P50 and P95: so fast were half and 95 % of the requests. STREAMS: WebSockets and
other tunnels that are open.
)";

inline constexpr std::string_view kAboutTap = R"(Show requests as they end.

  engine tap
  engine tap app.example.com --status 5xx
  engine tap --method POST --path /api --status '>=400'
  engine tap --json --count 10

A line each: time, method, address, status, duration, target, and what went wrong; also of those
that the access log leaves out. --json gives the lines of an access log. Until Ctrl-C. What comes
faster than it is read is left out, and how much is said.
)";

inline constexpr std::string_view kAboutLogLevel =
    R"(Say or change how much the running engine logs of itself.

  engine log-level
  engine log-level debug

Until a restart, or a reload of a configuration with another log.level.
)";

inline constexpr std::string_view kAboutUpgrade =
    R"(Let a new process take over, without refusing a connection.

  engine upgrade

Starts the binary that lies where the running one was, with the same arguments. Once it serves, the
old process accepts nothing more and ends with its last stream, or after engine.grace. When the new
one does not start, the old one serves on. SIGUSR2 does the same.
)";

inline constexpr std::string_view kAboutHealthcheck =
    R"(Tell by the exit code whether the engine is well: 0 yes, 1 no.

  engine healthcheck
  engine healthcheck --ready      and does not stop right now
)";

inline constexpr std::string_view kAboutReload =
    R"(Read the configuration again, and say what changed.

  engine reload
  engine reload --dry-run
  engine reload --json

With a mistake in it the old one stays in force: exit code 3, and the mistakes are shown.
)";

inline constexpr std::string_view kAboutDiff =
    R"(Say what a reload would change, and change nothing.

  engine diff
  engine diff --json
)";

inline constexpr std::string_view kAboutHistory = R"(List the configurations that were in force.

  engine history
  engine history --json
)";

inline constexpr std::string_view kAboutRollback =
    R"(Put an earlier configuration in force; the file stays as it is.

  engine rollback
  engine rollback 41
)";

inline constexpr std::string_view kAboutConfig = R"(Look at the configuration in force.

  engine config show
)";

inline constexpr std::string_view kAboutConfigShow = R"(Print the configuration in force.

  engine config show
  engine config show --json
)";

}  // namespace engine::cli
