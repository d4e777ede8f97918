// SPDX-License-Identifier: GPL-3.0-or-later
// Bodies that are complete before they go on, where the site wishes that: a request before it gets a
// target, a response before the client sees anything of it. Its target deals with neither slow
// clients nor those that give up.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "engine/http/media_type.h"
#include "engine/http/names.h"
#include "engine/http/rules.h"
#include "engine/proxy/spool.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Content that is meant to be seen while it comes, and may never end.
bool is_live(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";  // application/grpc-web, too
  return http::is_event_stream(content_type) ||
         http::equals_ignoring_case(content_type.substr(0, kGrpc.size()), kGrpc);
}

}  // namespace

void Stream::on_spool(Spool& spool) {
  if (spool.failure() != 0) {
    const std::string why = std::string("buffer: ") + std::strerror(spool.failure());
    record_.details = why;  // also of a response that is cut
    return fail({.cause = base::Cause::Internal, .system = spool.failure()}, why);
  }
  progress_ = worker_.now();
  (&spool == request_spool_.get() ? request_relay_ : response_relay_).pump();
  after_relays();
}

// ---- Of the request.

// False when it needs none, or has one.
bool Stream::buffer_request(const http::RequestHead& head) {
  const route::Service& service = *service_->service;
  if (!service.buffering.requests || !head.has_body() || request_spool_ != nullptr ||
      is_live(http::find_field(head.fields, http::FieldName::ContentType)))
    return false;
  request_spool_ = worker_.new_spool(*this, service.buffering.memory_bytes);
  set_state(State::Buffering);
  // Its target is not there yet to say so (RFC 9110 section 10.1.1).
  if (head.expect_continue) {
    client().out().append(kContinue);
    client().head_written(kContinue.size(), Channel::Head::Interim);
  }
  request_relay_.start(client(), *request_spool_,
                       body_of(client(), head.framing, head.content_length), http::Framing::None,
                       service.body_bytes_max);
  feed_early_bytes();
  after_relays();
  return true;
}

void Stream::check_request_buffer() {
  switch (request_relay_.state()) {
    case Relay::State::Done: break;
    case Relay::State::Malformed:
      return fail({.cause = base::Cause::BadRequest}, request_relay_.why());
    case Relay::State::TooLarge: return fail({.cause = base::Cause::BodyTooLarge});
    // Hardly anybody half-closes inside a body; many give up.
    case Relay::State::Broken: return abort(base::Cause::ClientClosed);
    default: return;
  }
  if (!client().ended()) client().want_bytes();  // to hear of a client that goes away
  if (!request_spool_->complete()) return;
  request_replayable_ = http::is_idempotent(method_);
  route_again();  // the snapshot, and the gate, may have changed meanwhile
}

// Its body, if there is one, can be sent again.
bool Stream::has_whole_request() const {
  return !request_has_body_ || (request_spool_ != nullptr && state_ != State::Buffering);
}

// Nothing of it is left with the client.
bool Stream::request_read() const { return has_whole_request() || request_relay_.done(); }

// Once it will not be sent again.
void Stream::release_request() {
  if (request_relay_.done()) request_spool_.reset();
}

std::uint64_t Stream::bytes_in() const {
  return request_spool_ != nullptr ? request_spool_->size() : request_relay_.bytes();
}

// ---- Of the response.

std::uint64_t Stream::bytes_out() const {
  return (state_ == State::Collecting ? 0 : response_relay_.bytes()) + reply_bytes_;
}

// False when it is to be passed on while it comes.
bool Stream::collect(const http::ResponseHead& response) {
  const route::Buffering& wish = service_->service->buffering;
  const bool tells_length = response.framing == http::Framing::Length;
  const bool empty =
      response.framing == http::Framing::None || (tells_length && response.content_length == 0);
  if (!wish.responses || empty || is_live(response.content_type)) return false;
  if (tells_length && wish.response_bytes_max > 0 &&
      response.content_length > wish.response_bytes_max) {
    fail({.cause = base::Cause::ResponseTooLarge});
    return true;
  }
  kept_response_ = std::make_unique<http::KeptResponse>(response);
  response_spool_ = worker_.new_spool(*this, wish.memory_bytes);
  set_state(State::Collecting);
  Channel& target = upstream_->channel();
  response_relay_.start(target, *response_spool_,
                        body_of(target, response.framing, response.content_length),
                        http::Framing::None, wish.response_bytes_max);
  return true;
}

void Stream::check_response_buffer() {
  switch (response_relay_.state()) {
    case Relay::State::Done: note_last_byte(); break;
    case Relay::State::Malformed:
      return fail({.cause = base::Cause::ResponseInvalid}, response_relay_.why());
    case Relay::State::TooLarge: return fail({.cause = base::Cause::ResponseTooLarge});
    case Relay::State::Broken: return fail({.cause = base::Cause::ResponseIncomplete});
    default: return;
  }
  if (response_spool_->complete()) respond_buffered();
}

// Its target has done its part: however slowly the client reads, the target is not kept by that.
void Stream::respond_buffered() {
  request_relay_.stop();  // answered early, the target wants no more of it
  http::ResponseHead head = kept_response_->head();
  // A client of HTTP/1.0 knows neither chunks nor trailers.
  head.framing = record_.minor_version > 0 ? response_spool_->framing() : http::Framing::Length;
  head.content_length = response_spool_->size();
  response_spool_->rewind();
  begin_response(head, *response_spool_);
  give_back_upstream();
  record_.target = target_->key;
  ++tally().results[static_cast<std::size_t>(base::Cause::None)];
  release_target();
  response_relay_.pump();
}

}  // namespace engine::proxy
