// SPDX-License-Identifier: GPL-3.0-or-later
// A private folder that one process at a time writes to, so that a file in it is there completely
// or not at all, also after a power cut. It must not know what the files are. Blocks on the disk.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <string_view>

namespace tls {

class LockedFolder {
 public:
  // Makes the folder when it is missing (mode 0700, its parents as the umask says) and waits for
  // its lock, which others hold only while they write. The error is the system's reason:
  // "Permission denied".
  static std::expected<LockedFolder, std::string> open(const std::string& path);
  ~LockedFolder();
  LockedFolder(LockedFolder&& other) noexcept;
  LockedFolder& operator=(LockedFolder&&) = delete;

  // Replaces the file as a whole. The error is the system's reason, and the old file still stands.
  [[nodiscard]] std::expected<void, std::string> write(const std::string& name,
                                                       std::string_view content, mode_t mode) const;
  // A file that is not there is fine too.
  void remove(const std::string& name) const;

 private:
  explicit LockedFolder(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace tls
