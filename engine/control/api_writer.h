// SPDX-License-Identifier: GPL-3.0-or-later
// How a handler of the control API answers: with one reply, or with events as they come. It must
// not know which requests there are.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "engine/async/await.h"
#include "engine/async/socket.h"
#include "engine/async/task.h"
#include "engine/control/api_listener.h"
#include "engine/control/api_reply.h"

namespace engine::control {

struct ApiLimits {
  // A person's browser or a script on this machine: slow is broken.
  base::Time head = 10 * base::kSecond;
  base::Time body = 10 * base::kSecond;
  base::Time idle = 60 * base::kSecond;       // between two requests
  base::Time write = 30 * base::kSecond;      // until the client has taken an answer
  base::Time linger = base::kSecond;          // for what a refused client still sends
  base::Time heartbeat = 15 * base::kSecond;  // proxies cut what is silent for a minute
  std::size_t body_bytes_max = 4UL << 20U;    // a configuration of some 10 000 sites
  std::size_t connections_max = 256;
};

// One connection of a client. What waits for its socket holds it, so that the descriptor outlives
// every wait.
struct ApiConnection {
  ApiConnection(async::Scope& server_scope, const ApiLimits& its_limits,
                std::shared_ptr<const ApiListener> its_listener, int descriptor)
      : scope(server_scope),
        limits(its_limits),
        listener(std::move(its_listener)),
        peer(listener->peer_of(descriptor)),
        socket(server_scope, descriptor),
        here(server_scope.ring(), server_scope.timers()) {}

  async::Scope& scope;
  const ApiLimits& limits;
  std::shared_ptr<const ApiListener> listener;
  ApiPeer peer;
  async::Socket socket;
  async::Scope here;  // cancelled when a client that listens to events has gone; runs nothing
  std::string in;     // what came and is not used yet
};

// For one request. Every call answers whether to go on: false when the client has gone, took
// nothing for too long, or the engine ends.
class ApiWriter {
 public:
  ApiWriter(std::shared_ptr<ApiConnection> connection, ReplyFraming framing)
      : connection_(std::move(connection)), framing_(framing) {}

  // Once, and nothing else.
  async::Task<bool> reply(ApiReply reply);

  // ---- A stream of events instead (text/event-stream, HTML section 9.2), until the handler ends.
  async::Task<bool> begin_events();
  // `name` is one word; `json` may have several lines.
  async::Task<bool> event(std::string name, std::string json);
  // One for each line, all at once.
  async::Task<bool> events(std::string name, std::string lines);
  // Until `event` is notified. Comes back without it now and then, after a heartbeat: look at what
  // you wait for, and call again.
  async::Task<bool> wait(async::Event& event);

  // ---- For the server.
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  // The whole answer was written, and another request may follow.
  [[nodiscard]] bool may_go_on() const { return may_go_on_; }

 private:
  async::Task<bool> write(std::string text);
  static async::Task<void> watch_end(std::shared_ptr<ApiConnection> connection);

  std::shared_ptr<ApiConnection> connection_;
  ReplyFraming framing_;
  bool has_begun_ = false;
  bool may_go_on_ = false;
};

}  // namespace engine::control
