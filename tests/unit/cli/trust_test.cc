// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/trust.h"

#include <stdlib.h>

#include <functional>

#include "engine/cli/exit_code.h"
#include "tests/unit/cli/support.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

struct Said {
  int code;
  std::string text;
};

class TrustTest : public testing::Test {
 protected:
  void SetUp() override {
    machine_.add_refresh();
    machine_.add_certutil();
  }
  [[nodiscard]] TrustPlaces places(const std::string& state = "state") const {
    return {.state = machine_.path(state),
            .systems = machine_.systems(),
            .programs = machine_.programs(),
            .user = machine_.user(),
            .engine = "/opt/my tools/engine"};
  }
  Said trust() {
    return heard([this] { return run_trust(places()); });
  }
  Said untrust() {
    return heard([this] { return run_untrust(places()); });
  }
  static Said heard(const std::function<int()>& verb) {
    testing::internal::CaptureStderr();
    const int code = verb();
    return {code, testing::internal::GetCapturedStderr()};
  }

  test::Machine machine_;
};

TEST_F(TrustTest, makes_the_authority_on_first_need_and_puts_it_everywhere) {
  const Said said = trust();

  EXPECT_EQ(said.code, kExitOk) << said.text;
  EXPECT_EQ(said.text,
            "engine: the local CA is " + machine_.path("state/tls/ca.pem") +
                "\nengine: trusted now by the system (" + machine_.path("anchors/ca.crt") +
                ")\nengine: trusted now by Chromium (" + machine_.path("home/.pki/nssdb") +
                "): a running one sees it after a restart\n");
  const std::string ca = machine_.read("state/tls/ca.pem");
  EXPECT_TRUE(ca.starts_with("-----BEGIN CERTIFICATE-----"));
  EXPECT_EQ(machine_.read("anchors/ca.crt"), ca);
  EXPECT_EQ(machine_.read("home/.pki/nssdb/engine local CA.pem"), ca);
}

TEST_F(TrustTest, says_what_was_so_already) {
  trust();

  const Said said = trust();

  EXPECT_EQ(said.code, kExitOk);
  EXPECT_TRUE(said.text.contains("engine: trusted already by the system (")) << said.text;
  EXPECT_TRUE(said.text.contains("engine: trusted already by Chromium (")) << said.text;
}

TEST_F(TrustTest, is_taken_back_everywhere_also_when_the_authority_is_gone) {
  trust();
  fs::remove_all(machine_.path("state"));

  const Said said = untrust();

  EXPECT_EQ(said.code, kExitOk) << said.text;
  EXPECT_TRUE(said.text.contains("engine: no longer trusted by the system (")) << said.text;
  EXPECT_TRUE(said.text.contains("engine: no longer trusted by Chromium (")) << said.text;
  EXPECT_FALSE(machine_.has("anchors/ca.crt"));
  EXPECT_FALSE(machine_.has("home/.pki/nssdb/engine local CA.pem"));
  EXPECT_FALSE(machine_.has("state"));  // and no new one was made
  EXPECT_TRUE(untrust().text.contains("engine: was not trusted by the system ("));
}

TEST_F(TrustTest, without_rights_it_does_the_rest_and_says_what_root_has_to_type) {
  fs::permissions(machine_.path("anchors"), fs::perms(0555));
  fs::create_directory(machine_.path("theirs"));
  TrustPlaces here = places("theirs/st'ate");
  here.user = ::geteuid() == 0 ? test::nobody(machine_.path("home")) : here.user;
  for (const char* name : {"home", "theirs"}) {
    ASSERT_EQ(::chown(machine_.path(name).c_str(), here.user.uid, here.user.gid), 0);
  }
  const ActingAs acting(here.user);

  const Said said = heard([&] { return run_trust(here); });

  EXPECT_EQ(said.code, kExitPermission) << said.text;
  EXPECT_TRUE(said.text.contains("engine: error: not trusted by the system (")) << said.text;
  EXPECT_TRUE(said.text.contains("  fix   : sudo ENGINE_STATE_DIR='" + machine_.path("theirs/st") +
                                 "'\\''ate' '/opt/my tools/engine' trust\n"))
      << said.text;
  EXPECT_TRUE(said.text.contains("engine: trusted now by Chromium (")) << said.text;
}

TEST_F(TrustTest, a_failure_anywhere_is_the_exit_code) {
  machine_.add_database(".mozilla/firefox/a", "broken");

  const Said said = trust();

  EXPECT_EQ(said.code, kExitFailed);
  EXPECT_TRUE(said.text.contains("engine: error: not trusted by Firefox (")) << said.text;
  EXPECT_TRUE(said.text.contains("engine: trusted now by the system (")) << said.text;
}

TEST_F(TrustTest, what_is_not_on_this_machine_is_no_failure) {
  fs::remove(machine_.path("anchors"));
  fs::remove(machine_.path("bin/certutil"));

  const Said said = trust();

  EXPECT_EQ(said.code, kExitOk);
  EXPECT_TRUE(said.text.contains("engine: left out the system: ")) << said.text;
  EXPECT_TRUE(
      said.text.contains("engine: left out Chromium and Firefox: certutil is not installed"
                         "\n  fix   : install libnss3-tools"))
      << said.text;
}

TEST_F(TrustTest, an_authority_that_cannot_be_kept_is_not_trusted) {
  machine_.write("file", "");

  const Said said = heard([this] { return run_trust(places("file")); });

  EXPECT_EQ(said.code, kExitFailed);
  EXPECT_TRUE(said.text.starts_with("engine: error: the local CA cannot be kept in ")) << said.text;
  EXPECT_FALSE(machine_.has("anchors/ca.crt"));
}

TEST_F(TrustTest, this_machine_has_programs_that_are_not_in_the_path_of_users) {
  ::setenv("ENGINE_STATE_DIR", "relative/state", 1);
  const TrustPlaces here = this_machine();
  ::unsetenv("ENGINE_STATE_DIR");

  EXPECT_TRUE((":" + here.programs + ":").contains(":/usr/sbin:")) << here.programs;
  EXPECT_EQ(here.state,
            fs::absolute("relative/state"));  // what root is told to type works anywhere
  EXPECT_TRUE(fs::path(here.engine).is_absolute());
}

}  // namespace
}  // namespace engine::cli
