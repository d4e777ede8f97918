// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/probe.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <cstring>
#include <utility>

#include "config/units.h"
#include "engine/async/await.h"
#include "engine/async/http_client.h"

namespace engine::control {
namespace {

constexpr std::size_t kBodyBytesMax = 64 * 1024;  // read to its end, and thrown away

using Addresses = std::shared_ptr<const route::Addresses>;

std::vector<async::Endpoint> endpoints_of(const route::Addresses& addresses, std::uint16_t port) {
  std::vector<async::Endpoint> list;
  for (route::Address address : addresses.list) {
    // sin_port and sin6_port lie at the same offset.
    if (port != 0 && address.family() != AF_UNIX)
      reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = htons(port);
    list.push_back({address.storage, address.length});
  }
  return list;
}

std::string milliseconds_text(base::Time time) {
  return fmt::format("{:.0f} ms", static_cast<double>(time) / base::kMillisecond);
}

std::string location_of(const async::HttpAnswer& answer) {
  for (const auto& [name, value] : answer.fields) {
    if (name.size() == 8 && ::strcasecmp(name.c_str(), "location") == 0) return value;
  }
  return {};
}

ProbeAnswer judge(const async::HttpAnswer& answer, const config::Health& health, base::Time took) {
  ProbeAnswer probe;
  if (answer.status == 0) {
    probe.text = answer.error;
    probe.timed_out = answer.failure == async::HttpAnswer::Failure::Timeout;
    if (answer.failure == async::HttpAnswer::Failure::Refused)
      probe.hint = "nothing listens there yet; does the application bind 0.0.0.0 and this port?";
    return probe;
  }
  probe.ok = answer.status >= health.status.first && answer.status <= health.status.last;
  probe.text = fmt::format("{} in {}", answer.status, milliseconds_text(took));
  if (probe.ok) return probe;
  if (answer.status >= 300 && answer.status < 400) {
    const std::string location = location_of(answer);
    probe.text = fmt::format("{} to {}", answer.status, location);
    probe.wants_https = location.starts_with("https://");
    probe.hint = probe.wants_https
                     ? "the application forces https; asked again with X-Forwarded-Proto: https"
                     : "redirects are not followed; choose a path that answers itself";
  } else if (answer.status == 404) {
    probe.hint = "there is nothing at " + health.path + "; choose another health path";
  } else if (answer.status == 401 || answer.status == 403) {
    probe.hint = "the health path must answer without credentials, and for this Host";
  }
  return probe;
}

async::Task<ProbeAnswer> probe_connection(async::Scope& scope, Addresses addresses,
                                          config::Health health) {
  ProbeAnswer answer;
  answer.text = "no address";
  for (const route::Address& address : addresses->list) {
    const int socket = scope.ring().open_socket(address.family());
    if (socket < 0) {
      answer.text = std::strerror(-socket);
      continue;
    }
    const int error = co_await async::Connect(scope, socket, address.get(), address.length,
                                              health.timeout.count() * base::kMillisecond);
    scope.ring().close(socket);
    answer.ok = error == 0;
    answer.timed_out = error == -ETIMEDOUT;
    answer.text = error == 0 ? "accepts connections" : std::strerror(-error);
    if (answer.ok) break;
  }
  co_return answer;
}

ProbeAnswer without_address(const route::Addresses& addresses) {
  ProbeAnswer answer;
  answer.text = addresses.failure;
  return answer;
}

bool connects_only(const route::Target& target, const config::Health& health) {
  return target.h2c() || health.path.empty();
}

}  // namespace

std::string probe_text(const route::Target& target, const config::Health& health) {
  return connects_only(target, health) ? "connect" : "GET " + health.path;
}

async::Task<ProbeAnswer> probe(async::Scope& scope, std::shared_ptr<const route::Target> target,
                               Addresses addresses, config::Health health, bool as_https) {
  if (addresses->list.empty()) co_return without_address(*addresses);
  if (connects_only(*target, health)) {
    ProbeAnswer answer = co_await probe_connection(scope, std::move(addresses), std::move(health));
    co_return answer;
  }
  async::HttpRequest request;
  request.endpoints = endpoints_of(*addresses, health.port);
  if (target->tls() != nullptr) {
    request.tls = target->tls()->context;
    request.server_name = std::string(target->server_name());
  }
  request.target = health.path;
  request.host = health.host.empty() ? target->authority() : health.host;
  request.fields.emplace_back("User-Agent", "engine-health");
  request.fields.emplace_back("Accept", "*/*");
  if (as_https) request.fields.emplace_back("X-Forwarded-Proto", "https");
  request.timeout = health.timeout.count() * base::kMillisecond;
  request.body_bytes_max = kBodyBytesMax;
  const base::Time start = scope.now();
  const async::HttpAnswer answer = co_await async::fetch(scope, std::move(request));
  co_return judge(answer, health, scope.now() - start);
}

}  // namespace engine::control
