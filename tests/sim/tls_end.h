// SPDX-License-Identifier: GPL-3.0-or-later
// A peer's side of TLS: plaintext for the script, ciphertext on the wire. Shaking hands and sending what the wire had no
// room for need no turn of the script's; reading waits until it asks. It must not know what the bytes mean.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/buffer.h"
#include "tests/sim/kernel.h"
#include "tls/session.h"

namespace sim {

// The calls are those of Peer.
class TlsEnd final : public Actor {
 public:
  // `wire` speaks plaintext itself.
  TlsEnd(Kernel& kernel, Peer wire, std::shared_ptr<const tls::Context> context,
         std::string_view server_name, std::string_view protocols);
  ~TlsEnd() override { kernel_.remove(*this); }
  TlsEnd(const TlsEnd&) = delete;
  TlsEnd& operator=(const TlsEnd&) = delete;

  bool turn() override;

  // Takes bytes when those before them are on the wire, up to one record.
  std::size_t write(std::string_view bytes);
  std::string read(std::size_t most);
  // Plaintext, and ciphertext of which some is.
  [[nodiscard]] std::size_t readable() const { return plaintext_.size() + wire_.readable(); }
  // The worker's close_notify, after everything before it was read.
  [[nodiscard]] bool at_end() const { return ended() && plaintext_.empty(); }
  // By RST, by FIN without close_notify, or by a failure of TLS.
  [[nodiscard]] bool is_broken() const;
  void finish();
  void close();
  // FIN without close_notify. What waits for the wire is lost.
  void cut();
  // Damages what waits for the wire, or a record of its own.
  void garble();
  [[nodiscard]] const tls::Session& session() const { return session_; }

 private:
  enum class Ending : std::uint8_t { None, Finish, Close };

  [[nodiscard]] bool ended() const { return session_.state() == tls::Session::State::Ended; }
  bool receive();
  bool flush();

  Kernel& kernel_;
  Peer wire_;
  engine::base::BlockPool blocks_;
  engine::base::Buffer out_{blocks_};  // ciphertext
  tls::Session session_;
  std::string plaintext_;
  Ending ending_ = Ending::None;  // behind out_
};

}  // namespace sim
