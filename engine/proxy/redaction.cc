// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/redaction.h"

#include <algorithm>

#include "engine/http/names.h"

namespace engine::proxy {
namespace {

constexpr std::string_view kInstead = "REDACTED";

}  // namespace

std::string_view Redaction::in_query(std::string_view query) {
  if (names_.empty()) return query;
  copy_.clear();
  std::size_t copied = 0;  // of the query; 0 as long as there was nothing to hide
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find_first_of("&#", at), query.size());
    const std::string_view parameter = query.substr(at, end - at);
    const std::size_t name = parameter.find('=');
    const bool has_value = name != parameter.npos && name + 1 < parameter.size();
    if (has_value && hides(parameter.substr(0, name))) {
      copy_ += query.substr(copied, at + name + 1 - copied);
      copy_ += kInstead;
      copied = end;
    }
    at = end + 1;
  }
  if (copied == 0) return query;
  copy_ += query.substr(copied);
  return copy_;
}

std::string_view Redaction::in_address(std::string_view address) {
  const std::size_t mark = address.find_first_of("?#");
  if (mark == address.npos) return address;
  const std::string_view query = address.substr(mark + 1);
  if (in_query(query).data() == query.data()) return address;
  copy_.insert(0, address.substr(0, mark + 1));
  return copy_;
}

bool Redaction::hides(std::string_view name) const {
  return std::ranges::any_of(names_, [name](const std::string& hidden) {
    return http::equals_ignoring_case(hidden, name);
  });
}

}  // namespace engine::proxy
