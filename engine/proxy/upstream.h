// SPDX-License-Identifier: GPL-3.0-or-later
// One connection to a target: connecting, leased to a stream or shared by several, or waiting in its
// target's pool. While it waits, the armed receive tells when the target closes it.
#pragma once

#include <memory>
#include <string>

#include "engine/base/list.h"
#include "engine/io/timers.h"
#include "engine/proxy/connection.h"
#include "engine/proxy/h2_link.h"
#include "engine/proxy/lease.h"
#include "engine/proxy/stream.h"
#include "engine/route/target.h"

namespace engine::proxy {

struct TargetState;

// State       waits for                              ends by
// Connecting  connect(), the TLS handshake, the      Leased or Shared; a failure, the stream's
//             target's SETTINGS                      deadline → Closing
// Leased      its stream                             release() → Idle, discard() → Closing
// Idle        the next lease                         lease() → Leased; bytes, FIN, RST, idle → Closing
// Shared      streams of HTTP/2                      GOAWAY, idle → Closing; FIN, RST → Ended
// Ended       streams that read what came before     the last of them → Closing
// Closing     its last bytes, the kernel             the end; kLingerTimeout → RST
class Upstream final : public ConnectionEvents, public Lease {
 public:
  // A place of the target's pool was taken for it, which it gives back once it is closed.
  Upstream(Worker& worker, TargetState& target);
  ~Upstream();
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  // Starts to connect on behalf of `stream`, which hears of it in on_upstream_connected() or
  // on_upstream_failed(). `switches`: for a request that asks for another protocol, which over TLS
  // HTTP/1 does best.
  [[nodiscard]] int connect(const route::Address& address, Stream& stream, bool switches);
  // Connecting: `stream` hears of it too. It may leave the list by itself.
  void wait(Stream& stream) { waiting_.push_back(stream); }
  // Idle or Shared: a lease on it.
  [[nodiscard]] Lease& lease(Stream& stream);
  [[nodiscard]] bool may_share(bool tunnel) const;

  // As Lease has them, where it is leased as a whole. Released, it goes back into the pool if it is
  // clean and there is room.
  [[nodiscard]] Channel& channel() override { return connection_; }
  [[nodiscard]] bool reused() const override { return requests_ > 1; }
  void release() override;
  void discard(bool reset) override;
  // Nobody needs it any more: at once, or with its last stream.
  void retire();

  [[nodiscard]] Connection& connection() { return connection_; }

  // ---- Of its link.
  void on_lease_end();
  void on_goaway();

  std::size_t on_bytes(std::string_view bytes) override;
  void on_readable() override;
  void on_end(int error) override;
  void on_send_failed(int error) override;
  void on_drained() override;
  void on_connected(int error) override;
  void on_secured() override;
  void on_tick_end() override;
  void on_closed() override;

  base::ListHook pool_hook;

 private:
  enum class State : std::uint8_t { Connecting, Leased, Idle, Shared, Ended, Closing };

  void on_open();
  void on_ready();
  void on_failed(int error);
  void hand_to(Stream& stream);
  std::size_t on_link_bytes(std::string_view bytes);
  void on_link_end();
  void join_pool(State state);
  void leave_pool();
  void keep_tls_session();
  void on_deadline();

  Worker& worker_;
  TargetState& target_;
  Stream* stream_ = nullptr;
  base::List<Stream, &Stream::waiting_hook> waiting_;
  Connection connection_;
  std::unique_ptr<H2Link> link_;  // where HTTP/2 is spoken
  io::Timer timer_{io::Expires<&Upstream::on_deadline>{}, this};
  std::uint64_t requests_ = 0;
  State state_ = State::Connecting;
  bool switches_ = false;
  bool retired_ = false;  // takes no further streams
};

}  // namespace engine::proxy
