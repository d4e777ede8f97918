// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

namespace engine::cli {
namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;

bool is_program(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// A file in memory, at its start: unlike a pipe it takes all of it before anybody reads.
int file_with(std::string_view input) {
  const int file = ::memfd_create("input", MFD_CLOEXEC);
  ENSURE(file >= 0, "a descriptor for the input");
  const ssize_t written = ::write(file, input.data(), input.size());
  ENSURE(written == static_cast<ssize_t>(input.size()), "memory takes it as a whole");
  ::lseek(file, 0, SEEK_SET);
  return file;
}

// 0 and the process, or what errno says.
int spawn(std::vector<std::string>& words, int input, int output, pid_t& process) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  const int error =
      ::posix_spawn(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Read to the end even when it is too much: the writer must not be held up.
std::string output_of(int pipe) {
  std::string output;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t got = ::read(pipe, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return output;
    const auto size = static_cast<std::size_t>(got);
    output.append(part.data(), std::min(size, kOutputBytesMax - output.size()));
  }
}

int status_of(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0) {
    ENSURE(errno == EINTR, "it is our child, and nobody else waits for it");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string ProgramOutcome::reason() const {
  const std::size_t end = output.find_last_not_of(" \r\n\t");
  if (end == output.npos) return "it ended with " + std::to_string(status);
  const std::size_t line = output.rfind('\n', end) + 1;
  return output.substr(line, end + 1 - line);
}

std::string find_program(std::string_view name, std::string_view folders) {
  while (!folders.empty()) {
    const std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folder.size() + 1, folders.size()));
    // What an empty or a relative entry means depends on where one stands: no place for root.
    if (!folder.starts_with('/')) continue;
    std::string path = std::string(folder).append("/").append(name);
    if (is_program(path)) return path;
  }
  return "";
}

std::expected<ProgramOutcome, std::string> run_program(std::vector<std::string> words,
                                                       std::string_view input) {
  std::array<int, 2> pipe{};
  ENSURE(::pipe2(pipe.data(), O_CLOEXEC) == 0, "descriptors for the output");
  const int file = file_with(input);
  pid_t process = 0;
  const int error = spawn(words, file, pipe[1], process);
  ::close(file);
  ::close(pipe[1]);
  ProgramOutcome outcome;
  if (error == 0) outcome.output = output_of(pipe[0]);
  ::close(pipe[0]);
  if (error != 0) {
    return std::unexpected("cannot start " + words[0] + ": " + std::strerror(error));
  }
  outcome.status = status_of(process);
  return outcome;
}

}  // namespace engine::cli
