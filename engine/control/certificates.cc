// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/certificates.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/log.h"

namespace engine::control {
namespace {

namespace log = base::log;

std::int64_t seconds_now() { return base::wall_now() / base::kSecond; }

std::string day_of(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::string text(16, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts));
  return text;
}

tls::Version version_of(config::Tls::Version version) {
  return version == config::Tls::Version::Tls13 ? tls::Version::Tls13 : tls::Version::Tls12;
}

constexpr const char* kHowToPut =
    "put a PEM certificate chain and its key there, or remove this pair from the configuration";

config::Diagnostic problem(config::Severity severity, const config::Position& where,
                           std::string message, std::string hint) {
  config::Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.where = where;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  return diagnostic;
}

void note_expiry(const config::Tls::Files& files, const tls::CertificateInfo& info,
                 std::vector<config::Diagnostic>& diagnostics) {
  if (!info.expired(seconds_now())) return;
  diagnostics.push_back(problem(config::Severity::Warning, files.where,
                                files.cert + ": expired on " + day_of(info.not_after),
                                "clients will refuse it: renew it"));
}

// Whether a host that asks for certificates of these authorities can be served with this one.
bool may_meet(const config::Tls::Files& files, const tls::CertificateInfo& info,
              const ClientCas::Ca& ca, const ClientCas& client_cas) {
  if (ca.pem.empty() || files.is_default) return true;
  return std::ranges::any_of(info.names, [&](const std::string& name) {
    return name.starts_with('*') || client_cas.of_name(name).id == ca.id;
  });
}

// As clients ask for it; empty for a site of any host.
std::string name_of_host(const std::string& host) {
  if (host == "*") return {};
  return host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
}

bool covers(const tls::CertificateInfo& info, const std::string& name) {
  const std::size_t dot = name.find('.');
  const std::string wildcard = dot == name.npos ? name : "*" + name.substr(dot);
  return std::ranges::any_of(
      info.names, [&](const std::string& each) { return each == name || each == wildcard; });
}

// What a browser would refuse is not served: the first site of this certificate that it does not
// name, as a problem; else empty.
std::string misfit(const config::Tls::Files& files, const tls::CertificateInfo& info,
                   const config::Config& config) {
  for (const config::Site& site : config.sites) {
    const std::string name = name_of_host(site.host);
    if (site.tls.cert != files.cert || name.empty() || covers(info, name)) continue;
    return files.cert + ": does not name " + name + ", but " +
           fmt::format("{}", fmt::join(info.names, ", "));
  }
  return {};
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Certificates::Certificates(std::string state_directory)
    : store_(std::move(state_directory) + "/tls") {}

std::expected<Certificates::Served, Failure> Certificates::load(
    const config::Config& config, std::vector<config::Diagnostic>& diagnostics) {
  config::Tls settings = config.tls;
  settings.files = config.certificate_files();
  auto client_cas = ClientCas::load(config, client_cas_, diagnostics);
  if (!client_cas) return std::unexpected(client_cas.error());
  FilePairs next;
  for (const config::Tls::Files& files : settings.files) {
    auto pair = read(files, config, *client_cas);
    const auto before = files_.find(files.cert);
    if (!pair && before == files_.end()) {
      return std::unexpected(
          Failure{files.where.text() + ": " + pair.error(), kHowToPut, kExitConfiguration});
    }
    if (!pair) {
      diagnostics.push_back(problem(config::Severity::Warning, files.where, pair.error(),
                                    "the certificate of before is still served"));
      next.emplace(files.cert, before->second);
      continue;
    }
    note_expiry(files, pair->info, diagnostics);
    next.emplace(files.cert, std::move(*pair));
  }
  client_cas_ = std::move(*client_cas);
  files_ = std::move(next);
  own_.clear();
  for (const config::Site& site : config.sites) {
    const std::string name = name_of_host(site.host);
    if (!site.tls.cert.empty() && !name.empty()) own_.emplace(name, site.tls.cert);
  }
  const bool is_other_min = settings.min != settings_.min;
  settings_ = std::move(settings);
  // They come back when they are asked for.
  std::erase_if(leaves_, [&](const auto& leaf) {
    return is_other_min || leaf.second.context->client_ca() != client_cas_.of_name(leaf.first).id;
  });
  return assemble();
}

void Certificates::check(const config::Config& config,
                         std::vector<config::Diagnostic>& diagnostics) {
  ClientCas::check(config, diagnostics);
  const Certificates none("");
  for (const config::Tls::Files& files : config.certificate_files()) {
    const auto pair = none.read(files, config, {});
    if (pair) {
      note_expiry(files, pair->info, diagnostics);
    } else {
      diagnostics.push_back(problem(config::Severity::Error, files.where, pair.error(), kHowToPut));
    }
  }
}

std::expected<Certificates::FilePair, std::string> Certificates::read(
    const config::Tls::Files& files, const config::Config& config,
    const ClientCas& client_cas) const {
  const auto pair = tls::read_pair(files.cert, files.key);
  if (!pair) return std::unexpected(pair.error());
  auto info = tls::inspect(*pair, seconds_now());
  if (!info) return std::unexpected(files.cert + ": " + info.error());
  if (std::string problem = misfit(files, *info, config); !problem.empty())
    return std::unexpected(std::move(problem));
  const config::Tls::Version min = config.tls.min;
  // The same certificate keeps its contexts, and with them the sessions that can be resumed.
  const auto before = files_.find(files.cert);
  const bool is_same =
      before != files_.end() && before->second.chain_pem == pair->chain_pem && min == settings_.min;
  FilePair made{.chain_pem = pair->chain_pem, .info = std::move(*info), .contexts = {}};
  for (const ClientCas::Ca& ca : client_cas.list()) {
    if (!may_meet(files, made.info, ca, client_cas)) continue;
    if (is_same && before->second.contexts.contains(ca.id)) {
      made.contexts.emplace(ca.id, before->second.contexts.at(ca.id));
      continue;
    }
    auto context = tls::Context::server(pair->chain_pem, pair->key_pem, version_of(min), ca.pem);
    if (!context) return std::unexpected(files.cert + ": " + context.error());
    made.contexts.emplace(ca.id, std::move(*context));
  }
  return made;
}

Certificates::Served Certificates::issue(const std::vector<std::string>& names) {
  bool any = false;
  for (const std::string& name : names) {
    auto leaf = issue_one(name);
    if (!leaf) {
      log::error("no certificate could be issued", {{"name", name}, {"cause", leaf.error()}});
      continue;
    }
    if (leaves_.size() >= tls::kLocalLeavesMax && !leaves_.contains(name))
      leaves_.erase(leaves_.begin());
    leaves_.insert_or_assign(name, std::move(*leaf));
    any = true;
  }
  if (const std::string problem = store_.take_warning(); !problem.empty())
    log::warn("the local authority", {{"problem", problem}});
  return any ? assemble() : nullptr;
}

std::expected<Certificates::Leaf, std::string> Certificates::issue_one(const std::string& name) {
  const auto pair = store_.leaf(name, seconds_now());
  if (!pair) return std::unexpected(pair.error());
  if (const auto known = leaves_.find(name);
      known != leaves_.end() && known->second.chain_pem == pair->chain_pem)
    return known->second;
  auto context = tls::Context::server(pair->chain_pem, pair->key_pem, version_of(settings_.min),
                                      client_cas_.of_name(name).pem);
  if (!context) return std::unexpected(context.error());
  return Leaf{pair->chain_pem, std::move(*context)};
}

Certificates::Served Certificates::assemble() const {
  auto served = std::make_shared<route::Certificates>(client_cas_.hosts());
  // Before the others: what was added first stays.
  for (const auto& [host, cert] : own_) {
    const auto& contexts = files_.at(cert).contexts;
    const std::uint32_t number = served->client_ca_of(host);
    const auto at = contexts.find(client_cas_.list()[number].id);
    if (at != contexts.end()) served->add(host, at->second, number);
  }
  for (const config::Tls::Files& files : settings_.files) {
    const FilePair& pair = files_.at(files.cert);
    for (std::uint32_t number = 0; number < client_cas_.list().size(); ++number) {
      // A pair that broke together with a change of authorities has none: the name is refused.
      const auto at = pair.contexts.find(client_cas_.list()[number].id);
      if (at == pair.contexts.end()) continue;
      for (const std::string& name : pair.info.names) served->add(name, at->second, number);
      if (files.is_default) served->set_fallback(at->second, number);
    }
  }
  served->set_issues_locally(settings_.local_ca);
  if (!settings_.local_ca) return served;
  for (const auto& [name, leaf] : leaves_)
    served->add(name, leaf.context, served->client_ca_of(name));
  return served;
}

std::vector<CertificateFigures> Certificates::expiries() const {
  std::vector<CertificateFigures> list;
  for (const auto& [path, pair] : files_) {
    for (const std::string& name : pair.info.names)
      list.push_back({.host = name, .not_after_seconds = static_cast<double>(pair.info.not_after)});
  }
  return list;
}

std::string state_directory(const std::string& chosen) {
  if (!chosen.empty()) return chosen;
  for (const char* name : {"ENGINE_STATE_DIR", "STATE_DIRECTORY"}) {
    if (std::string directory = from_environment(name); !directory.empty()) return directory;
  }
  if (::geteuid() == 0) return "/var/lib/engine";
  if (const std::string home = from_environment("XDG_STATE_HOME"); !home.empty())
    return home + "/engine";
  return from_environment("HOME") + "/.local/state/engine";
}

}  // namespace engine::control
