// SPDX-License-Identifier: GPL-3.0-or-later
// One connection to a target: connecting, leased to a stream, or waiting in its target's pool.
// While it waits, the armed receive tells when the target closes it.
#pragma once

#include "engine/base/list.h"
#include "engine/io/timers.h"
#include "engine/proxy/connection.h"
#include "engine/route/target.h"

namespace engine::proxy {

class Stream;
struct TargetState;

// State       waits for                         ends by
// Connecting  connect(), the TLS handshake      Leased; a failure, the stream's deadline → Closing
// Leased      its stream                        release() → Idle, discard() → Closing
// Idle        the next lease                    lease() → Leased; bytes, FIN, RST, idle → Closing
// Closing     its last bytes, the kernel        the end; kLingerTimeout → RST
class Upstream final : public ConnectionEvents {
 public:
  Upstream(Worker& worker, TargetState& target);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // Starts to connect on behalf of `stream`, which hears of it in on_upstream_connected().
  [[nodiscard]] int connect(const route::Address& address, Stream& stream);
  void lease(Stream& stream);
  // The stream is done and the connection clean: back into the pool, if there is room.
  void release();
  // The stream is done and the connection is not to be used again.
  void discard(bool reset);

  [[nodiscard]] Connection& connection() { return connection_; }
  [[nodiscard]] bool reused() const { return requests_ > 1; }

  std::size_t on_bytes(std::string_view bytes) override;
  void on_readable() override;
  void on_end(int error) override;
  void on_send_failed(int error) override;
  void on_drained() override;
  void on_connected(int error) override;
  void on_secured() override;
  void on_closed() override;

  base::ListHook pool_hook;

 private:
  enum class State : std::uint8_t { Connecting, Leased, Idle, Closing };

  void on_ready(int error);
  void on_deadline();

  Worker& worker_;
  TargetState& target_;
  Stream* stream_ = nullptr;
  Connection connection_;
  io::Timer timer_{io::Expires<&Upstream::on_deadline>{}, this};
  std::uint64_t requests_ = 0;
  State state_ = State::Connecting;
};

}  // namespace engine::proxy
