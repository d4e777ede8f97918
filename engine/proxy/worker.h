// SPDX-License-Identifier: GPL-3.0-or-later
// One thread of the data plane: its ring, listeners, connections, streams, pools, timers and
// counters. What it shares with other threads is the published snapshot, a wake-up, a mailbox of
// questions, and the bytes of its access log.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/byte_ring.h"
#include "engine/base/slab.h"
#include "engine/http/head.h"
#include "engine/io/pipe.h"
#include "engine/io/ring.h"
#include "engine/io/timers.h"
#include "engine/proxy/access_log.h"
#include "engine/proxy/listener.h"
#include "engine/proxy/session.h"
#include "engine/proxy/spool.h"
#include "engine/proxy/stream.h"
#include "engine/proxy/upstream.h"
#include "engine/proxy/upstream_pool.h"
#include "engine/route/counters.h"
#include "engine/route/inquiry.h"
#include "engine/route/published.h"

namespace engine::proxy {

struct WorkerOptions {
  std::size_t index = 0;
  std::uint64_t seed =
      1;  // of request ids and balancing; not a secret, but different per worker and start
  std::string via = "engine";  // this proxy's name in Via and Proxy-Status
  // Has a certificate for this name issued and published. Called by the worker's thread.
  std::function<void(const std::string& name)> ask_for_certificate;
  // Wakes another worker. Called by this worker's thread.
  std::function<void(std::size_t worker)> notify_other;
  AccessLogOptions access;
};

class Worker {
 public:
  // `access_log` may be null. A snapshot must have been published.
  Worker(io::Ring& ring, route::Published& published, route::Mailboxes& mailboxes,
         base::ByteRing* access_log, WorkerOptions options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Serves until stopped and every connection is closed. On the thread that opened the ring.
  void run();
  // One turn of run(). False when there is nothing left to do.
  bool tick();

  // ---- Any thread.
  void notify() noexcept { ring_.wake(); }
  // Accepts no more, finishes streams within `grace` nanoseconds, then ends. A second call with 0
  // ends at once.
  void stop(base::Time grace) noexcept;
  [[nodiscard]] const route::Counters& counters() const { return counters_; }
  // Of requests that belong to no site.
  [[nodiscard]] const route::SiteCounters& unrouted() const { return unrouted_; }
  [[nodiscard]] const io::RingStats& ring_stats() const { return ring_.stats(); }

  // ---- For what lives in this worker.
  [[nodiscard]] io::Ring& ring() { return ring_; }
  [[nodiscard]] io::Timers& timers() { return timers_; }
  [[nodiscard]] io::PipePool& pipes() { return pipes_; }
  [[nodiscard]] UpstreamPool& pool() { return pool_; }
  [[nodiscard]] base::BlockPool& blocks() { return blocks_; }
  [[nodiscard]] route::Counters& counters() { return counters_; }
  [[nodiscard]] const route::Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] const route::Limits& limits() const { return *snapshot_->limits; }
  [[nodiscard]] base::Time now() const { return now_; }
  [[nodiscard]] std::size_t index() const { return options_.index; }
  [[nodiscard]] std::string_view via() const { return options_.via; }
  [[nodiscard]] bool draining() const { return draining_; }
  // While draining: another process accepts in its place.
  [[nodiscard]] bool handed_over() const { return handed_over_; }
  [[nodiscard]] std::span<char> scratch() { return {scratch_.get(), route::kScratchBytes}; }
  // For ciphertext that is read directly: with the record that TLS holds back its plaintext fits
  // into scratch().
  [[nodiscard]] std::span<char> ciphertext() { return {tls_scratch_.get(), kCiphertextBytes}; }
  // One record's.
  [[nodiscard]] std::span<char> plaintext() {
    return {tls_scratch_.get() + kCiphertextBytes, kPlaintextBytes};
  }
  [[nodiscard]] std::size_t receive_bytes() const { return io::RingOptions{}.buffer_bytes; }
  [[nodiscard]] std::uint64_t random();
  void next_request_id(std::array<char, 33>& id);
  // IMF-fixdate of this second.
  [[nodiscard]] std::string_view date();

  // One parsed head of each kind is enough: they are used within one call chain.
  [[nodiscard]] http::RequestHead& request_head() { return request_head_; }
  [[nodiscard]] http::HeadStorage& request_fields() { return request_fields_; }
  [[nodiscard]] http::ResponseHead& response_head() { return response_head_; }
  [[nodiscard]] http::HeadStorage& response_fields() { return response_fields_; }
  [[nodiscard]] const Stream* request_head_owner() const { return request_head_owner_; }
  void own_request_head(const Stream* stream) { request_head_owner_ = stream; }

  // Text of a TLS hello; used within one call.
  [[nodiscard]] std::string& hello_storage() { return hello_storage_; }
  // Asks control to issue one; the session looks again with the next snapshot.
  void ask_for_certificate(const std::string& name, Session& session);

  [[nodiscard]] Stream& new_stream(ClientSide& client, base::Buffer request);
  [[nodiscard]] H2Exchange& new_exchange(H2Session& session, http::H2Stream& stream);
  [[nodiscard]] Upstream& new_upstream(TargetState& target);
  [[nodiscard]] H2Lease& new_lease(H2Link& link, Stream& stream, bool reused);
  [[nodiscard]] SpoolPtr new_spool(Stream& stream, std::uint64_t memory_max);
  // Frees them at the end of the tick, when none of their code is on the stack.
  void retire(Stream& stream);
  void retire(H2Exchange& exchange);
  void retire(H2Lease& lease);
  void retire(Upstream& upstream);
  void retire(Spool& spool);
  void retire(Session& session);
  // The connection's end_tick() runs before this tick ends.
  void mark_dirty(Connection& connection);

  // Until unpark(), `stream` waits: for the next snapshot, or for a wake-up of control, or for its
  // target's pool, where that is enough. False when as many wait as may.
  [[nodiscard]] bool park(Stream& stream);
  void unpark(Stream& stream);

  void notify_other(std::size_t worker) { options_.notify_other(worker); }

  void on_connection(int socket, std::uint16_t local_port);
  void on_out_of_descriptors();
  [[nodiscard]] bool has_slots() const {
    return counters_.connections_open < limits().connections_max;
  }
  [[nodiscard]] int open_target_socket(int family);

  // Whether anybody reads lines of requests.
  [[nodiscard]] bool logs_access() const { return access_log_ != nullptr || !taps_.empty(); }
  // A request is in the out buffer of its target's connection.
  void note_request_written() { ++requests_written_; }
  void count_and_log(const Stream& stream);
  void log_refusal(const ClientInfo& client, std::uint16_t status, base::Cause cause,
                   std::string_view why);

 private:
  static constexpr std::size_t kPlaintextBytes = 16U << 10U;
  static constexpr std::size_t kCiphertextBytes = route::kScratchBytes - kPlaintextBytes - 1024;

  void on_wake(const io::Completion& completion);
  void adopt_snapshot();
  void adopt_listens();
  // worker_inquiries.cc: between two ticks, for control.
  [[nodiscard]] route::Report respond(const route::Question& question);
  [[nodiscard]] route::Report list_connections(const route::ListConnections& wanted);
  [[nodiscard]] bool close_connection(std::uint64_t number);
  void wake_parked(bool (*wakes)(const Stream&), void (Stream::*how)());
  void end_tick();
  void settle();
  void begin_draining();
  void end_if_idle();
  void end_everything();
  void on_grace_over();
  void measure_tick();
  void count(const Stream& stream);
  [[nodiscard]] bool worth_logging(const Stream& stream);
  void push_log_line(const LogLine& line);
  void push_to_taps(const LogLine& line);
  void complete(LogLine& line) const;

  io::Ring& ring_;
  route::Published& published_;
  route::Mailboxes& mailboxes_;
  base::ByteRing* access_log_;
  WorkerOptions options_;
  base::Time now_;
  io::Timers timers_;
  io::PipePool pipes_;
  base::BlockPool blocks_;
  UpstreamPool pool_;
  route::Counters counters_;
  route::SiteCounters unrouted_;
  std::uint64_t requests_written_ = 0;  // in this tick
  const route::Snapshot* snapshot_ = nullptr;

  base::Slab<Session> session_slab_;
  base::Slab<H2Exchange> exchange_slab_;
  base::Slab<Stream> stream_slab_;
  base::Slab<Upstream> upstream_slab_;
  base::Slab<H2Lease> lease_slab_;
  base::Slab<Spool> spool_slab_;
  base::List<Session, &Session::session_hook> sessions_;
  base::List<Session, &Session::waiting_hook> waiting_for_certificates_;
  base::List<Connection, &Connection::dirty_hook> dirty_;
  base::List<Stream, &Stream::worker_hook> streams_;  // that are not parked
  base::List<Stream, &Stream::worker_hook> parked_;   // in the order of their arrival
  std::vector<Stream*> retired_streams_;
  std::vector<H2Exchange*> retired_exchanges_;
  std::vector<H2Lease*> retired_leases_;
  std::vector<Upstream*> retired_upstreams_;
  std::vector<Spool*> retired_spools_;
  std::vector<Session*> retired_sessions_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Listener>> stopping_listeners_;
  std::vector<std::shared_ptr<route::Tap>> taps_;

  io::Operation wake_operation_{io::On<&Worker::on_wake>{}, this};
  io::Timer grace_timer_{io::Expires<&Worker::on_grace_over>{}, this};
  std::atomic<base::Time> stop_grace_{-1};  // -1: not asked to stop
  bool draining_ = false;
  bool handed_over_ = false;
  bool ended_ = false;

  std::unique_ptr<char[]> scratch_;
  std::unique_ptr<char[]> tls_scratch_;
  http::RequestHead request_head_;
  http::HeadStorage request_fields_;
  http::ResponseHead response_head_;
  http::HeadStorage response_fields_;
  const Stream* request_head_owner_ = nullptr;
  std::string log_line_;
  std::string hello_storage_;
  std::array<char, 32> date_text_{};
  base::Time date_second_ = -1;
  std::uint64_t random_state_;
  std::uint64_t request_id_prefix_;
  std::uint64_t request_count_ = 0;
  std::uint64_t session_number_;  // of the last one
};

}  // namespace engine::proxy
