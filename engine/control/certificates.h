// SPDX-License-Identifier: GPL-3.0-or-later
// The certificates that are served: those of the configuration's files, for their names or for one
// site's host, and those that the local authority issues when a client first asks for their name. On
// the control thread.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "engine/control/client_cas.h"
#include "engine/control/failure.h"
#include "engine/control/metrics.h"
#include "engine/route/certificates.h"
#include "tls/store.h"

namespace engine::control {

class Certificates {
 public:
  using Served = std::shared_ptr<const route::Certificates>;

  // Of the local authority; nothing is touched before the first name is asked for.
  explicit Certificates(std::string state_directory);

  // Reads the files again. A pair that is broken now keeps what it was, with a warning in
  // `diagnostics`; one that never worked is a failure, and then nothing has changed.
  [[nodiscard]] std::expected<Served, Failure> load(const config::Config& config,
                                                    std::vector<config::Diagnostic>& diagnostics);
  // What load() would say of each file, to a first start.
  static void check(const config::Config& config, std::vector<config::Diagnostic>& diagnostics);
  // Of a site of the configuration that was loaded: zeros when it asks clients for none.
  [[nodiscard]] const tls::Digest& client_ca_of(const config::Site& site) const {
    return client_cas_.of(site).id;
  }
  // When those of the files end, by each of their names.
  [[nodiscard]] std::vector<CertificateFigures> expiries() const;
  // Adds local certificates for `names`. Null when there is nothing new.
  [[nodiscard]] Served issue(const std::vector<std::string>& names);

 private:
  struct FilePair {
    std::string chain_pem;
    tls::CertificateInfo info;
    // With each kind of client that its names may have: by Context::client_ca().
    std::map<tls::Digest, route::Certificates::Context> contexts;
  };
  struct Leaf {
    std::string chain_pem;
    route::Certificates::Context context;
  };
  using FilePairs = std::map<std::string, FilePair>;  // by the certificate's path

  std::expected<FilePair, std::string> read(const config::Tls::Files& files,
                                            const config::Config& config,
                                            const ClientCas& client_cas) const;
  std::expected<Leaf, std::string> issue_one(const std::string& name);
  [[nodiscard]] Served assemble() const;

  tls::LocalStore store_;
  config::Tls settings_;                    // with the files of sites
  std::map<std::string, std::string> own_;  // host → the certificate that its site chose
  ClientCas client_cas_;
  FilePairs files_;
  std::map<std::string, Leaf> leaves_;
};

// Where what must survive a restart is kept: `chosen` by a flag, $ENGINE_STATE_DIR, $STATE_DIRECTORY
// (systemd), for root /var/lib/engine, else $XDG_STATE_HOME/engine or ~/.local/state/engine.
[[nodiscard]] std::string state_directory(const std::string& chosen = {});

}  // namespace engine::control
