// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/environment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace config {
namespace {

std::unexpected<FileError> refuse(Problem problem, std::string message, std::string hint) {
  return std::unexpected(FileError{problem, std::move(message), std::move(hint)});
}

// Closes a descriptor at the end of a scope.
class File {
 public:
  // O_NONBLOCK: opening a pipe nobody writes to must fail below, not wait.
  explicit File(const char* path) : fd_(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<FileError> system_error(const std::filesystem::path& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return refuse(Problem::NotFound, "no such file", "check the path, or name another file");
  }
  if (error == EACCES || error == EPERM) {
    struct stat info{};
    std::string owner = stat(path.c_str(), &info) == 0
                            ? fmt::format("it belongs to uid {} with mode {:04o}", info.st_uid,
                                          static_cast<unsigned>(info.st_mode) & 07777u)
                            : "a directory above it may not be entered";
    return refuse(Problem::Permission, "permission denied",
                  fmt::format("let uid {} read it; {}", geteuid(), owner));
  }
  return refuse(Problem::Unreadable, std::strerror(error), "check the file and its disk");
}

std::expected<std::string, FileError> read_all(const std::filesystem::path& path,
                                               uint64_t bytes_max) {
  File file(path.c_str());
  if (file.fd() < 0) return system_error(path, errno);
  struct stat info{};
  if (fstat(file.fd(), &info) != 0) return system_error(path, errno);
  if (S_ISDIR(info.st_mode)) {
    return refuse(Problem::NotAFile, "is a directory", "name the file in it");
  }
  if (!S_ISREG(info.st_mode)) {
    return refuse(Problem::NotAFile, "is not a regular file", "name a regular file");
  }
  std::string text;
  std::array<char, 64 * 1024> buffer;
  while (true) {
    ssize_t got = read(file.fd(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) {
      return refuse(Problem::TooLarge, fmt::format("is larger than {} MiB", bytes_max >> 20),
                    "is it the right file?");
    }
  }
}

std::vector<std::string> match_all(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return paths;
}

std::optional<std::string> variable_of_process(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace

Environment Environment::process() { return {variable_of_process, read_all, match_all}; }

Environment Environment::empty() {
  return {[](const std::string&) { return std::nullopt; },
          [](const std::filesystem::path&, uint64_t) -> std::expected<std::string, FileError> {
            return refuse(Problem::NotFound, "no such file",
                          "check the path, or name another file");
          },
          [](const std::string&) { return std::vector<std::string>(); }};
}

}  // namespace config
