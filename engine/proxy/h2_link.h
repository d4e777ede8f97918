// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/2 on one connection to a target, shared by the streams of many clients. It must not know
// clients.
#pragma once

#include <string_view>

#include "engine/base/list.h"
#include "engine/http/h2_client.h"
#include "engine/proxy/h2_channel.h"
#include "engine/proxy/h2_mux.h"
#include "engine/proxy/lease.h"

namespace engine::proxy {

class H2Link;
class Stream;
class Upstream;
class Worker;

// One stream of the connection, for one of the proxy's. It lives until both have ended.
class H2Lease final : public H2Channel, public Lease {
 public:
  H2Lease(Worker& worker, H2Link& link, Stream& stream, bool reused);

  void on_response(const http::ResponseHead& head);
  void on_closed(bool unprocessed);

  // As Lease has them.
  [[nodiscard]] Channel& channel() override { return *this; }
  [[nodiscard]] bool reused() const override { return reused_; }
  void release() override;
  void discard(bool reset) override;

  base::ListHook link_hook;

 private:
  void send_head(std::string_view head, Head kind) override;
  void give_window(std::size_t bytes) override;
  void wake_writing() override;
  void fall_behind() override;
  std::size_t take_bytes(std::string_view bytes) override;
  void take_end(int error) override;
  void take_drained() override;
  void end_if_done();

  Worker& worker_;
  H2Link& link_;
  Stream* stream_;
  bool reused_;
};

class H2Link final : public http::H2ClientEvents {
 public:
  H2Link(Worker& worker, Upstream& upstream);
  ~H2Link();
  H2Link(const H2Link&) = delete;
  H2Link& operator=(const H2Link&) = delete;

  [[nodiscard]] H2Lease& lease(Stream& stream);
  [[nodiscard]] bool leased() const { return !leases_.empty(); }
  // The target said something in HTTP/2, and nothing else.
  [[nodiscard]] bool greeted() const { return codec_.greeted() && !codec_.failed(); }
  [[nodiscard]] bool may_lease(bool tunnel) const;
  // Nothing is left to say or to hear.
  [[nodiscard]] bool over() const;
  // Why it takes no streams.
  [[nodiscard]] std::string_view failure() const;
  // The connection is gone: so are all its streams. Leases whose response is complete stay until it
  // is read.
  void end_all();

  // ---- For its leases.
  [[nodiscard]] http::H2Client& codec() { return codec_; }
  [[nodiscard]] H2Mux& mux() { return mux_; }
  [[nodiscard]] std::string_view scheme() const;
  void forget(H2Lease& lease);

  // As ConnectionEvents has them.
  void on_bytes(std::string_view bytes);
  void on_tick_end();

  // As H2ClientEvents has them.
  void on_response(http::H2Stream& stream, const http::ResponseHead& head) override;
  void on_data(http::H2Stream& stream, std::string_view bytes) override;
  void on_response_end(http::H2Stream& stream, std::string_view trailers) override;
  void on_closed(http::H2Stream& stream, http::H2Error error, bool unprocessed) override;
  void on_goaway() override;
  http::H2Piece pull(http::H2Stream& stream, std::span<char> into) override;

 private:
  Worker& worker_;
  Upstream& upstream_;
  http::H2Client codec_;
  H2Mux mux_;
  base::List<H2Lease, &H2Lease::link_hook> leases_;
  bool served_ = false;  // it had a lease before
};

}  // namespace engine::proxy
