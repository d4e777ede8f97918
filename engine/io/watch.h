// SPDX-License-Identifier: GPL-3.0-or-later
// Says when files may have changed, however they are changed: touched, edited, renamed over, or
// behind a symbolic link that is swapped. It watches the directories, since the files themselves
// are replaced. It must not know what they hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/io/ring.h"
#include "engine/io/timers.h"

namespace engine::io {

class Watch {
 public:
  // A change is reported once nothing more happened for kQuiet, at most kQuietMax after the first
  // event.
  static constexpr base::Time kQuiet = 100 * base::kMillisecond;
  static constexpr base::Time kQuietMax = 500 * base::kMillisecond;

  // `changed` is called by the ring's thread, from Timers::advance().
  Watch(Ring& ring, Timers& timers, std::function<void()> changed);
  // After close(), and once the ring has dispatched what that cancelled.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Starts; 0 or the errno of inotify.
  int open();
  // Replaces what is watched. A file, or everything in a directory; neither needs to exist yet.
  void set_paths(std::span<const std::string> files, std::span<const std::string> directories);
  // What has changed up to now is known to the caller, who is about to read the files.
  void forget_changes();
  void close();
  [[nodiscard]] bool closed() const { return !readable_.in_flight(); }

  [[nodiscard]] std::size_t directory_count() const { return directories_.size(); }

 private:
  struct Names {
    std::set<std::string> files;
    bool every = false;
  };

  void on_readable(const Completion& completion);
  void on_quiet();
  void rescan();
  void follow(const std::string& path, bool is_directory,
              std::map<std::string, Names>& wanted) const;
  // Whether the events that wait concern a watched path.
  bool read_events();

  Ring& ring_;
  Timers& timers_;
  std::function<void()> changed_;
  Operation readable_;
  Timer quiet_;
  int inotify_ = -1;
  bool closing_ = false;
  base::Time first_event_ = 0;
  std::vector<std::string> file_paths_;
  std::vector<std::string> directory_paths_;
  std::unordered_map<int, Names> directories_;  // by watch descriptor
};

}  // namespace engine::io
