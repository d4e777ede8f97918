// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/log_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace engine::server {
namespace {

// POLLOUT promises room for so much in a pipe: then a blocking write() does not block.
constexpr std::size_t kStreamBytes = 4096;

}  // namespace

LogOutput::~LogOutput() {
  if (owned_) ::close(descriptor_);
}

std::expected<int, control::Failure> LogOutput::open_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (descriptor >= 0) return descriptor;
  return std::unexpected(control::Failure{
      .message = "the access log " + path + " cannot be opened: " + std::strerror(errno),
      .fix = "make its directory writable for the engine's user, or choose another place in [log] "
             "access",
      .exit_code = control::kExitEnvironment});
}

void LogOutput::take_file(int descriptor) {
  if (owned_) ::close(descriptor_);
  descriptor_ = descriptor;
  owned_ = true;
  mid_line_ = false;
  look();
}

void LogOutput::look() {
  struct stat status{};
  kind_ = Kind::File;
  if (::fstat(descriptor_, &status) != 0) return;
  if (S_ISSOCK(status.st_mode)) kind_ = Kind::Socket;
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) kind_ = Kind::Stream;
}

std::uint64_t LogOutput::write(std::string_view lines, int patience_ms) {
  if (mid_line_ && write_some("\n", patience_ms) == 1) mid_line_ = false;
  while (!lines.empty()) {
    const long count = write_some(lines, patience_ms);
    if (count <= 0) {
      // Whoever reads the log sees the broken line end before the next good one begins.
      return static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
    }
    mid_line_ = lines[static_cast<std::size_t>(count) - 1] != '\n';
    lines.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

// Bytes written; 0 or less when nothing could be.
long LogOutput::write_some(std::string_view bytes, int patience_ms) const {
  if (kind_ != Kind::File) {
    pollfd ready{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, patience_ms) <= 0) return 0;
  }
  if (kind_ == Kind::Socket) {
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (kind_ == Kind::Stream) bytes = bytes.substr(0, kStreamBytes);
  long count = 0;
  do {
    count = ::write(descriptor_, bytes.data(), bytes.size());
  } while (count < 0 && errno == EINTR);
  return count;
}

}  // namespace engine::server
