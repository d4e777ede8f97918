// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/state_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace engine::control {
namespace {

namespace fs = std::filesystem;

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    std::string pattern = testing::TempDir() + "state-XXXXXX";
    directory_ = fs::path(::mkdtemp(pattern.data())) / "deep";
  }
  ~StateFileTest() override { fs::remove_all(directory_.parent_path()); }

  [[nodiscard]] fs::path file(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream stream(file(name));
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name)) << text;
  }

  fs::path directory_;
};

// Ends the process at one step, as kill -9 would.
class Killed final : public StateFile {
 public:
  Killed(const std::string& directory, Step step) : StateFile(directory), step_(step) {}

 private:
  void on_step(Step step) override {
    if (step == step_) ::_exit(9);
  }
  Step step_;
};

Runtime named(const std::string& name) {
  Runtime runtime;
  runtime.services[name] = {.origin = "deploy",
                            .sites = {name + ".example.com"},
                            .strip_prefix = true,
                            .options = {{"health", {{"path", "/up"}}}},
                            .active = {.writers = {"10.0.0.4:80"}, .readers = {"10.0.0.5:80"}},
                            .rollout = {.writers = {"10.0.0.6:80"}, .readers = {}}};
  runtime.gates[name] = {
      .state = route::Gate::State::Paused, .max_pause = base::kSecond, .message = "soon"};
  runtime.rollouts[name] = {.percent = 12.5, .allow_list = {"a", "b"}};
  runtime.target_wishes[name + "@10.0.0.4:80"] = {.weight = 7, .enabled = false};
  return runtime;
}

TEST_F(StateFileTest, what_was_saved_is_loaded_as_it_was) {
  StateFile state(directory_);
  ASSERT_TRUE(state.save(named("web")));

  const auto loaded = StateFile(directory_).load();

  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->runtime, named("web"));
  EXPECT_EQ(loaded->problem, "");
}

TEST_F(StateFileTest, without_a_file_there_is_nothing_and_no_problem) {
  const auto loaded = StateFile(directory_).load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->runtime, Runtime());
  EXPECT_EQ(loaded->problem, "");
}

TEST_F(StateFileTest, only_its_owner_reads_it) {
  ASSERT_TRUE(StateFile(directory_).save(named("web")));
  struct stat status{};
  ASSERT_EQ(::stat(file("state.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST_F(StateFileTest, the_previous_state_is_kept_beside_it) {
  StateFile state(directory_);
  ASSERT_TRUE(state.save(named("old")));
  const std::string before = text("state.json");
  ASSERT_TRUE(state.save(named("new")));
  EXPECT_EQ(text("state.json.previous"), before);
}

TEST_F(StateFileTest, killed_at_any_step_it_gives_the_old_or_the_new_state_whole) {
  using Step = StateFile::Step;
  for (const Step step :
       {Step::Created, Step::Written, Step::Synced, Step::PreviousKept, Step::Renamed}) {
    ASSERT_TRUE(StateFile(directory_).save(named("old")));
    const pid_t child = ::fork();
    if (child == 0) {
      Killed killed(directory_, step);
      ::_exit(killed.save(named("new")) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(WEXITSTATUS(status), 9);

    const auto loaded = StateFile(directory_).load();

    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->problem, "");
    EXPECT_EQ(loaded->runtime, named(step == Step::Renamed ? "new" : "old"))
        << static_cast<int>(step);
    ASSERT_TRUE(StateFile(directory_).save(named("next")));
  }
}

TEST_F(StateFileTest, a_broken_file_is_set_aside_and_the_previous_one_is_in_force) {
  StateFile state(directory_);
  ASSERT_TRUE(state.save(named("old")));
  ASSERT_TRUE(state.save(named("new")));
  write("state.json", "{\"version\": 1, \"serv");

  const auto loaded = state.load();

  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->runtime, named("old"));
  EXPECT_NE(loaded->problem.find("state.json.broken-"), std::string::npos) << loaded->problem;
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    if (!entry.path().filename().string().starts_with("state.json.broken-")) continue;
    ++kept;
    EXPECT_EQ(text(entry.path().filename()), "{\"version\": 1, \"serv");
  }
  EXPECT_EQ(kept, 1U);
}

TEST_F(StateFileTest, a_file_of_a_newer_version_is_not_taken_for_ours) {
  fs::create_directories(directory_);
  write("state.json", R"({"version": 2})");
  const auto loaded = StateFile(directory_).load();
  ASSERT_TRUE(loaded);
  EXPECT_NE(loaded->problem.find("newer version"), std::string::npos) << loaded->problem;
}

TEST_F(StateFileTest, a_state_that_cannot_be_written_leaves_the_old_one) {
  StateFile state(directory_);
  ASSERT_TRUE(state.save(named("old")));
  fs::create_directory(file("state.json.new"));  // as good as a full disk

  EXPECT_FALSE(state.save(named("new")));

  const auto loaded = state.load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->runtime, named("old"));
}

}  // namespace
}  // namespace engine::control
