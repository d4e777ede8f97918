// SPDX-License-Identifier: GPL-3.0-or-later
// How a stream's request reaches the target that was chosen: connection, head, body, and what may be
// tried again.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "engine/http/rules.h"
#include "engine/http/target.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

constexpr std::size_t kHeadSlackBytes = 1024;
// Who is to come again later than this hears it itself.
constexpr base::Time kRetryPauseMax = 30 * base::kSecond;

base::Cause connect_cause(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ENOENT:  // no such unix socket
      return base::Cause::ConnectionRefused;
    case ETIMEDOUT: return base::Cause::ConnectionTimeout;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case EADDRNOTAVAIL:  // every local port is in use
      return base::Cause::Overloaded;
    case EPROTO: return base::Cause::TlsFailed;
    case EPROTONOSUPPORT: return base::Cause::ResponseInvalid;
    case EOPNOTSUPP: return base::Cause::UpgradeFailed;
    case ENETUNREACH:
    case EHOSTUNREACH: return base::Cause::DestinationUnreachable;
    default: return base::Cause::ConnectionFailed;
  }
}

// Before one more try after `tries`: twice as long each time, and somewhere in the second half of that,
// so that requests that failed together come apart.
base::Time pause_before_retry(base::Time backoff, unsigned tries, std::uint64_t random) {
  const base::Time longest = std::min(backoff << tries, kRetryPauseMax);
  const base::Time least = longest / 2;
  return least + static_cast<base::Time>(random % static_cast<std::uint64_t>(longest - least + 1));
}

}  // namespace

void Stream::choose_target() {
  const std::uint32_t chosen = choose_among_targets();
  if (chosen == route::kNoTarget) {
    if (service_->service->retry_hold > 0 && !tried_all()) return park(Wait::ForTarget);
    return answer(base::Cause::NoHealthyTarget,
                  "every target for this request is down, was tried, or has no address");
  }
  use_target(chosen);
}

// `chosen` by its position in the service.
void Stream::use_target(std::uint32_t chosen) {
  tried_targets_ |= std::uint64_t{1} << chosen;
  const route::WeightedTarget& wanted = service_->service->targets[chosen];
  target_ = worker_.pool().target(wanted);
  health_ = wanted.health.get();
  ++target_->inflight;
  route::TargetHealth::Tally& tally = health_->tally(worker_.index());
  ++tally.inflight;
  ++tally.requests;
  ++record_.tries;
  addresses_tried_ = 0;
  address_index_ = target_->preferred_address;
  if (target_->addresses->list.empty()) {
    return fail({.cause = base::Cause::DnsError}, target_->addresses->failure);
  }
  // Those that wait come first.
  if (target_->waiting.empty() && lease_ready()) return send_request();
  reach_target();
}

// By a connection of its own, or by one that it waits for.
void Stream::reach_target() {
  if (connect_next()) return;
  fail({.cause = connect_cause(connect_error_), .system = connect_error_},
       std::strerror(connect_error_));
}

bool Stream::lease_ready() {
  if (lost_reused_) return false;
  const auto doubt = request_replayable_ ? UpstreamPool::Doubt::Trust : UpstreamPool::Doubt::Look;
  Upstream* const ready = worker_.pool().ready(*target_, doubt, upgrade_asked_);
  if (ready != nullptr) upstream_ = &ready->lease(*this);
  return ready != nullptr;
}

// Of HTTP/2, which others are having made: it will be for this stream too.
bool Stream::may_join_connecting() const {
  return !target_->connecting.empty() && !upgrade_asked_ && !is_passage_;
}

// The next address of the target that was not tried, now or when there is a place. False when there
// is none.
bool Stream::connect_next() {
  const auto& addresses = target_->addresses->list;
  while (addresses_tried_ < addresses.size()) {
    const bool joins = may_join_connecting();
    if (!joins && !worker_.pool().take_place(*target_)) {
      park(Wait::ForConnection);
      return true;
    }
    const std::uint32_t at =
        (address_index_ + addresses_tried_) % static_cast<std::uint32_t>(addresses.size());
    ++addresses_tried_;
    if (joins) {
      target_->connecting.front().wait(*this);
    } else {
      Upstream& upstream = worker_.new_upstream(*target_);
      connect_error_ = upstream.connect(addresses[at], *this, upgrade_asked_);
      if (connect_error_ != 0) {
        upstream.discard(true);
        continue;
      }
      upstream_ = &upstream;
    }
    set_state(State::Connecting);
    if (has_whole_request()) client().want_bytes();  // to hear of a client that goes away
    update_deadline();
    return true;
  }
  return false;
}

void Stream::on_upstream_connected(Lease& lease) {
  upstream_ = &lease;
  const auto count = static_cast<std::uint32_t>(target_->addresses->list.size());
  if (count > 0) target_->preferred_address = (address_index_ + addresses_tried_ - 1) % count;
  record_.connected = worker_.now();
  service_->metrics.upstream_connect.record(worker_.now() - phase_started_);
  send_request();
}

void Stream::on_upstream_failed(int error, std::string_view why, bool session_offered) {
  upstream_ = nullptr;
  // The same address again; the session that was offered is forgotten.
  if (session_offered && !std::exchange(session_refused_, true)) --addresses_tried_;
  if (connect_next()) return;
  const base::Cause cause = connect_cause(error);
  if (retry(cause)) return;
  fail({.cause = cause, .retry_safe = true, .system = error}, why);
}

// The address was not to blame.
void Stream::on_upstream_taken() {
  upstream_ = nullptr;
  --addresses_tried_;
  if (lease_ready()) return send_request();
  reach_target();
}

void Stream::send_request() {
  if (is_passage_) return begin_passage();
  const http::RequestHead& request = head();
  Channel& source = request_spool_ != nullptr ? *request_spool_ : client();
  http::Framing framing = request.framing;
  std::uint64_t length = request.content_length;
  if (request_spool_ != nullptr) {
    request_spool_->rewind();
    framing = request_spool_->framing();
    length = request_spool_->size();
  }
  write_request(request, framing, length);
  note_sent(request);
  scanned_ = 0;
  set_state(State::AwaitHead);
  request_relay_.start(source, upstream_->channel(), body_of(source, framing, length), framing,
                       service_->service->body_bytes_max);
  upstream_->channel().want_bytes();
  if (has_whole_request()) client().want_bytes();
  feed_early_bytes();
  after_relays();
}

void Stream::write_request(const http::RequestHead& request, http::Framing framing,
                           std::uint64_t length) {
  const route::Service& service = *service_->service;
  const ClientInfo& info = client_.info();
  std::string authority;
  http::Forwarding forwarding{
      .client_address = client_address(),
      .scheme = info.secure() ? "https" : "http",
      .request_id = record_.request_id,
      .via_pseudonym = worker_.via(),
      .port = info.local_port,
      .trusted = is_trusted(),
      .client_named = !record_.client.address.empty(),
      .keep_upgrade = upgrade_asked_,
      .keep_expect = request_spool_ == nullptr,
      .websocket_key = websocket_key_,
      .framing = framing,
      .content_length = length,
      .edits = service.request_edits,
  };
  std::array<std::string_view, http::kRequestPlaces.size()> places;
  std::string unix_ms;
  if (http::have_places(service.request_edits)) {
    const base::Time began = base::wall_now() - (worker_.now() - record_.started);
    unix_ms = std::to_string(began / base::kMillisecond);
    places = {target_->key,
              unix_ms,
              client_address(),
              record_.request_id,
              http::host_of(record_.host),
              forwarding.scheme};
  }
  forwarding.place_values = places;
  // A name that another site's authorities stand for means nothing to this one.
  if (service.client_ca != tls::Digest{})
    forwarding.client_certificate_name = info.certificate_name();
  else if (!info.trusted)
    forwarding.client_certificate_name = "";  // forward_headers is no word on certificates
  if (!service.strip_prefix.empty())
    forwarding.path_override = http::strip_prefix(request.path, service.strip_prefix);
  if (service.host_policy == route::HostPolicy::Literal)
    forwarding.host_override = service.host_literal;
  // An HTTP/1.0 client may name no host; to a target, an empty Host is as bad as none.
  if (service.host_policy == route::HostPolicy::Upstream ||
      (request.authority.empty() && forwarding.host_override.empty())) {
    authority = target_->target->authority();
    forwarding.host_override = authority;
  }
  base::Buffer& out = upstream_->channel().out();
  std::size_t size = 0;
  for (std::size_t room = request_.size() + kHeadSlackBytes; size == 0; room *= 2) {
    std::span<char> space = out.room(room);
    size = http::write_request(request, forwarding, space);
  }
  out.commit(size);
  const bool has_body = framing == http::Framing::Chunked || length > 0;
  upstream_->channel().head_written(
      size, has_body || upgrade_asked_ ? Channel::Head::ContentFollows : Channel::Head::Whole);
}

// What came with the head leaves with the head. While it is being offered, the session feeds it
// right after this.
void Stream::feed_early_bytes() {
  Channel& from = client();
  if (!request_relay_.moving_from(from)) return request_relay_.pump();
  if (from.offering()) return;
  from.take_kept(request_relay_.feed(from.kept()));
  request_relay_.pump();
}

void Stream::release_target() {
  if (target_ == nullptr) return;
  --target_->inflight;
  target_ = nullptr;
  route::TargetHealth::Tally& tally = std::exchange(health_, nullptr)->tally(worker_.index());
  --tally.inflight;
  if (state_ == State::Tunnel) --tally.tunnels;
}

// This worker's, of the chosen target.
route::TargetHealth::Tally& Stream::tally() const { return health_->tally(worker_.index()); }

void Stream::drop_upstream(bool reset) {
  waiting_hook.unlink();
  if (upstream_ == nullptr) return;
  std::exchange(upstream_, nullptr)->discard(reset);
}

// A pooled connection may have been closed by the target just as the request was sent (RFC 9112
// section 9.3.1).
bool Stream::may_retry_after_loss() const {
  return state_ == State::AwaitHead && upstream_ != nullptr && upstream_->reused() &&
         !lost_reused_ && request_replayable_ && record_.first_byte == 0 && interim_count_ == 0;
}

// On another target, or after a pause on any, as the site's `retry` allows; `asked` is the pause that
// the target wants. Nothing of a response went out, and none of the request's body, unless we have all
// of that.
bool Stream::retry(base::Cause cause, base::Time asked) {
  const route::Service& service = *service_->service;
  const bool connecting = cause == base::Cause::ConnectionRefused ||
                          cause == base::Cause::ConnectionTimeout ||
                          cause == base::Cause::DestinationUnreachable ||
                          cause == base::Cause::ConnectionFailed || cause == base::Cause::TlsFailed;
  if (connecting) note_failure(base::describe(cause).name);
  if (connecting && (service.retry_on & route::kRetryConnect) == 0) return false;
  if (retries_ >= service.retry_times) return false;
  const std::uint32_t chosen = choose_among_targets();
  const bool waits = chosen == route::kNoTarget && service.retry_hold > 0 && !tried_all();
  const bool pauses =
      chosen == route::kNoTarget && !waits && service.retry_backoff > 0 && asked <= kRetryPauseMax;
  if (chosen == route::kNoTarget && !waits && !pauses) return false;
  if (pauses) {
    retry_at_ = worker_.now() + std::max(asked, pause_before_retry(service.retry_backoff, retries_,
                                                                   worker_.random()));
  }
  ++retries_;
  ++worker_.counters().retries;
  ++tally().retried;
  record_.first_byte = 0;  // of an answer that nobody gets
  request_relay_.stop();
  release_target();
  if (chosen != route::kNoTarget) {
    use_target(chosen);
  } else {
    park(waits ? Wait::ForTarget : Wait::ForRetry);
  }
  return true;
}

bool Stream::tried_all() const {
  const auto count = std::min(service_->service->targets.size(), route::kTargetsMax);
  const std::uint64_t all = count == 64 ? UINT64_MAX : (std::uint64_t{1} << count) - 1;
  return tried_targets_ != 0 && (tried_targets_ & all) == all;
}

bool Stream::try_once_more() {
  request_relay_.stop();
  drop_upstream(true);
  lost_reused_ = true;
  ++worker_.counters().retries;
  ++tally().retried;
  ++record_.tries;
  addresses_tried_ = 0;
  return connect_next();
}

// Whatever was asked for, asking again is safe (RFC 9113 section 8.7) as long as we still have it.
void Stream::on_upstream_refused() {
  if (state_ == State::AwaitHead && has_whole_request() && !lost_reused_ && try_once_more()) return;
  on_upstream_end(ECONNRESET);
}

void Stream::on_upstream_end(int error) {
  if (state_ == State::AwaitHead) {
    if (may_retry_after_loss() && try_once_more()) return;
    const bool partial = record_.first_byte != 0;
    return fail(
        {.cause = partial ? base::Cause::ResponseIncomplete : base::Cause::ConnectionTerminated,
         .system = error},
        error == 0 ? "closed" : std::strerror(error));
  }
  response_relay_.on_source_end();
  after_relays();
}

// The target takes no more of the request; what it has answered may still come.
void Stream::on_upstream_send_failed(int) {
  upstream_reusable_ = false;
  if (state_ == State::Tunnel) return cut();
  // Once it is on its way, the relay alone decides what is read.
  if (state_ == State::AwaitHead && upstream_ != nullptr) upstream_->channel().want_bytes();
}

void Stream::on_upstream_drained() {
  progress_ = worker_.now();
  request_relay_.pump();
  after_relays();
}

}  // namespace engine::proxy
