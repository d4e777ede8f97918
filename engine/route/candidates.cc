// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/route/candidates.h"

#include <algorithm>

#include "engine/route/hash.h"

namespace engine::route {
namespace {

Pool writers_of(Pool pool) {
  return pool == Pool::NewReaders || pool == Pool::NewWriters ? Pool::NewWriters : Pool::Writers;
}

}  // namespace

Candidates::Set Candidates::usable(Pool pool) const noexcept {
  const Set writers = of(writers_of(pool));
  for (const Set good : {able_, able_ | ejected_}) {
    if (const Set found = good & of(pool); found != 0) return found;
    if (const Set found = good & writers; found != 0) return found;
  }
  return 0;
}

Pool pool_for(const Purpose& purpose, const Candidates& candidates) noexcept {
  const bool new_ones =
      purpose.rolled_out && (candidates.has(Pool::NewWriters) || candidates.has(Pool::NewReaders));
  if (purpose.reads && !purpose.wrote_just) return new_ones ? Pool::NewReaders : Pool::Readers;
  return new_ones ? Pool::NewWriters : Pool::Writers;
}

bool covers(const Rollout& rollout, std::string_view cookie_value) noexcept {
  if (cookie_value.empty()) return false;
  return std::ranges::binary_search(rollout.allow_list, cookie_value) ||
         fnv1a_32(cookie_value) <= rollout.split_point;
}

}  // namespace engine::route
