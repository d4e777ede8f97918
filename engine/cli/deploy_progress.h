// SPDX-License-Identifier: GPL-3.0-or-later
// A deploy as it is watched: its events in, lines for a person out. It must not know the terminal
// nor the engine.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/cli/exit_code.h"
#include "engine/cli/fields.h"

namespace engine::cli {

class DeployProgress {
 public:
  // Fold: a terminal of so many columns, where equal probes are counted in one line of their
  // target, which is drawn again. 0: a log, in which each probe is a line.
  DeployProgress(std::size_t fold_columns, const std::vector<std::string>& targets);

  // What to write for one event: whole lines, on a terminal with the movements between them.
  [[nodiscard]] std::string on_event(const std::string& name, const Json& event);

  struct Outcome {
    int exit_code = kExitOk;
    std::string summary;  // for stdout: "deployed web (generation 42) in 10.3 s"; else empty
    std::string error;    // for stderr; else empty
    std::string fix;
  };
  // Once the last event came.
  [[nodiscard]] const std::optional<Outcome>& outcome() const { return outcome_; }

 private:
  // A line that may still change.
  struct Row {
    std::string key;     // the target; empty for the swap
    std::string text;    // equal probes have equal ones
    std::string ending;  // "(1 s) … ×6"
    std::string result;  // "healthy"
    int count = 1;
  };

  void on_resolve(const Json& event);
  void on_probe(const Json& event);
  void on_healthy(const Json& event);
  void on_swapped(const Json& event);
  void on_drained(const Json& event);
  void on_end(const std::string& name, const Json& event);

  [[nodiscard]] std::string label(const std::string& target) const;
  Row* live(const std::string& key);
  void commit(const std::string& key);
  void commit_all();
  [[nodiscard]] std::string line(const Row& row) const;
  [[nodiscard]] std::string redraw();

  std::size_t fold_columns_;
  std::size_t label_width_ = 0;
  std::vector<Row> live_;  // on a terminal these are its last lines
  std::size_t drawn_ = 0;
  std::string committed_;  // lines that are done and not written yet
  std::optional<Outcome> outcome_;
};

}  // namespace engine::cli
