// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/1 with a client: finds requests in a connection, runs one stream at a time, and answers in
// order. It must not know targets.
#pragma once

#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"
#include "engine/base/error.h"
#include "engine/proxy/client_protocol.h"
#include "engine/proxy/client_side.h"

namespace engine::proxy {

class Connection;
class Session;
class Stream;
class Worker;

// State  waits for                    ends by
// Idle   the first byte of a request  Head; FIN, the keep-alive limits → the session's end
// Head   a complete head              Busy; a bad one or the head limit → an answer, the end
// Busy   its stream                   Idle, or the end
class H1Session final : public ClientProtocol, public ClientSide {
 public:
  H1Session(Worker& worker, Session& session);
  H1Session(const H1Session&) = delete;
  H1Session& operator=(const H1Session&) = delete;

  // Instead of requests: what the client has sent and will send belongs to TLS of the site `name`.
  void pass_through(std::string_view name);

  // As ClientSide has them.
  [[nodiscard]] Channel& channel() override;
  [[nodiscard]] const ClientInfo& info() const override;
  [[nodiscard]] bool may_stay() const override;
  [[nodiscard]] bool covers(std::string_view) const override { return true; }
  void on_stream_done(bool keep_alive, bool request_complete) override;
  void on_stream_broken(bool reset) override;

  // As ClientProtocol has them.
  std::size_t on_bytes(std::string_view bytes) override;
  void on_readable() override;
  void on_end(int error) override;
  void on_send_failed(int error) override;
  void on_drained() override;
  void on_tick_end() override {}
  void on_deadline() override;
  void drain() override;
  void end_now(base::Cause cause) override;
  void describe(route::ConnectionView& view) override;

 private:
  enum class State : std::uint8_t { Idle, Head, Busy };

  [[nodiscard]] Connection& connection();
  [[nodiscard]] const Connection& connection() const;
  std::size_t on_head_bytes(std::string_view bytes);
  void refuse(base::Cause cause, std::string_view why);
  void await_request();

  Worker& worker_;
  Session& session_;
  base::Buffer head_;
  Stream* stream_ = nullptr;
  std::uint32_t scanned_ = 0;
  std::uint32_t requests_ = 0;
  State state_ = State::Idle;
  bool last_request_ = false;  // the client said so
};

}  // namespace engine::proxy
