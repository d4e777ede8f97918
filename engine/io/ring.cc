// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/io/ring.h"

#include <fcntl.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace engine::io {
namespace {

constexpr int kBufferGroup = 1;

// Without these the kernel could not do what the data path asks for; below them, each is dropped
// when refused.
struct FlagName {
  unsigned flag;
  std::string_view name;
};
constexpr std::array kOptionalFlags = {
    // In the order in which they are given up: the newest first.
    FlagName{IORING_SETUP_NO_SQARRAY, "no_sqarray"},        // Linux 6.6
    FlagName{IORING_SETUP_DEFER_TASKRUN, "defer_taskrun"},  // Linux 6.1
    FlagName{IORING_SETUP_SINGLE_ISSUER, "single_issuer"},  // Linux 6.0
    FlagName{IORING_SETUP_COOP_TASKRUN, "coop_taskrun"},    // Linux 5.19
    FlagName{IORING_SETUP_SUBMIT_ALL, "submit_all"},        // Linux 5.18
};

int read_disabled_sysctl() {
  int value = 0;
  std::FILE* file = std::fopen("/proc/sys/kernel/io_uring_disabled", "re");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%d", &value) != 1) value = 0;
  std::fclose(file);
  return value;
}

RingFailure explain(int error) {
  const int disabled = read_disabled_sysctl();
  if (error == EPERM && disabled > 0) {
    return {error,
            "the kernel refused io_uring_setup (EPERM): kernel.io_uring_disabled is " +
                std::to_string(disabled),
            "sysctl -w kernel.io_uring_disabled=0, or for 1: run as a member of the group in "
            "kernel.io_uring_group"};
  }
  if (error == EPERM || error == EACCES) {
    return {error,
            "the kernel refused io_uring_setup (EPERM): a seccomp profile blocks io_uring, as "
            "Docker's default one does",
            "run the container with --security-opt seccomp=PROFILE, where PROFILE allows "
            "io_uring_setup, io_uring_enter and io_uring_register"};
  }
  if (error == ENOSYS) {
    return {error,
            "the kernel has no io_uring (ENOSYS): it was built without it, or a container runtime "
            "such as Podman hides it",
            "use Linux 6.0 or newer with CONFIG_IO_URING, or allow the io_uring system calls in "
            "the seccomp profile"};
  }
  if (error == ENOMEM) {
    return {error,
            "there is no memory for the ring (ENOMEM): the limit of locked memory is too low",
            "raise it: ulimit -l unlimited, LimitMEMLOCK=infinity, or --ulimit memlock=-1"};
  }
  return {error, std::string("io_uring cannot be set up: ") + std::strerror(error),
          "Linux 6.0 or newer is needed"};
}

const std::string& temporary_directory() {
  static const std::string directory = [] {
    const char* const wanted = std::getenv("TMPDIR");
    return std::string(wanted != nullptr && *wanted != '\0' ? wanted : "/tmp");
  }();
  return directory;
}

std::int64_t result_of(std::int64_t result) { return result < 0 ? -errno : result; }

}  // namespace

struct Ring::State {
  io_uring ring{};
  io_uring_buf_ring* buffers = nullptr;
  std::unique_ptr<char[]> memory;
  RingOptions options;
  int wake_descriptor = -1;
  std::uint64_t wake_value = 0;
  unsigned average_completions = 0;  // per tick, times 8
  RingStats stats;
  std::string capabilities;

  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    while (entry == nullptr) {
      io_uring_submit(&ring);
      ++stats.enters;
      entry = io_uring_get_sqe(&ring);
    }
    ++stats.submissions;
    return entry;
  }

  int set_up();
  int set_up_buffers();
};

int Ring::State::set_up() {
  io_uring_params parameters{};
  parameters.cq_entries = options.completions;
  unsigned optional = 0;
  for (const FlagName& each : kOptionalFlags) optional |= each.flag;
  int result = -EINVAL;
  for (std::size_t given_up = 0; result == -EINVAL && given_up <= kOptionalFlags.size();
       ++given_up) {
    if (given_up > 0) optional &= ~kOptionalFlags[given_up - 1].flag;
    parameters = {};
    parameters.cq_entries = options.completions;
    parameters.flags = optional | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    result = io_uring_queue_init_params(options.entries, &ring, &parameters);
  }
  if (result < 0) return result;
  for (const FlagName& each : kOptionalFlags) {
    if ((parameters.flags & each.flag) != 0) capabilities += std::string(each.name) + " ";
  }
  if (io_uring_register_ring_fd(&ring) == 1) capabilities += "registered_fd ";
  return 0;
}

int Ring::State::set_up_buffers() {
  int error = 0;
  buffers = io_uring_setup_buf_ring(&ring, options.buffer_count, kBufferGroup, 0, &error);
  if (buffers == nullptr) return error;
  memory = std::make_unique_for_overwrite<char[]>(std::size_t{options.buffer_count} *
                                                  options.buffer_bytes);
  const int mask = io_uring_buf_ring_mask(options.buffer_count);
  for (unsigned i = 0; i < options.buffer_count; ++i) {
    io_uring_buf_ring_add(buffers, memory.get() + std::size_t{i} * options.buffer_bytes,
                          options.buffer_bytes, static_cast<unsigned short>(i), mask,
                          static_cast<int>(i));
  }
  io_uring_buf_ring_advance(buffers, static_cast<int>(options.buffer_count));
  capabilities += "buffer_ring=" + std::to_string(options.buffer_count) + "x" +
                  std::to_string(options.buffer_bytes);
  return 0;
}

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}

std::expected<std::unique_ptr<Ring>, RingFailure> Ring::open(const RingOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  if (const int error = state->set_up(); error < 0) return std::unexpected(explain(-error));
  const int error = state->set_up_buffers();
  state->wake_descriptor = eventfd(0, EFD_CLOEXEC);
  if (error < 0 || state->wake_descriptor < 0) {
    RingFailure failure = explain(error < 0 ? -error : errno);
    io_uring_queue_exit(&state->ring);
    return std::unexpected(failure);
  }
  return std::unique_ptr<Ring>(new Ring(std::move(state)));
}

Ring::~Ring() {
  io_uring_free_buf_ring(&state_->ring, state_->buffers, state_->options.buffer_count,
                         kBufferGroup);
  io_uring_queue_exit(&state_->ring);
  ::close(state_->wake_descriptor);
}

std::string_view Ring::capabilities() const { return state_->capabilities; }
const RingStats& Ring::stats() const { return state_->stats; }

void Ring::accept(Operation& operation, int listener) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_multishot_accept(entry, listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::recv(Operation& operation, int socket, bool poll_first) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_recv(entry, socket, nullptr, state_->options.buffer_bytes, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = kBufferGroup;
  if (poll_first) entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::poll(Operation& operation, int descriptor, unsigned events) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_poll_add(entry, descriptor, events);
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::connect(Operation& operation, int socket, const sockaddr* address, socklen_t length) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_connect(entry, socket, address, length);
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::await_wake(Operation& operation) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_read(entry, state_->wake_descriptor, &state_->wake_value, sizeof state_->wake_value,
                     0);
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::open_temporary(Operation& operation) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_openat(entry, AT_FDCWD, temporary_directory().c_str(),
                       O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::read_file(Operation& operation, int file, std::span<char> into, std::uint64_t offset) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_read(entry, file, into.data(), static_cast<unsigned>(into.size()), offset);
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::write_file(Operation& operation, int file, std::string_view bytes,
                      std::uint64_t offset) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_write(entry, file, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::close_file(Operation& operation, int file) {
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_close(entry, file);
  entry->flags |= IOSQE_ASYNC;  // else the kernel would free the blocks on this thread
  operation.begin();
  io_uring_sqe_set_data(entry, &operation);
}

void Ring::cancel(Operation& operation) {
  if (!operation.in_flight()) return;
  io_uring_sqe* entry = state_->next_entry();
  io_uring_prep_cancel(entry, &operation, 0);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data(entry, nullptr);
}

void Ring::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(state_->wake_descriptor, &one, sizeof one);
}

void Ring::submit_and_wait(base::Time deadline) {
  State& state = *state_;
  io_uring_cqe* first = nullptr;
  // Since Linux 6.13 a wait for one runs at most 20 completions an enter: under load ask for more,
  // without waiting.
  if (const unsigned average = state.average_completions / 8; average >= 16) {
    __kernel_timespec immediately{};
    ++state.stats.enters;
    io_uring_submit_and_wait_timeout(&state.ring, &first, std::min(256U, 2 * average), &immediately,
                                     nullptr);
    if (io_uring_cq_ready(&state.ring) > 0) return;
  }
  ++state.stats.enters;
  if (deadline == base::kNever) {
    io_uring_submit_and_wait(&state.ring, 1);
    return;
  }
  const base::Time left = std::max<base::Time>(0, deadline - base::monotonic_now());
  __kernel_timespec timeout{left / base::kSecond, left % base::kSecond};
  io_uring_submit_and_wait_timeout(&state.ring, &first, 1, &timeout, nullptr);
}

unsigned Ring::dispatch() {
  State& state = *state_;
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&state.ring, head, entry) {
    ++count;
    auto* operation = static_cast<Operation*>(io_uring_cqe_get_data(entry));
    if (operation == nullptr) continue;
    if (entry->res == -ENOBUFS) ++state.stats.buffers_exhausted;
    operation->complete({
        .result = entry->res,
        .more = (entry->flags & IORING_CQE_F_MORE) != 0,
        .has_buffer = (entry->flags & IORING_CQE_F_BUFFER) != 0,
        .socket_nonempty = (entry->flags & IORING_CQE_F_SOCK_NONEMPTY) != 0,
        .buffer = static_cast<std::uint16_t>(entry->flags >> IORING_CQE_BUFFER_SHIFT),
    });
  }
  // The kernel keeps what has no slot until the next submit_and_wait(); nothing is lost, but late.
  if (io_uring_cq_has_overflow(&state.ring)) ++state.stats.cq_overflows;
  io_uring_cq_advance(&state.ring, count);
  state.stats.completions += count;
  state.average_completions += count - state.average_completions / 8;
  return count;
}

base::Time Ring::now() const { return base::monotonic_now(); }

std::string_view Ring::buffer(const Completion& completion) const {
  const char* start =
      state_->memory.get() + std::size_t{completion.buffer} * state_->options.buffer_bytes;
  return {start, static_cast<std::size_t>(std::max(0, completion.result))};
}

void Ring::give_back(const Completion& completion) {
  ENSURE(completion.has_buffer, "a buffer is given back that was not taken");
  const RingOptions& options = state_->options;
  io_uring_buf_ring_add(
      state_->buffers, state_->memory.get() + std::size_t{completion.buffer} * options.buffer_bytes,
      options.buffer_bytes, completion.buffer, io_uring_buf_ring_mask(options.buffer_count), 0);
  io_uring_buf_ring_advance(state_->buffers, 1);
}

std::int64_t Ring::send(int socket, std::string_view bytes) {
  return result_of(::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::int64_t Ring::recv_now(int socket, std::span<char> into) {
  return result_of(::recv(socket, into.data(), into.size(), MSG_DONTWAIT));
}

bool Ring::has_input(int socket) {
  char byte = 0;
  return result_of(::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT)) != -EAGAIN;
}

int Ring::accept_now(int listener) {
  return static_cast<int>(
      result_of(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)));
}

std::int64_t Ring::splice_in(int socket, const PipeEnds& pipe, std::size_t count) {
  return result_of(
      ::splice(socket, nullptr, pipe.in, nullptr, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
}

std::int64_t Ring::splice_out(const PipeEnds& pipe, int socket, std::size_t count) {
  // Not SPLICE_F_MORE: it would hold back a piece that is not followed at once.
  return result_of(
      ::splice(pipe.out, nullptr, socket, nullptr, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE));
}

int Ring::open_socket(int family) {
  return static_cast<int>(
      result_of(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
}

int Ring::open_pipe(PipeEnds& pipe) {
  constexpr int kPipeBytes = 256 * 1024;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) < 0) return -errno;
  int capacity = ::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
  // Past the user's soft limit of pipe pages the kernel refuses to grow, and may have shrunk it.
  if (capacity < 0) capacity = ::fcntl(ends[0], F_GETPIPE_SZ);
  pipe = {.in = ends[1],
          .out = ends[0],
          .capacity_bytes = static_cast<std::uint32_t>(std::max(capacity, 0))};
  return 0;
}

int Ring::open_temporary_now() {
  std::string name = temporary_directory() + "/engine-buffer-XXXXXX";
  const int file = static_cast<int>(result_of(::mkostemp(name.data(), O_CLOEXEC)));
  if (file >= 0) ::unlink(name.c_str());
  return file;
}

void Ring::close_pipe(PipeEnds& pipe) {
  ::close(pipe.in);
  ::close(pipe.out);
  pipe = {};
}

void Ring::shutdown(int socket, int how) { ::shutdown(socket, how); }

void Ring::set_reset_on_close(int socket) {
  const linger abort_on_close{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close);
}

void Ring::close(int descriptor) { ::close(descriptor); }

socklen_t Ring::peer_address(int socket, sockaddr_storage& address) {
  socklen_t length = sizeof address;
  return ::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0 ? length : 0;
}

socklen_t Ring::local_address(int socket, sockaddr_storage& address) {
  socklen_t length = sizeof address;
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0 ? length : 0;
}

}  // namespace engine::io
