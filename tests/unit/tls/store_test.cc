// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/store.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "tests/unit/tls/support.h"

namespace tls {
namespace {

namespace fs = test::fs;

constexpr std::int64_t kNow = 1'800'000'000;  // in 2027

class StoreTest : public testing::Test {
 protected:
  // Its CA; a failure of the test when there is none.
  static std::string ca_of(LocalStore& store, std::int64_t now = kNow) {
    const auto authority = store.authority(now);
    EXPECT_TRUE(authority) << authority.error();
    return authority ? authority->get().pair().chain_pem : "";
  }
  static std::string leaf_of(LocalStore& store, std::string_view name, std::int64_t now = kNow) {
    const std::expected<Pair, std::string> leaf = store.leaf(name, now);
    EXPECT_TRUE(leaf) << leaf.error();
    return leaf ? leaf->chain_pem : "";
  }
  [[nodiscard]] unsigned mode_of(const std::string& name) const {
    return static_cast<unsigned>(fs::status(folder_.path(name)).permissions());
  }
  [[nodiscard]] std::vector<std::string> files_in(const std::string& name) const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_.path(name))) {
      files.push_back(entry.path().filename().string());
    }
    std::ranges::sort(files);
    return files;
  }
  LocalStore store() { return LocalStore(folder_.path("state/tls")); }
  // The path leads through a file: no user, not even root, can write there.
  LocalStore nowhere() {
    folder_.write("file", "");
    return LocalStore(folder_.path("file/tls"));
  }

  test::Folder folder_;
};

TEST_F(StoreTest, nothing_is_touched_before_it_is_needed) {
  LocalStore unused = store();

  EXPECT_FALSE(fs::exists(folder_.path("state")));
}

TEST_F(StoreTest, folder_and_keys_are_for_their_owner_alone) {
  LocalStore one = store();
  leaf_of(one, "app.localhost");

  EXPECT_EQ(mode_of("state/tls"), 0700u);
  EXPECT_EQ(mode_of("state/tls/ca-key.pem"), 0600u);
  EXPECT_EQ(mode_of("state/tls/ca.pem"), 0644u);
  EXPECT_EQ(mode_of("state/tls/leaves"), 0700u);
  EXPECT_EQ(mode_of("state/tls/leaves/app.localhost-key.pem"), 0600u);
  EXPECT_EQ(files_in("state/tls"), (std::vector<std::string>{"ca-key.pem", "ca.pem", "leaves"}));
  EXPECT_EQ(one.take_warning(), "");
}

TEST_F(StoreTest, next_start_has_the_same_authority_and_leaves) {
  LocalStore first = store();
  const std::string ca = ca_of(first);
  const std::string leaf = leaf_of(first, "app.localhost");
  LocalStore next(folder_.path("state/tls/"));

  EXPECT_EQ(ca_of(next, kNow + 1), ca);
  EXPECT_EQ(leaf_of(next, "app.localhost", kNow + 1), leaf);
}

TEST_F(StoreTest, stores_that_start_together_agree_on_one_authority) {
  ASSERT_TRUE(Authority::create(kNow)) << "and wolfSSL has been set up";
  std::array<std::string, 4> seen;
  {
    std::vector<std::jthread> threads;
    for (std::string& mine : seen) {
      threads.emplace_back([this, &mine] {
        LocalStore one = store();
        mine = ca_of(one);
      });
    }
  }
  EXPECT_EQ(std::ranges::count(seen, folder_.read("state/tls/ca.pem")), 4);
}

TEST_F(StoreTest, authority_on_disk_that_is_broken_is_never_overwritten) {
  LocalStore first = store();
  ca_of(first);
  for (const char* name : {"state/tls/ca.pem", "state/tls/ca-key.pem"}) {
    const std::string good = folder_.read(name);
    folder_.write(name, "broken");
    LocalStore next = store();
    const auto authority = next.authority(kNow);
    ASSERT_FALSE(authority) << name;
    EXPECT_NE(authority.error().find(folder_.path("state/tls/ca.pem")), std::string::npos);
    EXPECT_NE(authority.error().find("delete both"), std::string::npos);
    EXPECT_EQ(next.leaf("app.localhost", kNow).error(), authority.error());
    EXPECT_EQ(folder_.read(name), "broken");
    folder_.write(name, good);
    EXPECT_TRUE(next.authority(kNow)) << "repaired without a restart";
  }
}

TEST_F(StoreTest, half_an_authority_is_not_overwritten_either) {
  LocalStore first = store();
  ca_of(first);
  fs::remove(folder_.path("state/tls/ca.pem"));
  LocalStore next = store();
  const auto authority = next.authority(kNow);

  ASSERT_FALSE(authority);
  EXPECT_NE(authority.error().find("ca.pem: No such file"), std::string::npos) << authority.error();
  EXPECT_EQ(files_in("state/tls"), std::vector<std::string>{"ca-key.pem"});
}

TEST_F(StoreTest, expired_authority_on_disk_is_an_error_also_while_running) {
  LocalStore one = store();
  ca_of(one);
  const auto late = one.authority(kNow + 3650 * kDaySeconds + 1);

  ASSERT_FALSE(late);
  EXPECT_NE(late.error().find("has expired"), std::string::npos) << late.error();
}

TEST_F(StoreTest, authority_that_cannot_be_kept_lives_in_memory_with_one_warning) {
  LocalStore one = nowhere();
  const std::string ca = ca_of(one);
  const std::string leaf = leaf_of(one, "app.localhost");

  EXPECT_EQ(ca_of(one), ca);
  EXPECT_EQ(leaf_of(one, "app.localhost"), leaf);
  const std::string warning = one.take_warning();
  EXPECT_NE(warning.find(folder_.path("file/tls") + " (Not a directory)"), std::string::npos)
      << warning;
  EXPECT_EQ(one.take_warning(), "");
}

TEST_F(StoreTest, leaves_that_cannot_be_kept_live_in_memory_with_one_warning) {
  LocalStore one = store();
  ca_of(one);
  folder_.write("state/tls/leaves", "a file where the folder should be");
  const std::string leaf = leaf_of(one, "app.localhost");

  EXPECT_EQ(leaf_of(one, "app.localhost"), leaf);
  const std::string warning = one.take_warning();
  EXPECT_NE(warning.find("leaves (Not a directory)"), std::string::npos) << warning;
  leaf_of(one, "other.localhost");
  EXPECT_EQ(one.take_warning(), "") << "said once";

  fs::remove(folder_.path("state/tls/leaves"));
  leaf_of(one, "third.localhost");
  fs::remove_all(folder_.path("state/tls/leaves"));
  folder_.write("state/tls/leaves", "");
  leaf_of(one, "fourth.localhost");
  EXPECT_NE(one.take_warning(), "") << "it had worked in between";
}

TEST_F(StoreTest, leaf_is_renewed_when_less_than_30_days_are_left) {
  LocalStore one = store();
  const std::string leaf = leaf_of(one, "app.localhost");
  LocalStore next = store();
  const std::int64_t last = kNow + 60 * kDaySeconds;

  EXPECT_EQ(leaf_of(next, "app.localhost", last), leaf) << "from disk";
  EXPECT_EQ(leaf_of(one, "app.localhost", last), leaf) << "from memory";
  const std::string renewed = leaf_of(next, "app.localhost", last + 1);
  EXPECT_NE(renewed, leaf) << "from memory";
  EXPECT_EQ(leaf_of(one, "app.localhost", last + 1), renewed) << "from disk, by another process";
}

TEST_F(StoreTest, leaf_of_another_authority_is_issued_again) {
  LocalStore first = store();
  const std::string leaf = leaf_of(first, "app.localhost");
  fs::remove(folder_.path("state/tls/ca.pem"));
  fs::remove(folder_.path("state/tls/ca-key.pem"));
  LocalStore next = store();

  const std::string again = leaf_of(next, "app.localhost");
  EXPECT_NE(again, leaf);
  EXPECT_EQ(folder_.read("state/tls/leaves/app.localhost.pem"), again);
}

TEST_F(StoreTest, damaged_leaf_is_issued_again) {
  LocalStore first = store();
  for (const char* name : {"state/tls/leaves/a.test.pem", "state/tls/leaves/a.test-key.pem"}) {
    leaf_of(first, "a.test");
    folder_.write(name, "broken");
    LocalStore next = store();
    leaf_of(next, "a.test");
    EXPECT_NE(folder_.read(name), "broken") << name;
  }
}

TEST_F(StoreTest, leaf_of_another_name_is_not_taken) {
  LocalStore first = store();
  const std::string other = leaf_of(first, "b.test");
  const std::string at = folder_.path("state/tls/leaves/");
  fs::rename(at + "b.test.pem", at + "a.test.pem");
  fs::rename(at + "b.test-key.pem", at + "a.test-key.pem");
  LocalStore next = store();

  EXPECT_NE(leaf_of(next, "a.test"), other);
}

TEST_F(StoreTest, stars_and_colons_are_replaced_in_file_names) {
  LocalStore one = store();
  const std::string wildcard = leaf_of(one, "*.app.test"), address = leaf_of(one, "::1");
  LocalStore next = store();

  EXPECT_EQ(
      files_in("state/tls/leaves"),
      (std::vector<std::string>{"++1-key.pem", "++1.pem", "+.app.test-key.pem", "+.app.test.pem"}));
  EXPECT_EQ(leaf_of(next, "*.app.test"), wildcard);
  EXPECT_EQ(leaf_of(next, "::1"), address);
}

TEST_F(StoreTest, names_that_are_not_local_are_refused_before_anything_is_made) {
  LocalStore one = store();
  for (const char* name : {"example.com", "../../x.test", "/etc/x.test", "..", "a/../b.test"}) {
    const std::expected<Pair, std::string> leaf = one.leaf(name, kNow);
    ASSERT_FALSE(leaf) << name;
    EXPECT_EQ(leaf.error(), kNotLocalName);
  }
  EXPECT_FALSE(fs::exists(folder_.path("state")));
}

TEST_F(StoreTest, longest_name_is_served_although_no_file_can_have_it) {
  std::string name;
  for (int i = 0; i < 3; ++i) name += std::string(63, 'a') + ".";
  name += std::string(56, 'b') + ".test";
  LocalStore one = store();

  EXPECT_EQ(leaf_of(one, name), leaf_of(one, name));
  EXPECT_NE(one.take_warning().find("File name too long"), std::string::npos);
}

TEST_F(StoreTest, at_most_a_thousand_leaves_stay_on_disk_and_the_oldest_go_first) {
  LocalStore one = store();
  leaf_of(one, "first.test");
  const std::string at = folder_.path("state/tls/leaves/");
  const auto start = fs::last_write_time(at + "first.test.pem");
  for (int i = 1; i < 1000; ++i) {
    const std::string stem = "state/tls/leaves/" + std::to_string(i) + ".test";
    folder_.write(stem + "-key.pem", "");
    folder_.write(stem + ".pem", "");
    // Number 7 is the oldest, though not the first by name.
    fs::last_write_time(folder_.path(stem + ".pem"), start - std::chrono::seconds(i == 7 ? 99 : 9));
  }
  leaf_of(one, "first.test", kNow + 61 * kDaySeconds);
  EXPECT_EQ(files_in("state/tls/leaves").size(), 2000u) << "a renewed leaf takes its own place";

  leaf_of(one, "last.test");
  EXPECT_EQ(files_in("state/tls/leaves").size(), 2000u);
  EXPECT_FALSE(fs::exists(at + "7.test.pem"));
  EXPECT_FALSE(fs::exists(at + "7.test-key.pem"));
  EXPECT_TRUE(fs::exists(at + "last.test.pem"));
}

TEST_F(StoreTest, at_most_a_thousand_leaves_stay_in_memory_and_the_oldest_go_first) {
  LocalStore one = nowhere();
  const std::string first = leaf_of(one, "first.test");
  const std::string second = leaf_of(one, "second.test", kNow + 1);
  for (int i = 2; i < 1000; ++i) leaf_of(one, std::to_string(i) + ".test", kNow + 2);
  EXPECT_EQ(leaf_of(one, "first.test", kNow + 3), first);
  leaf_of(one, "last.test", kNow + 3);

  EXPECT_EQ(leaf_of(one, "second.test", kNow + 3), second);
  EXPECT_NE(leaf_of(one, "first.test", kNow + 3), first);
}

}  // namespace
}  // namespace tls
