// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/server/version.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <nlohmann/json_fwd.hpp>

#include "config/library.h"
#include "engine/cli/library.h"
#include "engine/control/library.h"
#include "engine/io/ring.h"
#include "engine/version.h"
#include "tls/library.h"

// engine/io/ring.cc is the only file that includes liburing.
extern "C" {
int io_uring_major_version(void);
int io_uring_minor_version(void);
}

namespace engine::server {
namespace {

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

std::string liburing_version() {
  return fmt::format("{}.{}", io_uring_major_version(), io_uring_minor_version());
}

std::string io_uring_line() {
  const auto ring =
      io::Ring::open({.entries = 8, .completions = 16, .buffer_count = 8, .buffer_bytes = 4096});
  if (!ring)
    return fmt::format("not available: {}\n  fix         {}", ring.error().cause, ring.error().fix);
  return std::string((*ring)->capabilities());
}

}  // namespace

std::string version_text(bool verbose) {
  std::string text =
      fmt::format("engine {} ({}, liburing {}, wolfSSL {}, kernel {})", kVersion, kCommit,
                  liburing_version(), tls::library_version(), kernel_release());
  if (!verbose) return text;
  const auto add = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("\n  {:<11} {}", name, value);
  };
  add("build", kSanitizers.empty() ? std::string(kBuildType)
                                   : fmt::format("{}, {}", kBuildType, kSanitizers));
  add("compiler", __VERSION__);
  add("liburing", liburing_version());
  add("wolfSSL", tls::library_version());
  add("c-ares", control::library_version());
  add("toml++", config::library_version());
  add("fmt",
      fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100));
  add("CLI11", cli::library_version());
  add("nlohmann", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                              NLOHMANN_JSON_VERSION_PATCH));
  add("kernel", kernel_release());
  add("io_uring", io_uring_line());
  return text;
}

}  // namespace engine::server
