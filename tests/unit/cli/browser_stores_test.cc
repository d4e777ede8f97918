// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/browser_stores.h"

#include <algorithm>

#include "tests/unit/cli/support.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

using Result = TrustOutcome::Result;
using Results = std::vector<Result>;

constexpr char kChromium[] = ".pki/nssdb";
constexpr char kFirefox[] = ".mozilla/firefox/a.default";

class BrowserStoresTest : public testing::Test {
 protected:
  std::vector<TrustOutcome> add(const std::string& pem = "ca") {
    return add_to_browsers(machine_.user(), machine_.programs(), pem + "\n");
  }
  std::vector<TrustOutcome> remove() {
    return remove_from_browsers(machine_.user(), machine_.programs());
  }
  static Results results(const std::vector<TrustOutcome>& outcomes) {
    Results all;
    std::ranges::transform(outcomes, std::back_inserter(all), &TrustOutcome::result);
    return all;
  }
  [[nodiscard]] std::string in(const fs::path& database, const std::string& file) const {
    return machine_.read("home" / database / file);
  }

  test::Machine machine_;
};

TEST_F(BrowserStoresTest, chromium_and_every_profile_of_firefox_trust_it) {
  const std::vector<std::string> databases = {kChromium,
                                              "snap/chromium/current/.pki/nssdb",
                                              kFirefox,
                                              ".mozilla/firefox/b.work",
                                              "snap/firefox/common/.mozilla/firefox/c",
                                              ".var/app/org.mozilla.firefox/.mozilla/firefox/d"};
  machine_.add_certutil();
  for (const std::string& database : databases) machine_.add_database(database);
  fs::create_directories(machine_.path("home/.mozilla/firefox/Crash Reports"));

  EXPECT_EQ(results(add()), Results(databases.size(), Result::Done));

  for (const std::string& database : databases) {
    EXPECT_EQ(in(database, "engine local CA.pem"), "ca\n") << database;
    EXPECT_EQ(in(database, "engine local CA.flags"), "C,,\n") << database;
  }
}

TEST_F(BrowserStoresTest, a_missing_database_of_chromium_is_made_for_its_owner_alone) {
  machine_.add_certutil();

  const std::vector<TrustOutcome> added = add();

  EXPECT_EQ(results(added), Results{Result::Done});
  EXPECT_EQ(added.at(0).store, "Chromium (" + machine_.path("home/.pki/nssdb") + ")");
  EXPECT_EQ(in(kChromium, "engine local CA.pem"), "ca\n");
  EXPECT_EQ(fs::status(machine_.path("home/.pki/nssdb")).permissions(), fs::perms(0700));
}

TEST_F(BrowserStoresTest, none_is_made_where_chromium_has_one_elsewhere_or_there_is_no_home) {
  machine_.add_certutil();
  machine_.add_database(".local/share/pki/nssdb");
  User homeless = machine_.user();
  homeless.home = machine_.path("absent");

  EXPECT_EQ(results(add()), Results{Result::Done});
  EXPECT_EQ(results(add_to_browsers(homeless, machine_.programs(), "ca\n")), Results{});

  EXPECT_FALSE(machine_.has("home/.pki"));
  EXPECT_FALSE(machine_.has("absent"));
}

TEST_F(BrowserStoresTest, the_second_time_only_lost_trust_is_given_back) {
  machine_.add_certutil();
  machine_.add_database(kChromium);
  add();
  machine_.write(fs::path("home") / kChromium / "engine local CA.flags", ",,\n");

  EXPECT_EQ(results(add()), Results{Result::Already});
  EXPECT_EQ(in(kChromium, "engine local CA.flags"), "C,,\n");
}

TEST_F(BrowserStoresTest, a_new_authority_takes_the_place_of_the_earlier_one) {
  machine_.add_certutil();
  machine_.add_database(kChromium);
  add("earlier");

  EXPECT_EQ(results(add("new")), Results{Result::Done});
  EXPECT_EQ(in(kChromium, "engine local CA.pem"), "new\n");
}

TEST_F(BrowserStoresTest, removing_takes_ours_only) {
  machine_.add_certutil();
  machine_.add_database(kFirefox);
  add();
  for (const char* file : {"engine local CA of others.pem", "engine local CA of others.flags"}) {
    machine_.write(fs::path("home") / kFirefox / file, "theirs\n");
  }

  EXPECT_EQ(results(remove()), (Results{Result::Done, Result::Done}));  // Chromium's was made
  EXPECT_EQ(results(remove()), (Results{Result::Already, Result::Already}));
  EXPECT_EQ(in(kFirefox, "engine local CA.pem"), "");
  EXPECT_EQ(in(kFirefox, "engine local CA of others.pem"), "theirs\n");
}

TEST_F(BrowserStoresTest, a_broken_database_is_an_error_and_the_others_get_it) {
  machine_.add_certutil();
  machine_.add_database(kChromium, "broken");
  machine_.add_database(kFirefox);

  const std::vector<TrustOutcome> added = add();

  EXPECT_EQ(results(added), (Results{Result::Failed, Result::Done}));
  EXPECT_EQ(added.at(0).why, "certutil: bad database");
  EXPECT_EQ(results(remove()), (Results{Result::Failed, Result::Done}));
}

TEST_F(BrowserStoresTest, without_certutil_a_browser_that_was_used_is_an_error_and_no_other) {
  EXPECT_EQ(results(add()), Results{Result::LeftOut});
  EXPECT_FALSE(machine_.has("home/.pki"));
  machine_.add_database(kFirefox);

  const std::vector<TrustOutcome> added = add();

  EXPECT_EQ(results(added), Results{Result::Failed});
  EXPECT_EQ(added.at(0).why, "certutil is not installed");
  EXPECT_TRUE(added.at(0).fix.starts_with("install libnss3-tools")) << added.at(0).fix;
  EXPECT_EQ(results(remove()), Results{Result::Failed});
}

TEST_F(BrowserStoresTest, under_sudo_the_files_belong_to_the_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can act for others";
  const User user = test::nobody(machine_.path("home"));
  machine_.add_certutil();
  ASSERT_EQ(::chown(user.home.c_str(), user.uid, user.gid), 0);

  const auto added = add_to_browsers(user, machine_.programs(), "ca\n");

  EXPECT_EQ(results(added), Results{Result::Done});
  for (const char* name : {".pki", ".pki/nssdb", ".pki/nssdb/engine local CA.pem"}) {
    struct stat status{};
    ASSERT_EQ(::stat((user.home + "/" + name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_uid, user.uid) << name;
    EXPECT_EQ(status.st_gid, user.gid) << name;
  }
  EXPECT_EQ(::geteuid(), 0U);
}

}  // namespace
}  // namespace engine::cli
