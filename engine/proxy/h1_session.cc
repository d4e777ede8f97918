// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/h1_session.h"

#include <utility>

#include "engine/http/h1_head.h"
#include "engine/proxy/reply.h"
#include "engine/proxy/session.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {

H1Session::H1Session(Worker& worker, Session& session)
    : worker_(worker), session_(session), head_(worker.blocks()) {
  session_.set_deadline(session.opened_at() + worker_.limits().head_timeout);
}

Connection& H1Session::connection() { return session_.connection(); }

const Connection& H1Session::connection() const { return session_.connection(); }

Channel& H1Session::channel() { return connection(); }

const ClientInfo& H1Session::info() const { return session_.client(); }

std::size_t H1Session::on_bytes(std::string_view bytes) {
  if (state_ == State::Busy) return stream_->on_client_bytes(bytes);
  std::size_t taken = on_head_bytes(bytes);
  if (stream_ != nullptr) taken += stream_->on_client_bytes(bytes.substr(taken));
  return taken;
}

std::size_t H1Session::on_head_bytes(std::string_view bytes) {
  const std::size_t before = head_.size();
  head_.append(bytes);
  worker_.own_request_head(nullptr);
  http::RequestHead& head = worker_.request_head();
  const http::HeadResult result = http::parse_request(
      head_.view(), scanned_, worker_.limits().request_head, worker_.request_fields(), head);
  if (result.status == http::HeadStatus::Bad) {
    refuse(result.cause, result.why);
    return bytes.size();
  }
  if (result.status == http::HeadStatus::Incomplete) {
    if (result.consumed > 0) {
      head_.consume(result.consumed);
      scanned_ = 0;
    }
    if (std::exchange(state_, State::Head) == State::Idle) {
      session_.set_deadline(worker_.now() + worker_.limits().head_timeout);
    }
    connection().want_bytes();
    return bytes.size();
  }
  state_ = State::Busy;
  scanned_ = 0;
  ++requests_;
  last_request_ = !head.keep_alive;
  session_.set_deadline(base::kNever);
  stream_ = &worker_.new_stream(*this, std::move(head_));
  head_ = base::Buffer(worker_.blocks());
  const std::size_t taken = result.consumed - before;
  stream_->start(head);
  return taken;
}

void H1Session::pass_through(std::string_view name) {
  state_ = State::Busy;
  session_.set_deadline(base::kNever);
  head_.append(name);
  stream_ = &worker_.new_stream(*this, std::move(head_));
  head_ = base::Buffer(worker_.blocks());
  stream_->start_passage();
}

void H1Session::refuse(base::Cause cause, std::string_view why) {
  const std::uint16_t status = base::describe(cause).status;
  worker_.log_refusal(info(), status, cause, why);
  const Reply reply{.status = status, .cause = cause, .details = why, .close = true};
  write_reply(connection().out(), reply, worker_);
  connection().written();
  session_.linger(route::kLingerTimeout);
}

void H1Session::on_stream_done(bool keep_alive, bool request_complete) {
  stream_ = nullptr;
  // Requests that came before the client's end are still answered.
  if (keep_alive && !(connection().ended() && connection().kept().empty())) return await_request();
  // A client that said close sends nothing more (RFC 9112 section 9.6); another may be about to.
  // TLS has a close_notify to say.
  const bool silent = last_request_ && connection().tls() == nullptr;
  if (request_complete && silent && connection().kept().empty()) return session_.close();
  session_.linger(route::kLingerTimeout);
}

void H1Session::on_stream_broken(bool reset) {
  stream_ = nullptr;
  reset ? session_.reset() : session_.close();
}

void H1Session::await_request() {
  state_ = State::Idle;
  session_.note_idle();
  if (worker_.draining() && connection().kept().empty())
    return session_.linger(route::kDrainPatience);
  session_.set_deadline(worker_.now() + worker_.limits().keepalive_idle);
  // A client that sends requests but does not read the answers gets no further ones.
  if (!connection().stuck()) connection().want_bytes();
}

bool H1Session::may_stay() const {
  const route::Limits& limits = worker_.limits();
  if (worker_.draining() || (connection().ended() && connection().kept().empty())) return false;
  if (limits.requests_per_connection_max > 0 && requests_ >= limits.requests_per_connection_max)
    return false;
  return worker_.now() - session_.opened_at() < limits.keepalive_total;
}

void H1Session::drain() {
  if (state_ != State::Idle) return;
  if (requests_ > 0 && !worker_.handed_over()) return session_.linger(route::kDrainPatience);
  // A request may be on the way, the last one here; a browser's spare connection never sends one.
  session_.set_deadline(worker_.now() + route::kDrainPatience);
}

void H1Session::end_now(base::Cause cause) {
  state_ == State::Busy ? stream_->abort(cause) : session_.reset();
}

void H1Session::describe(route::ConnectionView& view) {
  view.protocol = route::ConnectionView::Protocol::Http1;
  view.requests = requests_;
  if (state_ != State::Idle) view.state = route::ConnectionView::State::Active;
  if (state_ == State::Busy) stream_->describe(view);
}

void H1Session::on_readable() {
  if (state_ == State::Busy) stream_->on_client_readable();
}

void H1Session::on_end(int error) {
  if (state_ == State::Busy) return stream_->on_client_end(error);
  if (state_ == State::Head && error == 0) {
    return refuse(base::Cause::BadRequest, "the connection ended inside a request's head");
  }
  session_.close();
}

void H1Session::on_send_failed(int error) {
  state_ == State::Busy ? stream_->on_client_end(error) : session_.close();
}

void H1Session::on_drained() {
  if (state_ == State::Busy) return stream_->on_client_drained();
  if (state_ == State::Idle) connection().want_bytes();
}

void H1Session::on_deadline() {
  if (state_ == State::Head) {
    return refuse(base::Cause::ClientTooSlow, "the head did not arrive in time");
  }
  session_.linger(route::kLingerTimeout);
}

}  // namespace engine::proxy
