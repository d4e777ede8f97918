// SPDX-License-Identifier: GPL-3.0-or-later
// The exit codes of every verb. Scripts and service managers rely on them: numbers never change
// meaning.
#pragma once

namespace engine::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // the operation failed
  kExitUsage = 2,        // the command line is wrong
  kExitConfig = 3,       // the configuration is invalid
  kExitUnreachable = 4,  // no engine is running there
  kExitPermission = 5,
  kExitNotFound = 6,
  kExitConflict = 7,
  kExitEnvironment = 8,  // io_uring denied, port taken
  kExitTimeout = 9,
  kExitInterrupted = 130,
};

}  // namespace engine::cli
