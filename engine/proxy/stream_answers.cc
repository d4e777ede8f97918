// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine answers by itself before anything has to wait or needs a target.
#include <optional>
#include <string>

#include "engine/http/names.h"
#include "engine/http/target.h"
#include "engine/proxy/reply.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"
#include "engine/route/host_key.h"

namespace engine::proxy {
namespace {

constexpr std::string_view kAcmeChallenges = "/.well-known/acme-challenge/";

// Where the request is to come again, at another scheme, another host, or both in one step. Every
// port takes TLS, so that of the request is as good; a client of port 80 names none.
std::string location_at(std::string_view scheme, std::string_view host,
                        std::string_view authority) {
  std::string location(scheme);
  location += "://";
  if (host.empty()) return location + "{authority}{uri}";
  location += host;
  const std::optional<http::HostPort> asked = http::split_host_port(authority);
  if (asked && asked->port != 0 && asked->port != 80) location += ":" + std::to_string(asked->port);
  return location + "{uri}";
}

// Over TLS here, or before a proxy in front that is believed. What an authority asks for to issue a
// certificate comes without (RFC 8555 section 8.3).
bool is_secure(const http::RequestHead& head, const ClientInfo& info, bool trusted) {
  if (info.secure() || head.path.starts_with(kAcmeChallenges)) return true;
  return trusted &&
         http::equals_ignoring_case(http::find_field(head.fields, "x-forwarded-proto"), "https");
}

// Whether the request may stay where it is: the host is the site's one host, or the client would not
// follow. An HTTP/1.0 client that names no host would be sent in circles.
bool is_canonical(const http::RequestHead& head, const std::string& wanted) {
  if (wanted.empty() || head.authority.empty()) return true;
  const route::HostKey host(head.authority);
  return (host.fits() && host.text() == wanted) || head.path.starts_with(kAcmeChallenges);
}

}  // namespace

// Redirects, fixed answers, preflights, OPTIONS that must not travel on, and for a site that is closed
// on purpose the word that nothing is wrong. True when it was answered.
bool Stream::answer_here(const http::RequestHead& head) {
  const route::Service& service = *service_->service;
  const bool passes = service.answer == route::Answer::Pass;
  if (passes && client_.info().secure()) {
    answer(base::Cause::Misdirected, "this site's TLS ends at its target, not here");
    return true;
  }
  const auto secure = [&] { return is_secure(head, client_.info(), is_trusted()); };
  const bool to_https = passes || (service.redirects_to_https && !secure());
  const bool to_canonical = !is_canonical(head, service.canonical_host) && !asks_health(head);
  if (!to_https && !client_.info().verified_by(service.client_ca)) {
    refuse_unverified();
    return true;
  }
  if (!passes && !service.cors.origins.empty() && http::is_preflight(head)) {
    answer_preflight(head);
    return true;
  }
  const bool moves = to_https || to_canonical;
  const bool redirects = moves || service.answer == route::Answer::Redirect;
  if (service.answer == route::Answer::Status && !redirects && !head.max_forwards_zero) {
    answer(base::Cause::None, service.text);
    return true;
  }
  // A balancer in front must not take a site for broken that is closed on purpose.
  const bool healthy = service.gate.state != route::Gate::State::Running && asks_health(head);
  if (!redirects && !head.max_forwards_zero && !healthy) return false;
  if (head.max_forwards_zero) {
    answer_bare(204, kOptionsLines);
  } else if (!redirects) {
    answer_bare(200, kHealthyLines);
  } else {
    const std::string location =
        moves ? location_at(to_https || secure() ? "https" : "http",
                            to_canonical ? service.canonical_host : "", head.authority)
              : service.text;
    answer_bare(308, redirect_lines(location, head));
  }
  return true;
}

// Nobody else vouches for a client: neither a proxy that is believed, nor an earlier handshake for
// another name. Over TLS the client may come again with the right name (RFC 9110 section 15.5.20).
void Stream::refuse_unverified() {
  if (client_.info().secure()) {
    return answer(
        base::Cause::Misdirected,
        "this site asks for a client certificate, and the connection was made for another "
        "name or before its authorities changed: connect again");
  }
  answer(base::Cause::CertificateRequired, "use https:// and show a client certificate");
}

// Before any redirect: a browser that is sent elsewhere by the answer to a preflight gives up.
void Stream::answer_preflight(const http::RequestHead& head) {
  const http::CorsPolicy& cors = service_->service->cors;
  const std::string refusal = http::refusal_of(cors, record_.cors, head);
  if (!refusal.empty()) return answer(base::Cause::CrossOriginRefused, refusal);
  answer_bare(204, http::preflight_lines(cors, head));
}

void Stream::answer_bare(std::uint16_t status, std::string_view lines) {
  client_keep_alive_ =
      client_keep_alive_ && record_.minor_version == 1 && request_read() && client_.may_stay();
  client_status_ = status;
  base::Buffer& out = client().out();
  const std::size_t before = out.size();
  BareReply reply{.status = status, .close = !client_keep_alive_};
  reply.cors = record_.cors;
  reply.lines = lines;
  write_bare(out, reply, worker_);
  client().head_written(out.size() - before, Channel::Head::Whole);
  finish();
}

}  // namespace engine::proxy
