// SPDX-License-Identifier: GPL-3.0-or-later
// What is spoken with a client once its first bytes have told: HTTP/1 or HTTP/2. A session hands on
// what its connection tells, until this ends by Session::linger(), close() or reset().
#pragma once

#include <string_view>

#include "engine/base/error.h"
#include "engine/route/connection_view.h"

namespace engine::proxy {

class ClientProtocol {
 public:
  virtual ~ClientProtocol() = default;

  // As ConnectionEvents has them.
  virtual std::size_t on_bytes(std::string_view bytes) = 0;
  virtual void on_readable() = 0;
  virtual void on_end(int error) = 0;
  virtual void on_send_failed(int error) = 0;
  virtual void on_drained() = 0;
  virtual void on_tick_end() = 0;

  virtual void on_deadline() = 0;  // of the session
  // No further requests: the session ends when those that came have their responses.
  virtual void drain() = 0;
  // `cause`: of the streams that end with it.
  virtual void end_now(base::Cause cause) = 0;
  // Fills in what is spoken, and what goes on.
  virtual void describe(route::ConnectionView& view) = 0;
};

}  // namespace engine::proxy
