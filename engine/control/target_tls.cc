// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/target_tls.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "engine/base/clock.h"
#include "tls/pem.h"

namespace engine::control {
namespace {

std::string text_of(const config::UpstreamTls& wishes) {
  return wishes.server_name + "\n" + wishes.ca + "\n" + wishes.cert + "\n" + wishes.key + "\n" +
         (wishes.insecure ? "insecure" : "");
}

std::expected<tls::ClientOptions, std::string> read(const config::UpstreamTls& wishes) {
  tls::ClientOptions options;
  options.insecure = wishes.insecure;
  if (!wishes.ca.empty()) {
    auto text = tls::read_pem(wishes.ca);
    if (!text) return std::unexpected(text.error());
    options.ca_pem = std::move(*text);
  }
  if (wishes.cert.empty()) return options;
  auto pair = tls::read_pair(wishes.cert, wishes.key);
  if (!pair) return std::unexpected(pair.error());
  if (const auto info = tls::inspect(*pair, base::wall_now() / base::kSecond); !info)
    return std::unexpected(wishes.cert + ": " + info.error());
  options.chain_pem = pair->chain_pem;
  options.key_pem = pair->key_pem;
  return options;
}

// New contents of a file make another identity: connections verified by the old ones are not used
// again. Only equality matters, so a hash will do.
std::string identity_of(const config::UpstreamTls& wishes, const tls::ClientOptions& options) {
  const std::size_t contents = std::hash<std::string>{}(options.ca_pem + '\n' + options.chain_pem);
  return text_of(wishes) + "\n" + std::to_string(contents);
}

}  // namespace

std::expected<void, Failure> TargetTlsContexts::load(const config::Config& config) {
  TargetTlsContexts next;
  for (const config::Site& site : config.sites) {
    if (auto added = next.add(site, *this); !added) {
      return std::unexpected(Failure{site.where.text() + ": " + added.error(),
                                     "correct upstream_tls of \"" + site.key + "\"",
                                     kExitConfiguration});
    }
  }
  *this = std::move(next);
  return {};
}

void TargetTlsContexts::check(const config::Config& config,
                              std::vector<config::Diagnostic>& diagnostics) {
  TargetTlsContexts contexts;
  for (const config::Site& site : config.sites) {
    const auto added = contexts.add(site, {});
    if (added) continue;
    config::Diagnostic diagnostic;
    diagnostic.where = site.where;
    diagnostic.message = added.error();
    diagnostic.hint = "correct upstream_tls of \"" + site.key + "\"";
    diagnostics.push_back(std::move(diagnostic));
  }
}

std::expected<void, std::string> TargetTlsContexts::add(const config::Site& site,
                                                        const TargetTlsContexts& before) {
  if (std::ranges::none_of(site.targets, &config::Target::tls)) return {};
  const std::string text = text_of(site.upstream_tls);
  if (identities_.contains(text)) return {};
  const auto options = read(site.upstream_tls);
  if (!options) return std::unexpected(options.error());
  const std::string identity = identity_of(site.upstream_tls, *options);
  identities_.emplace(text, identity);
  if (const auto known = before.by_identity_.find(identity); known != before.by_identity_.end()) {
    by_identity_.insert(*known);
    return {};
  }
  auto context = tls::Context::client(*options);
  if (!context) return std::unexpected(context.error());
  by_identity_.emplace(identity,
                       std::make_shared<const route::TargetTls>(route::TargetTls{
                           std::move(*context), site.upstream_tls.server_name, identity}));
  return {};
}

std::shared_ptr<const route::TargetTls> TargetTlsContexts::of(
    const config::UpstreamTls& wishes) const {
  return by_identity_.at(identities_.at(text_of(wishes)));
}

}  // namespace engine::control
