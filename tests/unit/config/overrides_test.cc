// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/overrides.h"

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace config::test {
namespace {

Overrides from(const World& world, std::vector<Diagnostic>& diagnostics) {
  return overrides_from_environment(world.environment(), diagnostics);
}

TEST(Overrides, variables_win_over_the_file) {
  World world{{{"ENGINE_CONFIG", "/etc/p.toml"},
               {"ENGINE_LISTEN", ":81, 127.0.0.1:82"},
               {"ENGINE_WORKERS", "3"},
               {"ENGINE_IO", "uring"},
               {"ENGINE_GRACE", "2m"},
               {"ENGINE_LOG_LEVEL", "debug"},
               {"ENGINE_ACCESS_LOG", "/var/log/a.log"}},
              {}};
  std::vector<Diagnostic> diagnostics;
  Overrides overrides = from(world, diagnostics);
  Config config = load_toml("listen = 80\n[engine]\nworkers = 8\n").config;
  apply(config, overrides);

  EXPECT_TRUE(diagnostics.empty());
  EXPECT_EQ(overrides.config_path, "/etc/p.toml");
  ASSERT_EQ(config.listen.size(), 2u);
  EXPECT_EQ(config.listen[1].text(), "127.0.0.1:82");
  EXPECT_EQ(config.engine.workers, 3u);
  EXPECT_EQ(config.engine.io, Engine::Io::Uring);
  EXPECT_EQ(config.engine.grace, Milliseconds(120'000));
  EXPECT_EQ(config.log.level, LogLevel::Debug);
  EXPECT_EQ(config.log.access.path, "/var/log/a.log");
}

TEST(Overrides, without_any_leave_the_file_alone) {
  std::vector<Diagnostic> diagnostics;
  Config config = load_toml("[engine]\nworkers = 8\n").config;
  apply(config, from({{{"ENGINE_WORKERS", ""}}, {}}, diagnostics));

  EXPECT_EQ(config.engine.workers, 8u);
}

TEST(Overrides, flags_win_over_variables) {
  Overrides flags, variables;
  ASSERT_FALSE(set_override(flags, Setting::Workers, "2", "--workers"));
  ASSERT_FALSE(set_override(variables, Setting::Workers, "4", "ENGINE_WORKERS"));
  ASSERT_FALSE(set_override(variables, Setting::AccessLog, "off", "ENGINE_ACCESS_LOG"));
  Overrides both = merge(flags, variables);

  EXPECT_EQ(both.workers, 2u);
  EXPECT_EQ(both.access_output, AccessLog::Output::Off);
}

TEST(Overrides, a_bad_value_names_its_variable) {
  std::vector<Diagnostic> diagnostics;
  from({{{"ENGINE_WORKERS", "0"},
         {"ENGINE_GRACE", "30"},
         {"ENGINE_LISTEN", ":80,x"},
         {"ENGINE_LOG_LEVEL", "loud"},
         {"ENGINE_IO", "epoll"}},
        {}},
       diagnostics);

  ASSERT_EQ(diagnostics.size(), 5u);
  EXPECT_EQ(diagnostics[1].problem, Problem::Override);
  EXPECT_EQ(render(std::vector{diagnostics[1]}, Color::Never),
            "ENGINE_WORKERS: error: \"0\" is not a number of workers\n"
            "      fix: write auto or a number from 1 to 1024\n1 error.\n");
}

TEST(Overrides, workers_auto_beats_a_number_in_the_file) {
  Overrides overrides;
  ASSERT_FALSE(set_override(overrides, Setting::Workers, "auto", "--workers"));
  Config config = load_toml("[engine]\nworkers = 8\n").config;
  apply(config, overrides);

  EXPECT_EQ(config.engine.workers, 0u);
}

}  // namespace
}  // namespace config::test
