// SPDX-License-Identifier: GPL-3.0-or-later
// /v1/connections, /v1/tap and /v1/log/level: what goes on at this moment.
#include <algorithm>
#include <utility>

#include "engine/base/log.h"
#include "engine/control/api.h"
#include "engine/control/api_guard.h"
#include "engine/control/live_filter.h"

namespace engine::control {
namespace {

constexpr std::string_view kConnections = "/v1/connections";

std::string lost_text(std::uint64_t lines) { return Json{{"lines", lines}}.dump(); }

ApiReply no_such_connection(const std::string& id) {
  return reply_of(refusal(404, "there is no connection \"" + id + "\"",
                          "it may have ended meanwhile: engine conns"));
}

ApiReply too_many_taps() {
  return reply_of(refusal(503, "there are " + std::to_string(Live::kTapsMax) + " taps already",
                          "end one of them"));
}

ApiReply level_reply() { return json_reply({{"level", base::log::name_of(base::log::level())}}); }

ApiReply level_refusal(const std::string& level) {
  return reply_of({.status = 400,
                   .detail = "\"" + level + "\" is no log level",
                   .hint = "error, warn, info or debug",
                   .field = "level"});
}

}  // namespace

Api::Reply Api::answer_connections(ApiRequest request) {
  Live& live = parts_.operations.live;
  if (request.path == kConnections && !is_change(request.method)) {
    auto filter = connection_filter_of(request.query);
    if (!filter) co_return reply_of(filter.error());
    const Json list = co_await live.connections(std::move(*filter));
    co_return json_reply(list);
  }
  if (request.path.size() > kConnections.size() && request.method == "DELETE") {
    const std::string id = request.path.substr(kConnections.size() + 1);
    const bool closed = co_await live.close(id);
    co_return closed ? json_reply(Json::object()) : no_such_connection(id);
  }
  co_return no_such_path(request);
}

ApiReply Api::answer_log_level(const ApiRequest& request) const {
  if (!is_change(request.method)) return level_reply();
  if (request.method != "PUT") return no_such_path(request);
  ApiBody body(request.body);
  const std::string name = body.string("level").value_or("");
  if (const auto refusal = body.refusal()) return reply_of(*refusal);
  const auto level = base::log::level_named(name);
  if (!level) return level_refusal(name);
  base::log::set_level(*level);
  return level_reply();
}

// A filter that no request can pass would look like silence.
std::expected<route::TapFilter, ApiReply> Api::admit_tap(const ApiRequest& request) const {
  if (auto refused = refuse_tap(request.caller)) return std::unexpected(std::move(*refused));
  auto filter = tap_filter_of(request.query);
  if (!filter) return std::unexpected(reply_of(filter.error()));
  const auto& sites = parts_.operations.state.effective().sites;
  if (filter->site.empty() ||
      std::ranges::find(sites, filter->site, &config::Site::key) != sites.end())
    return std::move(*filter);
  Refusal unknown = refusal(404, "there is no site \"" + filter->site + "\"");
  for (const config::Site& site : sites) unknown.known.push_back(site.key);
  return std::unexpected(reply_of(unknown));
}

// What the client is too slow for is lost in the workers, each of which keeps a buffer of lines: here
// nothing piles up.
async::Task<void> Api::stream_tap(ApiRequest request, ApiWriter& writer) {
  Live& live = parts_.operations.live;
  auto filter = admit_tap(request);
  ApiReply refused = too_many_taps();
  std::shared_ptr<route::Tap> tap;
  if (filter) {
    tap = co_await live.tap(std::move(*filter));
  } else {
    refused = std::move(filter.error());
  }
  if (tap == nullptr) {
    co_await writer.reply(std::move(refused));
    co_return;
  }
  std::uint64_t lost_told = 0;
  bool goes_on = co_await writer.begin_events();
  while (goes_on) {
    std::string lines;
    tap->take(lines);
    const std::uint64_t lost = tap->dropped();
    if (lost != lost_told) {
      goes_on = co_await writer.event("lost", lost_text(lost - std::exchange(lost_told, lost)));
    }
    if (!goes_on) break;
    if (!lines.empty()) {
      goes_on = co_await writer.events("request", std::move(lines));
    } else if (tap->wait_for_lines()) {
      goes_on = co_await writer.wait(live.heard());
    }
  }
}

}  // namespace engine::control
