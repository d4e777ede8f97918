// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/handover.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "config/text.h"
#include "engine/async/await.h"
#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

constexpr const char* kSockets = "ENGINE_INHERITED_SOCKETS";
constexpr const char* kReady = "ENGINE_INHERITED_READY";

// Where the binary of this process was: a new one may lie there now.
std::string binary_path() {
  constexpr std::string_view kReplaced = " (deleted)";
  std::array<char, 4096> buffer{};
  const ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  std::string path(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

std::vector<std::string> split_at_nul(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  return split_at_nul({std::istreambuf_iterator<char>(file), {}});
}

std::vector<std::string> environment_with(const std::string& sockets, const std::string& ready) {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) variables.emplace_back(*at);
  variables.push_back(std::string(kSockets) + "=" + sockets);
  variables.push_back(std::string(kReady) + "=" + ready);
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

Refusal failed(std::string detail) {
  return {.status = 500,
          .detail = "the new engine did not start: " + std::move(detail),
          .hint = "this one serves on; what the new one said is in its log, " + binary_path() +
                  " check says more"};
}

std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

// Braces of items belong into no coroutine: see refusal.h.
void log_failure(const std::string& failure) { log::error("upgrade failed", {{"cause", failure}}); }

}  // namespace

void Handover::log_start(const Child& child) {
  log::info("upgrade", {{"pid", std::to_string(child.pid)}, {"binary", binary_path()}});
}

// Descriptors keep their numbers, and lose close-on-exec in the child alone: a descriptor that is
// duplicated onto itself there does.
std::expected<Handover::Child, Refusal> Handover::start() const {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return std::unexpected(failed(std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<int> sockets;
  for (const auto& listen : state_.snapshot()->listens) {
    std::ranges::copy_if(listen->sockets(), std::back_inserter(sockets),
                         [](int socket) { return socket >= 0; });
  }
  for (const int each : sockets) ::posix_spawn_file_actions_adddup2(&actions, each, each);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], pipe[1]);
  std::vector<std::string> words = own_arguments();
  std::vector<std::string> variables =
      environment_with(fmt::format("{}", fmt::join(sockets, ",")), std::to_string(pipe[1]));
  Child child{.pid = 0, .ready = pipe[0]};
  const int error = ::posix_spawn(&child.pid, binary_path().c_str(), &actions, &attributes,
                                  pointers_to(words).data(), pointers_to(variables).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  ::close(pipe[1]);
  if (error == 0) return child;
  ::close(pipe[0]);
  return std::unexpected(failed(binary_path() + ": " + std::strerror(error)));
}

// Empty when it serves, else why it does not.
async::Task<std::string> Handover::wait(Child child) {
  const int ready = co_await async::Ready(scope_, child.ready, POLLIN, kPatience);
  char byte = 0;
  const bool serves = ready > 0 && ::read(child.ready, &byte, 1) == 1;
  ::close(child.ready);
  if (serves) co_return std::string();
  if (ready < 0) ::kill(child.pid, SIGKILL);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  if (ready < 0) co_return std::string("it was not ready in time");
  co_return WIFEXITED(status) ? fmt::format("exit code {}", WEXITSTATUS(status))
                              : fmt::format("ended by signal {}", WTERMSIG(status));
}

async::Task<std::expected<pid_t, Refusal>> Handover::run() {
  if (under_way_) {
    co_return std::unexpected(refusal(409, "an upgrade is under way", "wait for its end"));
  }
  const auto child = start();
  if (!child) co_return std::unexpected(child.error());
  under_way_ = true;
  log_start(*child);
  const std::string failure = co_await wait(*child);
  under_way_ = failure.empty();
  if (!failure.empty()) {
    log_failure(failure);
    co_return std::unexpected(failed(failure));
  }
  for (const auto& listen : state_.snapshot()->listens) listen->hand_over();
  co_return child->pid;
}

Inheritance Inheritance::take() {
  Inheritance inheritance;
  const std::string sockets = take_variable(kSockets);
  const auto ready = config::parse_number<unsigned>(take_variable(kReady));
  if (!ready) return inheritance;
  inheritance.ready = static_cast<int>(*ready);
  inheritance.from = ::getppid();
  ::fcntl(inheritance.ready, F_SETFD, FD_CLOEXEC);
  for (const std::string_view text : config::split(sockets, ',')) {
    const auto number = config::parse_number<unsigned>(text);
    if (!number) continue;
    inheritance.sockets.push_back(static_cast<int>(*number));
    ::fcntl(inheritance.sockets.back(), F_SETFD, FD_CLOEXEC);
  }
  return inheritance;
}

void Inheritance::say_ready() {
  if (ready < 0) return;
  const char byte = 'R';
  [[maybe_unused]] const ssize_t written = ::write(ready, &byte, 1);
  ::close(std::exchange(ready, -1));
}

}  // namespace engine::control
