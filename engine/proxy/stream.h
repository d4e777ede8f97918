// SPDX-License-Identifier: GPL-3.0-or-later
// One exchange: a request of a client, the target that gets it, and the response on its way back.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/http/h1_head.h"
#include "engine/http/kept_response.h"
#include "engine/io/timers.h"
#include "engine/proxy/client_side.h"
#include "engine/proxy/relay.h"
#include "engine/proxy/spool.h"
#include "engine/proxy/stream_record.h"
#include "engine/proxy/stream_state.h"
#include "engine/route/candidates.h"
#include "engine/route/connection_view.h"

namespace engine::proxy {

class Lease;
class Worker;
struct ServiceState;
struct TargetState;

// Its states: stream_state.h.
class Stream {
 public:
  Stream(Worker& worker, ClientSide& client, base::Buffer request);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  // `head` is the worker's, parsed from the request bytes this stream owns.
  void start(const http::RequestHead& head);
  // Instead: the request bytes are the name of a site whose TLS goes to a target undecrypted.
  void start_passage();
  void abort(base::Cause cause);  // ends without an answer; the client's connection is cut

  // ---- For the worker.
  using Wait = StreamWait;
  [[nodiscard]] Wait waits() const { return wait_; }  // Parked: for what
  void route_anew();   // parked: with the snapshot of the moment everything may be different
  void on_draining();  // parked: nobody waits for a worker that drains
  // Parked for a connection: since when; goes on if it can; whether it may not take a used one.
  [[nodiscard]] base::Time waiting_since() const { return parked_since(Wait::ForConnection); }
  [[nodiscard]] bool try_target();
  [[nodiscard]] bool needs_new_connection() const { return lost_reused_ || upgrade_asked_; }
  void update_deadline();  // when its target is to be left may have changed

  std::size_t on_client_bytes(std::string_view bytes);
  void on_client_readable();
  void on_client_end(int error);
  void on_client_drained();
  void on_spool(Spool& spool);
  void on_upstream_connected(Lease& lease);
  // `session_offered`: of TLS, which may be the reason.
  void on_upstream_failed(int error, std::string_view why, bool session_offered);
  void on_upstream_taken();  // the connection that it waited for has no place for it
  // Of HTTP/2: a head, and that the target has not touched the request.
  void on_upstream_head(const http::ResponseHead& head);
  void on_upstream_refused();
  std::size_t on_upstream_bytes(std::string_view bytes);
  void on_upstream_readable();
  void on_upstream_end(int error);
  void on_upstream_send_failed(int error);
  void on_upstream_drained();

  [[nodiscard]] const StreamRecord& record() const { return record_; }
  [[nodiscard]] const ClientInfo& client_info() const { return client_.info(); }
  [[nodiscard]] const TargetState* target() const { return target_; }
  [[nodiscard]] std::uint64_t bytes_in() const;
  [[nodiscard]] std::uint64_t bytes_out() const;
  [[nodiscard]] std::string_view request_bytes() const { return request_.view(); }
  [[nodiscard]] const ServiceState* service() const { return service_; }  // null: no site known
  [[nodiscard]] http::Method method() const { return method_; }
  [[nodiscard]] bool is_passage() const { return is_passage_; }
  [[nodiscard]] bool is_tunnel() const { return state_ == State::Tunnel; }
  [[nodiscard]] bool switches() const { return upgrade_asked_; }  // to another protocol
  void describe(route::ConnectionView& view) const;               // as the newest of its connection

  base::ListHook waiting_hook;  // of a connection, or of a target, that others wait for too
  base::ListHook worker_hook;   // of its worker: with those that are parked, or with the others

 private:
  using State = StreamState;
  using Bound = StreamBound;

  // stream_record.cc: what is noted down, and who the client is to the site.
  void note_request(const http::RequestHead& head);
  void note_request_id(const http::RequestHead& head, bool trusted);
  void note_site(const http::RequestHead& head);
  void note_response(const http::ResponseHead& response);
  void note_sent(const http::RequestHead& head);
  void note_last_byte();
  void note_open(route::OpenStream kind);
  [[nodiscard]] std::string_view client_address() const;
  [[nodiscard]] bool is_trusted() const;

  // stream.cc: routing, deadlines and the end; stream_answers.cc: what needs no target.
  void route();
  void route_passage();
  bool admit(const http::RequestHead& head);
  void use_service(std::uint32_t index);
  void route_again();
  void refuse_passage(base::Cause cause, std::string_view details);
  bool answer_here(const http::RequestHead& head);
  void refuse_unverified();
  void answer_preflight(const http::RequestHead& head);
  void answer_bare(std::uint16_t status, std::string_view lines);
  void answer(base::Cause cause, std::string_view details, base::Time retry_after = 0);
  void finish();
  void give_back_upstream();
  void end();
  void fail(base::Error error, std::string_view details = {});
  void cut();
  void close_tunnel();
  void release_service();
  [[nodiscard]] const http::RequestHead& head();
  [[nodiscard]] http::HeadResult read_again();
  [[nodiscard]] Channel& client() { return client_.channel(); }
  [[nodiscard]] base::Time next_deadline() const;
  [[nodiscard]] base::Time total_deadline() const;
  [[nodiscard]] base::Time drain_end() const;
  [[nodiscard]] base::Cause deadline_cause() const;
  void on_deadline();
  void set_state(State state);

  // stream_limits.cc: what may be too much for its site, or for the engine.
  bool body_fits(const http::RequestHead& head);
  bool within_limits();
  bool within_rate();
  [[nodiscard]] std::uint64_t rate_key();
  [[nodiscard]] bool take_place(Bound bound, route::Places& places, std::uint32_t max);
  void release_place(Bound bound);

  // stream_parking.cc: what holds it back before it has a target.
  [[nodiscard]] bool asks_health(const http::RequestHead& head) const;
  bool pass_gate();
  void park(Wait wait);
  void unpark();
  std::size_t keep_while_parked(std::string_view bytes);
  [[nodiscard]] base::Time parked_since(Wait wait) const;
  [[nodiscard]] base::Time parked_until() const;
  [[nodiscard]] base::Cause parked_cause() const;

  // stream_buffering.cc: bodies that are complete before they go on.
  bool buffer_request(const http::RequestHead& head);
  void check_request_buffer();
  [[nodiscard]] bool has_whole_request() const;
  [[nodiscard]] bool request_read() const;
  void release_request();
  bool collect(const http::ResponseHead& response);
  void check_response_buffer();
  void respond_buffered();

  // stream_upstream.cc: getting the request to a target.
  void choose_target();
  void use_target(std::uint32_t chosen);
  void reach_target();
  bool lease_ready();
  [[nodiscard]] bool may_join_connecting() const;
  [[nodiscard]] bool tried_all() const;
  bool connect_next();
  void send_request();
  void write_request(const http::RequestHead& request, http::Framing framing, std::uint64_t length);
  void feed_early_bytes();
  void release_target();
  [[nodiscard]] route::TargetHealth::Tally& tally() const;
  void drop_upstream(bool reset);
  [[nodiscard]] bool may_retry_after_loss() const;
  bool try_once_more();
  bool retry(base::Cause cause, base::Time asked = 0);

  // stream_choice.cc: choosing the target, and what its answers say about it.
  std::uint32_t choose_among_targets();
  std::uint32_t choose_from_pool(std::span<const route::WeightedTarget> targets,
                                 std::optional<std::uint64_t> wanted);
  [[nodiscard]] route::Candidates::State state_of(std::uint32_t at, const TargetState* state) const;
  [[nodiscard]] route::Purpose purpose_for(const route::Candidates& candidates);
  std::string_view hash_key();
  std::string_view cookie(std::string_view name);
  [[nodiscard]] std::vector<std::string> own_cookies(const http::ResponseHead& response) const;
  void note_success();
  void note_failure(std::string_view why);

  // stream_response.cc: getting the response to the client.
  void on_response_head(const http::ResponseHead& response);
  void forward_interim(const http::ResponseHead& response);
  void forward_head(const http::ResponseHead& response);
  void begin_response(const http::ResponseHead& response, Channel& source);
  void begin_tunnel(const http::ResponseHead& response);
  void begin_passage();
  void open_tunnel(route::OpenStream kind);
  [[nodiscard]] bool retry_on_status(const http::ResponseHead& response);
  [[nodiscard]] http::Framing client_framing(const http::ResponseHead& response) const;
  void write_head(const http::ResponseHead& response, http::Framing framing);
  [[nodiscard]] std::optional<std::string> other_websocket_accept(
      const http::ResponseHead& response);
  [[nodiscard]] http::BodyDecoder body_of(Channel& source, http::Framing framing,
                                          std::uint64_t length) const;
  void after_relays();
  void check_request_relay();
  void check_response_relay();
  void check_tunnel();

  Worker& worker_;
  ClientSide& client_;
  base::Buffer request_;
  ServiceState* service_ = nullptr;
  TargetState* target_ = nullptr;
  route::TargetHealth* health_ = nullptr;  // of target_, in service_
  base::Counter* open_ = nullptr;          // that counts this stream among those of its kind
  Lease* upstream_ = nullptr;
  std::array<route::Places*, 2> places_{};  // by Bound; null where it holds none
  Relay request_relay_, response_relay_;
  SpoolPtr request_spool_, response_spool_;
  std::unique_ptr<http::KeptResponse> kept_response_;  // while Collecting
  io::Timer timer_{io::Expires<&Stream::on_deadline>{}, this};
  StreamRecord record_;
  std::string websocket_key_;     // ours, where the client came by extended CONNECT
  base::Time progress_ = 0;       // when bytes last moved
  base::Time phase_started_ = 0;  // of connecting, or of waiting for the head
  std::array<base::Time, kStreamWaits> parked_since_{};  // by Wait: the first time; 0 = never
  base::Time retry_at_ = 0;                              // Wait::ForRetry
  std::uint64_t tried_targets_ = 0;  // bits by position in the service, the first 64
  std::uint64_t reply_bytes_ = 0;
  std::uint32_t scanned_ = 0, client_status_ = 0, address_index_ = 0, addresses_tried_ = 0;
  int connect_error_ = 0;  // of the last attempt
  std::uint8_t interim_count_ = 0, retries_ = 0;
  http::Method method_ = http::Method::Other;
  http::Framing response_framing_ = http::Framing::None;  // to the client
  State state_ = State::Start;
  Wait wait_ = Wait::ForGate;
  bool is_passage_ = false, upgrade_asked_ = false, rate_counted_ = false;
  bool request_replayable_ = false;  // we have all of it, and doing it twice is harmless
  bool request_has_body_ = false, client_half_closed_ = false;
  bool client_keep_alive_ = true, upstream_reusable_ = false;
  bool tells_target_ = false;     // by a cookie, so that the client comes back to it
  bool tells_write_ = false;      // by a cookie, so that its reads go to writers for a while
  bool lost_reused_ = false;      // the one retry for a pooled connection that died was used
  bool session_refused_ = false;  // that without the TLS session that a target was offered, too
};

}  // namespace engine::proxy
