// SPDX-License-Identifier: GPL-3.0-or-later
// What a Table consists of: records in one arena, found through open-addressing hash tables.
// Private to table.cc, table_build.cc and nothing else.
//
//   hosts → HostRecord  key, then up to 8 prefixes, longest first, each with its text;
//                       or, for more of them, the root of a tree of path segments
//   nodes → NodeRecord  segment, found by (parent, segment): one step per segment of the path
//
// A cold lookup of a host with few prefixes touches a slot and a record: two or three cache lines.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "engine/route/hash.h"
#include "engine/route/host_key.h"
#include "engine/route/table.h"

namespace engine::route {

inline constexpr std::uint32_t kNoSite = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint32_t kInlinePrefixesMax = 8;

// Where a lookup can end.
struct Leaf {
  std::uint32_t site = kNoSite;
  std::uint32_t service = 0;
};

struct PrefixEntry {
  std::uint32_t bytes;
  Leaf leaf;
};

// Followed by the key, `prefix_count` entries aligned to 4, and the entries' texts one after the
// other.
struct HostRecord {
  std::uint32_t key_bytes;
  std::uint32_t prefix_count;  // 0: the prefixes are in the tree
  std::uint32_t tree;          // offset of its root
};

// One path segment below its parent; followed by the segment's text.
struct NodeRecord {
  std::uint32_t parent;
  std::uint32_t segment_bytes;
  std::uint32_t child_count;
  Leaf bare;   // "/docs": the segment is the prefix's end
  Leaf below;  // "/docs/": a slash follows it
};

// Linear probing, at most half full, so that a miss ends within a cache line. The slot holds 32
// bits of the hash, so that a record is read only when it almost certainly is the right one.
class SlotTable {
 public:
  void reserve(std::size_t record_count);
  void insert(std::uint64_t hash, std::uint32_t offset);

  // The offset for which `equal(offset)` holds; 0 when there is none.
  template <typename Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal equal) const noexcept {
    if (slots_.empty()) return 0;
    for (std::size_t at = hash & mask_; slots_[at].offset != 0; at = (at + 1) & mask_) {
      if (slots_[at].tag == tag_of(hash) && equal(slots_[at].offset)) return slots_[at].offset;
    }
    return 0;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t offset = 0;  // 0: empty
  };
  static std::uint32_t tag_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash >> 32);
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::size_t count_ = 0;
};

struct TableIndex {
  std::vector<Site> sites;
  HashSecret secret = process_secret();
  std::vector<char> arena = std::vector<char>(4);  // no record lies at offset 0
  SlotTable hosts;                                 // wildcards under ".example.com"
  SlotTable nodes;
  std::uint32_t any_host = 0;  // the record of "*"
  // How many labels the names below "*." have: only suffixes of such a depth are looked up.
  std::bitset<kHostBytesMax + 1> wildcard_depths;

  explicit TableIndex(std::vector<Site> all_sites);

  template <typename Record>
  [[nodiscard]] Record read(std::uint32_t offset) const noexcept {
    Record record;
    std::memcpy(&record, arena.data() + offset, sizeof record);
    return record;
  }
  template <typename Record>
  [[nodiscard]] std::string_view text_after(std::uint32_t offset,
                                            std::uint32_t bytes) const noexcept {
    return {arena.data() + offset + sizeof(Record), bytes};
  }
  [[nodiscard]] std::uint32_t find_host(std::string_view key) const noexcept;
  [[nodiscard]] std::uint32_t find_child(std::uint32_t parent,
                                         std::string_view segment) const noexcept;
};

[[nodiscard]] constexpr std::uint32_t aligned(std::size_t bytes) noexcept {
  return static_cast<std::uint32_t>((bytes + 3) & ~std::size_t{3});
}

}  // namespace engine::route
