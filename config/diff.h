// SPDX-License-Identifier: GPL-3.0-or-later
// What a reload changes. It compares meaning: moving a site to another line is no change.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace config {

struct Diff {
  std::vector<std::string> added, changed, removed;  // keys of sites, in the order of their file
  // "listen", "trust", "tls", "admin", "engine", "log": those that differ.
  std::vector<std::string> settings;

  bool empty() const;
  // "2 sites added, 1 changed, 3 removed; listen changed", or "nothing changed".
  std::string summary() const;
};

Diff diff(const Config& before, const Config& after);

}  // namespace config
