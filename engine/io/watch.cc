// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <system_error>
#include <utility>

namespace engine::io {
namespace {

namespace fs = std::filesystem;

// IN_ATTRIB is what `touch` does. IN_DELETE_SELF and IN_MOVE_SELF: the directory itself is
// replaced.
constexpr std::uint32_t kEvents = IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MODIFY |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |
                                  IN_ONLYDIR;
constexpr std::uint32_t kWholeDirectory = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;
constexpr int kLinksMax = 40;  // as the kernel follows

}  // namespace

Watch::Watch(Ring& ring, Timers& timers, std::function<void()> changed)
    : ring_(ring),
      timers_(timers),
      changed_(std::move(changed)),
      readable_(On<&Watch::on_readable>(), this),
      quiet_(Expires<&Watch::on_quiet>(), this) {}

Watch::~Watch() {
  if (inotify_ >= 0) ::close(inotify_);
}

int Watch::open() {
  inotify_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify_ < 0) return errno;
  ring_.poll(readable_, inotify_, POLLIN);
  return 0;
}

void Watch::set_paths(std::span<const std::string> files,
                      std::span<const std::string> directories) {
  file_paths_.assign(files.begin(), files.end());
  directory_paths_.assign(directories.begin(), directories.end());
  if (inotify_ >= 0) rescan();
}

void Watch::forget_changes() {
  if (inotify_ < 0) return;
  static_cast<void>(read_events());
  timers_.clear(quiet_);
}

void Watch::close() {
  closing_ = true;
  timers_.clear(quiet_);
  ring_.cancel(readable_);
}

void Watch::on_readable(const Completion& completion) {
  // A change may have come before the cancel.
  if (completion.result == -ECANCELED || closing_) return;
  const bool relevant = read_events();
  ring_.poll(readable_, inotify_, POLLIN);
  if (!relevant) return;
  const base::Time now = ring_.now();
  if (!quiet_.is_set()) first_event_ = now;
  timers_.set(quiet_, std::min(now + kQuiet, first_event_ + kQuietMax));
}

void Watch::on_quiet() {
  // Links may lead elsewhere now. First the new watches, then the report: what changes after it is
  // seen again.
  rescan();
  changed_();
}

bool Watch::read_events() {
  alignas(inotify_event) std::array<char, 16384> bytes;
  bool relevant = false;
  while (true) {
    const ssize_t count = ::read(inotify_, bytes.data(), bytes.size());
    if (count <= 0) return relevant;
    for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, bytes.data() + at, sizeof event);
      const std::string name = event.len > 0 ? std::string(bytes.data() + at + sizeof event) : "";
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) relevant = true;
      const auto found = directories_.find(event.wd);
      if (found == directories_.end()) continue;  // of a watch that was removed since
      const Names& names = found->second;
      relevant |= names.every || names.files.contains(name) || (event.mask & kWholeDirectory) != 0;
      if ((event.mask & IN_IGNORED) != 0) directories_.erase(found);
    }
  }
}

void Watch::rescan() {
  std::map<std::string, Names> wanted;
  for (const std::string& path : file_paths_) follow(path, false, wanted);
  for (const std::string& path : directory_paths_) follow(path, true, wanted);

  std::unordered_map<int, Names> next;
  for (auto& [directory, names] : wanted) {
    // The same directory gives the same descriptor again.
    const int descriptor = inotify_add_watch(inotify_, directory.c_str(), kEvents);
    if (descriptor < 0) continue;
    Names& merged = next[descriptor];
    merged.every |= names.every;
    merged.files.merge(names.files);
  }
  for (const auto& [descriptor, names] : directories_) {
    if (!next.contains(descriptor)) inotify_rm_watch(inotify_, descriptor);
  }
  directories_ = std::move(next);
}

// Walks the path as the kernel would, and asks for every directory in which a link, the file, or
// the first missing part lies.
void Watch::follow(const std::string& path, bool is_directory,
                   std::map<std::string, Names>& wanted) const {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  std::deque<fs::path> rest(absolute.begin(), absolute.end());
  fs::path at = "/";
  int links = 0;
  while (!rest.empty()) {
    const fs::path part = rest.front();
    rest.pop_front();
    if (part.empty() || part == "." || part == "/") continue;
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    const fs::file_status status = fs::symlink_status(at / part, error);
    const bool is_link = status.type() == fs::file_type::symlink;
    const bool is_last = rest.empty() && !is_directory;
    if (is_link || is_last || !fs::exists(status)) wanted[at].files.insert(part);
    if (!fs::exists(status)) return;
    if (!is_link) {
      at /= part;
      continue;
    }
    if (++links > kLinksMax) return;
    const fs::path target = fs::read_symlink(at / part, error);
    if (target.is_absolute()) at = "/";
    rest.insert(rest.begin(), target.begin(), target.end());
  }
  if (is_directory) wanted[at].every = true;
}

}  // namespace engine::io
