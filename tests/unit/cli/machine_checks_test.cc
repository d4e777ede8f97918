// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/machine_checks.h"

#include <gtest/gtest.h>

#include <string>

namespace engine::cli {
namespace {

using Grade = Finding::Grade;

constexpr base::Time kDay = 86'400 * base::kSecond;

TEST(MachineChecks, linux_6_0_is_the_oldest_that_will_do) {
  for (const char* release : {"6.0.0", "6.1.0-28-amd64", "10.2"})
    EXPECT_EQ(kernel_finding(release).grade, Grade::Ok) << release;
  for (const char* release : {"5.19.17", "4.4", "unknown", ""}) {
    const Finding finding = kernel_finding(release);
    EXPECT_EQ(finding.grade, Grade::Fail) << release;
    EXPECT_EQ(finding.fix, "Linux 6.0 or newer is needed");
  }
}

TEST(MachineChecks, a_seccomp_filter_is_suspected_only_when_io_uring_is_refused) {
  const std::string filtered = "Name:\tengine\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

  EXPECT_EQ(seccomp_finding("Seccomp_filters:\t0\n", false).detail, "no filter");
  EXPECT_EQ(seccomp_finding("Name:\tx\nSeccomp:\t0\n", false).grade, Grade::Ok);
  EXPECT_EQ(seccomp_finding(filtered, true).grade, Grade::Ok);
  EXPECT_EQ(seccomp_finding(filtered, false).grade, Grade::Warn);
  EXPECT_TRUE(seccomp_finding("Name:\tx\nSeccomp:\t", false).fix.empty());
}

TEST(MachineChecks, the_hard_limit_of_open_files_counts_as_the_soft_one_is_raised) {
  EXPECT_EQ(descriptors_finding(1'024, 10'000).grade, Grade::Ok);
  EXPECT_EQ(descriptors_finding(1'024, UINT64_MAX).detail,
            "1024, which the engine raises to unlimited");
  const Finding low = descriptors_finding(1'024, 9'999);
  EXPECT_EQ(low.grade, Grade::Warn);
  EXPECT_TRUE(low.detail.ends_with("enough for 4999 connections")) << low.detail;
}

TEST(MachineChecks, a_local_name_must_be_this_machine_by_every_address) {
  EXPECT_EQ(names_finding({"127.0.0.1", "::1"}).grade, Grade::Ok);
  EXPECT_EQ(names_finding({}).grade, Grade::Warn);
  const Finding foreign = names_finding({"::1", "192.0.2.7"});
  EXPECT_EQ(foreign.grade, Grade::Warn);
  EXPECT_EQ(foreign.detail, "app.localhost is 192.0.2.7, which is not this machine");
  EXPECT_TRUE(foreign.fix.contains("/etc/hosts")) << foreign.fix;
}

TEST(MachineChecks, a_clock_outside_of_any_certificate_fails) {
  const base::Time day_of_2025 = 20'089 * kDay;  // 2025-01-01

  EXPECT_EQ(clock_finding(day_of_2025, true).grade, Grade::Ok);
  EXPECT_EQ(clock_finding(day_of_2025 - kDay, true).grade, Grade::Fail);
  EXPECT_EQ(clock_finding(0, true).grade, Grade::Fail);
  EXPECT_TRUE(clock_finding(day_of_2025, false).detail.contains("synchronised"));
}

TEST(MachineChecks, this_machine_runs_the_tests_so_it_has_a_ring) {
  const MachineReport report = check_machine();

  EXPECT_TRUE(report.has_ring);
  for (const Finding& finding : report.findings)
    EXPECT_NE(finding.grade, Grade::Fail) << finding.detail;
}

}  // namespace
}  // namespace engine::cli
