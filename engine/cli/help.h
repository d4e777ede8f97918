// SPDX-License-Identifier: GPL-3.0-or-later
// What the help says about each verb, examples first. Text only.
#pragma once

#include <string_view>

namespace engine::cli {

inline constexpr std::string_view kAbout =
    R"(engine: a reverse proxy, from app.localhost to production.

  engine                              serve what proxy.toml says
  engine --config site.toml           serve what another file says
  engine --listen :80 --listen :443   on other ports than the file says
  engine check                        find every mistake in proxy.toml
  engine doctor                       find what is wrong with this machine
  engine trust                        browsers accept https://app.localhost
  engine status                       how the running engine is
  engine deploy web --target web-2:3000 --host app.example.com
  engine echo                         a demo application on port 3000
)";

inline constexpr std::string_view kAboutRun = R"(Serve, in the foreground (also without this word).

  engine run
  engine run --config site.toml --workers 2
  engine run --access-log off --log-level debug

Every flag has a variable too: ENGINE_ and its name in capitals, such as ENGINE_LISTEN or
ENGINE_MAX_CONNECTIONS. A flag wins over its variable, that over the file. The token of the control
API has no flag, as everybody can read those: ENGINE_ADMIN_TOKEN, or --admin-token-file.
SIGHUP reads the file again; SIGTERM lets running requests finish, a second one does not.
)";

inline constexpr std::string_view kAboutCheck = R"(Find every mistake in a configuration.

  engine check
  engine check --config site.toml
  engine check --config - < site.toml
  engine check --json

Exit code: 0 ok, 3 mistakes, 5 unreadable, 6 no such file.
)";

inline constexpr std::string_view kAboutDoctor =
    R"(Look for what would keep the engine from serving on this machine.

  engine doctor
  engine doctor --config site.toml
  engine doctor --json

The kernel and io_uring, limits, the configuration and its ports, the state directory, the control
socket, names and the clock: a line for each, ok, warn or fail, and how to put it right. Nothing is
changed. What it may and may not do depends on the user: call it as the one who serves.
Exit code: 0 nothing failed, 1 something did, 8 io_uring is refused.
)";

inline constexpr std::string_view kAboutCerts = R"(List the certificates that are served.

  engine certs
  engine certs --config site.toml
  engine certs --json

Those of [tls] files, and the local CA with what it issued. No key is shown.
Exit code: 0 ok, 1 one of them is broken, else as for engine check.
)";

inline constexpr std::string_view kAboutTrust =
    R"(Make this machine and its browsers believe the local CA.

  engine trust
  sudo engine trust        the system's list too; the browsers stay those of who calls

The local CA signs for localhost, *.localhost, *.test, *.internal and loopback addresses only: its
certificate says so, and browsers hold it to that.
Browsers need certutil: on Debian and Ubuntu from libnss3-tools.
Exit code: 0 every list that exists has it, 5 rights are missing for one, 1 failed.
)";

inline constexpr std::string_view kAboutUntrust =
    R"(Take back what engine trust did, also for an earlier local CA.

  engine untrust
  sudo engine untrust      the system's list too

Exit code: 0 no list has it, 5 rights are missing for one, 1 failed.
)";

inline constexpr std::string_view kAboutEcho = R"(A demo application that shows what it was sent.

  engine echo
  engine echo --port 0        a free port; the first line says which
  engine echo --unix app.sock

It also misbehaves on demand, for tests: any unknown path lists what there is.
)";

inline constexpr std::string_view kAboutVersion = R"(Say which version this is.

  engine version
  engine version --verbose
)";

inline constexpr std::string_view kAboutHelp = R"(Say how a verb is used.

  engine help
  engine help check
  engine help rollout set
)";

inline constexpr std::string_view kAboutCompletion = R"(Complete words of engine in a shell.

  engine completion bash
  engine completion zsh
  engine completion fish
)";

inline constexpr std::string_view kAboutCompletionBash = R"(Print a script for bash.

  engine completion bash > /etc/bash_completion.d/engine
  source <(engine completion bash)
)";

inline constexpr std::string_view kAboutCompletionZsh = R"(Print a script for zsh.

  engine completion zsh > ~/.zfunc/_engine
  source <(engine completion zsh)
)";

inline constexpr std::string_view kAboutCompletionFish = R"(Print a script for fish.

  engine completion fish > ~/.config/fish/completions/engine.fish
  engine completion fish | source
)";

inline constexpr std::string_view kAboutMan = R"(Print the manual page.

  engine man | man -l -
  engine man > /usr/local/share/man/man1/engine.1
)";

}  // namespace engine::cli
