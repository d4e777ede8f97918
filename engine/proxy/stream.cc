// SPDX-License-Identifier: GPL-3.0-or-later
// The story of a stream from its request to its end. What it notes down is in stream_record.cc, what
// needs no target in stream_answers.cc, what limits it in stream_limits.cc, what makes it wait in
// stream_parking.cc, how the request reaches a target in stream_upstream.cc, how the response reaches
// the client in stream_response.cc.
#include "engine/proxy/stream.h"

#include <algorithm>
#include <optional>
#include <string>

#include "engine/http/h2_head.h"
#include "engine/http/names.h"
#include "engine/http/target.h"
#include "engine/proxy/reply.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/proxy/worker.h"
#include "engine/route/host_key.h"
#include "tls/session.h"

namespace engine::proxy {
namespace {

// For a head that was accepted before, perhaps under other limits.
constexpr http::HeadLimits kNoLimits{UINT32_MAX, UINT32_MAX, http::HeadStorage::kFieldsMax};

}  // namespace

Stream::Stream(Worker& worker, ClientSide& client, base::Buffer request)
    : worker_(worker),
      client_(client),
      request_(std::move(request)),
      request_relay_(worker),
      response_relay_(worker) {}

Stream::~Stream() { ENSURE(state_ == State::Done, "a stream is freed before its end"); }

void Stream::start(const http::RequestHead& head) {
  note_request(head);
  worker_.own_request_head(this);
  route();
}

// Again each time after it was parked.
void Stream::route() {
  if (is_passage_) return route_passage();
  const http::RequestHead& request = head();
  if (!admit(request) || answer_here(request)) return;
  if (!pass_gate() || !body_fits(request)) return;
  if (!buffer_request(request) && within_limits()) choose_target();
}

// With the snapshot of the moment everything may be different.
void Stream::route_again() {
  set_state(State::Start);
  worker_.timers().clear(timer_);
  release_service();
  tried_targets_ = 0;
  if (wait_ != Wait::ForRetry) retries_ = 0;
  route();
}

void Stream::start_passage() {
  ++worker_.counters().requests;
  is_passage_ = true;
  client_keep_alive_ = false;
  lost_reused_ = true;  // never a connection that has carried something else
  progress_ = record_.started = worker_.now();
  record_.host = request_.view();
  route();
}

void Stream::route_passage() {
  const route::Match match = worker_.snapshot().table->match(record_.host, "/");
  if (match.found != route::Found::Yes) return answer(base::Cause::UnknownHost, {});
  use_service(match.service_index);
  if (service_->service->answer != route::Answer::Pass)
    return answer(base::Cause::Misdirected, "this site's TLS no longer ends at its target");
  if (pass_gate()) choose_target();
}

void Stream::use_service(std::uint32_t index) {
  service_ = &worker_.pool().service(index);
  service_->enter();
  record_.site = service_->service->site;
  record_.service = service_->service->name;
}

// Routing. False when it was answered.
bool Stream::admit(const http::RequestHead& head) {
  const std::string_view path = http::normalise_path(head.path, worker_.scratch());
  if (path.empty()) {
    answer(base::Cause::TargetTooLong, "too long a path to resolve its escapes and dot segments");
    return false;
  }
  const route::Snapshot& snapshot = worker_.snapshot();
  const route::Match match = snapshot.table->match(head.authority, path);
  if (match.found != route::Found::Yes) {
    answer(match.found == route::Found::UnknownHost ? base::Cause::UnknownHost
                                                    : base::Cause::UnknownPath,
           {});
    return false;
  }
  use_service(match.service_index);
  note_site(head);
  if (!client_.covers(head.authority)) {
    answer(base::Cause::Misdirected,
           "the certificate of this connection is not for this host: connect anew");
    return false;
  }
  if (head.hops >= route::kHopsMax) {
    answer(base::Cause::LoopDetected,
           "this request has passed this proxy four times already: a target leads back here");
    return false;
  }
  return true;
}

// An answer of our own, when nothing went out yet.
void Stream::answer(base::Cause cause, std::string_view details, base::Time retry_after) {
  if (is_passage_) return refuse_passage(cause, details);
  const http::RequestHead& request = head();
  const base::CauseWords& words = base::describe(cause);
  const bool fixed = cause == base::Cause::None;
  const std::uint16_t status =
      fixed ? static_cast<std::uint16_t>(service_->service->status) : words.status;
  // A body that was not read would be taken for the next request.
  client_keep_alive_ = client_keep_alive_ && request_read() && client_.may_stay();
  record_.cause = cause;
  if (!fixed) record_.details = details;
  client_status_ = status;
  Reply reply{.status = status, .cause = cause, .details = details};
  reply.retry_after = retry_after;
  reply.close = !client_keep_alive_;
  reply.head_only = method_ == http::Method::Head;
  reply.minor_version = request.minor_version;
  reply.accept = request.accept;
  reply.host = request.authority;
  reply.request_id = record_.request_id;
  reply.local_port = client_.info().local_port;
  reply.secure = client_.info().secure();
  if (service_ != nullptr) reply.service = service_->service.get();
  if (target_ != nullptr) reply.target = target_->key;
  reply.cors = record_.cors;
  base::Buffer& out = client().out();
  const std::size_t before = out.size();
  reply_bytes_ = write_reply(out, reply, worker_);
  client().head_written(out.size() - before - reply_bytes_,
                        reply_bytes_ > 0 ? Channel::Head::ContentFollows : Channel::Head::Whole);
  finish();
}

// The client speaks TLS with nobody yet: an alert is all that it would understand.
void Stream::refuse_passage(base::Cause cause, std::string_view details) {
  record_.cause = cause;
  record_.details = details;
  client().out().append(tls::kAlertInternalError);
  client().written();
  finish();
}

// The parsed head is the worker's, shared by all its streams: parse again when another stream used
// it since.
const http::RequestHead& Stream::head() {
  if (worker_.request_head_owner() != this) {
    const http::HeadResult result = read_again();
    ENSURE(result.status == http::HeadStatus::Complete, "a head that was good is no longer");
    worker_.own_request_head(this);
  }
  return worker_.request_head();
}

http::HeadResult Stream::read_again() {
  http::RequestHead& head = worker_.request_head();
  if (record_.major_version == 2)
    return http::parse_h2_request(request_.view(), kNoLimits, worker_.request_fields(), head);
  std::uint32_t scanned = 0;
  return http::parse_request(request_.view(), scanned, kNoLimits, worker_.request_fields(), head);
}

// The response is complete, or all of it that there will be.
void Stream::finish() {
  const bool request_complete = request_read();
  const bool keep_alive = client_keep_alive_ && request_complete;
  give_back_upstream();
  end();
  client_.on_stream_done(keep_alive, request_complete);
}

// Others may use it if this exchange left nothing on it.
void Stream::give_back_upstream() {
  if (upstream_ == nullptr) return;
  Lease* const upstream = std::exchange(upstream_, nullptr);
  const bool request_sent = !request_has_body_ || request_relay_.done();
  if (upstream_reusable_ && request_sent) return upstream->release();
  upstream->discard(false);
}

// Counts, logs, and lets go of everything but the session.
void Stream::end() {
  if (state_ == State::Parked) unpark();
  request_relay_.stop();
  response_relay_.stop();
  worker_.timers().clear(timer_);
  record_.status = static_cast<std::uint16_t>(client_status_);
  worker_.count_and_log(*this);
  if (health_ != nullptr) ++tally().results[static_cast<std::size_t>(record_.cause)];
  request_spool_.reset();
  response_spool_.reset();
  release_target();
  release_service();
  release_place(Bound::Engine);
  set_state(State::Done);
  worker_.retire(*this);
}

void Stream::release_service() {
  if (service_ == nullptr) return;
  release_place(Bound::Service);
  if (open_ != nullptr) --*std::exchange(open_, nullptr);
  service_->leave();
  service_ = nullptr;
  record_.site = record_.service = {};
  record_.client = {};
  record_.logged.reset();
  record_.cors = {};
}

void Stream::fail(base::Error error, std::string_view details) {
  drop_upstream(true);
  if (state_ == State::Responding || state_ == State::Tunnel) {
    record_.cause = error.cause;
    return cut();
  }
  answer(error.cause, details);
}

// Nothing that was sent may look complete.
void Stream::cut() {
  drop_upstream(true);
  // An orderly close shows the lack of the rest, and does not endanger what was sent. Without
  // framing only RST shows it.
  const bool reset = state_ == State::Tunnel || response_framing_ == http::Framing::UntilClose ||
                     client().send_failed();
  end();
  client_.on_stream_broken(reset);
}

// Its time is over, and nobody is to blame: both sides see an orderly end.
void Stream::close_tunnel() {
  record_.cause = base::Cause::Drained;
  upstream_reusable_ = false;
  finish();
}

void Stream::abort(base::Cause cause) {
  if (state_ == State::Done) return;
  record_.cause = cause;
  if (client_status_ == 0) client_status_ = base::describe(cause).status;
  // Who has closed in an orderly way may still read what was answered before.
  const bool orderly = cause == base::Cause::ClientClosed && client().ended() &&
                       client().end_error() == 0 && !client().send_failed();
  drop_upstream(true);
  end();
  client_.on_stream_broken(!orderly);
}

void Stream::describe(route::ConnectionView& view) const {
  using View = route::ConnectionView;
  ++view.streams;
  view.state = View::State::Active;
  view.idle = std::min(view.idle, worker_.now() - progress_);
  view.site = record_.site;
  view.service = record_.service;
  view.target = target_ == nullptr ? std::string() : target_->key;
  view.bytes_in += bytes_in();
  view.bytes_out += bytes_out();
  if (is_passage_) view.protocol = View::Protocol::Passthrough;
  if (state_ == State::Tunnel && view.protocol == View::Protocol::Http1)
    view.protocol = View::Protocol::Tunnel;
}

void Stream::set_state(State state) {
  ENSURE(state_ != State::Done, "a stream goes on after its end");
  state_ = state;
  phase_started_ = worker_.now();
}

// Being parked has limits of its own.
base::Time Stream::total_deadline() const {
  const base::Time total = service_->service->timeouts.total;
  if (total == 0 || state_ == State::Tunnel || state_ == State::Parked) return base::kNever;
  return record_.started + record_.gate_wait + record_.queue + total;
}

// When whoever still uses the target has to go.
base::Time Stream::drain_end() const {
  if (health_ == nullptr) return base::kNever;
  return state_ == State::Tunnel ? health_->tunnels_end() : health_->requests_end();
}

base::Time Stream::next_deadline() const {
  const route::Timeouts& timeouts = service_->service->timeouts;
  base::Time deadline = std::min(total_deadline(), drain_end());
  const auto within = [&deadline](base::Time since, base::Time limit) {
    if (limit > 0) deadline = std::min(deadline, since + limit);
  };
  switch (state_) {
    case State::Parked: return parked_until();
    case State::Buffering:
      if (!request_relay_.waits_for_sink())
        within(std::max(phase_started_, progress_), worker_.limits().body_timeout);
      break;
    case State::Connecting: within(phase_started_, timeouts.connect); break;
    case State::AwaitHead:
      if (!request_relay_.moving()) {
        within(std::max(phase_started_, progress_), timeouts.first_byte);
      } else if (request_relay_.waits_for_sink()) {
        within(progress_, timeouts.idle);
      } else {
        within(std::max(phase_started_, progress_), worker_.limits().body_timeout);
      }
      break;
    case State::Collecting:
    case State::Responding:
    case State::Tunnel: within(progress_, timeouts.idle); break;
    case State::Start:
    case State::Done: break;
  }
  return deadline;
}

base::Cause Stream::deadline_cause() const {
  if (state_ == State::Parked) return parked_cause();
  if (worker_.now() >= drain_end()) return base::Cause::Drained;
  if (worker_.now() >= total_deadline()) return base::Cause::TotalTimeout;
  if (state_ == State::Buffering) return base::Cause::ClientTooSlow;
  if (state_ == State::Connecting) return base::Cause::ConnectionTimeout;
  if (state_ == State::AwaitHead) {
    if (!request_relay_.moving()) return base::Cause::ResponseTimeout;
    return request_relay_.waits_for_sink() ? base::Cause::ReadTimeout : base::Cause::ClientTooSlow;
  }
  if (state_ == State::Collecting) return base::Cause::ReadTimeout;
  return response_relay_.waits_for_sink() ? base::Cause::ClientTooSlow : base::Cause::ReadTimeout;
}

void Stream::update_deadline() { worker_.timers().set(timer_, next_deadline()); }

void Stream::on_deadline() {
  if (next_deadline() > worker_.now()) return update_deadline();
  if (state_ == State::Parked && wait_ == Wait::ForRetry) return route_anew();
  const base::Cause cause = deadline_cause();
  if (state_ == State::Tunnel && cause == base::Cause::Drained) return close_tunnel();
  if (state_ == State::Connecting && cause == base::Cause::ConnectionTimeout) {
    drop_upstream(true);
    if (connect_next() || retry(cause)) return;
  }
  fail({.cause = cause});
}

}  // namespace engine::proxy
