// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/2 with a client: a stream of the proxy for each of the client's, and the orderly end of the
// connection (RFC 9113 section 6.8). It must not know targets.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/list.h"
#include "engine/http/h2_codec.h"
#include "engine/io/timers.h"
#include "engine/proxy/client_protocol.h"
#include "engine/proxy/client_side.h"
#include "engine/proxy/h2_channel.h"
#include "engine/proxy/h2_mux.h"

namespace engine::proxy {

class Connection;
class H2Session;
class Session;
class Stream;
class Worker;

// The client's side of one exchange. It lives until both the codec's stream and the proxy's have
// ended: a response may wait for the client's window after its stream is done.
class H2Exchange final : public H2Channel, public ClientSide {
 public:
  H2Exchange(Worker& worker, H2Session& session, http::H2Stream& stream);

  // `head` is the worker's, read from `lines`.
  void start(base::Buffer lines, const http::RequestHead& head);
  // Instead: an answer to a request that is not taken.
  void refuse(base::Cause cause, std::string_view why);
  // The codec's stream is no more.
  void on_closed();
  void abort(base::Cause cause);
  void note_pull(base::Time now) { pulled_at_ = now; }
  void describe(route::ConnectionView& view) const;

  // As ClientSide has them.
  [[nodiscard]] Channel& channel() override { return *this; }
  [[nodiscard]] const ClientInfo& info() const override;
  [[nodiscard]] bool may_stay() const override { return true; }
  [[nodiscard]] bool covers(std::string_view authority) const override;
  void on_stream_done(bool keep_alive, bool request_complete) override;
  void on_stream_broken(bool reset) override;

  base::ListHook session_hook;

 private:
  void send_head(std::string_view head, Head kind) override;
  void give_window(std::size_t bytes) override;
  void wake_writing() override;
  void fall_behind() override;
  std::size_t take_bytes(std::string_view bytes) override;
  void take_end(int error) override;
  void take_drained() override;
  void on_deadline();
  void end_if_done();

  Worker& worker_;
  H2Session& session_;
  Stream* stream_ = nullptr;
  base::Time pulled_at_ = 0;
  io::Timer timer_{io::Expires<&H2Exchange::on_deadline>{}, this};  // for what is left to be sent
};

// State     waits for                                     ends by
// Open      requests                                      LastCall (a limit, drain()), Ending (idle, slow)
// LastCall  requests on their way, after the first GOAWAY Ending, kDrainPatience later
// Ending    the streams that came before the last GOAWAY  the session's end
class H2Session final : public ClientProtocol, public http::H2Events {
 public:
  H2Session(Worker& worker, Session& session);
  ~H2Session() override;
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  // ---- For its exchanges.
  [[nodiscard]] http::H2Codec& codec() { return codec_; }
  [[nodiscard]] H2Mux& mux() { return mux_; }
  [[nodiscard]] const ClientInfo& info() const;
  [[nodiscard]] bool covers(std::string_view authority);
  void forget(H2Exchange& exchange);

  // As ClientProtocol has them.
  std::size_t on_bytes(std::string_view bytes) override;
  void on_readable() override {}
  void on_end(int error) override;
  void on_send_failed(int error) override;
  void on_drained() override;
  void on_tick_end() override;
  void on_deadline() override;
  void drain() override;
  void end_now(base::Cause cause) override;
  void describe(route::ConnectionView& view) override;

  // As H2Events has them.
  void on_request(http::H2Stream& stream, base::Buffer& lines,
                  const http::RequestHead& head) override;
  void on_refused(http::H2Stream& stream, base::Cause cause, std::string_view why) override;
  void on_data(http::H2Stream& stream, std::string_view bytes) override;
  void on_request_end(http::H2Stream& stream, std::string_view trailers) override;
  void on_closed(http::H2Stream& stream, http::H2Error error) override;
  void on_goaway(http::H2Error) override {}
  http::H2Piece pull(http::H2Stream& stream, std::span<char> into) override;

 private:
  enum class State : std::uint8_t { Open, LastCall, Ending };
  enum class Waits : std::uint8_t { ForRequest, ForHead, ForStreams };

  [[nodiscard]] Connection& connection();
  H2Exchange& add(http::H2Stream& stream);
  [[nodiscard]] bool certificate_covers(std::string_view authority);
  bool end_if_over();
  void last_call();
  void watch();
  void abort_all(base::Cause cause);

  Worker& worker_;
  Session& session_;
  http::H2Codec codec_;
  H2Mux mux_;
  base::List<H2Exchange, &H2Exchange::session_hook> exchanges_;
  std::string covered_;  // the authority that was found to be covered last
  std::uint32_t requests_ = 0;
  State state_ = State::Open;
  Waits waits_ = Waits::ForRequest;
};

}  // namespace engine::proxy
