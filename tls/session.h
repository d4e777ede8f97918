// SPDX-License-Identifier: GPL-3.0-or-later
// One TLS connection without its socket: ciphertext in, plaintext out, and back. It must not know
// what the bytes mean or how they travel.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/buffer.h"
#include "tls/context.h"

struct WOLFSSL;
struct WOLFSSL_SESSION;

namespace tls {

// After this long without a look at its certificate a peer shows it again.
inline constexpr std::int64_t kResumeSecondsMax = 12L * 3600;

// With what a client goes on where an earlier session ended, at the same peer and with the same
// Context. About 1 KiB.
struct Resumption {
  struct Free {
    void operator()(WOLFSSL_SESSION* session) const;
  };
  std::unique_ptr<WOLFSSL_SESSION, Free> session;  // null: none
  std::int64_t verified_at = 0;                    // Unix seconds, of the certificate
};

// State      waits for                       ends by
// Handshake  the peer's messages             Open, Failed
// Open       records                         Ended, Failed
// Ended      nothing: the peer's close_notify came; writing still works (RFC 8446 section 6.1)
// Failed     nothing: failure() says why; the alert to the peer was written
class Session {
 public:
  enum class State : std::uint8_t { Handshake, Open, Ended, Failed };

  // Ciphertext for the peer is appended to `out`, which must live as long as this. A client sends
  // its first message now. `server_name` is what a client asks for and verifies; an IP address is
  // verified and not sent. A server only keeps it in mind. `tickets` may be null, and `resume`,
  // which is a client's and stays as it is.
  Session(std::shared_ptr<const Context> context, std::shared_ptr<const TicketKeys> tickets,
          std::string_view protocols, std::string_view server_name, engine::base::Buffer& out,
          const Resumption* resume = nullptr);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // For Context: bytes and tickets of its sessions go through them.
  static void attach(WOLFSSL_CTX* context);
  // For a server's Context that verifies clients: see peer_name().
  static void attach_peer_names(WOLFSSL_CTX* context);

  // The next ciphertext. Call read() until it returns 0 before the bytes go away: by then all of
  // them were taken.
  void feed(std::string_view ciphertext) { input_ = ciphertext; }
  // Goes on with the handshake, then gives plaintext. 0: nothing more for now, see state().
  std::size_t read(std::span<char> plaintext);
  // In state Open or Ended; once it has Failed the plaintext is dropped.
  void write(std::string_view plaintext);
  // Tells the peer that nothing more comes.
  void close();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool established() const { return state_ == State::Open || state_ == State::Ended; }
  // One sentence of what failed; empty before.
  [[nodiscard]] std::string_view failure() const { return failure_; }
  // "1.2" or "1.3", and the protocol chosen by ALPN (RFC 7301), empty without one. When open.
  [[nodiscard]] std::string_view version() const;
  [[nodiscard]] std::string_view protocol() const;
  [[nodiscard]] bool resumed() const;
  // Of a server: what it was made with, the name or address that its client asked for.
  [[nodiscard]] std::string_view server_name() const;
  [[nodiscard]] const Context& context() const { return *context_; }
  // Of a client: whether it tried to. With a server that will not, wolfSSL ends some handshakes (a
  // ticket of TLS 1.2, another version): then the client must come again without.
  [[nodiscard]] bool offered_session() const { return offered_; }
  // Of a server that verifies clients: holder_of() the client's certificate. When open.
  [[nodiscard]] std::string_view peer_name() const { return peer_name_; }
  // Context::client_ca() of its context.
  [[nodiscard]] const Digest& client_ca() const { return context_->client_ca(); }
  // Of a client: what the server gave for a resumption (RFC 8446 section 2.2) and was not taken yet;
  // often nothing. With TLS 1.3 it comes behind the handshake.
  [[nodiscard]] Resumption take_resumption();

 private:
  struct Callbacks;

  void start_client(std::string_view server_name, const Resumption* resume);
  bool offer(const Resumption& resume);
  bool shake_hands();
  void on_open();
  void fail(int result);

  std::shared_ptr<const Context> context_;
  std::shared_ptr<const TicketKeys> tickets_;  // until the handshake is over
  engine::base::Buffer& out_;
  WOLFSSL* handle_;
  std::string_view input_;
  std::string failure_;
  std::string server_name_;  // of a server
  std::string peer_name_;
  std::int64_t verified_at_ = 0;  // Resumption::verified_at, of a client
  State state_ = State::Handshake;
  bool closed_ = false;
  bool offered_ = false;         // an earlier session
  bool can_be_resumed_ = false;  // and nobody has taken it yet
};

// A fatal alert as the first and only record, for a peer whose hello was read but cannot be
// answered.
inline constexpr std::string_view kAlertUnrecognizedName{"\x15\x03\x03\x00\x02\x02\x70", 7};
inline constexpr std::string_view kAlertInternalError{"\x15\x03\x03\x00\x02\x02\x50", 7};
inline constexpr std::string_view kAlertDecodeError{"\x15\x03\x03\x00\x02\x02\x32", 7};

}  // namespace tls
