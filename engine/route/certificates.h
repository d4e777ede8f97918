// SPDX-License-Identifier: GPL-3.0-or-later
// Which certificate a TLS client gets, and whose it must show itself: by the name it asks for. Part
// of a snapshot, immutable once published.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/route/table.h"
#include "tls/context.h"

namespace engine::route {

class Certificates {
 public:
  using Context = std::shared_ptr<const tls::Context>;

  // Authorities of clients go by number, and 0 is that anybody may come. `client_cas` has one for
  // each host; null: 0 for all.
  explicit Certificates(std::shared_ptr<const Table> client_cas = nullptr)
      : client_cas_(std::move(client_cas)) {}
  // Of the host that a name or an IP address belongs to.
  [[nodiscard]] std::uint32_t client_ca_of(std::string_view name) const;

  // `name` is a DNS name in lower case, perhaps with "*" as its first label, or an IP address as
  // text. `context` is for its hosts with this number. What was added first stays.
  void add(std::string name, Context context, std::uint32_t client_ca = 0);
  // For everybody whose name has none.
  void set_fallback(Context context, std::uint32_t client_ca = 0);
  // Local names without a certificate get one from the local authority.
  void set_issues_locally(bool issues) { issues_locally_ = issues; }

  // By the name itself, then by a wildcard for its first label (RFC 6125 section 6.4.3). Null when
  // there is none. Never one that asks clients for less than client_ca_of(name).
  [[nodiscard]] Context find(std::string_view name) const;
  [[nodiscard]] Context fallback(std::string_view name) const;
  // Whether asking control for a certificate of this name helps.
  [[nodiscard]] bool issues(std::string_view name) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  struct Kind {
    std::unordered_map<std::string, Context, Hash, std::equal_to<>> by_name;
    Context fallback;
  };
  [[nodiscard]] const Kind* kind_of(std::string_view name) const;
  Kind& kind(std::uint32_t client_ca);

  std::shared_ptr<const Table> client_cas_;
  std::vector<Kind> kinds_;  // by the number of the authorities
  bool issues_locally_ = false;
};

}  // namespace engine::route
