// SPDX-License-Identifier: GPL-3.0-or-later
// One site of a configuration as the data plane sees it, without its targets.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"
#include "engine/route/limits.h"
#include "engine/route/service.h"
#include "engine/route/trust.h"

namespace engine::control {

// Reads the directories that `errors` names, each once per reload. What is wrong with one is a
// warning.
class ErrorPages {
 public:
  using Pages = std::map<int, std::string>;
  static constexpr std::size_t kPageBytesMax = 256 * 1024;

  explicit ErrorPages(std::vector<config::Diagnostic>& diagnostics) : diagnostics_(diagnostics) {}

  // Status → HTML; 4 and 5 for 4xx.html and 5xx.html. Empty when `directory` is.
  [[nodiscard]] const Pages& read(const std::string& directory, const config::Position& where);

 private:
  void warn(const config::Position& where, std::string message, std::string hint);

  std::vector<config::Diagnostic>& diagnostics_;
  std::unordered_map<std::string, Pages> known_;
};

// The status a page's file name stands for: 404 for "404.html", 5 for "5xx.html"; 0 for other
// names.
[[nodiscard]] int page_status(std::string_view file_name);

[[nodiscard]] route::Service service_of(const config::Site& site, ErrorPages& pages);
[[nodiscard]] route::Pool pool_of(config::Target::Pool pool);
[[nodiscard]] route::ProxyProtocol proxy_protocol_of(config::ProxyProtocol protocol);
// `tls` is null for a target in plaintext.
[[nodiscard]] std::shared_ptr<const route::Target> target_of(
    const config::Target& target, std::shared_ptr<const route::TargetTls> tls);
[[nodiscard]] route::Limits limits_of(const config::Engine& engine);

}  // namespace engine::control
