// SPDX-License-Identifier: GPL-3.0-or-later
// Sorts the sites by host and lays one record per host into the arena.
#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/base/check.h"
#include "engine/route/table_index.h"

namespace engine::route {
namespace {

using SiteNumbers = std::span<const std::uint32_t>;

class Builder {
 public:
  explicit Builder(TableIndex& index) : index_(index) {}

  void build() {
    const std::vector<std::uint32_t> order = sorted_sites();
    const std::vector<SiteNumbers> hosts = grouped(order);
    reserve(hosts);
    for (const SiteNumbers sites : hosts) add_host(sites);
    index_.arena.shrink_to_fit();
  }

 private:
  const std::string& host(std::uint32_t number) const { return index_.sites[number].host; }
  const std::string& prefix(std::uint32_t number) const { return index_.sites[number].prefix; }
  Leaf leaf(std::uint32_t number) const { return {number, index_.sites[number].service_index}; }

  // By host; within a host the longest prefix first.
  std::vector<std::uint32_t> sorted_sites() const {
    ENSURE(index_.sites.size() < kNoSite, "a table of more sites than can be numbered");
    std::vector<std::uint32_t> order(index_.sites.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, [this](std::uint32_t a, std::uint32_t b) {
      if (const int by_host = host(a).compare(host(b)); by_host != 0) return by_host < 0;
      if (prefix(a).size() != prefix(b).size()) return prefix(a).size() > prefix(b).size();
      return prefix(a) < prefix(b);
    });
    return order;
  }

  std::vector<SiteNumbers> grouped(SiteNumbers order) const {
    std::vector<SiteNumbers> hosts;
    for (std::size_t first = 0; first < order.size();) {
      std::size_t end = first + 1;
      while (end < order.size() && host(order[end]) == host(order[first])) ++end;
      hosts.push_back(order.subspan(first, end - first));
      first = end;
    }
    return hosts;
  }

  void reserve(std::span<const SiteNumbers> hosts) {
    std::size_t bytes = 0;
    std::size_t node_count = 0;
    for (const SiteNumbers sites : hosts) {
      bytes += sizeof(HostRecord) + host(sites[0]).size();
      for (const std::uint32_t site : sites) {
        bytes += sizeof(PrefixEntry) + prefix(site).size();
        if (in_tree(sites)) node_count += segments_max(prefix(site));
      }
    }
    index_.hosts.reserve(hosts.size());
    index_.nodes.reserve(node_count);
    index_.arena.reserve(bytes + bytes / 8);
  }

  static bool in_tree(SiteNumbers sites) { return sites.size() > kInlinePrefixesMax; }
  static std::size_t segments_max(std::string_view prefix) {
    return static_cast<std::size_t>(std::ranges::count(prefix, '/'));
  }

  void add_host(SiteNumbers sites) {
    const std::string_view name = host(sites[0]);
    const bool wildcard = name.starts_with("*.");
    const std::string_view key = wildcard ? name.substr(1) : name;
    if (key.size() > kHostBytesMax) return;  // no request names it
    const auto count = static_cast<std::uint32_t>(sites.size());
    const HostRecord record{.key_bytes = static_cast<std::uint32_t>(key.size()),
                            .prefix_count = in_tree(sites) ? 0 : count,
                            .tree = in_tree(sites) ? add_tree(sites) : 0};
    const std::uint32_t offset = append(record, key);
    if (!in_tree(sites)) append_entries(sites);
    if (name == "*") {
      index_.any_host = offset;
      return;
    }
    index_.hosts.insert(hash_bytes(index_.secret, key, 0), offset);
    if (wildcard)
      index_.wildcard_depths.set(static_cast<std::size_t>(std::ranges::count(key, '.')));
  }

  void append_entries(SiteNumbers sites) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
      const std::string& text = prefix(sites[i]);
      ENSURE(text.starts_with('/'), "a path prefix does not start with a slash");
      ENSURE(i == 0 || text != prefix(sites[i - 1]), "two sites have the same host and prefix");
      const PrefixEntry entry{static_cast<std::uint32_t>(text.size()), leaf(sites[i])};
      append_bytes(&entry, sizeof entry);
    }
    for (const std::uint32_t site : sites) append_bytes(prefix(site).data(), prefix(site).size());
    pad();
  }

  // Returns the root.
  std::uint32_t add_tree(SiteNumbers sites) {
    const std::uint32_t root = append(NodeRecord{}, {});
    for (const std::uint32_t site : sites) add_prefix(root, site);
    return root;
  }

  void add_prefix(std::uint32_t root, std::uint32_t site) {
    std::string_view rest = prefix(site);
    ENSURE(rest.starts_with('/'), "a path prefix does not start with a slash");
    std::uint32_t node = root;
    rest.remove_prefix(1);
    for (std::size_t slash = rest.find('/'); slash != std::string_view::npos;
         slash = rest.find('/')) {
      node = child(node, rest.substr(0, slash));
      rest.remove_prefix(slash + 1);
    }
    const bool ends_in_slash = rest.empty();
    if (!ends_in_slash) node = child(node, rest);
    auto record = index_.read<NodeRecord>(node);
    Leaf& place = ends_in_slash ? record.below : record.bare;
    ENSURE(place.site == kNoSite, "two sites have the same host and prefix");
    place = leaf(site);
    write(node, record);
  }

  // Finds or adds it.
  std::uint32_t child(std::uint32_t parent, std::string_view segment) {
    if (const std::uint32_t found = index_.find_child(parent, segment); found != 0) return found;
    auto parent_record = index_.read<NodeRecord>(parent);
    ++parent_record.child_count;
    write(parent, parent_record);
    NodeRecord record{};
    record.parent = parent;
    record.segment_bytes = static_cast<std::uint32_t>(segment.size());
    const std::uint32_t offset = append(record, segment);
    index_.nodes.insert(hash_bytes(index_.secret, segment, parent), offset);
    return offset;
  }

  template <typename Record>
  std::uint32_t append(const Record& record, std::string_view text) {
    static_assert(std::is_trivially_copyable_v<Record>);
    const std::size_t offset = index_.arena.size();
    append_bytes(&record, sizeof record);
    append_bytes(text.data(), text.size());
    pad();
    return static_cast<std::uint32_t>(offset);
  }

  void append_bytes(const void* from, std::size_t bytes) {
    const char* first = static_cast<const char*>(from);
    index_.arena.insert(index_.arena.end(), first, first + bytes);
  }

  void pad() {
    index_.arena.resize((index_.arena.size() + 3) & ~std::size_t{3});
    ENSURE(index_.arena.size() <= std::numeric_limits<std::uint32_t>::max(),
           "a table's texts need more than 4 GiB");
  }

  void write(std::uint32_t offset, const NodeRecord& record) {
    std::memcpy(index_.arena.data() + offset, &record, sizeof record);
  }

  TableIndex& index_;
};

}  // namespace

void SlotTable::reserve(std::size_t record_count) {
  ENSURE(count_ == 0, "a slot table is sized after it was filled");
  if (record_count == 0) return;
  slots_.resize(std::bit_ceil(record_count * 2));
  mask_ = slots_.size() - 1;
}

void SlotTable::insert(std::uint64_t hash, std::uint32_t offset) {
  ENSURE(++count_ * 2 <= slots_.size(), "a slot table got more records than it was sized for");
  std::size_t at = hash & mask_;
  while (slots_[at].offset != 0) at = (at + 1) & mask_;
  slots_[at] = {tag_of(hash), offset};
}

TableIndex::TableIndex(std::vector<Site> all_sites) : sites(std::move(all_sites)) {
  Builder(*this).build();
}

std::uint32_t TableIndex::find_host(std::string_view key) const noexcept {
  return hosts.find(hash_bytes(secret, key, 0), [&](std::uint32_t offset) {
    // A record mostly reaches into a second cache line: both are fetched at once.
    __builtin_prefetch(arena.data() + offset + 64);
    return text_after<HostRecord>(offset, read<HostRecord>(offset).key_bytes) == key;
  });
}

std::uint32_t TableIndex::find_child(std::uint32_t parent,
                                     std::string_view segment) const noexcept {
  return nodes.find(hash_bytes(secret, segment, parent), [&](std::uint32_t offset) {
    const auto node = read<NodeRecord>(offset);
    return node.parent == parent && text_after<NodeRecord>(offset, node.segment_bytes) == segment;
  });
}

}  // namespace engine::route
