// SPDX-License-Identifier: GPL-3.0-or-later
// state.json in the state directory: what must be as it was after a restart, also after kill -9 or a
// loss of power. It must not know what the state means.
#pragma once

#include <expected>
#include <string>

#include "engine/control/runtime.h"

namespace engine::control {

class StateFile {
 public:
  // Where a write can be cut short; tests stop there.
  enum class Step : unsigned char { Created, Written, Synced, PreviousKept, Renamed };

  explicit StateFile(std::string directory);
  virtual ~StateFile() = default;
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  struct Loaded {
    Runtime runtime;      // empty when there was no file
    std::string problem;  // of the file that was set aside, and what is in force instead
  };
  // A file that cannot be understood is set aside as state.json.broken-…, and the previous one is
  // taken when that is good. The error: a file that cannot be read at all; nothing was touched.
  [[nodiscard]] std::expected<Loaded, std::string> load();

  // Once it returns without an error, `runtime` is what the next load() gives, whatever happens to
  // the machine. With an error the old state is still there. Keeps one previous file.
  [[nodiscard]] std::expected<void, std::string> save(const Runtime& runtime);

  // Makes the directory when there is none yet, for the engine's user alone.
  void make_directory() const;
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string path() const { return directory_ + "/state.json"; }

 protected:
  virtual void on_step(Step) {}

 private:
  [[nodiscard]] std::string previous_path() const { return path() + ".previous"; }
  std::expected<void, std::string> write_new(const std::string& text);

  std::string directory_;
};

}  // namespace engine::control
