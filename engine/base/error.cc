// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/error.h"

#include <array>

#include "engine/base/check.h"

namespace engine::base {
namespace {

struct Row {
  Cause cause;
  CauseWords words;
};

// In the order of Cause; describe() checks that.
constexpr std::array kRows = {
    Row{Cause::None, {200, Blame::Nobody, "", ""}},
    Row{Cause::BadRequest,
        {400, Blame::Client, "http_request_error", "The request is not valid HTTP."}},
    Row{Cause::HeadTooLarge,
        {431, Blame::Client, "http_request_error", "The request's header fields are too large."}},
    Row{Cause::TargetTooLong,
        {414, Blame::Client, "http_request_error", "The request's address is too long."}},
    Row{Cause::BodyTooLarge,
        {413, Blame::Client, "http_request_denied",
         "The request's body is larger than this site accepts."}},
    Row{Cause::ClientTooSlow,
        {408, Blame::Client, "http_request_error", "The request did not arrive in time."}},
    Row{Cause::ClientClosed,
        {499, Blame::Client, "client_closed",
         "The client went away before the answer was complete."}},
    Row{Cause::MethodRefused,
        {405, Blame::Client, "http_request_denied", "This method is not accepted here."}},
    Row{Cause::ExpectationRefused,
        {417, Blame::Client, "http_request_error",
         "The request expects something that is not offered here."}},
    Row{Cause::CodingUnknown,
        {501, Blame::Client, "http_request_error",
         "The request's transfer coding is not known here."}},
    Row{Cause::VersionRefused,
        {505, Blame::Client, "http_request_error", "This version of HTTP is not spoken here."}},
    Row{Cause::UnknownHost,
        {404, Blame::Us, "destination_not_found", "No site of this name is configured."}},
    Row{Cause::UnknownPath,
        {404, Blame::Us, "destination_not_found", "This site has nothing at this path."}},
    Row{Cause::Misdirected,
        {421, Blame::Client, "http_request_error",
         "This connection does not serve the requested site."}},
    Row{Cause::CertificateRequired,
        {403, Blame::Client, "http_request_denied",
         "This site is only for clients with a certificate."}},
    Row{Cause::CrossOriginRefused,
        {403, Blame::Client, "http_request_denied",
         "This site does not allow that to pages of other origins."}},
    Row{Cause::Overloaded,
        {503, Blame::Us, "connection_limit_reached", "The proxy is at its limit of work."}},
    Row{Cause::InflightLimit,
        {429, Blame::Us, "connection_limit_reached",
         "This site is at its limit of concurrent requests."}},
    Row{Cause::ConcurrencyLimit,
        {503, Blame::Us, "concurrency_limit", "The proxy is at its limit of concurrent requests."}},
    Row{Cause::RateLimited,
        {429, Blame::Client, "rate_limited", "Requests come faster than this site accepts them."}},
    Row{Cause::LoopDetected,
        {508, Blame::Us, "proxy_loop_detected",
         "The request came back to this proxy again and again."}},
    Row{Cause::DnsError,
        {503, Blame::Target, "dns_error", "The name of the service's target does not resolve."}},
    Row{Cause::NoHealthyTarget,
        {503, Blame::Target, "no_healthy_target", "No target of this site is available."}},
    Row{Cause::ConnectionLimit,
        {503, Blame::Us, "connection_limit_reached",
         "The service behind this site is at its limit of connections."}},
    Row{Cause::ConnectionRefused,
        {502, Blame::Target, "connection_refused",
         "The service behind this site refused the connection."}},
    Row{Cause::ConnectionTimeout,
        {504, Blame::Target, "connection_timeout",
         "The service behind this site did not accept the connection in time."}},
    Row{Cause::DestinationUnreachable,
        {502, Blame::Target, "destination_ip_unroutable",
         "The service behind this site cannot be reached."}},
    Row{Cause::ConnectionFailed,
        {502, Blame::Target, "destination_unavailable",
         "The connection to the service behind this site failed."}},
    Row{Cause::TlsFailed,
        {502, Blame::Target, "tls_protocol_error",
         "No secure connection to the service behind this site could be made."}},
    Row{Cause::ConnectionTerminated,
        {502, Blame::Target, "connection_terminated",
         "The service behind this site closed the connection before it answered."}},
    Row{Cause::ResponseTimeout,
        {504, Blame::Target, "http_response_timeout",
         "The service behind this site did not answer in time."}},
    Row{Cause::ReadTimeout,
        {504, Blame::Target, "connection_read_timeout",
         "The service behind this site stopped in the middle of its answer."}},
    Row{Cause::ResponseInvalid,
        {502, Blame::Target, "http_protocol_error",
         "The service behind this site did not answer with valid HTTP."}},
    Row{Cause::ResponseHeadTooLarge,
        {502, Blame::Target, "http_response_header_section_size",
         "The header fields of the service's answer are too large."}},
    Row{Cause::ResponseTooLarge,
        {502, Blame::Target, "http_response_body_size",
         "The service's answer is larger than this site allows."}},
    Row{Cause::ResponseIncomplete,
        {502, Blame::Target, "http_response_incomplete",
         "The service behind this site ended its answer too early."}},
    Row{Cause::UpgradeFailed,
        {502, Blame::Target, "http_upgrade_failed",
         "The service behind this site refused the change of protocol."}},
    Row{Cause::TotalTimeout,
        {504, Blame::Target, "http_response_timeout",
         "The exchange took longer than this site allows."}},
    Row{Cause::Stopped, {503, Blame::Us, "stopped", "This site is closed for maintenance."}},
    Row{Cause::PauseTimeout,
        {504, Blame::Us, "paused", "This site is paused, for longer than a request waits."}},
    Row{Cause::Drained,
        {504, Blame::Us, "drained",
         "The service behind this site was replaced before it had answered."}},
    Row{Cause::Draining,
        {503, Blame::Us, "proxy_internal_response", "The proxy is shutting down."}},
    Row{Cause::ClosedByHand,
        {503, Blame::Us, "connection_closed", "The connection was closed by hand."}},
    Row{Cause::Internal,
        {500, Blame::Us, "proxy_internal_error", "The proxy failed to handle the request."}},
};

}  // namespace

const CauseWords& describe(Cause cause) noexcept {
  const auto index = static_cast<std::size_t>(cause);
  ENSURE(index < kRows.size() && kRows[index].cause == cause, "a cause has no words");
  return kRows[index].words;
}

}  // namespace engine::base
