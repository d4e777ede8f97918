// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/worker.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/io/socket.h"

namespace engine::proxy {
namespace {

constexpr std::size_t kIdlePipesMax = 32;

}  // namespace

Worker::Worker(io::Ring& ring, route::Published& published, route::Mailboxes& mailboxes,
               base::ByteRing* access_log, WorkerOptions options)
    : ring_(ring),
      published_(published),
      mailboxes_(mailboxes),
      access_log_(options.access.format == LogFormat::None ? nullptr : access_log),
      options_(std::move(options)),
      now_(ring.now()),
      timers_(now_),
      pipes_(ring, kIdlePipesMax),
      pool_(*this),
      scratch_(std::make_unique_for_overwrite<char[]>(route::kScratchBytes)),
      tls_scratch_(std::make_unique_for_overwrite<char[]>(kCiphertextBytes + kPlaintextBytes)),
      random_state_(options_.seed * 0x9e3779b97f4a7c15ULL + 0x1234567),
      request_id_prefix_(random()),
      // Elsewhere in each process, so that a number of another one means nobody here.
      session_number_(request_id_prefix_ >> 36U << 8U) {
  ring_.await_wake(wake_operation_);
  adopt_snapshot();
}

Worker::~Worker() { published_.leave(options_.index); }

void Worker::run() {
  while (tick()) {
  }
  mailboxes_.leave(options_.index);
}

bool Worker::tick() {
  ring_.submit_and_wait(timers_.next_deadline());
  now_ = ring_.now();
  adopt_snapshot();
  if (mailboxes_.has_mail(options_.index)) [[unlikely]]
    mailboxes_.respond(options_.index, [this](const auto& question) { return respond(question); });
  ring_.dispatch();
  timers_.advance(now_);
  end_tick();
  measure_tick();
  return !ended_;
}

// By now the bytes of this tick have been handed to the kernel.
void Worker::measure_tick() {
  const base::Time took = ring_.now() - now_;
  counters_.tick_time.record(took);
  if (requests_written_ > 0) counters_.overhead.record(took, std::exchange(requests_written_, 0));
}

void Worker::stop(base::Time grace) noexcept {
  stop_grace_.store(grace, std::memory_order_release);
  ring_.wake();
}

void Worker::on_wake(const io::Completion& completion) {
  if (completion.result == -ECANCELED) return;  // this worker ends
  ring_.await_wake(wake_operation_);
  pool_.give_up_unused();
  const base::Time grace = stop_grace_.load(std::memory_order_acquire);
  // A target may be up again, which needs no new snapshot.
  if (grace < 0)
    return wake_parked(
        [](const Stream& stream) { return stream.waits() == Stream::Wait::ForTarget; },
        &Stream::route_anew);
  const bool begins = !draining_;
  if (begins) begin_draining();
  if (grace == 0) return end_everything();
  if (begins) timers_.set(grace_timer_, now_ + grace);
}

// At the top of a tick no request code is on the stack: every pointer into the old snapshot is
// gone.
void Worker::adopt_snapshot() {
  const route::Snapshot* current = published_.current();
  if (current == snapshot_) return;
  snapshot_ = current;
  ++counters_.snapshots_adopted;
  pool_.adopt(*current);
  adopt_listens();
  while (!waiting_for_certificates_.empty()) waiting_for_certificates_.pop_front().look_again();
  streams_.for_each([](Stream& stream) { stream.update_deadline(); });
  // Before the time that a target asked for, it is not asked again.
  wake_parked([](const Stream& stream) { return stream.waits() != Stream::Wait::ForRetry; },
              &Stream::route_anew);
  published_.quiesce(options_.index, current->generation);
}

// Each leaves the list first: it may be parked again.
void Worker::wake_parked(bool (*wakes)(const Stream&), void (Stream::*how)()) {
  base::List<Stream, &Stream::worker_hook> woken;
  parked_.for_each([&](Stream& stream) {
    if (!wakes(stream)) return;
    stream.worker_hook.unlink();
    woken.push_back(stream);
  });
  while (!woken.empty()) (woken.front().*how)();
}

void Worker::adopt_listens() {
  if (draining_) return;
  std::vector<std::unique_ptr<Listener>> next;
  for (const auto& listen : snapshot_->listens) {
    const auto same = [&](const auto& listener) {
      return listener != nullptr && listener->listen() == listen.get();
    };
    const auto at = std::find_if(listeners_.begin(), listeners_.end(), same);
    if (at != listeners_.end()) {
      next.push_back(std::move(*at));
      continue;
    }
    next.push_back(std::make_unique<Listener>(*this, listen));
    next.back()->start();
  }
  std::swap(listeners_, next);
  for (auto& gone : next) {
    if (gone == nullptr) continue;
    gone->stop();
    stopping_listeners_.push_back(std::move(gone));
  }
}

// Completion handlers only change state; here the bytes leave and what ended is freed.
void Worker::end_tick() {
  settle();
  std::erase_if(stopping_listeners_, [](const auto& listener) { return listener->stopped(); });
  if (draining_) end_if_idle();
}

void Worker::settle() {
  // What was released or closed may be what a parked stream waits for.
  do {
    while (!dirty_.empty()) dirty_.pop_front().end_tick();
  } while (pool_.serve_waiting());
  for (Stream* stream : retired_streams_) stream_slab_.destroy(*stream);
  retired_streams_.clear();
  for (H2Exchange* exchange : retired_exchanges_) exchange_slab_.destroy(*exchange);
  retired_exchanges_.clear();
  for (H2Lease* lease : retired_leases_) lease_slab_.destroy(*lease);
  retired_leases_.clear();
  for (Spool* spool : retired_spools_) spool_slab_.destroy(*spool);
  retired_spools_.clear();
  for (Upstream* upstream : retired_upstreams_) upstream_slab_.destroy(*upstream);
  for (Session* session : retired_sessions_) session_slab_.destroy(*session);
  if (!retired_upstreams_.empty() || !retired_sessions_.empty()) {
    retired_upstreams_.clear();
    retired_sessions_.clear();
    pool_.sweep();
  }
}

void Worker::end_if_idle() {
  if (session_slab_.live() > 0 || stream_slab_.live() > 0) return;
  pool_.close_idle();
  settle();  // else nothing would happen that ends the next wait
  if (upstream_slab_.live() > 0 || spool_slab_.live() > 0 || !stopping_listeners_.empty()) return;
  ring_.cancel(wake_operation_);
  ended_ = !wake_operation_.in_flight();
}

void Worker::begin_draining() {
  draining_ = true;
  for (auto& listener : listeners_) {
    handed_over_ = handed_over_ || listener->handed_over();
    listener->stop();
    stopping_listeners_.push_back(std::move(listener));
  }
  listeners_.clear();
  sessions_.for_each([](Session& session) { session.drain(); });
  // Who has a target already is only in a queue for it.
  wake_parked([](const Stream& stream) { return stream.waits() != Stream::Wait::ForConnection; },
              &Stream::on_draining);
}

void Worker::end_everything() {
  sessions_.for_each([](Session& session) { session.end_now(base::Cause::Draining); });
}

void Worker::on_grace_over() { end_everything(); }

void Worker::on_connection(int socket, std::uint16_t local_port) {
  ++counters_.connections;
  ++counters_.connections_open;
  Session& session = session_slab_.create(*this, socket, local_port, ++session_number_);
  sessions_.push_back(session);
  if (draining_) session.drain();
}

void Worker::on_out_of_descriptors() { pool_.close_idle(); }

int Worker::open_target_socket(int family) {
  const int socket = ring_.open_socket(family);
  if (socket >= 0 && family != AF_UNIX) io::set_tcp_options(socket);
  return socket;
}

void Worker::ask_for_certificate(const std::string& name, Session& session) {
  waiting_for_certificates_.push_back(session);
  options_.ask_for_certificate(name);
}

Stream& Worker::new_stream(ClientSide& client, base::Buffer request) {
  Stream& stream = stream_slab_.create(*this, client, std::move(request));
  streams_.push_back(stream);
  return stream;
}

bool Worker::park(Stream& stream) {
  if (counters_.parked >= limits().parked_max) return false;
  ++counters_.parked;
  stream.worker_hook.unlink();
  parked_.push_back(stream);
  return true;
}

void Worker::unpark(Stream& stream) {
  --counters_.parked;
  stream.worker_hook.unlink();
  streams_.push_back(stream);
}

H2Exchange& Worker::new_exchange(H2Session& session, http::H2Stream& stream) {
  return exchange_slab_.create(*this, session, stream);
}

Upstream& Worker::new_upstream(TargetState& target) { return upstream_slab_.create(*this, target); }

H2Lease& Worker::new_lease(H2Link& link, Stream& stream, bool reused) {
  return lease_slab_.create(*this, link, stream, reused);
}

SpoolPtr Worker::new_spool(Stream& stream, std::uint64_t memory_max) {
  return SpoolPtr(&spool_slab_.create(*this, stream, memory_max));
}

void Worker::retire(Stream& stream) { retired_streams_.push_back(&stream); }
void Worker::retire(H2Exchange& exchange) { retired_exchanges_.push_back(&exchange); }
void Worker::retire(H2Lease& lease) { retired_leases_.push_back(&lease); }
void Worker::retire(Upstream& upstream) { retired_upstreams_.push_back(&upstream); }
void Worker::retire(Spool& spool) { retired_spools_.push_back(&spool); }

void Worker::retire(Session& session) {
  --counters_.connections_open;
  retired_sessions_.push_back(&session);
}

void Worker::mark_dirty(Connection& connection) {
  if (!connection.dirty_hook.linked()) dirty_.push_back(connection);
}

}  // namespace engine::proxy
