// SPDX-License-Identifier: GPL-3.0-or-later
// engine::io::Ring on the simulated kernel. Requests start when they are submitted, complete when the seed says so, in
// any order; a cancelled one ends with ECANCELED or with its own result.
#include "tests/sim/ring_sim.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>

#include "engine/io/ring.h"
#include "tests/sim/kernel.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, bytes) (static_cast<void>(start), static_cast<void>(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(start, bytes) \
  (static_cast<void>(start), static_cast<void>(bytes))
#endif

namespace engine::io {
namespace {

enum class Kind { Accept, Receive, Poll, Connect, Wake, Cancel, Open, Read, Write, Close };

bool is_of_file(Kind kind) { return kind >= Kind::Open; }
bool is_of_socket(Kind kind) {
  return kind == Kind::Receive || kind == Kind::Poll || kind == Kind::Connect;
}

struct Request {
  Kind kind;
  Operation* operation;
  int descriptor = -1;
  unsigned events = 0;
  std::uint16_t port = 0;
  bool cancelled = false;
  bool silent = false;      // a connect that nobody answers
  unsigned delay_left = 0;  // turns
  std::span<char> into = {};
  std::string_view bytes = {};
  std::uint64_t offset = 0;
};

struct Posted {
  Operation* operation;
  Completion completion;
};

constexpr const char* kKindNames[] = {"ask accept", "ask receive", "ask poll", "ask connect",
                                      "ask wake",   "ask cancel",  "ask open", "ask read",
                                      "ask write",  "ask close"};
constexpr base::Time kTurnMost = 200 * base::kMicrosecond;
constexpr char kPoison = '\xDD';

std::uint16_t port_of(const sockaddr* address) {
  if (address->sa_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  if (address->sa_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6*>(address)->sin6_port);
  return 0;
}

}  // namespace

struct Ring::State {
  sim::Kernel& kernel = sim::Kernel::current();
  RingOptions options;
  RingStats stats;
  std::vector<Request> queued;  // not submitted yet
  std::vector<Request> submitted;
  std::deque<Posted> posted;
  std::unique_ptr<char[]> memory;
  std::vector<bool> with_user;  // by buffer
  std::atomic<bool> woken{false};
  bool was_busy = false;  // in the last turn

  void set_up() {
    memory = std::make_unique<char[]>(std::size_t{options.buffer_count} * options.buffer_bytes);
    with_user.assign(options.buffer_count, false);
    for (std::uint16_t i = 0; i < options.buffer_count; ++i) poison(i);
  }

  char* start_of(std::uint16_t buffer) {
    return memory.get() + std::size_t{buffer} * options.buffer_bytes;
  }
  void poison(std::uint16_t buffer) {
    std::memset(start_of(buffer), kPoison, options.buffer_bytes);
    ASAN_POISON_MEMORY_REGION(start_of(buffer), options.buffer_bytes);
  }
  void unpoison(std::uint16_t buffer) {
    ASAN_UNPOISON_MEMORY_REGION(start_of(buffer), options.buffer_bytes);
  }

  void submit();
  bool complete_some();
  void post(const Request& request, const Completion& completion);
  [[nodiscard]] bool is_ready(const Request& request);
  bool perform(Request& request);
  bool perform_accept(Request& request);
  bool perform_receive(Request& request, sim::Socket& socket);
  std::int64_t perform_on_file(Request& request);
};

namespace {

// Of a ring, for tests.
struct Inside {
  const std::vector<Request>* submitted;
  const std::vector<bool>* with_user;
  const std::deque<Posted>* posted;
  const bool* busy;
};
thread_local std::map<const Ring*, Inside> open_rings;

}  // namespace

// ---- Requests.

void Ring::State::submit() {
  ++stats.enters;
  for (Request& request : queued) {
    kernel.trace(kKindNames[static_cast<int>(request.kind)], request.descriptor, request.events);
    if (request.kind == Kind::Cancel) {
      // Cancelling is decided while it is submitted, but what was cancelled may still be on its way out.
      const auto at = std::ranges::find(submitted, request.operation, &Request::operation);
      if (at != submitted.end()) at->cancelled = true;
      continue;
    }
    ++stats.submissions;
    if (is_of_socket(request.kind)) {
      sim::Socket* socket = kernel.find(request.descriptor, "a request");
      if (socket == nullptr) {
        post(request, {.result = -EBADF});
        continue;
      }
      ++socket->operations;
      if (request.kind == Kind::Connect) {
        kernel.start_connect(*socket, request.port);
        request.silent = kernel.random().chance(kernel.faults().connect_fails / 2);
      }
    }
    if (request.kind == Kind::Read || request.kind == Kind::Write)
      ++kernel.find_file(request.descriptor, "a request")->operations;
    if (kernel.random().chance(kernel.faults().slow_completion)) {
      request.delay_left = static_cast<unsigned>(kernel.random().between(1, 20));
    }
    submitted.push_back(request);
  }
  queued.clear();
}

void Ring::State::post(const Request& request, const Completion& completion) {
  kernel.trace("completion", request.descriptor, completion.result);
  posted.push_back({request.operation, completion});
  ++stats.completions;
}

bool Ring::State::is_ready(const Request& request) {
  if (is_of_file(request.kind)) return true;
  if (request.kind == Kind::Wake) return woken.load();
  if (request.kind == Kind::Accept) return kernel.can_accept(request.descriptor);
  if (request.kind == Kind::Connect) return !request.silent;
  sim::Socket& socket = *kernel.find(request.descriptor, "readiness");
  const unsigned wanted = request.kind == Kind::Receive ? unsigned{POLLIN} : request.events;
  return (sim::Kernel::events(socket) & (wanted | POLLERR | POLLHUP)) != 0;
}

bool Ring::State::complete_some() {
  sim::Random& random = kernel.random();
  std::vector<std::size_t> order(submitted.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  random.shuffle(order);
  std::vector<bool> over(submitted.size(), false);
  bool busy = false;
  for (const std::size_t i : order) {
    Request& request = submitted[i];
    const bool ready = is_ready(request);
    if (!ready && !request.cancelled) continue;
    busy = true;
    if (request.delay_left > 0) {
      --request.delay_left;
      continue;
    }
    if (request.cancelled && (!ready || random.chance(500))) {
      post(request, {.result = -ECANCELED});
      over[i] = true;
    } else {
      over[i] = perform(request);
    }
    if (over[i] && is_of_socket(request.kind)) {
      --kernel.find(request.descriptor, "a completion")->operations;
    }
  }
  std::size_t i = 0;
  std::erase_if(submitted, [&](const Request&) { return over[i++]; });
  return busy;
}

// Whether the request is over.
bool Ring::State::perform(Request& request) {
  if (request.kind == Kind::Accept) return perform_accept(request);
  if (request.kind == Kind::Wake) {
    woken.store(false);
    post(request, {.result = sizeof(std::uint64_t)});
    return true;
  }
  if (is_of_file(request.kind)) {
    post(request, {.result = static_cast<std::int32_t>(perform_on_file(request))});
    return true;
  }
  sim::Socket& socket = *kernel.find(request.descriptor, "a request");
  if (request.kind == Kind::Receive) return perform_receive(request, socket);
  if (request.kind == Kind::Poll) {
    post(request, {.result = static_cast<int>(sim::Kernel::events(socket))});
    return true;
  }
  const int result = kernel.connect_result(socket);
  post(request, {.result = result > 0 ? 0 : result});
  return true;
}

std::int64_t Ring::State::perform_on_file(Request& request) {
  if (request.kind == Kind::Open) return kernel.open_file();
  if (request.kind == Kind::Close) return kernel.close_file(request.descriptor);
  sim::File& file = *kernel.find_file(request.descriptor, "a request");
  --file.operations;
  return request.kind == Kind::Read ? kernel.read_file(file, request.into, request.offset)
                                    : kernel.write_file(file, request.bytes, request.offset);
}

bool Ring::State::perform_accept(Request& request) {
  const int result = kernel.accept(request.descriptor);
  const bool goes_on =
      result >= 0 && !request.cancelled && !kernel.random().chance(kernel.faults().accept_ends);
  post(request, {.result = result, .more = goes_on});
  return !goes_on;
}

bool Ring::State::perform_receive(Request& request, sim::Socket& socket) {
  const auto free = std::ranges::find(with_user, false);
  if (free == with_user.end() || kernel.random().chance(kernel.faults().no_buffers)) {
    ++stats.buffers_exhausted;
    post(request, {.result = -ENOBUFS});
    return true;
  }
  const auto buffer = static_cast<std::uint16_t>(free - with_user.begin());
  unpoison(buffer);
  const std::int64_t got = kernel.receive(socket, start_of(buffer), options.buffer_bytes);
  if (got == -EAGAIN) {
    poison(buffer);
    return false;
  }
  // At the end of a stream some kernels hand out a buffer with nothing in it.
  const bool takes_buffer = got > 0 || (got == 0 && kernel.random().chance(300));
  if (takes_buffer) {
    with_user[buffer] = true;
  } else {
    poison(buffer);
  }
  post(request, {.result = static_cast<std::int32_t>(got),
                 .has_buffer = takes_buffer,
                 .socket_nonempty = got > 0 && !socket.inbound.empty(),
                 .buffer = buffer});
  return true;
}

// ---- The ring.

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}

std::expected<std::unique_ptr<Ring>, RingFailure> Ring::open(const RingOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  state->set_up();
  const Inside inside = {&state->submitted, &state->with_user, &state->posted, &state->was_busy};
  std::unique_ptr<Ring> ring(new Ring(std::move(state)));
  open_rings.emplace(ring.get(), inside);
  return ring;
}

Ring::~Ring() {
  State& state = *state_;
  for (std::uint16_t i = 0; i < state.options.buffer_count; ++i) {
    if (state.with_user[i]) state.kernel.violation("a receive buffer was never given back");
    state.unpoison(i);
  }
  open_rings.erase(this);
}

std::string_view Ring::capabilities() const { return "simulated"; }
const RingStats& Ring::stats() const { return state_->stats; }

void Ring::accept(Operation& operation, int listener) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Accept, .operation = &operation, .descriptor = listener});
}

void Ring::recv(Operation& operation, int socket, bool) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Receive, .operation = &operation, .descriptor = socket});
}

void Ring::poll(Operation& operation, int descriptor, unsigned events) {
  operation.begin();
  state_->queued.push_back(
      {.kind = Kind::Poll, .operation = &operation, .descriptor = descriptor, .events = events});
}

void Ring::connect(Operation& operation, int socket, const sockaddr* address, socklen_t) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Connect,
                            .operation = &operation,
                            .descriptor = socket,
                            .port = port_of(address)});
}

void Ring::await_wake(Operation& operation) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Wake, .operation = &operation});
}

void Ring::open_temporary(Operation& operation) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Open, .operation = &operation});
}

void Ring::read_file(Operation& operation, int file, std::span<char> into, std::uint64_t offset) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Read,
                            .operation = &operation,
                            .descriptor = file,
                            .into = into,
                            .offset = offset});
}

void Ring::write_file(Operation& operation, int file, std::string_view bytes,
                      std::uint64_t offset) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Write,
                            .operation = &operation,
                            .descriptor = file,
                            .bytes = bytes,
                            .offset = offset});
}

void Ring::close_file(Operation& operation, int file) {
  operation.begin();
  state_->queued.push_back({.kind = Kind::Close, .operation = &operation, .descriptor = file});
}

void Ring::cancel(Operation& operation) {
  if (!operation.in_flight()) return;
  state_->queued.push_back({.kind = Kind::Cancel, .operation = &operation});
}

void Ring::wake() noexcept { state_->woken.store(true); }

void Ring::submit_and_wait(base::Time deadline) {
  State& state = *state_;
  sim::Kernel& kernel = state.kernel;
  state.submit();
  kernel.set_quiet(false);
  while (true) {
    kernel.set_now(kernel.now() + static_cast<base::Time>(kernel.random().below(kTurnMost)));
    bool busy = kernel.run_actors();
    state.was_busy = state.complete_some();
    busy = state.was_busy || busy;
    if (!state.posted.empty() || kernel.now() >= std::min(deadline, kernel.interrupted_at()))
      return;
    if (busy) continue;
    const base::Time next = std::min({deadline, kernel.interrupted_at(), kernel.next_wake()});
    if (next == base::kNever || kernel.clock_held()) return kernel.set_quiet(true);
    kernel.set_now(std::max(kernel.now(), next));
  }
}

unsigned Ring::dispatch() {
  State& state = *state_;
  unsigned count = 0;
  // What completes while handlers run waits for the next turn.
  for (std::size_t left = state.posted.size(); left > 0; --left) {
    const Posted posted = state.posted.front();
    state.posted.pop_front();
    ++count;
    posted.operation->complete(posted.completion);
  }
  return count;
}

base::Time Ring::now() const { return state_->kernel.now(); }

std::string_view Ring::buffer(const Completion& completion) const {
  if (!completion.has_buffer || !state_->with_user[completion.buffer]) {
    state_->kernel.violation("a receive buffer is read that the kernel owns");
    return {};
  }
  return {state_->start_of(completion.buffer),
          static_cast<std::size_t>(std::max(0, completion.result))};
}

void Ring::give_back(const Completion& completion) {
  ENSURE(completion.has_buffer, "a buffer is given back that was not taken");
  if (!state_->with_user[completion.buffer])
    state_->kernel.violation("a receive buffer is given back twice");
  state_->with_user[completion.buffer] = false;
  state_->poison(completion.buffer);
}

// ---- Calls that never block.

std::int64_t Ring::send(int socket, std::string_view bytes) {
  sim::Socket* found = state_->kernel.find(socket, "send");
  return found == nullptr ? -EBADF : state_->kernel.send(*found, bytes);
}

std::int64_t Ring::recv_now(int socket, std::span<char> into) {
  sim::Socket* found = state_->kernel.find(socket, "recv");
  return found == nullptr ? -EBADF : state_->kernel.receive(*found, into.data(), into.size());
}

bool Ring::has_input(int socket) {
  const sim::Socket* found = state_->kernel.find(socket, "peek");
  return found == nullptr || !found->inbound.empty() || found->fin_received ||
         found->reset_received || found->error != 0;
}

std::int64_t Ring::splice_in(int socket, const PipeEnds& pipe, std::size_t count) {
  sim::Socket* found = state_->kernel.find(socket, "splice");
  sim::PipeBuffer* buffer = state_->kernel.find_pipe(pipe.in, "splice");
  return found == nullptr || buffer == nullptr ? -EBADF
                                               : state_->kernel.splice_in(*found, *buffer, count);
}

std::int64_t Ring::splice_out(const PipeEnds& pipe, int socket, std::size_t count) {
  sim::Socket* found = state_->kernel.find(socket, "splice");
  sim::PipeBuffer* buffer = state_->kernel.find_pipe(pipe.out, "splice");
  return found == nullptr || buffer == nullptr ? -EBADF
                                               : state_->kernel.splice_out(*buffer, *found, count);
}

int Ring::open_socket(int) { return state_->kernel.open_socket(); }

int Ring::open_pipe(PipeEnds& pipe) {
  const int capacity = state_->kernel.open_pipe(pipe.in, pipe.out);
  if (capacity < 0) return capacity;
  pipe.capacity_bytes = static_cast<std::uint32_t>(capacity);
  return 0;
}

int Ring::open_temporary_now() { return state_->kernel.open_file(); }

void Ring::close_pipe(PipeEnds& pipe) {
  state_->kernel.close_pipe(pipe.in, pipe.out);
  pipe = {};
}

int Ring::accept_now(int listener) {
  return state_->kernel.can_accept(listener) ? state_->kernel.accept(listener) : -EAGAIN;
}

void Ring::shutdown(int socket, int how) { state_->kernel.shutdown(socket, how); }

void Ring::set_reset_on_close(int socket) {
  if (sim::Socket* found = state_->kernel.find(socket, "setsockopt"); found != nullptr)
    found->reset_on_close = true;
}

void Ring::close(int descriptor) { state_->kernel.close(descriptor); }

socklen_t Ring::peer_address(int socket, sockaddr_storage& address) {
  const sim::Socket* found = state_->kernel.find(socket, "getpeername");
  if (found == nullptr || found->reset_received) return 0;
  auto& ip = reinterpret_cast<sockaddr_in&>(address);
  ip = {AF_INET, htons(found->port), {htonl(0xC0000201)}, {}};
  return sizeof ip;
}

socklen_t Ring::local_address(int socket, sockaddr_storage& address) {
  return peer_address(socket, address);
}

}  // namespace engine::io

namespace sim {

RingFigures ring_figures(const engine::io::Ring& ring) {
  const engine::io::Inside& inside = engine::io::open_rings.at(&ring);
  const auto held = static_cast<std::size_t>(std::ranges::count(*inside.with_user, true));
  return {inside.submitted->size(), held, inside.posted->size(), *inside.busy};
}

}  // namespace sim
