// SPDX-License-Identifier: GPL-3.0-or-later
// What a worker answers control, between two ticks: then no request code is on the stack, and what
// ended in the last tick is gone.
#include <algorithm>
#include <utility>

#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {

route::Report Worker::respond(const route::Question& question) {
  if (const auto* list = std::get_if<route::ListConnections>(&question))
    return list_connections(*list);
  if (const auto* close = std::get_if<route::CloseConnection>(&question))
    return {.closed = close_connection(close->number)};
  if (const auto* begin = std::get_if<route::BeginTap>(&question)) taps_.push_back(begin->tap);
  if (const auto* end = std::get_if<route::EndTap>(&question)) std::erase(taps_, end->tap);
  return {};
}

// The oldest first.
route::Report Worker::list_connections(const route::ListConnections& wanted) {
  route::Report report;
  sessions_.for_each([&](Session& session) {
    if (report.truncated) return;
    route::ConnectionView view = session.describe();
    if (!wanted.filter.shows(view)) return;
    report.truncated = report.connections.size() == wanted.most;
    if (!report.truncated) report.connections.push_back(std::move(view));
  });
  return report;
}

bool Worker::close_connection(std::uint64_t number) {
  Session* found = nullptr;
  sessions_.for_each([&](Session& session) {
    if (session.number() == number) found = &session;
  });
  if (found == nullptr) return false;
  found->end_now(base::Cause::ClosedByHand);
  return true;
}

}  // namespace engine::proxy
