// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/diff.h"

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

using Strings = std::vector<std::string>;

Diff between(const std::string& before, const std::string& after) {
  return diff(load_toml(before).config, load_toml(after).config);
}

TEST(Diff, names_what_was_added_changed_and_removed) {
  Diff found = between("[routes]\n\"a.com\" = 1\n\"b.com\" = 2\n\"c.com\" = 3\n",
                       "[routes]\n\"d.com\" = 4\n\"b.com\" = 5\n\"c.com\" = 3\n");

  EXPECT_EQ(found.added, Strings{"d.com"});
  EXPECT_EQ(found.changed, Strings{"b.com"});
  EXPECT_EQ(found.removed, Strings{"a.com"});
  EXPECT_EQ(found.summary(), "1 site added, 1 changed, 1 removed");
}

TEST(Diff, moving_a_site_to_another_line_changes_nothing) {
  Diff found = between("[routes]\n\"a.com\" = 1\n", "# comment\n\n[routes]\n\"a.com\"   =   1\n");

  EXPECT_TRUE(found.empty());
  EXPECT_EQ(found.summary(), "nothing changed");
}

TEST(Diff, a_policy_is_part_of_a_site) {
  EXPECT_EQ(between("[routes]\n\"a.com\" = 1\n",
                    "[defaults]\nbalance = \"first\"\n[routes]\n\"a.com\" = 1\n")
                .changed,
            Strings{"a.com"});
}

TEST(Diff, the_pool_of_a_target_is_part_of_it) {
  EXPECT_EQ(
      between("[routes]\n\"a.com\" = [1, 2]\n", "[routes.\"a.com\"]\nto = 1\nreaders.to = 2\n")
          .changed,
      Strings{"a.com"});
}

TEST(Diff, tls_of_a_site_and_of_its_targets_is_part_of_it) {
  const std::string site = "[routes.\"a.com\"]\nto = \"https://b:1\"\n";
  EXPECT_EQ(between("[routes]\n\"a.com\" = \"b:1\"\n", site).changed, Strings{"a.com"});
  EXPECT_EQ(between(site, site + "tls.redirect = true\n").changed, Strings{"a.com"});
  EXPECT_EQ(between(site, site + "tls.client_ca = \"/ca.pem\"\n").changed, Strings{"a.com"});
  EXPECT_EQ(between(site, site + "upstream_tls.ca = \"ca.pem\"\n").changed, Strings{"a.com"});
  EXPECT_EQ(between(site, "[tls]\nhsts = \"1d\"\n" + site).changed, Strings{"a.com"});
}

TEST(Diff, every_key_of_tls_and_trust_counts) {
  const std::string files = "[tls]\nfiles = [{ cert = \"a\", key = \"b\" }]\n";
  for (std::string after :
       {"[tls]\nfiles = [{ cert = \"c\", key = \"b\" }]\n",
        "[tls]\nfiles = [{ cert = \"a\", key = \"c\" }]\n",
        "[tls]\nfiles = [{ cert = \"a\", key = \"b\", default = true }]\n", "[tls]\n",
        "[tls]\nfiles = [{ cert = \"a\", key = \"b\" }]\nmin = \"1.3\"\n",
        "[tls]\nfiles = [{ cert = \"a\", key = \"b\" }]\nlocal_ca = false\n"}) {
    EXPECT_EQ(between(files, after).settings, Strings{"tls"}) << after;
  }
  EXPECT_TRUE(between(files, "# moved\n" + files).empty());
  EXPECT_EQ(between("[trust]\nproxies = \"::1\"\n",
                    "[trust]\nproxies = \"::1\"\nproxy_protocol = \"optional\"\n")
                .settings,
            Strings{"trust"});
}

TEST(Diff, settings_are_named) {
  Diff found = between("",
                       "listen = 81\n[trust]\nproxies = [\"::1\"]\n[engine]\nworkers = 2\n"
                       "[log]\nlevel = \"warn\"\n[tls]\nmin = \"1.3\"\n");

  EXPECT_EQ(found.settings, (Strings{"listen", "trust", "tls", "engine", "log"}));
  EXPECT_EQ(found.summary(), "listen, trust, tls, engine, log changed");
}

}  // namespace
}  // namespace config::test
