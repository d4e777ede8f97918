// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/system_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <expected>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/cli/program.h"
#include "tls/locked_folder.h"
#include "tls/pem.h"

namespace engine::cli {
namespace {

namespace fs = std::filesystem;

using Result = TrustOutcome::Result;

constexpr mode_t kPublicMode = 0644;

const SystemStore* store_here(const std::vector<SystemStore>& stores) {
  const auto here = [](const SystemStore& store) {
    std::error_code none;
    return fs::is_directory(store.folder, none);
  };
  const auto found = std::ranges::find_if(stores, here);
  return found == stores.end() ? nullptr : &*found;
}

TrustOutcome no_store() {
  return {.result = Result::LeftOut,
          .store = "the system",
          .why = "it has no folder for authorities",
          .fix = "install ca-certificates"};
}

std::string path_of(const SystemStore& store) { return store.folder + "/" + store.file; }

TrustOutcome outcome(Result result, const SystemStore& store, std::string why = "",
                     std::string fix = "") {
  return {.result = result,
          .store = "the system (" + path_of(store) + ")",
          .why = std::move(why),
          .fix = std::move(fix)};
}

// 0, or what errno says. With the effective rights, which access() does not ask for.
int write_error(const SystemStore& store) {
  return ::faccessat(AT_FDCWD, store.folder.c_str(), W_OK, AT_EACCESS) == 0 ? 0 : errno;
}

TrustOutcome may_not_write(const SystemStore& store, int error) {
  if (error == EACCES) return outcome(Result::NoRights, store, "only root may write there");
  return outcome(Result::Failed, store, std::strerror(error));
}

// With its whole path; empty when none of them is there.
SystemStore::Command usable(const std::vector<SystemStore::Command>& commands,
                            const std::string& programs) {
  for (SystemStore::Command command : commands) {
    command[0] = find_program(command[0], programs);
    if (!command[0].empty()) return command;
  }
  return {};
}

TrustOutcome no_program(const SystemStore& store) {
  return outcome(Result::Failed, store, store.refresh.front().front() + " is not installed",
                 "install " + store.package);
}

// `done` when the command succeeds.
TrustOutcome finish(Result done, const SystemStore& store, const SystemStore::Command& command) {
  const auto ran = run_program(command);
  if (!ran) return outcome(Result::Failed, store, ran.error());
  if (ran->status != 0) return outcome(Result::Failed, store, command[0] + ": " + ran->reason());
  return outcome(done, store);
}

// run-parts(8) passes over what package tools and editors leave behind.
bool is_hook_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// update-ca-certificates(8) tells its hooks of what is new, but not of a local file that is gone:
// Java's list would keep it.
TrustOutcome tell_hooks(TrustOutcome so_far, const SystemStore& store) {
  std::error_code none;
  for (fs::directory_iterator entry(store.hooks, none), end; !none && entry != end;
       entry.increment(none)) {
    const std::string name = entry->path().filename().string();
    const std::string hook = is_hook_name(name) ? find_program(name, store.hooks) : "";
    if (hook.empty()) continue;
    const auto told = run_program({hook}, "-" + store.listed_as + "\n");
    if (!told) return outcome(Result::Failed, store, told.error());
    if (told->status != 0) return outcome(Result::Failed, store, hook + ": " + told->reason());
  }
  return so_far;
}

std::expected<void, std::string> write(const SystemStore& store, const std::string& ca_pem) {
  const auto folder = tls::LockedFolder::open(store.folder);
  if (!folder) return std::unexpected(folder.error());
  return folder->write(store.file, ca_pem, kPublicMode);
}

}  // namespace

std::vector<SystemStore> known_system_stores() {
  const std::vector<SystemStore::Command> fedora = {{"update-ca-trust", "extract"}};
  const std::vector<SystemStore::Command> arch = {{"trust", "extract-compat"}, {"update-ca-trust"}};
  return {
      {.folder = "/usr/local/share/ca-certificates",
       .file = "engine-local-ca.crt",
       .refresh = {{"update-ca-certificates"}},
       // Without the word, links to what is gone stay, and one to a replaced file is not renewed.
       .rebuild = {{"update-ca-certificates", "--fresh"}},
       .package = "ca-certificates",
       .hooks = "/etc/ca-certificates/update.d",
       .listed_as = "/etc/ssl/certs/engine-local-ca.pem"},
      {.folder = "/etc/pki/ca-trust/source/anchors",
       .file = "engine-local-ca.pem",
       .refresh = fedora,
       .rebuild = fedora,
       .package = "ca-certificates"},
      {.folder = "/etc/ca-certificates/trust-source/anchors",
       .file = "engine-local-ca.pem",
       .refresh = arch,
       .rebuild = arch,
       .package = "ca-certificates-utils"},
  };
}

bool is_in_system(const std::vector<SystemStore>& stores, const std::string& ca_pem) {
  const SystemStore* store = store_here(stores);
  if (store == nullptr) return false;
  const auto kept = tls::read_pem(path_of(*store));
  return kept && *kept == ca_pem;
}

TrustOutcome add_to_system(const std::vector<SystemStore>& stores, const std::string& programs,
                           const std::string& ca_pem) {
  const SystemStore* store = store_here(stores);
  if (store == nullptr) return no_store();
  const auto kept = tls::read_pem(path_of(*store));
  const bool same = kept && *kept == ca_pem;
  if (const int error = write_error(*store); error != 0) {
    return same ? outcome(Result::Already, *store) : may_not_write(*store, error);
  }
  const SystemStore::Command command =
      usable(kept && !same ? store->rebuild : store->refresh, programs);
  if (command.empty()) return no_program(*store);
  if (same) return finish(Result::Already, *store, command);
  if (const auto written = write(*store, ca_pem); !written) {
    return outcome(Result::Failed, *store, written.error());
  }
  return finish(Result::Done, *store, command);
}

TrustOutcome remove_from_system(const std::vector<SystemStore>& stores,
                                const std::string& programs) {
  const SystemStore* store = store_here(stores);
  if (store == nullptr) return no_store();
  std::error_code failed;
  const bool there = fs::exists(fs::symlink_status(path_of(*store), failed));
  const int error = write_error(*store);
  if (there && error != 0) return may_not_write(*store, error);
  const SystemStore::Command command = usable(there ? store->rebuild : store->refresh, programs);
  if (there && command.empty()) return no_program(*store);
  if (error != 0 || command.empty()) return outcome(Result::Already, *store);
  fs::remove(path_of(*store), failed);
  if (failed) return outcome(Result::Failed, *store, failed.message());
  TrustOutcome done = finish(there ? Result::Done : Result::Already, *store, command);
  return done.result == Result::Failed ? done : tell_hooks(std::move(done), *store);
}

}  // namespace engine::cli
