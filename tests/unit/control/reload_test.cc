// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/reload.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/control/port_owner.h"

namespace engine::control {
namespace {

using Paths = std::vector<std::string>;

TEST(WatchedPaths, the_main_file_is_watched_even_when_it_could_not_be_read) {
  EXPECT_EQ(watched_paths("/etc/engine/proxy.toml", {}).files, Paths{"/etc/engine/proxy.toml"});
}

TEST(WatchedPaths, a_pattern_means_the_directory_before_its_first_wildcard) {
  config::Result result;
  result.include_patterns = {"/etc/engine/conf.d/*.toml", "/srv/*/proxy.toml", "*.toml"};

  EXPECT_EQ(watched_paths("proxy.toml", result).directories,
            (Paths{".", "/etc/engine/conf.d/", "/srv/"}));
}

TEST(WatchedPaths, an_include_without_wildcards_is_a_file_that_may_not_exist_yet) {
  config::Result result;
  result.include_patterns = {"/etc/engine/more.toml"};

  const WatchedPaths paths = watched_paths("proxy.toml", result);

  EXPECT_EQ(paths.files, (Paths{"/etc/engine/more.toml", "proxy.toml"}));
  EXPECT_TRUE(paths.directories.empty());
}

TEST(WatchedPaths, the_authorities_of_clients_belong_to_the_configuration) {
  config::Result result;
  result.config.sites.resize(2);
  result.config.sites[1].tls.client_ca = "/etc/engine/clients.pem";

  EXPECT_EQ(watched_paths("proxy.toml", result).files,
            (Paths{"/etc/engine/clients.pem", "proxy.toml"}));
}

TEST(WatchedPaths, error_pages_belong_to_the_configuration) {
  config::Result result;
  result.config.sites.resize(2);
  result.config.sites[1].policy.errors_directory = "/etc/engine/errors";

  EXPECT_EQ(watched_paths("proxy.toml", result).directories, Paths{"/etc/engine/errors"});
}

TEST(NeedsRestart, only_what_is_fixed_at_the_start_is_named) {
  config::Config before;
  config::Config after;
  after.engine.limits.head_bytes = 1;
  after.engine.grace = config::Milliseconds(1);
  after.log.level = config::LogLevel::Debug;
  EXPECT_TRUE(needs_restart(before, after).empty());

  after.engine.workers = 7;
  after.engine.pin = !before.engine.pin;
  after.log.access.sample = 0.5;

  EXPECT_EQ(needs_restart(before, after), (Paths{"engine.workers", "engine.pin", "log.access"}));
}

constexpr std::string_view kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4711 1 0000000000000000 100 0 0 10 0\n"
    "   1: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 "
    "4712 1 0000000000000000 100 0 0 10 0\n"
    "   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4713 1 0000000000000000 100 0 0 10 0\n"
    "broken line\n";

TEST(PortOwner, only_listening_sockets_on_the_port_count) {
  EXPECT_EQ(listening_inodes(kTable, 8080), std::set<std::string>{"4711"});
  EXPECT_EQ(listening_inodes(kTable, 80), std::set<std::string>{"4713"});
  EXPECT_TRUE(listening_inodes(kTable, 0xA000).empty());
  EXPECT_TRUE(listening_inodes("", 80).empty());
}

}  // namespace
}  // namespace engine::control
