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

TEST(Diff, settings_are_named) {
  Diff found = between("",
                       "listen = 81\n[trust]\nproxies = [\"::1\"]\n[engine]\nworkers = 2\n"
                       "[log]\nlevel = \"warn\"\n");

  EXPECT_EQ(found.settings, (Strings{"listen", "trust", "engine", "log"}));
  EXPECT_EQ(found.summary(), "listen, trust, engine, log changed");
}

}  // namespace
}  // namespace config::test
