// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/certificates.h"

#include <utility>

#include "tls/authority.h"

namespace engine::route {

void Certificates::add(std::string name, Context context) {
  by_name_.try_emplace(std::move(name), std::move(context));
}

Certificates::Context Certificates::find(std::string_view name) const {
  if (const auto exact = by_name_.find(name); exact != by_name_.end()) return exact->second;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto wildcard = by_name_.find("*" + std::string(name.substr(dot)));
  return wildcard == by_name_.end() ? nullptr : wildcard->second;
}

bool Certificates::issues(std::string_view name) const {
  return issues_locally_ && tls::is_local_name(name);
}

}  // namespace engine::route
