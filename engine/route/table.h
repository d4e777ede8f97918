// SPDX-License-Identifier: GPL-3.0-or-later
// host and path → service. Immutable; lookups neither allocate nor lock. Exact host, then the
// longest `*.` wildcard (any depth below it, not the name itself), then `*`; within a host the
// longest path prefix on a segment boundary.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine::route {

// One site as configured.
struct Site {
  std::string host;    // lower case, no port: "shop.localhost", "*.example.com", "*", "[::1]"
  std::string prefix;  // "/" or "/docs" or "/docs/"
  std::uint32_t service_index = 0;
};

enum class Found : std::uint8_t { Yes, UnknownHost, UnknownPath };

struct Match {
  Found found = Found::UnknownHost;
  std::uint32_t service_index = 0;
  std::uint32_t site_index = 0;  // into the sites given to build(): the log's `site`
};

struct TableIndex;

class Table {
 public:
  // Sites must be unique by (host, prefix). 100,000 sites build in well under 200 ms.
  explicit Table(std::vector<Site> sites);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  // `host` is as received: any case, perhaps with a port, a trailing dot, IPv6 in brackets; over
  // 255 octets it never matches, empty only "*". `path` is normalised and starts with '/' (or is
  // "*", which matches the prefix "/" only). "/docs" matches /docs and /docs/x but not /docsx;
  // "/docs/" matches /docs/ and below, and not /docs. A known host without a fitting path is
  // UnknownPath: the search does not go on with a wider wildcard.
  [[nodiscard]] Match match(std::string_view host, std::string_view path) const noexcept;

  [[nodiscard]] std::span<const Site> sites() const;

 private:
  std::unique_ptr<const TableIndex> index_;
};

}  // namespace engine::route
