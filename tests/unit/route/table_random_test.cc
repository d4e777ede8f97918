// SPDX-License-Identifier: GPL-3.0-or-later
// The table against a matcher that is too simple to be wrong.
#include <gtest/gtest.h>

#include <cctype>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/route/table.h"

namespace engine::route {
namespace {

// -1: the site is not for this host. Higher ranks win.
int host_rank(const std::string& site, const std::string& host) {
  if (site == "*") return 0;
  if (site == host) return 1000;
  const bool below =
      site.starts_with("*.") && host.ends_with(site.substr(1)) && host.size() > site.size() - 1;
  return below ? static_cast<int>(site.size()) : -1;
}

bool prefix_fits(const std::string& prefix, const std::string& path) {
  if (!path.starts_with(prefix)) return false;
  return prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/';
}

Match reference(const std::vector<Site>& sites, const std::string& host, const std::string& path) {
  int best_rank = -1;
  for (const Site& site : sites) best_rank = std::max(best_rank, host_rank(site.host, host));
  if (best_rank < 0) return {};
  Match match{.found = Found::UnknownPath};
  std::size_t longest = 0;
  for (std::uint32_t i = 0; i < sites.size(); ++i) {
    const Site& site = sites[i];
    if (site.prefix.size() <= longest || host_rank(site.host, host) != best_rank) continue;
    if (!prefix_fits(site.prefix, path)) continue;
    longest = site.prefix.size();
    match = {Found::Yes, site.service_index, i};
  }
  return match;
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(engine_);
  }

  // Few different labels, so that hosts share suffixes and prefixes share segments.
  std::string host(std::uint32_t labels) {
    std::string name = label(labels);
    for (std::uint32_t more = below(4); more > 0; --more) name += "." + label(labels);
    return name;
  }
  std::string site_host(std::uint32_t labels) {
    const std::uint32_t kind = below(20);
    if (kind == 0) return "*";
    return kind < 7 ? "*." + host(labels) : host(labels);
  }
  std::string path(std::uint32_t labels) {
    std::string text;
    for (std::uint32_t segments = below(5); segments > 0; --segments) text += "/" + label(labels);
    return text.empty() || below(3) == 0 ? text + "/" : text;
  }
  std::string as_received(std::string name) {
    for (char& c : name) {
      if (below(4) == 0) c = static_cast<char>(std::toupper(c));
    }
    if (below(4) == 0) name += ".";
    return below(2) == 0 ? name + ":" + std::to_string(below(65536)) : name;
  }

 private:
  std::string label(std::uint32_t labels) {
    const std::uint32_t number = below(labels);
    return std::string(1 + number % 9, static_cast<char>('a' + number % 26)) +
           (number < 26 ? "" : std::to_string(number));
  }
  std::mt19937_64 engine_;
};

std::vector<Site> random_sites(Dice& dice, std::size_t count, std::uint32_t labels) {
  std::vector<Site> sites;
  std::set<std::pair<std::string, std::string>> seen;
  while (sites.size() < count) {
    Site site{dice.site_host(labels), dice.path(labels), dice.below(1'000'000)};
    if (seen.emplace(site.host, site.prefix).second) sites.push_back(std::move(site));
  }
  return sites;
}

void compare(Dice& dice, const std::vector<Site>& sites, int queries, std::uint32_t labels) {
  const Table table(sites);
  for (int i = 0; i < queries; ++i) {
    const std::string host = dice.host(labels);
    const std::string path = dice.path(labels);
    const Match expected = reference(sites, host, path);
    const Match match = table.match(dice.as_received(host), path);
    ASSERT_EQ(match.found, expected.found) << host << path;
    ASSERT_EQ(match.site_index, expected.site_index) << host << path;
    ASSERT_EQ(match.service_index, expected.service_index) << host << path;
  }
}

TEST(TableRandom, a_hundred_thousand_sites_are_matched_like_the_reference_does) {
  Dice dice(20250101);
  compare(dice, random_sites(dice, 100'000, 20), 150, 20);
}

TEST(TableRandom, every_site_of_a_hundred_thousand_finds_itself) {
  Dice dice(7);
  const std::vector<Site> sites = random_sites(dice, 100'000, 40);
  const Table table(sites);
  for (std::uint32_t i = 0; i < sites.size(); ++i) {
    if (sites[i].host.starts_with("*")) continue;
    const Match match = table.match(dice.as_received(sites[i].host), sites[i].prefix);
    ASSERT_EQ(match.site_index, i) << sites[i].host << sites[i].prefix;
  }
}

TEST(TableRandom, a_thousand_small_tables_are_matched_like_the_reference_does) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    compare(dice, random_sites(dice, 1 + dice.below(60), 3), 50, 3);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace engine::route
