// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/system_store.h"

#include "tests/unit/cli/support.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

using Result = TrustOutcome::Result;

class SystemStoreTest : public testing::Test {
 protected:
  TrustOutcome add(const std::string& pem = "ca\n") {
    return add_to_system(machine_.systems(), machine_.programs(), pem);
  }
  TrustOutcome remove() { return remove_from_system(machine_.systems(), machine_.programs()); }

  test::Machine machine_;
};

TEST_F(SystemStoreTest, an_authority_is_a_file_for_everybody_and_then_in_the_lists) {
  machine_.add_refresh();

  const TrustOutcome added = add();

  EXPECT_EQ(added.result, Result::Done) << added.why;
  EXPECT_EQ(added.store, "the system (" + machine_.path("anchors/ca.crt") + ")");
  EXPECT_EQ(machine_.read("anchors/ca.crt"), "ca\n");
  EXPECT_EQ(fs::status(machine_.path("anchors/ca.crt")).permissions(), fs::perms(0644));
  EXPECT_EQ(machine_.read("ran"), "refresh plain\n");
}

TEST_F(SystemStoreTest, lists_are_made_again_when_an_earlier_try_was_cut_short) {
  machine_.add_refresh();
  machine_.write("anchors/ca.crt", "ca\n");

  EXPECT_EQ(add().result, Result::Already);
  EXPECT_EQ(machine_.read("ran"), "refresh plain\n");

  fs::remove(machine_.path("anchors/ca.crt"));
  EXPECT_EQ(remove().result, Result::Already);
  EXPECT_EQ(machine_.read("ran"), "refresh plain\nrefresh plain\n");
}

TEST_F(SystemStoreTest, an_earlier_authority_is_replaced_and_leaves_no_links) {
  machine_.add_refresh();
  machine_.write("anchors/ca.crt", "another\n");

  EXPECT_EQ(add().result, Result::Done);
  EXPECT_EQ(machine_.read("anchors/ca.crt"), "ca\n");
  EXPECT_EQ(machine_.read("ran"), "refresh all\n");
}

TEST_F(SystemStoreTest, removing_takes_our_file_only_whatever_is_in_it) {
  machine_.add_refresh();
  machine_.write("anchors/ca.crt", "another\n");
  machine_.write("anchors/theirs.crt", "theirs\n");

  EXPECT_EQ(remove().result, Result::Done);
  EXPECT_FALSE(machine_.has("anchors/ca.crt"));
  EXPECT_TRUE(machine_.has("anchors/theirs.crt"));
  EXPECT_EQ(machine_.read("ran"), "refresh all\n");
}

TEST_F(SystemStoreTest, hooks_with_lists_of_their_own_are_told_of_what_is_gone) {
  const std::string note = "#!/bin/sh\ncat >> " + machine_.path("told") + "\n";
  machine_.add_refresh();
  machine_.add_program("java", note, "hooks");
  machine_.add_program("java.dpkg-old", note, "hooks");
  machine_.write("hooks/README", "no program");
  add();

  EXPECT_EQ(remove().result, Result::Done);
  EXPECT_EQ(machine_.read("told"), "-/lists/ca.pem\n");

  machine_.add_program("java", "#!/bin/sh\necho locked; exit 1\n", "hooks");
  EXPECT_EQ(remove().result, Result::Failed);  // it may have it still
}

TEST_F(SystemStoreTest, a_missing_program_is_named_before_anything_changes) {
  const TrustOutcome added = add();
  EXPECT_EQ(added.result, Result::Failed);
  EXPECT_EQ(added.why, "not-here is not installed");
  EXPECT_EQ(added.fix, "install certificates");
  EXPECT_FALSE(machine_.has("anchors/ca.crt"));

  EXPECT_EQ(remove().result, Result::Already);
  machine_.write("anchors/ca.crt", "ca\n");
  EXPECT_EQ(remove().result, Result::Failed);
  EXPECT_TRUE(machine_.has("anchors/ca.crt"));
}

TEST_F(SystemStoreTest, a_program_that_fails_is_quoted) {
  machine_.add_refresh("echo 'disk full' >&2; exit 1\n");

  const TrustOutcome added = add();

  EXPECT_EQ(added.result, Result::Failed);
  EXPECT_EQ(added.why, machine_.path("bin/refresh") + ": disk full");
}

TEST_F(SystemStoreTest, a_system_without_any_folder_is_left_out) {
  fs::remove(machine_.path("anchors"));

  EXPECT_EQ(add().result, Result::LeftOut);
  EXPECT_EQ(remove().result, Result::LeftOut);
}

TEST_F(SystemStoreTest, who_may_not_write_is_told_so_unless_nothing_has_to_change) {
  machine_.add_refresh();
  machine_.write("anchors/ca.crt", "ca\n");
  fs::permissions(machine_.path("anchors"), fs::perms(0555));
  const ActingAs acting(test::nobody());

  EXPECT_EQ(add("ca\n").result, Result::Already);
  EXPECT_EQ(add("another\n").result, Result::NoRights);
  EXPECT_EQ(remove().result, Result::NoRights);
  EXPECT_EQ(machine_.read("anchors/ca.crt"), "ca\n");
  EXPECT_FALSE(machine_.has("ran"));
}

TEST_F(SystemStoreTest, known_systems_have_a_program_for_each_change) {
  for (const SystemStore& store : known_system_stores()) {
    EXPECT_TRUE(store.file.starts_with("engine-local-ca.")) << store.folder;
    EXPECT_FALSE(store.refresh.empty() || store.rebuild.empty()) << store.folder;
    EXPECT_FALSE(store.package.empty()) << store.folder;
  }
}

}  // namespace
}  // namespace engine::cli
