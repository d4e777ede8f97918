// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/allocation_count.h"

namespace engine::route {
namespace {

// "host/prefix" of the site that matches, or why none does.
std::string where(const Table& table, std::string_view host, std::string_view path) {
  const Match match = table.match(host, path);
  if (match.found == Found::UnknownHost) return "unknown host";
  if (match.found == Found::UnknownPath) return "unknown path";
  const Site& site = table.sites()[match.site_index];
  EXPECT_EQ(site.service_index, match.service_index);
  return site.host + site.prefix;
}

Table table_of(const std::vector<std::pair<std::string, std::string>>& sites) {
  std::vector<Site> list;
  for (const auto& [host, prefix] : sites) {
    list.push_back({host, prefix, 1000 + static_cast<std::uint32_t>(list.size())});
  }
  return Table(std::move(list));
}

TEST(Table, an_empty_table_knows_no_host) {
  const Table table({});
  EXPECT_EQ(where(table, "a.test", "/"), "unknown host");
  EXPECT_EQ(where(table, "", "/"), "unknown host");
  EXPECT_TRUE(table.sites().empty());
}

TEST(Table, case_port_and_trailing_dot_of_the_host_do_not_matter) {
  const Table table = table_of({{"shop.example.com", "/"}, {"[2001:db8::1]", "/"}});
  for (const char* host : {"shop.example.com", "SHOP.Example.COM", "shop.example.com:8080",
                           "shop.example.com.", "Shop.example.com.:1"}) {
    EXPECT_EQ(where(table, host, "/x"), "shop.example.com/") << host;
  }
  EXPECT_EQ(where(table, "[2001:DB8::1]:443", "/"), "[2001:db8::1]/");
  EXPECT_EQ(where(table, "[2001:db8::2]", "/"), "unknown host");
  EXPECT_EQ(where(table, "shop.example.com..", "/"), "unknown host");
  EXPECT_EQ(where(table, "xshop.example.com", "/"), "unknown host");
}

TEST(Table, a_wildcard_matches_every_depth_below_it_but_not_the_name_itself) {
  const Table table = table_of({{"*.example.com", "/"}});
  EXPECT_EQ(where(table, "a.example.com", "/"), "*.example.com/");
  EXPECT_EQ(where(table, "A.b.c.d.Example.com:80", "/"), "*.example.com/");
  EXPECT_EQ(where(table, "example.com", "/"), "unknown host");
  EXPECT_EQ(where(table, ".example.com", "/"), "unknown host");
  EXPECT_EQ(where(table, "aexample.com", "/"), "unknown host");
  EXPECT_EQ(where(table, "com", "/"), "unknown host");
  EXPECT_EQ(where(table, "a.example.com.org", "/"), "unknown host");
}

TEST(Table, an_exact_host_beats_a_long_wildcard_beats_a_short_one_beats_any) {
  const Table table = table_of(
      {{"*", "/"}, {"*.example.com", "/"}, {"*.a.example.com", "/"}, {"x.a.example.com", "/"}});
  EXPECT_EQ(where(table, "x.a.example.com", "/"), "x.a.example.com/");
  EXPECT_EQ(where(table, "y.a.example.com", "/"), "*.a.example.com/");
  EXPECT_EQ(where(table, "y.x.a.example.com", "/"), "*.a.example.com/");
  EXPECT_EQ(where(table, "a.example.com", "/"), "*.example.com/");
  EXPECT_EQ(where(table, "example.com", "/"), "*/");
  EXPECT_EQ(where(table, "", "/"), "*/");
  EXPECT_EQ(where(table, "[::1]", "/"), "*/");
}

TEST(Table, an_ipv6_literal_lies_below_no_wildcard) {
  const Table table = table_of({{"*.3.4]", "/"}});
  EXPECT_EQ(where(table, "[::ffff:1.2.3.4]", "/"), "unknown host");
}

TEST(Table, a_host_of_more_than_255_octets_matches_nothing_at_all) {
  const std::string name255 = std::string(251, 'a') + ".com";
  const std::string name256 = "a" + name255;
  const Table table = table_of({{"*", "/"}, {"*.com", "/"}, {name255, "/"}, {name256, "/"}});
  EXPECT_EQ(where(table, name255.substr(1), "/"), "*.com/");
  EXPECT_EQ(where(table, name255, "/"), name255 + "/");
  EXPECT_EQ(where(table, name255 + ".:80", "/"), name255 + "/");
  EXPECT_EQ(where(table, name256, "/"), "unknown host");
}

TEST(Table, a_name_of_the_most_labels_finds_its_wildcard) {
  std::string name;
  for (int i = 0; i < 127; ++i) name += "a.";
  name += "b";
  const Table table = table_of({{"*." + name.substr(2), "/"}, {"*.b", "/"}});
  EXPECT_EQ(name.size(), 255U);
  EXPECT_EQ(where(table, name, "/"), "*." + name.substr(2) + "/");
  EXPECT_EQ(where(table, name.substr(2), "/"), "*.b/");
}

TEST(Table, a_prefix_ends_where_a_segment_ends) {
  const Table table = table_of({{"a", "/docs"}, {"b", "/docs/"}});
  EXPECT_EQ(where(table, "a", "/docs"), "a/docs");
  EXPECT_EQ(where(table, "a", "/docs/"), "a/docs");
  EXPECT_EQ(where(table, "a", "/docs/x"), "a/docs");
  EXPECT_EQ(where(table, "a", "/docsx"), "unknown path");
  EXPECT_EQ(where(table, "a", "/doc"), "unknown path");
  EXPECT_EQ(where(table, "b", "/docs"), "unknown path");
  EXPECT_EQ(where(table, "b", "/docs/"), "b/docs/");
  EXPECT_EQ(where(table, "b", "/docs/x/y"), "b/docs/");
  EXPECT_EQ(where(table, "a", "/Docs"), "unknown path");
}

TEST(Table, the_longest_prefix_wins_whether_they_are_few_or_many) {
  for (const int more : {0, 4, 5, 50}) {  // 4 with the others are the last that lie in the record
    std::vector<std::pair<std::string, std::string>> sites = {
        {"a", "/"}, {"a", "/docs"}, {"a", "/docs/"}, {"a", "/docs/api/v1"}};
    for (int i = 0; i < more; ++i) sites.emplace_back("a", "/more/" + std::to_string(i));
    const Table table = table_of(sites);

    EXPECT_EQ(where(table, "a", "/"), "a/") << more;
    EXPECT_EQ(where(table, "a", "/docsx/y"), "a/") << more;
    EXPECT_EQ(where(table, "a", "/docs"), "a/docs") << more;
    EXPECT_EQ(where(table, "a", "/docs/"), "a/docs/") << more;
    EXPECT_EQ(where(table, "a", "/docs/api"), "a/docs/") << more;
    EXPECT_EQ(where(table, "a", "/docs/api/v1"), "a/docs/api/v1") << more;
    EXPECT_EQ(where(table, "a", "/docs/api/v1/x"), "a/docs/api/v1") << more;
    EXPECT_EQ(where(table, "a", "/docs/api/v10"), "a/docs/") << more;
    EXPECT_EQ(where(table, "a", "/more"), "a/") << more;
  }
}

TEST(Table, a_tree_without_a_root_site_has_unknown_paths) {
  std::vector<std::pair<std::string, std::string>> sites;
  for (int i = 0; i < 20; ++i) sites.emplace_back("a", "/n" + std::to_string(i) + "/x/");
  const Table table = table_of(sites);
  EXPECT_EQ(where(table, "a", "/n7/x/"), "a/n7/x/");
  EXPECT_EQ(where(table, "a", "/n7/x"), "unknown path");
  EXPECT_EQ(where(table, "a", "/n7"), "unknown path");
  EXPECT_EQ(where(table, "a", "/"), "unknown path");
  EXPECT_EQ(where(table, "a", ""), "unknown path");
  EXPECT_EQ(where(table, "a", "n7/x/"), "unknown path");
}

TEST(Table, a_known_host_without_a_fitting_path_does_not_fall_through_to_a_wildcard) {
  const Table table =
      table_of({{"*", "/"}, {"*.test", "/"}, {"a.test", "/api"}, {"*.b.test", "/api"}});
  EXPECT_EQ(where(table, "a.test", "/"), "unknown path");
  EXPECT_EQ(where(table, "x.b.test", "/"), "unknown path");
  EXPECT_EQ(where(table, "c.test", "/"), "*.test/");
}

TEST(Table, the_asterisk_form_matches_the_root_prefix_only) {
  const Table table = table_of({{"a", "/"}, {"a", "/x"}, {"b", "/x"}});
  EXPECT_EQ(where(table, "a", "*"), "a/");
  EXPECT_EQ(where(table, "b", "*"), "unknown path");
}

TEST(Table, a_lookup_allocates_nothing) {
  std::vector<std::pair<std::string, std::string>> sites = {{"*", "/"}, {"*.example.com", "/"}};
  for (int i = 0; i < 20; ++i) sites.emplace_back("many.test", "/p" + std::to_string(i));
  const Table table = table_of(sites);
  const std::string host = std::string(240, 'A') + ".Example.com:8080";
  const std::uint64_t before = support::allocation_count();

  const Match wild = table.match(host, "/a/b/c");
  const Match tree = table.match("many.test", "/p7/x");
  const Match none = table.match("many.test", "/none");
  EXPECT_EQ(support::allocation_count(), before);

  EXPECT_EQ(wild.site_index, 1U);
  EXPECT_EQ(tree.site_index, 9U);
  EXPECT_EQ(none.found, Found::UnknownPath);
  EXPECT_GT(before, 0U);
}

TEST(TableDeathTest, the_same_host_and_prefix_twice_is_our_own_mistake) {
  EXPECT_DEATH(table_of({{"a", "/x"}, {"b", "/"}, {"a", "/x"}}), "same host and prefix");
}

}  // namespace
}  // namespace engine::route
