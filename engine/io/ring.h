// SPDX-License-Identifier: GPL-3.0-or-later
// The kernel as one thread sees it: requests that complete later, calls that answer at once, and
// the clock. Simulation links another implementation of this header. It must not know protocols.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/clock.h"
#include "engine/base/counter.h"
#include "engine/io/operation.h"

namespace engine::io {

struct RingOptions {
  unsigned entries = 1024;       // submission slots
  unsigned completions = 16384;  // completion slots: never to overflow
  unsigned buffer_count = 128;   // provided buffers for receives; a power of two
  unsigned buffer_bytes =
      4096;  // size of each. Together at most half of a core's second-level cache.
};

// Why there is no ring: the errno, the cause in words, and what to do about it.
struct RingFailure {
  int system = 0;
  std::string cause;
  std::string fix;
};

// Counters of one ring, written by its own thread.
struct RingStats {
  base::Counter enters;
  base::Counter submissions;
  base::Counter completions;
  base::Counter buffers_exhausted;
  base::Counter cq_overflows;  // dispatches that found more completions than slots
};

// A kernel pipe for splicing: bytes go in at `in` and out at `out`.
struct PipeEnds {
  int in = -1;
  int out = -1;
  std::uint32_t capacity_bytes = 0;
};

class Ring {
 public:
  // To be called on the thread that will use the ring (IORING_SETUP_SINGLE_ISSUER).
  static std::expected<std::unique_ptr<Ring>, RingFailure> open(const RingOptions& options);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Which set-up flags and operations are in use, for the log.
  [[nodiscard]] std::string_view capabilities() const;
  [[nodiscard]] const RingStats& stats() const;

  // ---- Requests. They start with the next submit(); the operation's handler gets the completion
  // from dispatch(). Multishot accept; each completion's result is a descriptor that is O_NONBLOCK
  // and CLOEXEC.
  void accept(Operation& operation, int listener);
  // One receive into a provided buffer. With `poll_first` the kernel waits for readiness before it
  // tries. ENOBUFS means that every buffer is out: ask again after returning some.
  void recv(Operation& operation, int socket, bool poll_first);
  // One-shot readiness; the result holds the events.
  void poll(Operation& operation, int descriptor, unsigned events);
  // `address` must stay valid until the completion.
  void connect(Operation& operation, int socket, const sockaddr* address, socklen_t length);
  // Completes when another thread calls wake().
  void await_wake(Operation& operation);

  // Of files, which never make the caller wait for a disk. An unnamed one in the directory for
  // temporary files (TMPDIR, else /tmp); the result is a descriptor to read and write, CLOEXEC.
  // EOPNOTSUPP: the file system there has none, see open_temporary_now().
  void open_temporary(Operation& operation);
  // At `offset`. The result is a count, perhaps less than asked for; 0 is the end of the file. The
  // bytes must stay where they are until the completion.
  void read_file(Operation& operation, int file, std::span<char> into, std::uint64_t offset);
  void write_file(Operation& operation, int file, std::string_view bytes, std::uint64_t offset);
  // Giving back the room of a large file takes a while.
  void close_file(Operation& operation, int file);
  // `operation` completes soon: with ECANCELED, or with its own result if that was first. Safe to
  // call again.
  void cancel(Operation& operation);

  // Any thread.
  void wake() noexcept;

  // ---- The tick.
  // Hands the queued requests to the kernel and waits for completions, at most until `deadline`.
  void submit_and_wait(base::Time deadline);
  // Calls the handlers of everything that completed. Returns how many.
  unsigned dispatch();
  // Monotonic; the simulation has its own.
  [[nodiscard]] base::Time now() const;

  // ---- Provided buffers.
  [[nodiscard]] std::string_view buffer(const Completion& completion) const;
  void give_back(const Completion& completion);

  // ---- Calls that never block: a result ≥ 0, or a negated errno.
  // As the completions of accept().
  [[nodiscard]] int accept_now(int listener);
  [[nodiscard]] std::int64_t send(int socket, std::string_view bytes);
  [[nodiscard]] std::int64_t recv_now(int socket, std::span<char> into);
  // Whether there are bytes, an end or an error to read; nothing is taken.
  [[nodiscard]] bool has_input(int socket);
  // Moves up to `count` bytes; `into_socket` chooses the direction.
  [[nodiscard]] std::int64_t splice_in(int socket, const PipeEnds& pipe, std::size_t count);
  [[nodiscard]] std::int64_t splice_out(const PipeEnds& pipe, int socket, std::size_t count);
  [[nodiscard]] int open_socket(int family);
  [[nodiscard]] int open_pipe(PipeEnds& pipe);
  // As open_temporary(), by a name that is removed at once. Waits for the disk.
  [[nodiscard]] int open_temporary_now();
  void close_pipe(PipeEnds& pipe);
  void shutdown(int socket, int how);
  // Makes close() send RST: the peer must not take what it got for complete.
  void set_reset_on_close(int socket);
  // Every operation on it must have completed.
  void close(int descriptor);
  // The addresses of a connected socket; length 0 when the kernel no longer knows.
  [[nodiscard]] socklen_t peer_address(int socket, sockaddr_storage& address);
  [[nodiscard]] socklen_t local_address(int socket, sockaddr_storage& address);

 private:
  struct State;
  explicit Ring(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace engine::io
