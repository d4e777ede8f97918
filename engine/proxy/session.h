// SPDX-License-Identifier: GPL-3.0-or-later
// One connection of a client. Its first bytes decide what is spoken: a PROXY header of a trusted
// proxy; TLS, where the name that the client asks for chooses the certificate; then HTTP/1. It must
// not know requests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/list.h"
#include "engine/io/timers.h"
#include "engine/proxy/client_info.h"
#include "engine/proxy/connection.h"
#include "engine/proxy/h1_session.h"

namespace engine::proxy {

class Worker;

// State     waits for                              ends by
// Greeting  bytes that tell the protocols apart    Naming, Shaking, Http1; the head limit → Closing
// Naming    control to issue a certificate         Shaking; the head limit → Closing
// Shaking   the TLS handshake, the first request   Http1; a failure, the head limit → Closing
// Http1     H1Session                              Closing
// Closing   the kernel                             the end
class Session final : public ConnectionEvents {
 public:
  Session(Worker& worker, int socket, std::uint16_t local_port);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // No further requests: idle connections close, others after their response.
  void drain();
  void end_now();
  // The certificate that it waits for may be there.
  void look_again();

  // The one deadline of a session, whatever it waits for; kNever clears it.
  void set_deadline(base::Time deadline);
  [[nodiscard]] Connection& connection() { return connection_; }
  [[nodiscard]] const Connection& connection() const { return connection_; }
  [[nodiscard]] const ClientInfo& client() const { return client_; }
  [[nodiscard]] base::Time opened_at() const { return opened_at_; }

  std::size_t on_bytes(std::string_view bytes) override;
  void on_readable() override;
  void on_end(int error) override;
  void on_send_failed(int error) override;
  void on_drained() override;
  void on_connected(int error) override;
  void on_secured() override;
  void on_closed() override;

  base::ListHook session_hook;
  base::ListHook waiting_hook;  // in Naming

 private:
  enum class State : std::uint8_t { Greeting, Naming, Shaking, Http1, Closing };

  std::size_t greet(std::string_view bytes);
  std::size_t greet_proxy(std::string_view bytes);
  std::size_t greet_tls(std::string_view bytes);
  [[nodiscard]] bool passes_through(std::string_view name) const;
  void start_http1();
  void refuse(base::Cause cause, std::string_view why, std::string_view alert = {});
  void close();
  void on_deadline();

  Worker& worker_;
  Connection connection_;
  base::Time opened_at_;
  io::Timer timer_{io::Expires<&Session::on_deadline>{}, this};
  State state_ = State::Greeting;
  bool awaits_proxy_header_ = false;
  ClientInfo client_;
  std::optional<H1Session> http1_;
};

}  // namespace engine::proxy
