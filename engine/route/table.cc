// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/table.h"

#include <algorithm>
#include <utility>

#include "engine/route/table_index.h"

namespace engine::route {
namespace {

// The longest wildcard over a name. Every dot begins a suffix, the first dot the longest one.
std::uint32_t find_wildcard(const TableIndex& index, std::string_view key) noexcept {
  if (index.wildcard_depths.none()) return 0;
  auto depth = static_cast<std::size_t>(std::ranges::count(key, '.'));
  for (std::size_t dot = key.find('.'); dot != std::string_view::npos;
       dot = key.find('.', dot + 1)) {
    if (index.wildcard_depths.test(depth--)) {
      if (const std::uint32_t found = index.find_host(key.substr(dot)); found != 0) return found;
    }
  }
  return 0;
}

std::uint32_t find_record(const TableIndex& index, const HostKey& key) noexcept {
  if (!key.fits()) return 0;
  if (key.named()) {
    if (const std::uint32_t exact = index.find_host(key.text()); exact != 0) return exact;
    const std::uint32_t wild = key.literal() ? 0 : find_wildcard(index, key.text());
    if (wild != 0) return wild;
  }
  return index.any_host;
}

// Whether the prefix, which `path` starts with, ends where a segment ends.
bool ends_at_boundary(std::string_view path, std::string_view prefix) noexcept {
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

Leaf match_entries(const TableIndex& index, std::uint32_t offset, const HostRecord& host,
                   std::string_view path) noexcept {
  const std::uint32_t entries = offset + aligned(sizeof(HostRecord) + host.key_bytes);
  const auto entry_bytes = static_cast<std::uint32_t>(sizeof(PrefixEntry));
  std::uint32_t text = entries + host.prefix_count * entry_bytes;
  for (std::uint32_t i = 0; i < host.prefix_count; ++i) {
    const auto entry = index.read<PrefixEntry>(entries + i * entry_bytes);
    const std::string_view prefix{index.arena.data() + text, entry.bytes};
    if (path.starts_with(prefix) && ends_at_boundary(path, prefix)) return entry.leaf;
    text += entry.bytes;
  }
  return {};
}

// Goes down one segment a step and remembers the last place where a prefix ended. The work is
// bounded by the deepest configured prefix, not by the path.
Leaf match_tree(const TableIndex& index, std::uint32_t root, std::string_view path) noexcept {
  Leaf best;
  if (!path.starts_with('/')) return best;
  std::uint32_t offset = root;
  for (std::size_t slash = 0;;) {
    const auto node = index.read<NodeRecord>(offset);
    if (node.bare.site != kNoSite) best = node.bare;
    if (slash == path.size()) return best;
    if (node.below.site != kNoSite) best = node.below;
    if (node.child_count == 0) return best;
    const std::size_t end = std::min(path.find('/', slash + 1), path.size());
    offset = index.find_child(offset, path.substr(slash + 1, end - slash - 1));
    if (offset == 0) return best;
    slash = end;
  }
}

}  // namespace

Table::Table(std::vector<Site> sites) : index_(std::make_unique<TableIndex>(std::move(sites))) {}

Table::~Table() = default;

Match Table::match(std::string_view host, std::string_view path) const noexcept {
  const TableIndex& index = *index_;
  const std::uint32_t offset = find_record(index, HostKey(host));
  if (offset == 0) return {};
  if (path == "*") path = "/";  // OPTIONS *: the site as a whole
  const auto record = index.read<HostRecord>(offset);
  const Leaf leaf = record.prefix_count == 0 ? match_tree(index, record.tree, path)
                                             : match_entries(index, offset, record, path);
  if (leaf.site == kNoSite) return {.found = Found::UnknownPath};
  return {.found = Found::Yes, .service_index = leaf.service, .site_index = leaf.site};
}

std::span<const Site> Table::sites() const { return index_->sites; }

}  // namespace engine::route
