// SPDX-License-Identifier: GPL-3.0-or-later
// The authorities whose certificates the clients of a site must show (`tls.client_ca`), and which
// of them a host name asks for. On the control thread.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "engine/control/failure.h"
#include "engine/route/table.h"
#include "tls/context.h"

namespace engine::control {

class ClientCas {
 public:
  struct Ca {
    std::string pem;
    tls::Digest id{};  // Context::client_ca() of who was verified by it
  };

  // Reads the files that `config` names. One that is broken now keeps what it was in `before`, with
  // a warning; one that never worked is a failure.
  static std::expected<ClientCas, Failure> load(const config::Config& config,
                                                const ClientCas& before,
                                                std::vector<config::Diagnostic>& diagnostics);
  // What load() would say of each site, to a first start.
  static void check(const config::Config& config, std::vector<config::Diagnostic>& diagnostics);

  // By number; the first stands for asking no certificate and has no PEM.
  [[nodiscard]] const std::vector<Ca>& list() const { return list_; }
  // Of a site that load() has seen.
  [[nodiscard]] const Ca& of(const config::Site& site) const;
  // Of what a client asks for: a host name or an IP address.
  [[nodiscard]] const Ca& of_name(std::string_view name) const;
  // host → number, every host at "/"; null when no site asks.
  [[nodiscard]] const std::shared_ptr<const route::Table>& hosts() const { return hosts_; }

 private:
  [[nodiscard]] std::shared_ptr<const route::Table> table_of(const config::Config& config) const;

  std::vector<Ca> list_ = std::vector<Ca>(1);
  std::map<std::string, std::uint32_t> by_path_;
  std::shared_ptr<const route::Table> hosts_;
};

}  // namespace engine::control
