// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/connection.h"

#include <poll.h>

#include <cerrno>
#include <utility>

#include "engine/io/ring.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// Below this a copy into the out buffer is cheaper than a system call of its own.
constexpr std::size_t kDirectBytesMin = 16U << 10U;
// More than any response waits at a time.
constexpr std::size_t kUnreadBytesMax = 1U << 20U;

}  // namespace

Connection::Connection(Worker& worker, ConnectionEvents& events)
    : Channel(worker.blocks()), worker_(worker), events_(events) {}

Connection::~Connection() { ENSURE(socket_ < 0, "a connection ends with its socket open"); }

void Connection::open(int socket) {
  ENSURE(socket_ < 0, "a connection gets a second socket");
  socket_ = socket;
}

int Connection::connect(const sockaddr* address, socklen_t length) {
  const int socket = worker_.open_target_socket(address->sa_family);
  if (socket < 0) return -socket;
  open(socket);
  input_ = Input::Connect;
  worker_.ring().connect(input_operation_, socket, address, length);
  return 0;
}

void Connection::want_bytes() {
  wanted_ = Wanted::Bytes;
  if (offering_) return;
  if (!kept_.empty()) return mark_dirty();
  arm();
}

void Connection::want_readiness() {
  wanted_ = Wanted::Readiness;
  arm();
}

void Connection::arm() {
  if (input_ != Input::Idle || closing_ || socket_ < 0) return;
  if (ended_) return tell_end_again();
  // TLS answers some records by itself: a peer that reads none of that is read no further.
  if (stuck_ && wire().size() > kUnreadBytesMax) return;
  if (wanted_ == Wanted::Bytes) {
    input_ = Input::Receive;
    worker_.ring().recv(input_operation_, socket_, poll_first_);
  } else if (wanted_ == Wanted::Readiness) {
    input_ = Input::Poll;
    worker_.ring().poll(input_operation_, socket_, POLLIN | POLLRDHUP);
  }
}

// Whoever takes the last kept bytes after the end, and wants more, has perhaps not heard of it: it
// was told to another.
void Connection::tell_end_again() {
  if (wanted_ != Wanted::Bytes || !kept_.empty()) return;
  tell_end_ = true;
  mark_dirty();
}

void Connection::on_input(const io::Completion& completion) {
  const Input was = input_;
  input_ = Input::Idle;
  if (was == Input::Receive) return on_received(completion);
  if (closing_) return mark_dirty();
  if (was == Input::Connect) {
    return events_.on_connected(completion.result < 0 ? -completion.result : 0);
  }
  if (wanted_ == Wanted::Readiness) {
    wanted_ = Wanted::Nothing;
    return events_.on_readable();
  }
  arm();
}

void Connection::on_received(const io::Completion& completion) {
  io::Ring& ring = worker_.ring();
  if (completion.has_buffer) {
    const std::string_view bytes = ring.buffer(completion);
    if (!closing_ && completion.result > 0) {
      more_is_likely_ = completion.socket_nonempty;
      poll_first_ = !completion.socket_nonempty;
      secure_ ? decrypt(bytes) : deliver(bytes);
    }
    ring.give_back(completion);
  }
  if (closing_) return mark_dirty();
  if (completion.result == -ENOBUFS)
    return mark_dirty();  // asked again when this tick's buffers are back
  if (completion.result == -ECANCELED || completion.result == -EINTR) return arm();
  if (completion.result <= 0) note_end(-completion.result);
}

void Connection::start_tls(std::shared_ptr<const tls::Context> context,
                           std::shared_ptr<const tls::TicketKeys> tickets,
                           std::string_view protocols, std::string_view server_name,
                           std::string_view first, const tls::Resumption* resume) {
  ENSURE(secure_ == nullptr, "a connection starts TLS twice");
  secure_ = std::make_unique<Secure>(worker_.blocks(), std::move(context), std::move(tickets),
                                     protocols, server_name, resume);
  decrypt(first);
}

// Takes all of it: what is left inside is less than a record.
void Connection::decrypt(std::string_view bytes) {
  tls::Session& session = secure_->session;
  const bool was_established = session.established();
  session.feed(bytes);
  const std::span<char> plaintext = worker_.plaintext();
  while (const std::size_t count = session.read(plaintext)) {
    deliver({plaintext.data(), count});
    if (closing_) return;
  }
  after_tls(was_established);
}

void Connection::after_tls(bool was_established) {
  const tls::Session& session = secure_->session;
  if (!was_established && session.established()) tell_secured_ = true;
  if (session.state() == tls::Session::State::Ended) note_end(0);
  if (session.state() == tls::Session::State::Failed) note_end(EPROTO);
  mark_dirty();  // the handshake has something to send, or more is wanted
}

std::int64_t Connection::read_now(std::span<char> into) {
  const std::span<char> buffer = secure_ ? worker_.ciphertext() : into;
  // Inside decrypt() there may be more of what it was given.
  if (const std::size_t left = secure_ ? read_plaintext(into) : 0; left > 0)
    return static_cast<std::int64_t>(left);
  const std::int64_t got = worker_.ring().recv_now(socket_, buffer);
  if (got < static_cast<std::int64_t>(buffer.size())) note_drained();
  if (secure_ == nullptr || got <= 0) return got;
  secure_->session.feed({buffer.data(), static_cast<std::size_t>(got)});
  const std::size_t total = read_plaintext(into);
  after_tls(true);
  return total > 0 ? static_cast<std::int64_t>(total) : -EAGAIN;
}

std::size_t Connection::read_plaintext(std::span<char> into) {
  std::size_t total = 0;
  while (const std::size_t count = secure_->session.read(into.subspan(total))) total += count;
  return total;
}

// Bytes that are not taken are kept until the owner wants bytes again.
void Connection::deliver(std::string_view bytes) {
  if (wanted_ != Wanted::Bytes || !kept_.empty()) {
    kept_.append(bytes);
    if (wanted_ == Wanted::Bytes) deliver_kept();
    return;
  }
  const std::size_t taken = offer(bytes);
  if (closing_) return;
  kept_.append(bytes.substr(taken));
  if (wanted_ != Wanted::Bytes) return;
  if (taken == 0 || kept_.empty()) return arm();
  mark_dirty();
}

void Connection::deliver_kept() {
  const std::size_t taken = offer(kept_.view());
  if (closing_) return;
  kept_.consume(taken);
  if (wanted_ != Wanted::Bytes) return;
  if (taken == 0 || kept_.empty()) return arm();
  mark_dirty();
}

std::size_t Connection::offer(std::string_view bytes) {
  wanted_ = Wanted::Nothing;
  offering_ = true;
  const std::size_t taken = events_.on_bytes(bytes);
  offering_ = false;
  return taken;
}

void Connection::note_end(int error) {
  if (ended_) return;
  ended_ = true;
  // A send may have met the socket's error first, and taken it: then a receive sees a plain end. EPIPE only says that
  // the peer had ended before.
  if (error == 0 && send_error_ != EPIPE) error = send_error_;
  // Without close_notify somebody else may have cut it short (RFC 8446 section 6.1).
  if (error == 0 && secure_ && secure_->session.state() != tls::Session::State::Ended)
    error = ECONNRESET;
  end_error_ = error;
  tell_end_ = true;
  mark_dirty();
}

void Connection::note_drained() {
  more_is_likely_ = false;
  poll_first_ = true;
}

void Connection::write_large(std::string_view bytes) {
  if (send_error_ != 0 || closing_) return;
  if (secure_) {
    encrypt();
    stuck_ ? out_.append(bytes) : secure_->session.write(bytes);
    if (secure_->wire.size() >= kDirectBytesMin) flush();
    return mark_dirty();
  }
  if (bytes.size() >= kDirectBytesMin && flush()) {
    const std::int64_t sent = worker_.ring().send(socket_, bytes);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && sent != -EAGAIN && sent != -EINTR)
      return note_send_failure(static_cast<int>(-sent));
  }
  if (bytes.empty()) return;
  out_.append(bytes);
  mark_dirty();
}

// What waits becomes records, unless those before them still wait for room.
void Connection::encrypt() {
  if (!secure_ || stuck_) return;
  tls::Session& session = secure_->session;
  if (!out_.empty()) session.write(out_.view());
  out_.clear();
  if (finish_after_flush_ || close_after_flush_) session.close();
}

bool Connection::flush() {
  if (send_error_ != 0) {
    out_.clear();
    wire().clear();
    return true;
  }
  encrypt();
  base::Buffer& bytes = wire();
  while (!bytes.empty()) {
    if (stuck_) return false;
    const std::int64_t sent = worker_.ring().send(socket_, bytes.view());
    if (sent > 0) {
      bytes.consume(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent == -EAGAIN) {
      wait_for_room();
      return false;
    }
    if (sent == -EINTR) continue;
    note_send_failure(static_cast<int>(-sent));
    return true;
  }
  if (finish_after_flush_) {
    finish_after_flush_ = false;
    worker_.ring().shutdown(socket_, SHUT_WR);
  }
  return true;
}

void Connection::wait_for_room() {
  stuck_ = true;
  if (output_operation_.in_flight() || closing_) return;
  worker_.ring().poll(output_operation_, socket_, POLLOUT);
}

void Connection::on_output(const io::Completion&) {
  stuck_ = false;
  if (closing_) return mark_dirty();
  if (!flush()) return;
  tell_drained_ = true;
  mark_dirty();
}

void Connection::note_send_failure(int error) {
  if (send_error_ != 0) return;
  send_error_ = error;
  out_.clear();
  wire().clear();
  tell_failure_ = true;
  mark_dirty();
}

void Connection::finish_writing(std::string_view) {
  if (std::exchange(finish_asked_, true)) return;
  finish_after_flush_ = true;
  mark_dirty();
}

void Connection::close() {
  if (closing_ || close_after_flush_) return;
  close_after_flush_ = true;
  wanted_ = Wanted::Nothing;
  mark_dirty();
}

// Shutting down would send FIN before the RST, and what was sent would look complete: the
// operations are cancelled.
void Connection::reset() {
  if (closing_) return;
  out_.clear();
  wire().clear();
  begin_closing();
  if (socket_ < 0) return;
  worker_.ring().set_reset_on_close(socket_);
  worker_.ring().cancel(input_operation_);
  worker_.ring().cancel(output_operation_);
}

void Connection::begin_closing() {
  closing_ = true;
  wanted_ = Wanted::Nothing;
  kept_.clear();
  mark_dirty();
}

// Step one of three: stop the peer. Shutting down ends every operation that waits on the socket.
void Connection::stop_peer() {
  begin_closing();
  if (input_ == Input::Connect) worker_.ring().cancel(input_operation_);
  if (socket_ >= 0 && (input_operation_.in_flight() || output_operation_.in_flight())) {
    worker_.ring().shutdown(socket_, SHUT_RDWR);
  }
}

// Steps two and three: when the kernel has returned every operation, close and tell.
void Connection::join() {
  if (closed_ || input_operation_.in_flight() || output_operation_.in_flight()) return;
  if (socket_ >= 0) worker_.ring().close(socket_);
  socket_ = -1;
  secure_.reset();
  closed_ = true;
  events_.on_closed();
}

void Connection::mark_dirty() { worker_.mark_dirty(*this); }

void Connection::end_tick() {
  if (!closing_) events_.on_tick_end();
  if (!closing_) {
    flush();
    if (close_after_flush_ && all_sent()) stop_peer();
  }
  if (closing_) return join();
  if (std::exchange(tell_failure_, false)) events_.on_send_failed(send_error_);
  if (!closing_ && std::exchange(tell_secured_, false)) events_.on_secured();
  if (!closing_ && tell_drained_ && all_sent()) {
    tell_drained_ = false;
    events_.on_drained();
  }
  if (!closing_ && wanted_ == Wanted::Bytes && !kept_.empty()) deliver_kept();
  if (!closing_ && std::exchange(tell_end_, false)) {
    if (kept_.empty()) wanted_ = Wanted::Nothing;
    events_.on_end(end_error_);
  }
  arm();
}

}  // namespace engine::proxy
