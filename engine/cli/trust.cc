// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/trust.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <expected>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>

#include "engine/base/clock.h"
#include "engine/cli/browser_stores.h"
#include "engine/cli/exit_code.h"
#include "engine/cli/say.h"
#include "engine/control/certificates.h"
#include "tls/store.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

using Result = TrustOutcome::Result;

constexpr std::string_view kAdministratorsPrograms = ":/usr/local/sbin:/usr/sbin:/sbin";
constexpr std::string_view kPlainCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-+:@%,";

struct Wording {
  std::string_view done;
  std::string_view already;
  std::string_view not_done;
};

constexpr Wording kTrust{"trusted now by", "trusted already by", "not trusted by"};
constexpr Wording kUntrust{"no longer trusted by", "was not trusted by", "may still be trusted by"};

std::string ca_path(const std::string& state) { return state + "/tls/ca.pem"; }

bool has_ca(const std::string& state) {
  std::error_code none;
  return fs::exists(ca_path(state), none);
}

// `sudo engine trust` is mostly about the engine that its user runs without sudo.
std::string state_for(const User& user) {
  std::string own = fs::absolute(control::state_directory()).string();
  const bool chosen = std::getenv("ENGINE_STATE_DIR") != nullptr;
  if (chosen || user.uid == ::geteuid() || has_ca(own)) return own;
  const std::string theirs = user.home + "/.local/state/engine";
  return has_ca(theirs) ? theirs : own;
}

// The certificate. One that cannot be kept would be another at the next start: it is an error.
std::expected<std::string, std::string> local_ca(const std::string& state) {
  tls::LocalStore store(state + "/tls");
  const auto authority = store.authority(base::wall_now() / base::kSecond);
  if (!authority) return std::unexpected(authority.error());
  if (std::string problem = store.take_warning(); !problem.empty()) {
    return std::unexpected(std::move(problem));
  }
  return authority->get().pair().chain_pem;
}

std::string shell_word(const std::string& text) {
  if (text.find_first_not_of(kPlainCharacters) == text.npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void say_outcome(const TrustOutcome& outcome, const Wording& wording, const std::string& as_root) {
  const std::string why = outcome.why.empty() ? "" : ": " + outcome.why;
  const auto what = [&](std::string_view verb) {
    return fmt::format("{} {}{}", verb, outcome.store, why);
  };
  switch (outcome.result) {
    case Result::Done: say(what(wording.done)); break;
    case Result::Already: say(what(wording.already)); break;
    case Result::LeftOut: say(what("left out")); break;
    case Result::NoRights:
    case Result::Failed: say_error(what(wording.not_done)); break;
  }
  const std::string& fix = outcome.result == Result::NoRights ? as_root : outcome.fix;
  if (!fix.empty()) say_fix(fix);
}

int exit_code_of(const std::vector<TrustOutcome>& outcomes) {
  int code = kExitOk;
  for (const TrustOutcome& outcome : outcomes) {
    if (outcome.result == Result::Failed) return kExitFailed;
    if (outcome.result == Result::NoRights) code = kExitPermission;
  }
  return code;
}

int report(const std::vector<TrustOutcome>& outcomes, const Wording& wording,
           const std::string& as_root) {
  for (const TrustOutcome& outcome : outcomes) say_outcome(outcome, wording, as_root);
  return exit_code_of(outcomes);
}

}  // namespace

TrustPlaces this_machine() {
  const char* path = std::getenv("PATH");
  User user = invoking_user();
  std::error_code none;
  return {.state = state_for(user),
          .systems = known_system_stores(),
          .programs = (path == nullptr ? "" : path) + std::string(kAdministratorsPrograms),
          .user = std::move(user),
          .engine = fs::read_symlink("/proc/self/exe", none).string()};
}

int run_trust(const TrustPlaces& places) {
  const auto ca = local_ca(places.state);
  if (!ca) {
    say_error(ca.error());
    return kExitFailed;
  }
  say("the local CA is " + ca_path(places.state));
  std::vector<TrustOutcome> outcomes = {add_to_system(places.systems, places.programs, *ca)};
  std::ranges::move(add_to_browsers(places.user, places.programs, *ca),
                    std::back_inserter(outcomes));
  // root has a state directory of its own.
  return report(outcomes, kTrust,
                fmt::format("sudo ENGINE_STATE_DIR={} {} trust", shell_word(places.state),
                            shell_word(places.engine)));
}

int run_untrust(const TrustPlaces& places) {
  std::vector<TrustOutcome> outcomes = {remove_from_system(places.systems, places.programs)};
  std::ranges::move(remove_from_browsers(places.user, places.programs),
                    std::back_inserter(outcomes));
  return report(outcomes, kUntrust, fmt::format("sudo {} untrust", shell_word(places.engine)));
}

}  // namespace engine::cli
