// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/cpus.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace engine::server {
namespace {

namespace fs = std::filesystem;

TEST(Cpus, a_quota_is_rounded_up_to_whole_cpus) {
  EXPECT_EQ(parse_cpu_max("200000 100000\n"), 2U);
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 2U);
  EXPECT_EQ(parse_cpu_max("100001 100000"), 2U);
  EXPECT_EQ(parse_cpu_max("100000 100000"), 1U);
  EXPECT_EQ(parse_cpu_max("1000 100000"), 1U);
}

TEST(Cpus, no_quota_and_nonsense_are_no_limit) {
  for (const char* text :
       {"max 100000\n", "", "\n", "max", "x 100000", "100000 0", "100000", "-1 100000"}) {
    EXPECT_EQ(parse_cpu_max(text), std::nullopt) << text;
  }
}

TEST(Cpus, the_path_is_that_of_the_unified_hierarchy) {
  EXPECT_EQ(parse_cgroup_path("0::/system.slice/engine.service\n"), "/system.slice/engine.service");
  EXPECT_EQ(parse_cgroup_path("12:cpu,cpuacct:/docker/abc\n0::/\n"), "/");
  EXPECT_EQ(parse_cgroup_path("4:cpu:/a\n"), "");
}

TEST(Cpus, the_tightest_quota_on_the_way_up_holds) {
  std::string name = (fs::temp_directory_path() / "cpus-test-XXXXXX").string();
  const fs::path mount = ::mkdtemp(name.data());
  fs::create_directories(mount / "a/b");
  std::ofstream(mount / "a/cpu.max") << "200000 100000\n";
  std::ofstream(mount / "a/b/cpu.max") << "800000 100000\n";

  EXPECT_EQ(cpu_quota(mount, "/a/b"), 2U);
  EXPECT_EQ(cpu_quota(mount, "/a"), 2U);
  EXPECT_EQ(cpu_quota(mount, "/"), std::nullopt);

  fs::remove_all(mount);
}

TEST(Cpus, what_is_configured_wins_then_quota_then_affinity) {
  EXPECT_EQ(worker_count(3, 8, 2), 3U);
  EXPECT_EQ(worker_count(0, 8, 2), 2U);
  EXPECT_EQ(worker_count(0, 2, 8), 2U);
  EXPECT_EQ(worker_count(0, 8, std::nullopt), 8U);
  EXPECT_EQ(worker_count(0, 0, std::nullopt), 1U);
}

TEST(Cpus, this_process_may_run_somewhere) { EXPECT_FALSE(allowed_cpus().empty()); }

}  // namespace
}  // namespace engine::server
