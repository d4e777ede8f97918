// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/certificates.h"

#include <utility>

#include "tls/authority.h"

namespace engine::route {

std::uint32_t Certificates::client_ca_of(std::string_view name) const {
  if (client_cas_ == nullptr) return 0;
  const bool is_v6 = name.contains(':');
  const Match match =
      client_cas_->match(is_v6 ? "[" + std::string(name) + "]" : std::string(name), "/");
  return match.found == Found::Yes ? match.service_index : 0;
}

void Certificates::add(std::string name, Context context, std::uint32_t client_ca) {
  kind(client_ca).by_name.try_emplace(std::move(name), std::move(context));
}

void Certificates::set_fallback(Context context, std::uint32_t client_ca) {
  kind(client_ca).fallback = std::move(context);
}

Certificates::Context Certificates::find(std::string_view name) const {
  const Kind* const kind = kind_of(name);
  if (kind == nullptr) return nullptr;
  if (const auto exact = kind->by_name.find(name); exact != kind->by_name.end())
    return exact->second;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto wildcard = kind->by_name.find("*" + std::string(name.substr(dot)));
  return wildcard == kind->by_name.end() ? nullptr : wildcard->second;
}

Certificates::Context Certificates::fallback(std::string_view name) const {
  const Kind* const kind = kind_of(name);
  return kind == nullptr ? nullptr : kind->fallback;
}

const Certificates::Kind* Certificates::kind_of(std::string_view name) const {
  const std::uint32_t client_ca = client_ca_of(name);
  return client_ca < kinds_.size() ? &kinds_[client_ca] : nullptr;
}

Certificates::Kind& Certificates::kind(std::uint32_t client_ca) {
  if (client_ca >= kinds_.size()) kinds_.resize(client_ca + 1);
  return kinds_[client_ca];
}

bool Certificates::issues(std::string_view name) const {
  return issues_locally_ && tls::is_local_name(name);
}

}  // namespace engine::route
