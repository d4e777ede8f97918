// SPDX-License-Identifier: GPL-3.0-or-later
// How the response reaches the client, and how tunnels and bodies of both directions come to their
// ends.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "engine/http/h1_framing.h"
#include "engine/http/h1_head.h"
#include "engine/http/media_type.h"
#include "engine/http/names.h"
#include "engine/http/rules.h"
#include "engine/http/target.h"
#include "engine/http/websocket.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// A server switches only to protocols that the client listed (RFC 9110 section 7.8).
bool all_asked_for(std::string_view granted, std::string_view asked) {
  bool listed = true;
  http::for_each_element(granted, [&](std::string_view protocol) {
    listed = false;
    http::for_each_element(asked, [&](std::string_view each) {
      listed = http::equals_ignoring_case(protocol, each);
      return !listed;
    });
    return listed;
  });
  return listed;
}

Channel::Head head_kind(const http::ResponseHead& response, http::Framing framing) {
  if (response.status == 101) return Channel::Head::ContentFollows;
  if (response.interim()) return Channel::Head::Interim;
  const bool empty = framing == http::Framing::None ||
                     (framing == http::Framing::Length && response.content_length == 0);
  return empty ? Channel::Head::Whole : Channel::Head::ContentFollows;
}

// What the target asks for in seconds; 0 when it says nothing, or a date, which targets do not use.
base::Time retry_after(const http::ResponseHead& response) {
  const std::string_view text = http::find_field(response.fields, "retry-after");
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return base::kNever;
  return end == text.data() + text.size() ? seconds * base::kSecond : 0;
}

}  // namespace

std::size_t Stream::on_client_bytes(std::string_view bytes) {
  if (state_ == State::Parked) return keep_while_parked(bytes);
  if (!request_relay_.moving_from(client())) return 0;  // the next request waits for its turn
  progress_ = worker_.now();
  const std::size_t taken = request_relay_.feed(bytes);
  request_relay_.pump();
  after_relays();
  return taken;
}

void Stream::on_client_readable() {
  progress_ = worker_.now();
  request_relay_.pump();
  after_relays();
}

void Stream::on_client_drained() {
  progress_ = worker_.now();
  response_relay_.pump();
  after_relays();
}

void Stream::on_client_end(int error) {
  if (state_ == State::Done) return;
  // Who closes while it waits for a gate is gone: hardly anybody half-closes, many give up waiting.
  const bool gave_up = state_ == State::Parked && record_.major_version == 1;
  if (error != 0 || gave_up || client().send_failed()) return abort(base::Cause::ClientClosed);
  client_half_closed_ = true;
  if (client().kept().empty()) client_keep_alive_ = false;
  if (!request_relay_.moving_from(client())) return;  // it still gets its answer
  request_relay_.on_source_end();
  after_relays();
}

void Stream::on_upstream_head(const http::ResponseHead& head) {
  record_.first_byte = progress_ = worker_.now();
  const Lease* const from = upstream_;
  on_response_head(head);
  if (upstream_ != from) return;  // answered, or tried elsewhere
  response_relay_.pump();
  after_relays();
}

std::size_t Stream::on_upstream_bytes(std::string_view bytes) {
  std::size_t taken = 0;
  const Lease* from = upstream_;
  while (state_ == State::AwaitHead && upstream_ == from) {
    http::ResponseHead& response = worker_.response_head();
    const http::HeadResult result =
        http::parse_response(bytes.substr(taken), scanned_, worker_.limits().response_head,
                             worker_.response_fields(), method_, upgrade_asked_, response);
    record_.first_byte = worker_.now();
    if (result.status == http::HeadStatus::Bad) {
      fail({.cause = result.cause}, result.why);
      return bytes.size();
    }
    if (result.status == http::HeadStatus::Incomplete) {
      upstream_->channel().want_bytes();
      return taken;
    }
    scanned_ = 0;
    taken += result.consumed;
    on_response_head(response);
    if (upstream_ != from) return bytes.size();  // answered, or tried elsewhere
    if (state_ == State::AwaitHead && taken == bytes.size()) {
      upstream_->channel().want_bytes();
      return taken;
    }
  }
  progress_ = worker_.now();
  taken += response_relay_.feed(bytes.substr(taken));
  if (response_relay_.done() && taken < bytes.size())
    upstream_reusable_ = false;  // bytes nobody asked for
  response_relay_.pump();
  after_relays();
  return bytes.size();
}

void Stream::on_upstream_readable() {
  progress_ = worker_.now();
  response_relay_.pump();
  after_relays();
}

void Stream::on_response_head(const http::ResponseHead& response) {
  if (response.interim() && response.status != 101) return forward_interim(response);
  if (response.status < 500) {
    note_success();
  } else {
    note_failure("status " + std::to_string(response.status));
  }
  if (response.status == 101) return begin_tunnel(response);
  if (retry_on_status(response)) return;
  forward_head(response);
}

void Stream::forward_interim(const http::ResponseHead& response) {
  if (++interim_count_ > route::kInterimMax)
    return fail({.cause = base::Cause::ResponseInvalid}, "too many 1xx heads");
  progress_ = worker_.now();
  if (record_.minor_version == 0) return;
  write_head(response, http::Framing::None);
}

bool Stream::retry_on_status(const http::ResponseHead& response) {
  const unsigned on = service_->service->retry_on;
  const bool listed = (response.status == 429 && (on & route::kRetry429) != 0) ||
                      (response.status == 502 && (on & route::kRetry502) != 0) ||
                      (response.status == 503 && (on & route::kRetry503) != 0) ||
                      (response.status == 504 && (on & route::kRetry504) != 0);
  if (!listed || !request_replayable_ || interim_count_ > 0) return false;
  Lease* const refused = std::exchange(upstream_, nullptr);
  if (!retry(base::Cause::ResponseInvalid, retry_after(response))) {
    upstream_ = refused;
    return false;
  }
  refused->discard(true);
  return true;
}

http::Framing Stream::client_framing(const http::ResponseHead& response) const {
  // A response of HTTP/2 may end with its head; in HTTP/1 that has to be said.
  const bool says_nothing =
      method_ == http::Method::Head || response.status == 204 || response.status == 304;
  if (response.major_version == 2 && response.framing == http::Framing::None && !says_nothing)
    return http::Framing::Length;
  if (response.framing == http::Framing::None || response.framing == http::Framing::Length)
    return response.framing;
  return record_.minor_version == 0 ? http::Framing::UntilClose : http::Framing::Chunked;
}

void Stream::forward_head(const http::ResponseHead& response) {
  // It would tell an HTTP/2 client that its tunnel is there (RFC 8441 section 5).
  if (!websocket_key_.empty() && response.status < 300)
    return fail({.cause = base::Cause::UpgradeFailed}, "the target did not switch protocols");
  upstream_reusable_ = response.keep_alive && response.framing != http::Framing::UntilClose;
  release_request();
  if (!collect(response)) begin_response(response, upstream_->channel());
}

void Stream::begin_response(const http::ResponseHead& response, Channel& source) {
  response_framing_ = client_framing(response);
  // With its body still on the way, the request's end is unknown when the response's end is
  // promised.
  if (!request_read() || response_framing_ == http::Framing::UntilClose) client_keep_alive_ = false;
  if (!client_.may_stay()) client_keep_alive_ = false;
  client_status_ = response.status;
  set_state(State::Responding);
  write_head(response, response_framing_);
  if (http::is_event_stream(response.content_type)) note_open(route::OpenStream::Sse);
  // Towards the client a known length and the end of the connection are both plain bytes.
  const http::Framing sink =
      response_framing_ == http::Framing::Chunked ? http::Framing::Chunked : http::Framing::None;
  response_relay_.start(source, client(),
                        body_of(source, response.framing, response.content_length), sink, 0);
}

void Stream::write_head(const http::ResponseHead& response, http::Framing framing) {
  const std::optional<std::string> accept = other_websocket_accept(response);
  const std::vector<std::string> cookies = own_cookies(response);
  const route::Service& service = *service_->service;
  const std::span<const http::FieldEdit> edits =
      client_.info().secure() ? service.secure_response_edits : service.response_edits;
  std::array<std::string_view, http::kResponsePlaces.size()> places;
  if (http::have_places(edits))
    places = {record_.request_id, target_->key, http::host_of(record_.host)};
  http::ResponseForwarding forwarding{
      .client_minor_version = record_.minor_version,
      .keep_alive = client_keep_alive_,
      .upgrade = response.status == 101,
      .framing = framing,
      .content_length = response.content_length,
      .websocket_accept = accept,
      .via_pseudonym = worker_.via(),
      .edits = edits,
      .place_values = places,
      .cors = record_.cors,
      .cookies = cookies,
  };
  if (service.scope_cookies) {
    forwarding.cookie_prefix = service.strip_prefix;
    forwarding.host = http::host_of(record_.host);
  }
  if (!response.interim() || response.status == 101) note_response(response);
  base::Buffer& out = client().out();
  std::size_t size = 0;
  for (std::size_t room = 4096; size == 0; room *= 2)
    size = http::write_response(response, forwarding, out.room(room));
  out.commit(size);
  client().head_written(size, head_kind(response, framing));
}

// HTTP/2 has no handshake of WebSocket (RFC 8441 section 5): an Accept does not pass into it, and a
// client of HTTP/1 gets the one that its key asks for.
std::optional<std::string> Stream::other_websocket_accept(const http::ResponseHead& response) {
  if (response.status != 101) return std::nullopt;
  if (record_.major_version == 2) return "";
  if (response.major_version != 2) return std::nullopt;
  const std::string_view key = http::find_field(head().fields, "sec-websocket-key");
  return key.empty() ? "" : http::websocket_accept(key);
}

// Content that HTTP/2 brings needs no decoding: it ends by itself.
http::BodyDecoder Stream::body_of(Channel& source, http::Framing framing,
                                  std::uint64_t length) const {
  if (source.raw() == nullptr && framing != http::Framing::None)
    return {http::Framing::UntilClose, 0};
  return {framing, length, worker_.limits().body};
}

// From here on both directions carry bytes that are nobody's business.
void Stream::begin_tunnel(const http::ResponseHead& response) {
  if (request_relay_.moving())
    return fail({.cause = base::Cause::UpgradeFailed},
                "101 before the request's body was complete");
  if (!all_asked_for(response.upgrade, head().upgrade))
    return fail({.cause = base::Cause::UpgradeFailed}, "101 to a protocol nobody asked for");
  const bool shaken_hands = upstream_->channel().raw() == nullptr;
  if (!websocket_key_.empty() && !shaken_hands &&
      http::find_field(response.fields, "sec-websocket-accept") !=
          http::websocket_accept(websocket_key_))
    return fail({.cause = base::Cause::UpgradeFailed}, "a wrong Sec-WebSocket-Accept");
  client_status_ = websocket_key_.empty() ? 101 : 200;
  client_keep_alive_ = false;
  write_head(response, http::Framing::None);
  const bool websocket = http::equals_ignoring_case(response.upgrade, "websocket");
  open_tunnel(websocket ? route::OpenStream::WebSocket : route::OpenStream::Tunnel);
  request_relay_.pump();
}

// What the client has sent so far is the beginning of it.
void Stream::begin_passage() {
  note_success();
  upgrade_asked_ = false;
  open_tunnel(route::OpenStream::Tunnel);
  upstream_->channel().want_bytes();
  client().want_bytes();
  feed_early_bytes();
  after_relays();
}

void Stream::open_tunnel(route::OpenStream kind) {
  ++worker_.counters().tunnels;
  ++health_->tally(worker_.index()).tunnels;
  note_open(kind);
  set_state(State::Tunnel);
  release_request();
  const http::BodyDecoder endless(http::Framing::UntilClose, 0);
  request_has_body_ = true;
  request_relay_.start(client(), upstream_->channel(), endless, http::Framing::None, 0);
  response_relay_.start(upstream_->channel(), client(), endless, http::Framing::None, 0);
  if (client_half_closed_) request_relay_.on_source_end();
}

// After anything moved: has either direction come to an end?
void Stream::after_relays() {
  if (state_ == State::Tunnel) {
    check_tunnel();
  } else if (state_ == State::Buffering) {
    check_request_buffer();
  } else {
    if (state_ >= State::AwaitHead && state_ <= State::Responding) check_request_relay();
    if (state_ == State::Collecting) check_response_buffer();
    if (state_ == State::Responding) check_response_relay();
  }
  if (state_ >= State::Buffering && state_ < State::Done) update_deadline();
}

void Stream::check_request_relay() {
  if (request_relay_.moving()) return;
  if (!request_relay_.failed()) {
    if (request_has_body_ && !client().ended()) client().want_bytes();
    return;
  }
  if (state_ == State::Responding) {
    // Its response is on the way already: the upstream gets a broken request, the client its
    // answer.
    client_keep_alive_ = upstream_reusable_ = false;
    return;
  }
  const Relay::State how = request_relay_.state();
  const std::string_view why = request_relay_.why();
  if (how == Relay::State::TooLarge) return fail({.cause = base::Cause::BodyTooLarge});
  fail({.cause = base::Cause::BadRequest},
       how == Relay::State::Broken ? "the request's body is incomplete" : why);
}

void Stream::check_response_relay() {
  if (response_relay_.took_all()) note_last_byte();
  if (response_relay_.done()) return finish();
  if (!response_relay_.failed()) return;
  record_.cause = response_relay_.state() == Relay::State::Malformed
                      ? base::Cause::ResponseInvalid
                      : base::Cause::ResponseIncomplete;
  cut();
}

// One side's end reaches the other after its last bytes; the tunnel ends with the second.
void Stream::check_tunnel() {
  if (request_relay_.failed() || response_relay_.failed()) {
    if (record_.cause == base::Cause::None) record_.cause = base::Cause::ConnectionTerminated;
    return cut();
  }
  if (request_relay_.done() && upstream_ != nullptr) upstream_->channel().finish_writing();
  if (response_relay_.done()) client().finish_writing();
  if (request_relay_.done() && response_relay_.done()) finish();
}

}  // namespace engine::proxy
