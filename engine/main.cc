// SPDX-License-Identifier: GPL-3.0-or-later
// The program: a command line in, an exit code out.
#include "engine/cli/command.h"
#include "engine/server/server.h"
#include "engine/server/version.h"

int main(int argc, char** argv) {
  return engine::cli::run_command_line(
      argc, argv, {.run = engine::server::run, .version = engine::server::version_text});
}
