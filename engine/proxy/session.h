// SPDX-License-Identifier: GPL-3.0-or-later
// One connection of a client. Its first bytes decide what is spoken: a PROXY header of a trusted
// proxy; TLS, where the name that the client asks for chooses the certificate; then HTTP/2 or
// HTTP/1. It begins and ends the connection in an orderly way. It must not know requests.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "engine/base/error.h"
#include "engine/base/list.h"
#include "engine/io/timers.h"
#include "engine/proxy/client_info.h"
#include "engine/proxy/connection.h"
#include "engine/proxy/h1_session.h"
#include "engine/proxy/h2_session.h"
#include "engine/route/connection_view.h"

namespace engine::proxy {

class Worker;

// State     waits for                             ends by
// Greeting  bytes that tell the protocols apart   Naming, Shaking, Speaking; the head limit → Closing
// Naming    control to issue a certificate        Shaking; the head limit → Closing
// Shaking   the TLS handshake, the first request  Speaking; a failure, the head limit → Closing
// Speaking  H1Session or H2Session                Linger, Closing
// Linger    the client to read the last answer    FIN, its bounds → Closing
// Closing   what was written, the kernel          the end
class Session final : public ConnectionEvents {
 public:
  Session(Worker& worker, int socket, std::uint16_t local_port, std::uint64_t number);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // No further requests: idle connections close, others after their response.
  void drain();
  // `cause`: of the streams that end with it.
  void end_now(base::Cause cause);
  // The certificate that it waits for may be there.
  void look_again();

  // ---- The end, for what is spoken.
  // After what was written; what the client still sends is read and thrown away, within bounds.
  void linger(base::Time patience);
  // After what was written.
  void close();
  // At once: the client must not take what it got for complete.
  void reset();

  // The one deadline of a session, whatever it waits for; kNever clears it.
  void set_deadline(base::Time deadline);
  [[nodiscard]] Connection& connection() { return connection_; }
  [[nodiscard]] const Connection& connection() const { return connection_; }
  [[nodiscard]] const ClientInfo& client() const { return client_; }
  [[nodiscard]] base::Time opened_at() const { return opened_at_; }
  // What is spoken has nothing to do from now on.
  void note_idle();

  // Of this worker's sessions.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  // What it is and does, for people.
  [[nodiscard]] route::ConnectionView describe();

  std::size_t on_bytes(std::string_view bytes) override;
  void on_readable() override;
  void on_end(int error) override;
  void on_send_failed(int error) override;
  void on_drained() override;
  void on_connected(int error) override;
  void on_secured() override;
  void on_tick_end() override;
  void on_closed() override;

  base::ListHook session_hook;
  base::ListHook waiting_hook;  // in Naming

 private:
  enum class State : std::uint8_t { Greeting, Naming, Shaking, Speaking, Linger, Closing };

  std::size_t greet(std::string_view bytes);
  std::size_t greet_proxy(std::string_view bytes);
  std::size_t greet_tls(std::string_view bytes);
  [[nodiscard]] bool passes_through(std::string_view name) const;
  std::size_t speak(std::string_view bytes);
  template <class Spoken>
  Spoken& start();
  std::size_t throw_away(std::string_view bytes);
  void refuse(base::Cause cause, std::string_view why, std::string_view alert = {});
  void begin_closing(base::Time deadline);
  void on_deadline();

  Worker& worker_;
  Connection connection_;
  base::Time opened_at_;
  base::Time idle_since_;
  std::uint64_t number_;
  io::Timer timer_{io::Expires<&Session::on_deadline>{}, this};
  State state_ = State::Greeting;
  bool awaits_proxy_header_ = false;
  ClientInfo client_;
  std::uint64_t linger_bytes_ = 0;
  // A connection of HTTP/2 needs more memory; one of HTTP/1 should not pay for it.
  std::variant<std::monostate, H1Session, std::unique_ptr<H2Session>> spoken_;
  ClientProtocol* protocol_ = nullptr;  // in spoken_
};

}  // namespace engine::proxy
