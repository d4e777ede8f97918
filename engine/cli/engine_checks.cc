// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/engine_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "engine/cli/check.h"
#include "engine/cli/client.h"
#include "engine/cli/config_file.h"
#include "engine/cli/socket_access.h"
#include "engine/cli/user.h"
#include "engine/control/admin_socket.h"
#include "engine/control/certificates.h"
#include "engine/control/port_owner.h"
#include "engine/control/runtime.h"
#include "engine/route/target.h"
#include "tls/pem.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

using Grade = Finding::Grade;

constexpr config::Milliseconds kSocketTimeout{3'000};

// ---- the configuration ---------------------------------------------------------------------------

std::string count_text(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

Finding configuration_finding(const std::string& path, const config::Result& result) {
  const std::size_t errors = config::count(result.diagnostics, config::Severity::Error);
  const std::size_t warnings = config::count(result.diagnostics, config::Severity::Warning);
  const std::string look = "engine check --config " + path;
  if (errors + warnings == 0) {
    return {Grade::Ok, "configuration", path + ": " + contents_of(result.config), ""};
  }
  const auto severity = errors > 0 ? config::Severity::Error : config::Severity::Warning;
  const auto first = std::ranges::find(result.diagnostics, severity, &config::Diagnostic::severity);
  std::string detail = errors > 0 ? count_text(errors, "error") : count_text(warnings, "warning");
  detail += fmt::format(", first {}: {}", first->where.text(), first->message);
  return {errors > 0 ? Grade::Fail : Grade::Warn, "configuration", std::move(detail), look};
}

// ---- the control socket --------------------------------------------------------------------------

struct SocketLook {
  Finding finding;
  std::optional<RunningEngine> running;
};

// The first folder above `path` that is there.
std::string folder_above(const fs::path& path) {
  std::error_code none;
  fs::path folder = fs::absolute(path, none).parent_path();
  while (!fs::exists(folder, none) && folder != folder.root_path()) folder = folder.parent_path();
  return folder.string();
}

// With the effective rights, which access() does not ask for.
bool may_write(const std::string& folder) {
  std::error_code none;
  return fs::is_directory(folder, none) &&
         ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

Finding free_socket_finding(const std::string& path) {
  std::error_code none;
  const fs::file_status status = fs::symlink_status(path, none);
  if (fs::exists(status) && !fs::is_socket(status)) {
    return {Grade::Fail, "control socket", path + " is there, and is no socket",
            "remove it, or choose another path as admin.socket in proxy.toml"};
  }
  const std::string folder = folder_above(path);
  if (may_write(folder)) {
    return {Grade::Ok, "control socket", "no engine answers on " + path + "; it can be made", ""};
  }
  return {Grade::Warn, "control socket",
          fmt::format("{} cannot be made: {} may not write to {}", path, user_name(::geteuid()),
                      folder),
          "choose another path as admin.socket in proxy.toml, or in ENGINE_SOCKET"};
}

SocketLook failed_look(const std::string& path, const ApiFailure& failure) {
  if (failure.exit_code == kExitUnreachable) return {free_socket_finding(path), std::nullopt};
  const Grade grade = failure.exit_code == kExitPermission ? Grade::Warn : Grade::Fail;
  const std::string cause = failure.cause.empty() ? "" : ": " + failure.cause;
  return {{grade, "control socket", failure.error + cause, failure.fix}, std::nullopt};
}

std::string owner_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "somebody";
  return fmt::format("pid {} of {}", peer.pid, user_name(peer.uid));
}

SocketLook look_at_socket(const std::string& path) {
  const auto fd = open_socket(path, kSocketTimeout);
  if (!fd) return failed_look(path, fd.error());
  const std::string owner = owner_of(*fd);
  ::close(*fd);
  Client client(path);
  const auto info = client.call({.path = "/v1/info", .subject = "", .timeout = kSocketTimeout});
  const auto status = client.call({.path = "/v1/status", .subject = "", .timeout = kSocketTimeout});
  if (!info || !status) {
    const std::string& error = (info ? status : info).error().error;
    return {{Grade::Fail, "control socket",
             fmt::format("{} holds {}, but does not answer as an engine: {}", owner, path, error),
             "stop it, or choose another path as admin.socket in proxy.toml"},
            std::nullopt};
  }
  const Json about = parse_json(*info);
  RunningEngine running{.pid = number_in(about, "pid"),
                        .config = text_in(about, "config"),
                        .state_directory = text_in(about, "state_directory"),
                        .listeners = texts_in(parse_json(*status), "listeners")};
  return {
      {Grade::Ok, "control socket", fmt::format("an engine answers on {}: {}", path, owner), ""},
      std::move(running)};
}

// ---- ports ---------------------------------------------------------------------------------------

std::vector<std::string> numeric_hosts(const config::Listener& listener) {
  if (listener.host.empty()) return {"0.0.0.0", "::"};
  return {listener.host};
}

// 0, or what errno says. The socket is bound and closed again: nobody can connect to it.
int try_to_bind(const route::Address& address) {
  const int socket = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return errno;
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) {
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  const int error = ::bind(socket, address.get(), address.length) == 0 ? 0 : errno;
  ::close(socket);
  return error;
}

int try_to_bind(const config::Listener& listener) {
  int error = 0;
  for (const std::string& host : numeric_hosts(listener)) {
    route::Address address;
    if (!route::Address::parse_ip(host, listener.port, address)) continue;
    error = try_to_bind(address);
    // A machine may lack one of the two families of ":80".
    const bool is_absent = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
    if (error != 0 && !(is_absent && listener.host.empty())) return error;
  }
  return error;
}

bool has_listener(const RunningEngine& running, const config::Listener& listener) {
  return std::ranges::any_of(numeric_hosts(listener), [&](const std::string& host) {
    const config::Listener one{.host = host, .port = listener.port, .where = {}};
    return std::ranges::find(running.listeners, one.text()) != running.listeners.end();
  });
}

Finding failed_listen(const config::Listener& listener, int error) {
  const std::string text = listener.text();
  switch (error) {
    case EADDRINUSE: {
      const std::string owner = control::find_port_owner(listener.port);
      return {Grade::Fail, "listen",
              text + " is in use by " + (owner.empty() ? "another program" : owner),
              "stop it, or choose another address in listen"};
    }
    case EACCES:
    case EPERM:
      return {
          Grade::Fail, "listen",
          fmt::format("{} may not listen on {}: it is privileged", user_name(::geteuid()), text),
          fmt::format("AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or sysctl "
                      "net.ipv4.ip_unprivileged_port_start={}",
                      listener.port)};
    case EADDRNOTAVAIL:
      return {Grade::Fail, "listen", text + ": this machine has no such address",
              "use one that `ip address` lists"};
    default:
      return {Grade::Fail, "listen", text + ": " + std::strerror(error),
              "choose another address in listen"};
  }
}

// ---- the state directory -------------------------------------------------------------------------

Finding absent_directory_finding(const std::string& directory) {
  const std::string folder = folder_above(directory);
  if (may_write(folder)) {
    return {Grade::Ok, "state directory", directory + ": made when it is needed", ""};
  }
  return {Grade::Fail, "state directory",
          fmt::format("{} cannot be made: {} may not write to {}", directory,
                      user_name(::geteuid()), folder),
          "name one that may be written: ENGINE_STATE_DIR, or StateDirectory= in the systemd unit"};
}

std::string state_directory_of(const std::optional<RunningEngine>& running) {
  const bool is_said = running && !running->state_directory.empty();
  return is_said ? running->state_directory : control::state_directory();
}

// Also of a configuration that cannot be used.
std::string chosen_socket(const RunOptions& options, const config::Result& result) {
  if (options.overrides.socket) return *options.overrides.socket;
  return result.ok() ? result.config.admin.socket : "";
}

}  // namespace

Findings check_engine(const RunOptions& options) {
  RunOptions file = options;
  config::Result result = read_checked_config(file);
  const SocketLook socket = look_at_socket(
      control::admin_socket_path(chosen_socket(options, result), control::state_directory()));
  // Who names no file, where there is none, means that of the engine that runs.
  if (socket.running && socket.running->config.starts_with('/') && !options.overrides.config_path &&
      !is_there(options.config)) {
    file.config = socket.running->config;
    result = read_checked_config(file);
  }
  Findings findings = {configuration_finding(file.config, result), socket.finding};
  if (result.ok()) {
    std::ranges::transform(result.config.listen, std::back_inserter(findings),
                           [&](const auto& each) { return listen_finding(each, socket.running); });
  }
  const std::string directory = state_directory_of(socket.running);
  findings.push_back(state_directory_finding(directory));
  findings.push_back(state_file_finding(directory));
  findings.push_back(authority_finding(directory, known_system_stores()));
  return findings;
}

Finding listen_finding(const config::Listener& listener,
                       const std::optional<RunningEngine>& running) {
  const std::string text = listener.text();
  if (listener.port == 0) return {Grade::Ok, "listen", text + ": a free port is taken", ""};
  if (running && has_listener(*running, listener)) {
    return {Grade::Ok, "listen",
            fmt::format("{} is held by the running engine, pid {}", text, running->pid), ""};
  }
  if (const int error = try_to_bind(listener); error != 0) return failed_listen(listener, error);
  return {Grade::Ok, "listen", text + " is free", ""};
}

Finding state_directory_finding(const std::string& directory) {
  struct stat seen{};
  if (::stat(directory.c_str(), &seen) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absent_directory_finding(directory);
    return {Grade::Fail, "state directory", directory + ": " + std::strerror(errno),
            "call as the user who serves"};
  }
  const std::string whose = fmt::format("{} is {}'s, mode {:04o}", directory,
                                        user_name(seen.st_uid), seen.st_mode & 07777);
  if (!S_ISDIR(seen.st_mode)) {
    return {Grade::Fail, "state directory", directory + " is no directory",
            "remove it, or name another: ENGINE_STATE_DIR"};
  }
  if (!may_write(directory)) {
    return {Grade::Fail, "state directory",
            fmt::format("{}; {} may not write there", whose, user_name(::geteuid())),
            fmt::format("chown {} {}, or name another: ENGINE_STATE_DIR", user_name(::geteuid()),
                        directory)};
  }
  if ((seen.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return {Grade::Warn, "state directory", whose + "; others may replace what is kept there",
            "chmod go-w " + directory};
  }
  return {Grade::Ok, "state directory", whose, ""};
}

Finding state_file_finding(const std::string& directory) {
  const std::string path = directory + "/state.json";
  if (!is_there(path)) return {Grade::Ok, "state", "none yet: nothing was deployed or added", ""};
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return {Grade::Fail, "state", path + " cannot be read: " + std::strerror(errno),
            "call as the user who serves"};
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto json = control::Json::parse(text, nullptr, false);
  const auto runtime =
      json.is_discarded() ? std::unexpected(std::string("not JSON")) : control::runtime_of(json);
  if (!runtime) {
    return {Grade::Fail, "state", path + " is broken: " + runtime.error(),
            "the next start sets it aside and takes state.json.previous; to have neither, remove "
            "both"};
  }
  return {Grade::Ok, "state", path + ": " + count_text(runtime->services.size(), "service"), ""};
}

Finding authority_finding(const std::string& directory, const std::vector<SystemStore>& stores) {
  const std::string path = directory + "/tls/ca.pem";
  if (!is_there(path)) {
    return {Grade::Ok, "local CA", "none yet: made for the first https:// to a local name", ""};
  }
  const auto ca = tls::read_pem(path);
  if (!ca) return {Grade::Fail, "local CA", ca.error(), "call as the user who serves"};
  if (is_in_system(stores, *ca)) return {Grade::Ok, "local CA", path + " is trusted here", ""};
  return {Grade::Warn, "local CA", path + " is not in the system's list", "sudo engine trust"};
}

}  // namespace engine::cli
