// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/certificates.h"

#include <unistd.h>

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
    "put a PEM certificate chain and its key there, or remove this pair from [tls] files";

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

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Certificates::Certificates(std::string state_directory)
    : store_(std::move(state_directory) + "/tls") {}

std::expected<Certificates::Served, Failure> Certificates::load(
    const config::Tls& settings, std::vector<config::Diagnostic>& diagnostics) {
  FilePairs next;
  for (const config::Tls::Files& files : settings.files) {
    auto pair = read(files, settings.min);
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
  if (settings.min != settings_.min) leaves_.clear();  // they come back when they are asked for
  files_ = std::move(next);
  settings_ = settings;
  return assemble();
}

void Certificates::check(const config::Tls& settings,
                         std::vector<config::Diagnostic>& diagnostics) {
  const Certificates none("");
  for (const config::Tls::Files& files : settings.files) {
    const auto pair = none.read(files, settings.min);
    if (pair) {
      note_expiry(files, pair->info, diagnostics);
    } else {
      diagnostics.push_back(problem(config::Severity::Error, files.where, pair.error(), kHowToPut));
    }
  }
}

std::expected<Certificates::FilePair, std::string> Certificates::read(
    const config::Tls::Files& files, config::Tls::Version min) const {
  const auto pair = tls::read_pair(files.cert, files.key);
  if (!pair) return std::unexpected(pair.error());
  auto info = tls::inspect(*pair, seconds_now());
  if (!info) return std::unexpected(files.cert + ": " + info.error());
  // The same certificate keeps its context, and with it the sessions that can be resumed.
  const auto before = files_.find(files.cert);
  if (before != files_.end() && before->second.chain_pem == pair->chain_pem && min == settings_.min)
    return before->second;
  auto context = tls::Context::server(pair->chain_pem, pair->key_pem, version_of(min));
  if (!context) return std::unexpected(files.cert + ": " + context.error());
  return FilePair{pair->chain_pem, std::move(*info), std::move(*context)};
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
  auto context = tls::Context::server(pair->chain_pem, pair->key_pem, version_of(settings_.min));
  if (!context) return std::unexpected(context.error());
  return Leaf{pair->chain_pem, std::move(*context)};
}

Certificates::Served Certificates::assemble() const {
  auto served = std::make_shared<route::Certificates>();
  for (const config::Tls::Files& files : settings_.files) {
    const FilePair& pair = files_.at(files.cert);
    for (const std::string& name : pair.info.names) served->add(name, pair.context);
    if (files.is_default) served->set_fallback(pair.context);
  }
  served->set_issues_locally(settings_.local_ca);
  if (!settings_.local_ca) return served;
  for (const auto& [name, leaf] : leaves_) served->add(name, leaf.context);
  return served;
}

std::string state_directory() {
  for (const char* name : {"ENGINE_STATE", "STATE_DIRECTORY"}) {
    if (std::string directory = from_environment(name); !directory.empty()) return directory;
  }
  if (::geteuid() == 0) return "/var/lib/engine";
  if (const std::string home = from_environment("XDG_STATE_HOME"); !home.empty())
    return home + "/engine";
  return from_environment("HOME") + "/.local/state/engine";
}

}  // namespace engine::control
