// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/process_figures.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/base/clock.h"

namespace engine::control {
namespace {

TEST(ProcessFigures, this_process_has_memory_and_began_in_the_past) {
  const ProcessFigures figures = read_process_figures();
  const double now = static_cast<double>(base::wall_now()) / base::kSecond;

  EXPECT_GT(figures.resident_bytes, 1'000'000U);
  EXPECT_GT(figures.virtual_bytes, figures.resident_bytes);
  EXPECT_GT(figures.descriptors_max, figures.open_descriptors);
  EXPECT_GT(figures.start_time_seconds, now - 24 * 3600);
  EXPECT_LT(figures.start_time_seconds, now + 2);  // the boot time is rounded
  EXPECT_GE(figures.cpu_seconds, 0);
}

TEST(ProcessFigures, an_open_file_is_counted_and_reading_them_is_not) {
  const std::uint64_t before = read_process_figures().open_descriptors;
  const int file = ::open("/dev/null", O_RDONLY);
  EXPECT_EQ(read_process_figures().open_descriptors, before + 1);
  ::close(file);
  EXPECT_EQ(read_process_figures().open_descriptors, before);
}

}  // namespace
}  // namespace engine::control
