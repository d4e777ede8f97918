// SPDX-License-Identifier: GPL-3.0-or-later
// One socket of the data plane, to a client or to a target: what waits to be sent, what arrived and
// was not yet taken, TLS around both where it was started, and closing as a join with the kernel.
// It must not know protocols.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "engine/base/buffer.h"
#include "engine/base/list.h"
#include "engine/io/operation.h"
#include "engine/proxy/channel.h"
#include "tls/session.h"

namespace engine::proxy {

class Worker;

// What a connection tells its owner. Called from the top of a tick or from its end, never from
// inside a call that the owner makes.
class ConnectionEvents {
 public:
  // Returns how many of the bytes were taken. The rest is kept and given again, with what comes
  // after it.
  virtual std::size_t on_bytes(std::string_view bytes) = 0;
  // Asked for by want_readiness(): the socket has bytes, or ended.
  virtual void on_readable() = 0;
  // Nothing more will arrive: 0 after a FIN, else the errno. Bytes not yet taken stay.
  virtual void on_end(int error) = 0;
  // The peer takes no more bytes. What it sent before may still arrive.
  virtual void on_send_failed(int error) = 0;
  // Everything written was sent, after it had been stuck.
  virtual void on_drained() = 0;
  // 0, or the errno of a failed connect().
  virtual void on_connected(int error) = 0;
  // The TLS handshake is complete. One that fails ends in on_end(EPROTO).
  virtual void on_secured() = 0;
  // The tick ends, and what is appended to out() now leaves with it. Only after something happened.
  virtual void on_tick_end() {}
  // The kernel has returned everything and the socket is closed: the owner may end.
  virtual void on_closed() = 0;

 protected:
  ~ConnectionEvents() = default;
};

class Connection final : public Channel {
 public:
  Connection(Worker& worker, ConnectionEvents& events);
  ~Connection();

  void open(int socket);
  // Opens a socket and connects; on_connected() follows. `address` must stay valid until then.
  // Returns 0 or an errno.
  [[nodiscard]] int connect(const sockaddr* address, socklen_t length);

  [[nodiscard]] Connection* raw() override { return this; }
  [[nodiscard]] bool is_open() const override { return socket_ >= 0 && !closing_; }
  [[nodiscard]] int socket() const { return socket_; }

  // ---- TLS. From here on what is read and written is plaintext; the socket has the rest. A client
  // of a target names it; bytes that a server has seen already are `first`.
  void start_tls(std::shared_ptr<const tls::Context> context,
                 std::shared_ptr<const tls::TicketKeys> tickets, std::string_view protocols,
                 std::string_view server_name, std::string_view first,
                 const tls::Resumption* resume = nullptr);
  [[nodiscard]] const tls::Session* tls() const { return secure_ ? &secure_->session : nullptr; }
  [[nodiscard]] tls::Session* tls() { return secure_ ? &secure_->session : nullptr; }

  // ---- Reading.
  void want_bytes() override;
  void want_readiness();
  void want_nothing() { wanted_ = Wanted::Nothing; }
  void take_kept(std::size_t count) override { kept_.consume(count); }
  [[nodiscard]] bool receiving() const { return input_ == Input::Receive; }
  // Reads past the events: a count, 0 at the end, or a negated errno. Bytes of what comes next can
  // be kept.
  [[nodiscard]] std::int64_t read_now(std::span<char> into);
  // on_end() by somebody who read the socket directly.
  void note_end(int error);
  // The socket had no more.
  void note_drained();
  void keep(std::string_view bytes) { kept_.append(bytes); }
  // The last receive filled its buffer: more is likely to be there.
  [[nodiscard]] bool more_is_likely() const { return more_is_likely_; }

  // ---- Writing.
  void written() override { mark_dirty(); }
  void head_written(std::size_t, Head) override { mark_dirty(); }
  void write_large(std::string_view bytes) override;
  // Tries to send everything now. False when something is left.
  bool flush();
  // For a direct write that met a full socket: on_drained() comes when there is room again.
  void wait_for_room();
  void note_send_failure(int error);
  // FIN after what was written. HTTP/1 has its trailers in its body.
  void finish_writing(std::string_view trailers = {}) override;

  // ---- Closing.
  // Sends what was written, then closes.
  void close();
  // Closes at once; the peer gets RST and cannot take what it has for complete.
  void reset();
  // The end of the tick: called by the worker alone.
  void end_tick();

  base::ListHook dirty_hook;

 private:
  enum class Wanted : std::uint8_t { Nothing, Bytes, Readiness };
  enum class Input : std::uint8_t { Idle, Receive, Poll, Connect };

  struct Secure {
    Secure(base::BlockPool& pool, std::shared_ptr<const tls::Context> context,
           std::shared_ptr<const tls::TicketKeys> tickets, std::string_view protocols,
           std::string_view server_name, const tls::Resumption* resume)
        : wire(pool),
          session(std::move(context), std::move(tickets), protocols, server_name, wire, resume) {}

    base::Buffer wire;  // ciphertext to be sent
    tls::Session session;
  };

  void on_input(const io::Completion& completion);
  void on_output(const io::Completion& completion);
  void on_received(const io::Completion& completion);
  void arm();
  void tell_end_again();
  void decrypt(std::string_view bytes);
  [[nodiscard]] std::size_t read_plaintext(std::span<char> into);
  void deliver(std::string_view bytes);
  void deliver_kept();
  std::size_t offer(std::string_view bytes);
  void encrypt();
  void after_tls(bool was_established);
  [[nodiscard]] base::Buffer& wire() { return secure_ ? secure_->wire : out_; }
  [[nodiscard]] bool all_sent() { return out_.empty() && wire().empty(); }
  void mark_dirty();
  void begin_closing();
  void stop_peer();
  void join();

  Worker& worker_;
  ConnectionEvents& events_;
  io::Operation input_operation_{io::On<&Connection::on_input>{}, this};
  io::Operation output_operation_{io::On<&Connection::on_output>{}, this};
  std::unique_ptr<Secure> secure_;
  int socket_ = -1;
  Wanted wanted_ = Wanted::Nothing;
  Input input_ = Input::Idle;
  bool poll_first_ = false;
  bool more_is_likely_ = false;
  bool tell_drained_ = false;
  bool tell_end_ = false;
  bool tell_secured_ = false;
  bool tell_failure_ = false;
  bool finish_asked_ = false;
  bool finish_after_flush_ = false;
  bool close_after_flush_ = false;
  bool closing_ = false;
  bool closed_ = false;  // on_closed() was told
};

}  // namespace engine::proxy
