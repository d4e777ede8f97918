// SPDX-License-Identifier: GPL-3.0-or-later
// What the help says about the verbs for services, routes and targets, examples first. Text only.
#pragma once

#include <string_view>

namespace engine::cli {

inline constexpr std::string_view kAboutDeploy =
    R"(Put new targets in the place of a service's old ones, once they are healthy.

  engine deploy web --target web-2:3000 --host app.example.com
  engine deploy web --target web-2:3000                  what it serves stays
  engine deploy api --to api-1:3000,api-2:3000 --host app.example.com --path /api
  engine deploy web --target web-2:3000 --set balance=least-conn
  engine deploy web-2:3000 --host app.example.com        the service is named after its host

Old targets serve until all new ones are healthy; then they finish the requests they have. If a new
one does not get healthy in time nothing changes, and Ctrl-C takes the deploy back.
The first deploy asks GET /up each second unless --health-check-path says another; later ones keep
the options of before. A deploy with any flag of an option replaces all of them.
Exit code: 0 deployed, 1 not healthy, 4 no engine runs, 7 another service has the site, 130 Ctrl-C.
)";

inline constexpr std::string_view kAboutRollout =
    R"(Try new targets with a part of the clients, beside the old ones.

  engine rollout deploy web --target web-2:3000
  engine rollout set web --percent 10
  engine rollout promote web
)";

inline constexpr std::string_view kAboutRolloutDeploy =
    R"(Start new targets beside the old ones; nobody gets them yet.

  engine rollout deploy web --target web-2:3000
)";

inline constexpr std::string_view kAboutRolloutSet = R"(Say which clients get the new targets.

  engine rollout set web --percent 10
  engine rollout set web --list customer-7,customer-9
  engine rollout set web --percent 0 --list customer-7

The application gives each client a cookie kamal-rollout; its value decides, and decides alike each
time. Clients without the cookie get the old targets.
)";

inline constexpr std::string_view kAboutRolloutStop =
    R"(Send all clients to the old targets again; the new ones stay.

  engine rollout stop web
)";

inline constexpr std::string_view kAboutRolloutPromote =
    R"(Make the new targets those of all clients.

  engine rollout promote web
  engine rollout promote web --drain-timeout 5m
)";

inline constexpr std::string_view kAboutRolloutAbort = R"(Take the new targets away.

  engine rollout abort web
)";

inline constexpr std::string_view kAboutServices = R"(List services with their hosts and targets.

  engine services
  engine services -w
  engine services --json
)";

inline constexpr std::string_view kAboutShow =
    R"(Show a service: its targets, and all its options as proxy.toml has them.

  engine show web
  engine show web --json
)";

inline constexpr std::string_view kAboutPause =
    R"(Hold the requests of a service until it is resumed.

  engine pause web
  engine pause web --max-pause 2m

Running requests go on; the verb returns when they have ended.
)";

inline constexpr std::string_view kAboutResume = R"(Let a paused or stopped service serve again.

  engine resume web
)";

inline constexpr std::string_view kAboutStop =
    R"(Answer for a service with 503 and a page of maintenance.

  engine stop web
  engine stop web --message "Back at noon."
  engine maintenance web

Running requests go on; the verb returns when they have ended. Deploys do not start it again:
engine resume does.
)";

inline constexpr std::string_view kAboutRemove = R"(Remove a service or an added site.

  engine remove web
  engine rm app.localhost

What proxy.toml says is removed there.
)";

inline constexpr std::string_view kAboutRoutes = R"(List sites and where they go.

  engine routes
  engine list
  engine routes -w        with requests per second and P95, of the last second
  engine routes --json
)";

inline constexpr std::string_view kAboutAdd = R"(Add a site to the running engine.

  engine add app.localhost 3000
  engine add app.localhost/api http://127.0.0.1:4000
  engine add app.localhost 3001 --force

It survives a restart; engine rm takes it away.
)";

inline constexpr std::string_view kAboutExplain =
    R"(Say where a request would go, and why.

  engine explain https://shop.localhost/cart
  engine explain POST shop.localhost:8080/cart
  engine explain https://shop.localhost/cart --config site.toml

The running engine is asked; where there is none, proxy.toml. Nothing is sent to a target.
Exit code: 0 there is a site for it, 6 there is none; 3 and 5 as for engine check.
)";

inline constexpr std::string_view kAboutDrain =
    R"(Let a target finish its requests, and give it no new ones.

  engine drain web@10.0.0.4:8080
  engine drain web/10.0.0.4:8080 --drain-timeout 5m
  engine drain 10.0.0.4:8080                  where only one service has it

Returns when no stream is left. engine enable gives it requests again.
)";

inline constexpr std::string_view kAboutEnable = R"(Give a disabled target requests again.

  engine enable web@10.0.0.4:8080
)";

inline constexpr std::string_view kAboutDisable =
    R"(Give a target no new requests; those it has go on.

  engine disable web@10.0.0.4:8080
)";

inline constexpr std::string_view kAboutWeight =
    R"(Change a target's share of new requests.

  engine weight web@10.0.0.4:8080 3
  engine weight 10.0.0.4:8080 0
)";

}  // namespace engine::cli
