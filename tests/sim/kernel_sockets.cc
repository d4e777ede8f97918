// SPDX-License-Identifier: GPL-3.0-or-later
// Sockets and splicing by Linux's rules: which call gets a pending error, what is left after RST, when a socket counts
// as readable or writable.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/sim/kernel.h"
#include "tests/sim/tls_end.h"

namespace sim {

// ---- The peer's side.

void Peer::secure(std::shared_ptr<const tls::Context> context, std::string_view server_name,
                  std::string_view protocols) {
  tls_ = std::make_shared<TlsEnd>(*kernel_, *this, std::move(context), server_name, protocols);
}

std::size_t Peer::readable() const { return tls_ ? tls_->readable() : socket_->outbound.size(); }

bool Peer::at_end() const {
  if (tls_) return tls_->at_end();
  return socket_->shut_write && socket_->outbound.empty() && !was_reset();
}

bool Peer::was_reset() const { return tls_ ? tls_->is_broken() : socket_->peer_reset; }

std::size_t Peer::write(std::string_view bytes) {
  if (tls_) return tls_->write(bytes);
  Socket& socket = *socket_;
  if (socket.reset_received || socket.fin_received || socket.peer_reset || bytes.empty()) return 0;
  if (socket.closed || socket.shut_read) {
    if (socket.closed) kernel_->send_reset(socket);
    return socket.closed ? 0 : bytes.size();  // after shutdown(SHUT_RD) Linux takes and drops
  }
  const std::size_t room = socket.inbound_max - std::min(socket.inbound_max, socket.inbound.size());
  const std::size_t count = std::min(room, bytes.size());
  socket.inbound += bytes.substr(0, count);
  if (count > 0) kernel_->trace("peer writes", socket.descriptor, static_cast<std::int64_t>(count));
  return count;
}

std::string Peer::read(std::size_t most) {
  if (tls_) return tls_->read(most);
  Socket& socket = *socket_;
  std::string bytes = socket.outbound.substr(0, most);
  socket.outbound.erase(0, bytes.size());
  if (!bytes.empty())
    kernel_->trace("peer reads", socket.descriptor, static_cast<std::int64_t>(bytes.size()));
  return bytes;
}

void Peer::finish() {
  if (tls_) return tls_->finish();
  if (socket_->reset_received || socket_->peer_reset) return;
  socket_->fin_received = true;
  kernel_->trace("peer FIN", socket_->descriptor, 0);
}

void Peer::close() {
  if (tls_) return tls_->close();
  Socket& socket = *socket_;
  if (!socket.outbound.empty()) return reset();
  finish();
  socket.peer_closed = true;
}

void Peer::reset() {
  socket_->peer_closed = true;
  kernel_->receive_reset(*socket_);
}

void Peer::garble() { tls_ ? tls_->garble() : reset(); }

void Peer::cut() { tls_ ? tls_->cut() : reset(); }

// ---- Resets.

// Bytes that were received before stay readable. After a FIN the error is EPIPE, and reads still see the FIN.
void Kernel::receive_reset(Socket& socket) {
  if (socket.reset_received) return;
  trace("peer RST", socket.descriptor, 0);
  socket.reset_received = true;
  if (!socket.fin_received && !socket.shut_read) socket.error = ECONNRESET;
  if (socket.fin_received) socket.error = EPIPE;
  socket.outbound.clear();
}

// What the peer has not read yet may be lost, all of it or the end of it.
void Kernel::send_reset(Socket& socket) {
  if (socket.peer_reset) return;
  trace("RST to peer", socket.descriptor, 0);
  socket.peer_reset = true;
  socket.outbound.resize(random_.below(socket.outbound.size() + 1));
}

// ---- The worker's side.

std::size_t Kernel::portion(std::size_t possible) {
  if (possible <= 1 || !random_.chance(faults_.short_transfer)) return possible;
  return random_.chance(200) ? 1 : random_.between(1, possible);
}

int Kernel::not_now() {
  if (!random_.chance(faults_.not_now)) return 0;
  return random_.chance(300) ? -EINTR : -EAGAIN;
}

std::int64_t Kernel::send(Socket& socket, std::string_view bytes) {
  if (socket.state != Socket::State::Connected) return -ENOTCONN;
  if (socket.error != 0) return -std::exchange(socket.error, 0);
  if (socket.shut_write || socket.reset_received) return -EPIPE;
  if (const int later = not_now(); later != 0) return later;
  const std::size_t room =
      socket.outbound_max - std::min(socket.outbound_max, socket.outbound.size());
  if (room == 0) return -EAGAIN;
  const std::size_t count = portion(std::min(room, bytes.size()));
  if (socket.peer_closed) {
    receive_reset(socket);  // the bytes left; the answer is RST
  } else {
    socket.outbound += bytes.substr(0, count);
  }
  trace("send", socket.descriptor, static_cast<std::int64_t>(count));
  return static_cast<std::int64_t>(count);
}

std::int64_t Kernel::receive(Socket& socket, char* into, std::size_t most) {
  if (!socket.inbound.empty()) {
    if (const int later = not_now(); later != 0) return later;
    const std::size_t count = portion(std::min(most, socket.inbound.size()));
    std::memcpy(into, socket.inbound.data(), count);
    socket.inbound.erase(0, count);
    trace("receive", socket.descriptor, static_cast<std::int64_t>(count));
    return static_cast<std::int64_t>(count);
  }
  if (socket.fin_received) return 0;
  if (socket.error != 0) return -std::exchange(socket.error, 0);
  if (socket.shut_read || socket.reset_received) return 0;
  return -EAGAIN;
}

std::int64_t Kernel::splice_in(Socket& socket, PipeBuffer& pipe, std::size_t count) {
  if (!pipe.bytes.empty() && pipe.source != &socket)
    violation("a pipe is filled that holds another socket's bytes");
  const std::size_t room = pipe.capacity - std::min(pipe.capacity, pipe.bytes.size());
  if (room == 0 && !socket.inbound.empty()) return -EAGAIN;
  std::string bytes(std::min(count, room), '\0');
  const std::int64_t got = receive(socket, bytes.data(), bytes.size());
  if (got <= 0) return got;
  pipe.bytes.append(bytes, 0, static_cast<std::size_t>(got));
  pipe.source = &socket;
  return got;
}

std::int64_t Kernel::splice_out(PipeBuffer& pipe, Socket& socket, std::size_t count) {
  if (pipe.bytes.empty()) {
    violation("an empty pipe is spliced out of");
    return -EAGAIN;
  }
  const std::int64_t sent = send(socket, std::string_view(pipe.bytes).substr(0, count));
  if (sent > 0) pipe.bytes.erase(0, static_cast<std::size_t>(sent));
  return sent;
}

unsigned Kernel::events(const Socket& socket) {
  unsigned events = 0;
  const bool no_more_input = socket.fin_received || socket.reset_received || socket.shut_read;
  const bool no_more_output = socket.shut_write || socket.reset_received;
  if (no_more_input && no_more_output) events |= POLLHUP;
  if (no_more_input) events |= POLLIN | POLLRDHUP;
  if (!socket.inbound.empty()) events |= POLLIN;
  // Writable only when a third is free, as in sk_stream_is_writeable().
  if (no_more_output || socket.outbound.size() * 3 <= socket.outbound_max * 2) events |= POLLOUT;
  if (socket.error != 0) events |= POLLERR;
  return events;
}

void Kernel::start_connect(Socket& socket, std::uint16_t port) {
  socket.port = port;
  socket.state = Socket::State::Connecting;
  trace("connect", socket.descriptor, port);
}

int Kernel::connect_result(Socket& socket) {
  if (socket.shut_write) return -ECONNRESET;
  const auto at = acceptors_.find(socket.port);
  if (at == acceptors_.end() || at->second == nullptr) return -ECONNREFUSED;
  if (random_.chance(faults_.connect_fails)) {
    return random_.pick(std::vector<int>{-ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, -ECONNRESET});
  }
  socket.state = Socket::State::Connected;
  at->second->on_peer({this, sockets_.at(socket.descriptor)});
  return 1;
}

void Kernel::shutdown(int descriptor, int how) {
  if (listeners_.contains(descriptor)) return shutdown_listener(descriptor);
  Socket* socket = find(descriptor, "shutdown");
  if (socket == nullptr) return;
  trace("shutdown", descriptor, how);
  if (how != SHUT_RD) socket->shut_write = true;
  if (how != SHUT_WR) socket->shut_read = true;
}

void Kernel::close(int descriptor) {
  if (listeners_.contains(descriptor))
    return violation("the worker closes a listener, which is not its own");
  Socket* socket = find(descriptor, "close");
  if (socket == nullptr) return;
  trace("close", descriptor, socket->reset_on_close ? 1 : 0);
  if (socket->operations > 0)
    violation("a socket is closed while the kernel holds an operation on it");
  socket->closed = true;
  const bool connected = socket->state == Socket::State::Connected;
  if (connected && !socket->reset_received &&
      (socket->reset_on_close || !socket->inbound.empty())) {
    send_reset(*socket);
  }
  socket->shut_write = true;
  sockets_.erase(descriptor);
}

}  // namespace sim
