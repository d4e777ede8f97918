// SPDX-License-Identifier: GPL-3.0-or-later
// How TLS is spoken to targets, as the sites wish it: one context for equal wishes. On the control
// thread.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "engine/control/failure.h"
#include "engine/route/target.h"

namespace engine::control {

class TargetTlsContexts {
 public:
  // Reads what the sites of `config` name. On failure nothing has changed.
  [[nodiscard]] std::expected<void, Failure> load(const config::Config& config);
  // What load() would say of each site.
  static void check(const config::Config& config, std::vector<config::Diagnostic>& diagnostics);
  // After load() of a configuration that has them.
  [[nodiscard]] std::shared_ptr<const route::TargetTls> of(const config::UpstreamTls& wishes) const;

 private:
  // With what `before` has already.
  std::expected<void, std::string> add(const config::Site& site, const TargetTlsContexts& before);

  std::map<std::string, std::shared_ptr<const route::TargetTls>> by_identity_;
  std::map<std::string, std::string> identities_;  // by the wishes as they are written
};

}  // namespace engine::control
