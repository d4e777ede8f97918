// SPDX-License-Identifier: GPL-3.0-or-later
// The control API's HTTP/1.1 server: connections, who may do what, and one handler for everything
// that may be done. On the control thread's ring. It must not know which requests there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/async/scope.h"
#include "engine/async/task.h"
#include "engine/control/api_listener.h"
#include "engine/control/api_request.h"
#include "engine/control/api_writer.h"
#include "engine/control/failure.h"
#include "engine/http/h1_head.h"
#include "engine/http/head.h"

namespace engine::control {

class ApiServer {
 public:
  // Called for every request that may be made; answers by the writer, which lives as long as the
  // task does. Without an answer, or when it throws, the client gets a 500. The function is no
  // coroutine itself: it calls one.
  using Handler = std::function<async::Task<void>(ApiRequest request, ApiWriter& writer)>;

  ApiServer(io::Ring& ring, io::Timers& timers, Handler handler, ApiLimits limits = {})
      : scope_(ring, timers), handler_(std::move(handler)), limits_(limits) {}

  // An empty `group`: root and the engine's user only. `displaces`: a process that gives the socket
  // up to this one.
  std::expected<void, Failure> listen_unix(const std::string& path, const std::string& group,
                                           pid_t displaces = 0);
  // `host` is numeric, without brackets; empty for every address of this machine. Returns the port,
  // which the kernel chooses for 0.
  std::expected<std::uint16_t, Failure> listen_tcp(const std::string& host, std::uint16_t port,
                                                   const std::string& token, pid_t displaces = 0);

  // Accepts nothing more, and ends every connection.
  void close() { scope_.cancel(); }
  // It may end now.
  [[nodiscard]] bool closed() const { return scope_.empty(); }

 private:
  using Connection = std::shared_ptr<ApiConnection>;
  using Listener = std::shared_ptr<const ApiListener>;
  // The answer that refuses a request, or nothing when the client has gone.
  using Refusal = std::optional<ApiReply>;
  using Body = std::expected<std::string, Refusal>;

  struct BodyFraming {
    http::Framing framing = http::Framing::None;
    std::uint64_t content_length = 0;
    bool expects_continue = false;
  };
  // A request up to its body.
  struct Head {
    std::expected<ApiRequest, Refusal> request;
    BodyFraming body = {};
    ReplyFraming reply = {};
  };

  async::Task<void> accept(Listener listener);
  [[nodiscard]] int accept_all(const Listener& listener);
  void admit_connection(Connection connection);
  async::Task<void> serve(Connection connection);
  async::Task<bool> exchange(Connection connection);
  static Head without_request(std::optional<ApiReply> reply);
  async::Task<Head> read_head(Connection connection);
  async::Task<Body> read_body(Connection connection, BodyFraming framing);
  async::Task<bool> handle(Connection connection, ApiRequest request, ReplyFraming framing);
  async::Task<void> refuse(Connection connection, Refusal reply, bool is_head);

  // Nothing while there is too little of a head.
  std::optional<Head> take_head(ApiConnection& connection, std::uint32_t& scanned);

  async::Scope scope_;
  Handler handler_;
  ApiLimits limits_;
  http::HeadStorage storage_;
  std::size_t connection_count_ = 0;
};

}  // namespace engine::control
