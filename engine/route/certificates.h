// SPDX-License-Identifier: GPL-3.0-or-later
// Which certificate a TLS client gets: by the name it asks for. Part of a snapshot, immutable once
// published.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tls/context.h"

namespace engine::route {

class Certificates {
 public:
  using Context = std::shared_ptr<const tls::Context>;

  // `name` is a DNS name in lower case, perhaps with "*" as its first label, or an IP address as
  // text. What was added first stays.
  void add(std::string name, Context context);
  // For everybody whose name has none.
  void set_fallback(Context context) { fallback_ = std::move(context); }
  // Local names without a certificate get one from the local authority.
  void set_issues_locally(bool issues) { issues_locally_ = issues; }

  // By the name itself, then by a wildcard for its first label (RFC 6125 section 6.4.3). Null when
  // there is none.
  [[nodiscard]] Context find(std::string_view name) const;
  [[nodiscard]] const Context& fallback() const { return fallback_; }
  // Whether asking control for a certificate of this name helps.
  [[nodiscard]] bool issues(std::string_view name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::unordered_map<std::string, Context, Hash, std::equal_to<>> by_name_;
  Context fallback_;
  bool issues_locally_ = false;
};

}  // namespace engine::route
