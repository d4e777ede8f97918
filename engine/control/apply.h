// SPDX-License-Identifier: GPL-3.0-or-later
// A configuration becomes a snapshot. What did not change keeps its object, so that the workers
// keep what they know of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "engine/route/snapshot.h"

namespace engine::control {

class Apply {
 public:
  // Addresses of a target that needs DNS.
  using AddressesOf = std::function<std::shared_ptr<const route::Addresses>(const route::Target&)>;

  // How TLS is spoken to the https:// targets of a site.
  using TlsOf = std::function<std::shared_ptr<const route::TargetTls>(const config::UpstreamTls&)>;

  // Whom the clients of a site must be verified by; not called for sites that ask for nobody.
  using ClientCaOf = std::function<tls::Digest(const config::Site&)>;

  // What is not in the configuration: the gate, weights of the moment, a rollout's share.
  using Amend = std::function<void(route::Service&)>;

  struct Sources {
    std::size_t worker_count = 1;
    AddressesOf addresses_of;
    TlsOf tls_of;
    ClientCaOf client_ca_of;
    Amend amend;  // may be empty
  };
  explicit Apply(Sources sources) : sources_(std::move(sources)) {}

  // `previous` may be null. Leaves `generation` at 0. Warnings, about error pages for example, are
  // added to `diagnostics`. `prepare` is called with the new targets before their addresses are
  // asked for.
  using Prepare = std::function<void(const std::vector<std::shared_ptr<const route::Target>>&)>;
  [[nodiscard]] std::unique_ptr<route::Snapshot> build(
      const config::Config& config, const route::Snapshot* previous,
      std::vector<std::shared_ptr<const route::Listen>> listens, const Prepare& prepare,
      std::vector<config::Diagnostic>& diagnostics) const;

  // The same snapshot with the addresses of now; null when none changed.
  [[nodiscard]] std::unique_ptr<route::Snapshot> refresh(const route::Snapshot& previous) const;

 private:
  void build_services(const config::Config& config, const route::Snapshot* previous,
                      route::Snapshot& next, std::vector<config::Diagnostic>& diagnostics) const;

  Sources sources_;
};

// The targets of `snapshot` that a service uses: those left over from earlier generations are not
// among them.
[[nodiscard]] std::vector<std::shared_ptr<const route::Target>> targets_in_use(
    const route::Snapshot& snapshot);

}  // namespace engine::control
