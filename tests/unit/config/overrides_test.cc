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
  ASSERT_FALSE(set_override(flags, Setting::Workers, "2", "--workers", Environment::empty()));
  ASSERT_FALSE(
      set_override(variables, Setting::Workers, "4", "ENGINE_WORKERS", Environment::empty()));
  ASSERT_FALSE(set_override(variables, Setting::AccessLog, "off", "ENGINE_ACCESS_LOG",
                            Environment::empty()));
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

// What each option is after a flag, its variable and the file, each where it is given.
struct Option {
  Setting setting;
  const char* variable;
  const char* file;  // of proxy.toml
  const char *in_file, *in_variable, *in_flag, *by_default;
  std::string (*now)(const Config&);
};

const std::vector<Option>& options() {
  static const auto text = [](auto number) { return std::to_string(number); };
  static const std::vector<Option> all = {
      {Setting::Listen, "ENGINE_LISTEN", "listen = 81", ":81", ":82", ":83", ":8080",
       [](const Config& c) { return c.listen.at(0).text(); }},
      {Setting::HttpPort, "ENGINE_HTTP_PORT", "listen = 81", ":81", "82", "83", ":8080",
       [](const Config& c) { return c.listen.at(0).text(); }},
      {Setting::HttpsPort, "ENGINE_HTTPS_PORT", "listen = 81", ":81", "82", "83", ":8080",
       [](const Config& c) { return c.listen.at(0).text(); }},
      {Setting::Workers, "ENGINE_WORKERS", "[engine]\nworkers = 1", "1", "2", "3", "0",
       [](const Config& c) { return text(c.engine.workers); }},
      {Setting::Grace, "ENGINE_GRACE", "[engine]\ngrace = \"1ms\"", "1", "2ms", "3ms", "10000",
       [](const Config& c) { return text(c.engine.grace.count()); }},
      {Setting::LimitConcurrency, "ENGINE_LIMIT_CONCURRENCY", "[engine.limits]\nconcurrency = 1",
       "1", "2", "3", "0", [](const Config& c) { return text(c.engine.limits.concurrency); }},
      {Setting::MaxConnections, "ENGINE_MAX_CONNECTIONS", "[engine.upstream]\nmax_connections = 1",
       "1", "2", "3", "0", [](const Config& c) { return text(c.engine.upstream.max_connections); }},
      {Setting::MaxKeepalive, "ENGINE_MAX_KEEPALIVE", "[engine.upstream]\nmax_idle = 1", "1", "2",
       "3", "1024", [](const Config& c) { return text(c.engine.upstream.max_idle); }},
      {Setting::KeepaliveExpiry, "ENGINE_KEEPALIVE_EXPIRY",
       "[engine.upstream]\nkeepalive = \"1ms\"", "1", "2ms", "3ms", "60000",
       [](const Config& c) { return text(c.engine.upstream.keepalive.count()); }},
      {Setting::Socket, "ENGINE_SOCKET", "[admin]\nsocket = \"/1\"", "/1", "/2", "/3", "",
       [](const Config& c) { return c.admin.socket; }},
      {Setting::AdminHttp, "ENGINE_ADMIN_HTTP", "[admin]\nhttp = \"127.0.0.1:1\"", "127.0.0.1:1",
       "127.0.0.1:2", "127.0.0.1:3", "none",
       [](const Config& c) { return c.admin.http ? c.admin.http->text() : "none"; }},
      {Setting::AdminToken, "ENGINE_ADMIN_TOKEN", "[admin]\ntoken = \"one\"", "one", "two", "three",
       "", [](const Config& c) { return c.admin.token; }},
      {Setting::AdminTokenFile, "ENGINE_ADMIN_TOKEN_FILE", "[admin]\ntoken = \"one\"", "one", "two",
       "three", "", [](const Config& c) { return c.admin.token; }},
      {Setting::LogLevel, "ENGINE_LOG_LEVEL", "[log]\nlevel = \"error\"", "0", "warn", "debug", "2",
       [](const Config& c) { return text(static_cast<int>(c.log.level)); }},
      {Setting::AccessLog, "ENGINE_ACCESS_LOG", "[log]\naccess = { to = \"/1\" }", "/1", "/2", "/3",
       "", [](const Config& c) { return c.log.access.path; }}};
  return all;
}

// What a written value comes out as, in the same words as in the configuration.
std::string meant(const Option& option, const std::string& written) {
  Overrides overrides;
  const World world{{}, {{"two", "two\n"}, {"three", "three\n"}}};
  EXPECT_FALSE(set_override(overrides, option.setting, written, "x", world.environment()));
  Config config;
  apply(config, overrides);
  return option.now(config);
}

TEST(Overrides, a_flag_wins_over_its_variable_that_over_the_file_that_over_the_default) {
  for (const Option& option : options()) {
    SCOPED_TRACE(option.variable);
    const World world{{{option.variable, option.in_variable}},
                      {{"two", "two\n"}, {"three", "three\n"}}};
    std::vector<Diagnostic> problems;
    Overrides flags;
    const Overrides variables = from(world, problems);
    ASSERT_FALSE(
        set_override(flags, option.setting, option.in_flag, "--flag", world.environment()));
    const auto loaded = [&](const std::string& text, const Overrides& overrides) {
      return option.now(load_text(text, "proxy.toml", world.environment(), overrides).config);
    };

    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(loaded("", {}), option.by_default);
    EXPECT_EQ(loaded(option.file, {}), option.in_file);
    EXPECT_EQ(loaded(option.file, variables), meant(option, option.in_variable));
    EXPECT_EQ(loaded(option.file, merge(flags, variables)), meant(option, option.in_flag));
    EXPECT_NE(meant(option, option.in_flag), meant(option, option.in_variable));
  }
}

TEST(Overrides, the_ports_and_listen_are_listeners_together) {
  const World world{
      {{"ENGINE_LISTEN", "127.0.0.1:81"}, {"ENGINE_HTTP_PORT", "82"}, {"ENGINE_HTTPS_PORT", "83"}},
      {}};
  std::vector<Diagnostic> problems;
  const Result result =
      load_text("listen = 80\n", "proxy.toml", world.environment(), from(world, problems));

  ASSERT_EQ(result.config.listen.size(), 3u);
  EXPECT_EQ(result.config.listen[0].text(), "127.0.0.1:81");
  EXPECT_EQ(result.config.listen[1].text(), ":82");
  EXPECT_EQ(result.config.listen[2].text(), ":83");
}

TEST(Overrides, what_they_make_of_the_file_is_checked) {
  const World world{
      {{"ENGINE_ADMIN_HTTP", ":2020"}, {"ENGINE_HTTP_PORT", "80"}, {"ENGINE_HTTPS_PORT", "80"}},
      {}};
  std::vector<Diagnostic> problems;
  const Result result = load_text("", "proxy.toml", world.environment(), from(world, problems));

  ASSERT_EQ(result.diagnostics.size(), 2u);
  EXPECT_EQ(result.diagnostics[0].message, "\":80\" is listed twice");
  EXPECT_EQ(result.diagnostics[0].where.file, "ENGINE_HTTPS_PORT");
  EXPECT_EQ(result.diagnostics[1].where.file, "ENGINE_ADMIN_HTTP");
}

TEST(Overrides, a_token_that_a_variable_gives_is_good_for_the_file) {
  const World world{{{"ENGINE_ADMIN_TOKEN", "secret"}}, {}};
  std::vector<Diagnostic> problems;
  const Result result = load_text("[admin]\nhttp = \":2020\"\n", "proxy.toml", world.environment(),
                                  from(world, problems));

  EXPECT_TRUE(result.ok()) << only_message(result);
}

TEST(Overrides, every_bad_value_of_a_variable_is_a_problem_with_its_name) {
  const std::map<std::string, std::string> bad = {{"ENGINE_HTTP_PORT", "0"},
                                                  {"ENGINE_HTTPS_PORT", "70000"},
                                                  {"ENGINE_LIMIT_CONCURRENCY", "-1"},
                                                  {"ENGINE_MAX_CONNECTIONS", "many"},
                                                  {"ENGINE_MAX_KEEPALIVE", "1.5"},
                                                  {"ENGINE_KEEPALIVE_EXPIRY", "60"},
                                                  {"ENGINE_STATE_DIR", "a\nb"},
                                                  {"ENGINE_SOCKET", std::string(108, 'x')},
                                                  {"ENGINE_ADMIN_HTTP", "nowhere"},
                                                  {"ENGINE_ADMIN_TOKEN", "two words"},
                                                  {"ENGINE_ADMIN_TOKEN_FILE", "/no/such/file"}};
  for (const auto& [name, value] : bad) {
    std::vector<Diagnostic> problems;
    from({{{name, value}}, {}}, problems);

    ASSERT_EQ(problems.size(), 1u) << name;
    EXPECT_EQ(problems[0].where.file, name);
    EXPECT_EQ(problems[0].problem, Problem::Override);
    EXPECT_FALSE(problems[0].message.empty()) << name;
  }
}

TEST(Overrides, a_bad_token_is_not_repeated) {
  std::vector<Diagnostic> problems;
  from({{{"ENGINE_ADMIN_TOKEN", "hush hush"}}, {}}, problems);

  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(render(problems, Color::Never).find("hush"), std::string::npos);
}

TEST(Overrides, a_token_is_said_once) {
  std::vector<Diagnostic> problems;
  from({{{"ENGINE_ADMIN_TOKEN", "a"}, {"ENGINE_ADMIN_TOKEN_FILE", "f"}}, {{"f", "b"}}}, problems);

  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message, "the token is said twice");
}

TEST(Overrides, the_state_directory_has_no_key_in_the_file) {
  std::vector<Diagnostic> problems;
  EXPECT_EQ(from({{{"ENGINE_STATE_DIR", "/srv"}}, {}}, problems).state_directory, "/srv");
}

TEST(Overrides, workers_auto_beats_a_number_in_the_file) {
  Overrides overrides;
  ASSERT_FALSE(
      set_override(overrides, Setting::Workers, "auto", "--workers", Environment::empty()));
  Config config = load_toml("[engine]\nworkers = 8\n").config;
  apply(config, overrides);

  EXPECT_EQ(config.engine.workers, 0u);
}

}  // namespace
}  // namespace config::test
