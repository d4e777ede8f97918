// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/client_cas.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "engine/route/certificates.h"
#include "tls/pem.h"

namespace engine::control {
namespace {

constexpr const char* kHowToPut =
    "put the PEM certificates of the authorities there that issue those of clients";

std::expected<ClientCas::Ca, std::string> read(const std::string& path) {
  auto pem = tls::read_pem(path);
  if (!pem) return std::unexpected(pem.error());
  if (const auto good = tls::inspect_authorities(*pem); !good)
    return std::unexpected(path + ": " + good.error());
  return ClientCas::Ca{.pem = *pem, .id = tls::digest_of(*pem)};
}

config::Diagnostic problem(config::Severity severity, const config::Site& site, std::string message,
                           std::string hint) {
  config::Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.where = site.where;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  return diagnostic;
}

}  // namespace

std::expected<ClientCas, Failure> ClientCas::load(const config::Config& config,
                                                  const ClientCas& before,
                                                  std::vector<config::Diagnostic>& diagnostics) {
  ClientCas next;
  for (const config::Site& site : config.sites) {
    const std::string& path = site.tls.client_ca;
    if (path.empty() || next.by_path_.contains(path)) continue;
    auto ca = read(path);
    const auto known = before.by_path_.find(path);
    if (!ca && known == before.by_path_.end()) {
      return std::unexpected(
          Failure{site.where.text() + ": " + ca.error(), kHowToPut, kExitConfiguration});
    }
    if (!ca) {
      diagnostics.push_back(problem(config::Severity::Warning, site, ca.error(),
                                    "the authorities of before still verify clients"));
      ca = before.list_[known->second];
    }
    next.by_path_.emplace(path, static_cast<std::uint32_t>(next.list_.size()));
    next.list_.push_back(std::move(*ca));
  }
  if (!next.by_path_.empty()) next.hosts_ = next.table_of(config);
  return next;
}

void ClientCas::check(const config::Config& config, std::vector<config::Diagnostic>& diagnostics) {
  std::set<std::string> seen;
  for (const config::Site& site : config.sites) {
    const std::string& path = site.tls.client_ca;
    if (path.empty() || !seen.insert(path).second) continue;
    if (const auto ca = read(path); !ca)
      diagnostics.push_back(problem(config::Severity::Error, site, ca.error(), kHowToPut));
  }
}

const ClientCas::Ca& ClientCas::of(const config::Site& site) const {
  return site.tls.client_ca.empty() ? list_.front() : list_[by_path_.at(site.tls.client_ca)];
}

const ClientCas::Ca& ClientCas::of_name(std::string_view name) const {
  return list_[route::Certificates(hosts_).client_ca_of(name)];
}

// Also the hosts that ask for none: each hides a wider wildcard that does. The sites of one host
// agree; the configuration was checked.
std::shared_ptr<const route::Table> ClientCas::table_of(const config::Config& config) const {
  std::vector<route::Site> hosts;
  std::set<std::string_view> seen;
  for (const config::Site& site : config.sites) {
    if (!seen.insert(site.host).second) continue;
    const std::string& path = site.tls.client_ca;
    hosts.push_back(
        {.host = site.host, .prefix = "/", .service_index = path.empty() ? 0 : by_path_.at(path)});
  }
  return std::make_shared<const route::Table>(std::move(hosts));
}

}  // namespace engine::control
