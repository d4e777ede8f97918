// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "tls/locked_folder.h"

namespace tls {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRenewSeconds = 30 * kDaySeconds;
constexpr mode_t kPublicMode = 0644, kSecretMode = 0600;
constexpr char kCaFile[] = "ca.pem", kCaKeyFile[] = "ca-key.pem";
constexpr std::string_view kPem = ".pem", kKeyPem = "-key.pem";

bool is_fresh(std::int64_t not_after, std::int64_t now) { return not_after - now >= kRenewSeconds; }

// Anything but a clear "no" counts as there: what cannot be seen must not be overwritten.
bool is_there(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

// '*' and ':' mean something to shells and other systems. '+' is in no host name, and a name has
// either stars or colons, so different names have different files.
std::string file_stem(std::string_view name) {
  std::string stem(name);
  std::ranges::replace_if(stem, [](char c) { return c == '*' || c == ':'; }, '+');
  return stem;
}

// Each leaf is two files; the certificate's time counts for both.
void remove_oldest_leaves(const LockedFolder& folder, const std::string& path) {
  std::vector<std::pair<fs::file_time_type, std::string>> stems;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string file = entry->path().filename().string();
    if (!file.ends_with(kPem) || file.ends_with(kKeyPem)) continue;
    file.resize(file.size() - kPem.size());
    std::error_code no_time;  // then it is the oldest of all
    stems.emplace_back(fs::last_write_time(entry->path(), no_time), std::move(file));
  }
  if (stems.size() <= kLocalLeavesMax) return;
  std::ranges::sort(stems);
  stems.resize(stems.size() - kLocalLeavesMax);
  for (const auto& [time, stem] : stems) {
    folder.remove(std::string(stem).append(kPem));
    folder.remove(std::string(stem).append(kKeyPem));
  }
}

std::expected<void, std::string> write_authority(const LockedFolder& folder, const Pair& pair) {
  std::expected<void, std::string> written = folder.write(kCaKeyFile, pair.key_pem, kSecretMode);
  if (!written) return written;
  written = folder.write(kCaFile, pair.chain_pem, kPublicMode);
  // A key alone would be an error at the next start.
  if (!written) folder.remove(kCaKeyFile);
  return written;
}

// Half of it, after a crash, does not fit together and is issued again.
std::expected<void, std::string> write_leaf(const std::string& directory, std::string_view name,
                                            const Pair& pair) {
  const std::expected<LockedFolder, std::string> folder = LockedFolder::open(directory);
  if (!folder) return std::unexpected(folder.error());
  const std::string stem = file_stem(name);
  std::expected<void, std::string> written =
      folder->write(std::string(stem).append(kKeyPem), pair.key_pem, kSecretMode);
  if (written) written = folder->write(std::string(stem).append(kPem), pair.chain_pem, kPublicMode);
  if (written) remove_oldest_leaves(*folder, directory);
  return written;
}

}  // namespace

LocalStore::LocalStore(std::string directory) : directory_(std::move(directory)) {
  while (directory_.size() > 1 && directory_.ends_with('/')) directory_.pop_back();
  leaves_directory_ = directory_ + "/leaves";
}

std::string LocalStore::take_warning() { return std::exchange(warning_, {}); }

// ---- the authority ------------------------------------------------------------------------------

std::expected<std::reference_wrapper<const Authority>, std::string> LocalStore::authority(
    std::int64_t now) {
  if (authority_ && !authority_->info().expired(now)) return std::cref(*authority_);
  std::expected<Authority, std::string> opened = open_authority(now);
  if (!opened) return std::unexpected(opened.error());
  leaves_.clear();
  authority_.emplace(std::move(*opened));
  return std::cref(*authority_);
}

std::expected<Authority, std::string> LocalStore::open_authority(std::int64_t now) {
  // Locked before it is read: another process may be writing the second of the two files.
  const std::expected<LockedFolder, std::string> folder = LockedFolder::open(directory_);
  if (auto kept = read_authority(now)) return std::move(*kept);
  std::expected<Authority, std::string> made = Authority::create(now);
  if (!made) return made;

  const std::expected<void, std::string> written =
      folder ? write_authority(*folder, made->pair()) : std::unexpected(folder.error());
  memory_only_ = !written;
  if (memory_only_) {
    warning_ = "the local CA cannot be kept in " + directory_ + " (" + written.error() +
               "): it is made anew at every start, and browsers would have to trust it each time; "
               "let this user write there";
  }
  return made;
}

// Nothing when there is none on disk.
std::optional<std::expected<Authority, std::string>> LocalStore::read_authority(
    std::int64_t now) const {
  const std::string certificate = directory_ + "/" + kCaFile;
  const std::string key = directory_ + "/" + kCaKeyFile;
  if (!is_there(certificate) && !is_there(key)) return std::nullopt;
  std::expected<Pair, std::string> pair = read_pair(certificate, key);
  std::expected<Authority, std::string> loaded =
      pair ? Authority::from(std::move(*pair), now) : std::unexpected(pair.error());
  if (loaded) return loaded;
  return std::unexpected("the local CA in " + certificate + " and " + key +
                         " cannot be used: " + loaded.error() +
                         "; let this user read both files, restore them, or delete both to have a "
                         "new CA made, which browsers must then be told to trust");
}

// ---- what it issued -----------------------------------------------------------------------------

std::expected<Pair, std::string> LocalStore::leaf(std::string_view name, std::int64_t now) {
  if (!is_local_name(name)) return std::unexpected(std::string(kNotLocalName));
  const auto ca = authority(now);
  if (!ca) return std::unexpected(ca.error());
  const auto known = leaves_.find(name);
  if (known != leaves_.end() && is_fresh(known->second.not_after, now)) return known->second.pair;

  if (std::optional<Leaf> kept = read_leaf(name, now)) {
    remember(name, *kept);
    return std::move(kept->pair);
  }
  std::expected<Pair, std::string> issued = ca->get().issue(name, now);
  if (!issued) return issued;
  if (!memory_only_) keep_on_disk(name, *issued);
  remember(name, {*issued, now + kLocalLeafSeconds});
  return issued;
}

// Nothing when it has to be issued, for whatever reason: a leaf is quickly replaced.
std::optional<LocalStore::Leaf> LocalStore::read_leaf(std::string_view name,
                                                      std::int64_t now) const {
  const std::string stem = leaves_directory_ + "/" + file_stem(name);
  std::expected<Pair, std::string> pair =
      read_pair(std::string(stem).append(kPem), std::string(stem).append(kKeyPem));
  if (!pair || !authority_->issued(pair->chain_pem)) return std::nullopt;
  const std::expected<CertificateInfo, std::string> info = inspect(*pair, now);
  if (!info || !is_fresh(info->not_after, now) || info->names != std::vector{std::string(name)}) {
    return std::nullopt;
  }
  return Leaf{std::move(*pair), info->not_after};
}

void LocalStore::keep_on_disk(std::string_view name, const Pair& pair) {
  const std::expected<void, std::string> written = write_leaf(leaves_directory_, name, pair);
  if (!written && !leaf_write_failed_) {
    warning_ = "local certificates cannot be kept in " + leaves_directory_ + " (" +
               written.error() +
               "): they are issued anew at every start; let this user write there";
  }
  leaf_write_failed_ = !written;
}

void LocalStore::remember(std::string_view name, Leaf leaf) {
  if (leaves_.size() >= kLocalLeavesMax && !leaves_.contains(name)) {
    leaves_.erase(std::ranges::min_element(
        leaves_, {}, [](const auto& entry) { return entry.second.not_after; }));
  }
  leaves_.insert_or_assign(std::string(name), std::move(leaf));
}

}  // namespace tls
