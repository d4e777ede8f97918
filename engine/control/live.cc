// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/live.h"

#include <cerrno>
#include <utility>
#include <vector>

#include "engine/control/live_filter.h"

namespace engine::control {
namespace {

// A worker answers within a turn of its loop. One that hangs must not hang the API, too.
constexpr base::Time kPatience = base::kSecond;

double seconds(base::Time time) { return static_cast<double>(time) / base::kSecond; }

Json json_of(std::size_t worker, const route::ConnectionView& view) {
  using View = route::ConnectionView;
  Json json = {{"id", id_of({worker, view.number})},
               {"worker", worker},
               {"client", view.client},
               {"listener", ":" + std::to_string(view.port)},
               {"protocol", View::kProtocolNames[static_cast<std::size_t>(view.protocol)]},
               {"state", View::kStateNames[static_cast<std::size_t>(view.state)]},
               {"tls", nullptr},
               {"age_seconds", seconds(view.age)},
               {"idle_seconds", seconds(view.idle)},
               {"requests", view.requests},
               {"streams", view.streams},
               {"site", view.site},
               {"service", view.service},
               {"target", view.target},
               {"bytes_in", view.bytes_in},
               {"bytes_out", view.bytes_out}};
  if (!view.tls.empty())
    json["tls"] = {{"version", view.tls}, {"alpn", view.alpn}, {"server_name", view.server_name}};
  return json;
}

Json json_of(route::Inquiry& inquiry) {
  Json list = Json::array();
  bool truncated = false;
  std::size_t silent = 0;
  const std::vector<route::Report*> reports = inquiry.reports();
  for (std::size_t worker = 0; worker < reports.size(); ++worker) {
    if (reports[worker] == nullptr) {
      ++silent;
      continue;
    }
    truncated = truncated || reports[worker]->truncated;
    for (const route::ConnectionView& view : reports[worker]->connections)
      list.push_back(json_of(worker, view));
  }
  return {{"connections", std::move(list)}, {"truncated", truncated}, {"silent_workers", silent}};
}

// Braces belong into no coroutine: see refusal.h.
route::Question list_of(route::ConnectionFilter filter, std::size_t worker_count) {
  return route::ListConnections{.filter = std::move(filter),
                                .most = (Live::kConnectionsMax + worker_count - 1) / worker_count};
}

route::Question closing(std::uint64_t number) { return route::CloseConnection{.number = number}; }

route::Question beginning(std::shared_ptr<route::Tap> tap) {
  return route::BeginTap{std::move(tap)};
}

}  // namespace

async::Task<Json> Live::connections(route::ConnectionFilter filter) {
  while (listing_ && !scope_.cancelled()) co_await listed_.wait(scope_, kPatience);
  listing_ = true;
  const auto inquiry = mailboxes_.ask_all(list_of(std::move(filter), mailboxes_.worker_count()));
  co_await await_answers(inquiry);
  listing_ = false;
  listed_.notify();
  co_return json_of(*inquiry);
}

async::Task<bool> Live::close(std::string id) {
  const auto wanted = parse_connection_id(id);
  if (!wanted || wanted->worker >= mailboxes_.worker_count()) co_return false;
  const auto inquiry = mailboxes_.ask_one(wanted->worker, closing(wanted->number));
  co_await await_answers(inquiry);
  const route::Report* report = inquiry->reports().front();
  co_return report != nullptr && report->closed;
}

async::Task<std::shared_ptr<route::Tap>> Live::tap(route::TapFilter filter) {
  if (tap_count_ == kTapsMax) co_return nullptr;
  const auto tap = std::make_shared<route::Tap>(std::move(filter), mailboxes_.worker_count(),
                                                [this] { scope_.ring().wake(); });
  std::shared_ptr<route::Tap> holder = held(tap);
  co_await await_answers(mailboxes_.ask_all(beginning(tap)));
  co_return holder;
}

// The workers let go of it when its reader does, whichever way that ends.
std::shared_ptr<route::Tap> Live::held(std::shared_ptr<route::Tap> tap) {
  ++tap_count_;
  route::Tap* const bare = tap.get();
  return {bare, [this, tap = std::move(tap)](route::Tap*) {
            --tap_count_;
            mailboxes_.ask_all(route::EndTap{tap});
            notify_workers_();
          }};
}

async::Task<void> Live::await_answers(std::shared_ptr<route::Inquiry> inquiry) {
  notify_workers_();
  const base::Time deadline = scope_.now() + kPatience;
  while (!inquiry->complete() && scope_.now() < deadline) {
    const int heard = co_await heard_.wait(scope_, deadline - scope_.now());
    if (heard == -ECANCELED) co_return;
  }
}

}  // namespace engine::control
