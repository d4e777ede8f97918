// SPDX-License-Identifier: GPL-3.0-or-later
// The groups of verbs. Each adds its own to the table, in the order in which the help lists them.
#pragma once

#include "engine/cli/command.h"
#include "engine/cli/verb_table.h"

namespace engine::cli {

inline constexpr const char* kGroupServer = "Serving";
inline constexpr const char* kGroupDeploy = "Deploying";
inline constexpr const char* kGroupServices = "Services, routes and targets";
inline constexpr const char* kGroupEngine = "The running engine";
inline constexpr const char* kGroupProgram = "This program";

// run, check, doctor, certs, trust, untrust, echo; and the root serves. `root` is the table's.
void add_local_verbs(VerbTable& table, CLI::App& root, const Verbs& verbs);
void add_deploy_verbs(VerbTable& table);   // deploy, rollout …
void add_service_verbs(VerbTable& table);  // services, show, pause, resume, stop, remove
void add_route_verbs(VerbTable& table);    // routes, add, explain
void add_target_verbs(VerbTable& table);   // drain, enable, disable, weight
void add_status_verbs(VerbTable& table);   // status, events, metrics, healthcheck
void add_live_verbs(VerbTable& table);     // conns …, top, tap, log-level
void add_config_verbs(VerbTable& table);   // reload, diff, history, rollback, config show
void add_shell_verbs(VerbTable& table);    // completion …, man

}  // namespace engine::cli
