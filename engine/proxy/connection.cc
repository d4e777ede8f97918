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

}  // namespace

Connection::Connection(Worker& worker, ConnectionEvents& events)
    : worker_(worker), events_(events), out_(worker.blocks()), kept_(worker.blocks()) {}

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
      deliver(bytes);
    }
    ring.give_back(completion);
  }
  if (closing_) return mark_dirty();
  if (completion.result == -ENOBUFS)
    return mark_dirty();  // asked again when this tick's buffers are back
  if (completion.result == -ECANCELED || completion.result == -EINTR) return arm();
  if (completion.result <= 0) note_end(-completion.result);
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
  end_error_ = error;
  tell_end_ = true;
  mark_dirty();
}

void Connection::note_drained() {
  more_is_likely_ = false;
  poll_first_ = true;
}

base::Buffer& Connection::out() { return out_; }

void Connection::written() { mark_dirty(); }

void Connection::write_large(std::string_view bytes) {
  if (send_error_ != 0 || closing_) return;
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

bool Connection::flush() {
  if (send_error_ != 0) {
    out_.clear();
    return true;
  }
  while (!out_.empty()) {
    if (stuck_) return false;
    const std::int64_t sent = worker_.ring().send(socket_, out_.view());
    if (sent > 0) {
      out_.consume(static_cast<std::size_t>(sent));
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
  tell_failure_ = true;
  mark_dirty();
}

void Connection::finish_writing() {
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
  closed_ = true;
  events_.on_closed();
}

void Connection::mark_dirty() { worker_.mark_dirty(*this); }

void Connection::end_tick() {
  if (!closing_) {
    flush();
    if (close_after_flush_ && out_.empty()) stop_peer();
  }
  if (closing_) return join();
  if (std::exchange(tell_failure_, false)) events_.on_send_failed(send_error_);
  if (!closing_ && tell_drained_ && out_.empty()) {
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
