// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/locked_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tls {
namespace {

std::unexpected<std::string> reason(int error) {
  return std::unexpected<std::string>(std::strerror(error));
}

// 0, or what errno said.
int write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t put = ::write(file, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return 0;
}

// 0, or what errno said. The name may be left from a crash, with another mode.
int write_new(int folder, const std::string& name, std::string_view content, mode_t mode) {
  const int file =
      ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
               S_IRUSR | S_IWUSR);
  if (file < 0) return errno;
  int error = ::fchmod(file, mode) == 0 ? 0 : errno;
  if (error == 0) error = write_all(file, content);
  if (error == 0 && ::fsync(file) != 0) error = errno;
  ::close(file);
  return error;
}

}  // namespace

std::expected<LockedFolder, std::string> LockedFolder::open(const std::string& path) {
  std::error_code ignored;  // mkdir says what is wrong
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return reason(errno);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return reason(errno);
  LockedFolder folder(descriptor);
  while (::flock(descriptor, LOCK_EX) != 0) {
    if (errno != EINTR) return reason(errno);
  }
  return folder;
}

LockedFolder::LockedFolder(LockedFolder&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockedFolder::~LockedFolder() {
  if (descriptor_ >= 0) ::close(descriptor_);  // gives the lock back
}

std::expected<void, std::string> LockedFolder::write(const std::string& name,
                                                     std::string_view content, mode_t mode) const {
  const std::string temporary = name + ".new";
  int error = write_new(descriptor_, temporary, content, mode);
  if (error == 0 && ::renameat(descriptor_, temporary.c_str(), descriptor_, name.c_str()) != 0) {
    error = errno;
  }
  // The name is as durable as the content only when the folder has been written too.
  if (error == 0 && ::fsync(descriptor_) != 0) error = errno;
  if (error == 0) return {};
  ::unlinkat(descriptor_, temporary.c_str(), 0);
  return reason(error);
}

void LockedFolder::remove(const std::string& name) const {
  ::unlinkat(descriptor_, name.c_str(), 0);
}

}  // namespace tls
