// SPDX-License-Identifier: GPL-3.0-or-later
// The local CA and the certificates it issued, kept in a folder between starts. It must not know
// who asks for a name. Owned by one thread, which may block on the disk (control).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tls/authority.h"
#include "tls/pem.h"

namespace tls {

// In memory and on disk each; beyond it the oldest go first.
inline constexpr std::size_t kLocalLeavesMax = 1000;

class LocalStore {
 public:
  // For example "/var/lib/engine/tls". Nothing is read or made before it is needed.
  explicit LocalStore(std::string directory);

  // From ca.pem and ca-key.pem, or made on first need. What is on disk and cannot be used is an
  // error that names it and says what to do; it is never overwritten. `now` is in Unix seconds,
  // here and below. Valid until the next call.
  std::expected<std::reference_wrapper<const Authority>, std::string> authority(std::int64_t now);

  // The certificate for one local name (authority.h), with at least 30 days left: from memory, from
  // leaves/NAME.pem and leaves/NAME-key.pem, or issued now. A disk that cannot be written to is no
  // error.
  std::expected<Pair, std::string> leaf(std::string_view name, std::int64_t now);

  // What an administrator should know since the last call, one sentence; empty when there is
  // nothing.
  std::string take_warning();

 private:
  struct Leaf {
    Pair pair;
    std::int64_t not_after;
  };

  std::expected<Authority, std::string> open_authority(std::int64_t now);
  std::optional<std::expected<Authority, std::string>> read_authority(std::int64_t now) const;
  std::optional<Leaf> read_leaf(std::string_view name, std::int64_t now) const;
  void keep_on_disk(std::string_view name, const Pair& pair);
  void remember(std::string_view name, Leaf leaf);

  std::string directory_;
  std::string leaves_directory_;
  std::optional<Authority> authority_;
  std::map<std::string, Leaf, std::less<>> leaves_;
  std::string warning_;
  // The CA could not be written: certificates on disk would outlive it and be of no use.
  bool memory_only_ = false;
  bool leaf_write_failed_ = false;  // warned of, until one succeeds
};

}  // namespace tls
