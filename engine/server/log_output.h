// SPDX-License-Identifier: GPL-3.0-or-later
// Where access-log lines end up: standard output, standard error, or a file. It waits for a slow
// reader only as long as it is told to, and counts what it could not store.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/control/failure.h"

namespace engine::server {

class LogOutput {
 public:
  // Does not own `descriptor`.
  explicit LogOutput(int descriptor) : descriptor_(descriptor) { look(); }
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;
  ~LogOutput();

  // Appends to `path`, which is created when it does not exist.
  [[nodiscard]] static std::expected<int, control::Failure> open_file(const std::string& path);
  // Takes the descriptor of open_file().
  void take_file(int descriptor);

  // Whole lines. Returns the number of lines that were lost.
  std::uint64_t write(std::string_view lines, int patience_ms);

 private:
  enum class Kind { File, Stream, Socket };
  void look();
  long write_some(std::string_view bytes, int patience_ms) const;

  int descriptor_ = -1;
  bool owned_ = false;
  Kind kind_ = Kind::File;
  bool mid_line_ = false;  // a write ended within a line, and the rest of it was lost
};

}  // namespace engine::server
