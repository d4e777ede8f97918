// SPDX-License-Identifier: GPL-3.0-or-later
// The client's side of HTTP/1: finds requests in a connection, runs one stream at a time, answers
// in order, and ends the connection in an orderly way. It must not know targets.
#pragma once

#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/proxy/client_info.h"

namespace engine::proxy {

class Connection;
class Session;
class Stream;
class Worker;

// State    waits for                            ends by
// Idle     the first byte of a request          Head; FIN → Closing; the keep-alive limits → Linger
// Head     a complete head                      Busy; a bad one or the head limit → answer, Linger
// Busy     its stream                           Idle, Linger or Closing
// Linger   the client to read the answer        FIN, its bounds → Closing
// Closing  the kernel                           the end
class H1Session {
 public:
  H1Session(Worker& worker, Session& session);
  H1Session(const H1Session&) = delete;
  H1Session& operator=(const H1Session&) = delete;

  // The stream has written its whole response.
  void on_stream_done(bool keep_alive, bool request_complete);
  // The stream cannot finish its response: the client must not take it for complete.
  void on_stream_broken(bool reset);
  // Instead of requests: what the client has sent and will send belongs to TLS of the site `name`.
  void pass_through(std::string_view name);
  // No further requests: idle connections close, others after their response.
  void drain();
  void end_now();

  [[nodiscard]] Connection& connection();
  [[nodiscard]] const Connection& connection() const;
  [[nodiscard]] const ClientInfo& client() const;
  // Whether a response that starts now may leave the connection open.
  [[nodiscard]] bool may_stay() const;

  // As ConnectionEvents has them.
  std::size_t on_bytes(std::string_view bytes);
  void on_readable();
  void on_end(int error);
  void on_send_failed(int error);
  void on_drained();
  void on_deadline();  // of the session

 private:
  enum class State : std::uint8_t { Idle, Head, Busy, Linger, Closing };

  std::size_t on_head_bytes(std::string_view bytes);
  std::size_t on_linger_bytes(std::string_view bytes);
  void refuse(base::Cause cause, std::string_view why);
  void await_request();
  void linger(base::Time patience);
  void close();

  Worker& worker_;
  Session& session_;
  base::Buffer head_;
  Stream* stream_ = nullptr;
  std::uint64_t linger_bytes_ = 0;
  std::uint32_t scanned_ = 0;
  std::uint32_t requests_ = 0;
  State state_ = State::Idle;
  bool last_request_ = false;  // the client said so
};

}  // namespace engine::proxy
