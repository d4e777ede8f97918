// SPDX-License-Identifier: GPL-3.0-or-later
// Where a stream's request came from, and where its response goes: what a stream knows of the session
// that made it, whatever version of HTTP that speaks.
#pragma once

#include <string_view>

#include "engine/proxy/client_info.h"

namespace engine::proxy {

class Channel;

class ClientSide {
 public:
  [[nodiscard]] virtual Channel& channel() = 0;
  [[nodiscard]] virtual const ClientInfo& info() const = 0;
  // Whether a response that starts now may leave the connection open.
  [[nodiscard]] virtual bool may_stay() const = 0;
  // Whether a request for this authority may use the client's connection: over HTTP/2, clients send
  // requests for several hosts on one (RFC 9113 section 9.1.1).
  [[nodiscard]] virtual bool covers(std::string_view authority) const = 0;

  // The stream has written its whole response.
  virtual void on_stream_done(bool keep_alive, bool request_complete) = 0;
  // The stream cannot finish its response: the client must not take it for complete.
  virtual void on_stream_broken(bool reset) = 0;

 protected:
  ~ClientSide() = default;
};

}  // namespace engine::proxy
