// SPDX-License-Identifier: GPL-3.0-or-later
// A kernel of the imagination: sockets, listeners and pipes with Linux's rules for FIN, RST and pending errors, a fake
// clock, and peers that a test scripts. A seed decides what real life leaves to chance. It must not know protocols.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "tests/sim/random.h"

namespace tls {
class Context;
}

namespace sim {

namespace base = engine::base;

// Chances in 1/1000.
struct Faults {
  unsigned short_transfer = 0;   // a transfer moves fewer bytes than it could
  unsigned not_now = 0;          // EAGAIN or EINTR, though there was something to do
  unsigned no_buffers = 0;       // ENOBUFS
  unsigned no_descriptors = 0;   // EMFILE
  unsigned slow_completion = 0;  // what is ready waits
  unsigned accept_ends = 0;      // a multishot accept ends by itself
  unsigned connect_fails = 0;    // refused, unreachable or silent
  unsigned disk_fails = 0;       // EIO, and EMFILE where a file is opened
  std::size_t descriptors_max = 100'000;
  std::size_t disk_bytes_max = SIZE_MAX;  // of all files together
  bool small_buffers = false;             // sockets and pipes that hold next to nothing
  bool single_bytes = false;              // sockets that hold one byte each way
};

// The wire between the worker's socket and its peer.
struct Socket {
  enum class State : std::uint8_t { Fresh, Connecting, Connected };
  int descriptor = -1;
  std::uint16_t port = 0;  // of the target, or the client's own
  State state = State::Fresh;
  bool from_client = false;

  // As the worker sees it.
  std::string inbound;
  std::size_t inbound_max = 65536;
  std::string outbound;
  std::size_t outbound_max = 65536;
  int error = 0;  // pending; the first call that looks takes it
  bool fin_received = false;
  bool reset_received = false;
  bool shut_read = false;
  bool shut_write = false;
  bool reset_on_close = false;
  bool closed = false;
  int operations = 0;  // requests that the kernel holds

  // As the peer sees it.
  bool peer_closed = false;
  bool peer_reset = false;  // it got RST
};

struct PipeBuffer {
  std::string bytes;
  std::size_t capacity = 0;
  const Socket* source = nullptr;  // of the bytes it holds
};

// An unnamed one, which is gone when it is closed.
struct File {
  std::string bytes;
  int operations = 0;
};

class Kernel;
class TlsEnd;

// The far end of a socket, for a test to play. Once it is secured all bytes here are plaintext.
class Peer {
 public:
  Peer() = default;
  Peer(Kernel* kernel, std::shared_ptr<Socket> socket)
      : kernel_(kernel), socket_(std::move(socket)) {}

  // Speaks TLS from now on: as a server, or as a client that asks for `server_name`; `protocols` are
  // for ALPN, the best first.
  void secure(std::shared_ptr<const tls::Context> context, std::string_view server_name = {},
              std::string_view protocols = "http/1.1");
  [[nodiscard]] const TlsEnd* tls() const { return tls_.get(); }

  [[nodiscard]] explicit operator bool() const { return socket_ != nullptr; }
  // Returns how many bytes the wire took; 0 when it is full or broken.
  std::size_t write(std::string_view bytes);
  std::string read(std::size_t most = SIZE_MAX);
  [[nodiscard]] std::size_t readable() const;
  // The worker's FIN, after everything it sent was read. Of TLS: its close_notify.
  [[nodiscard]] bool at_end() const;
  // Of TLS: or ended in another way than by close_notify.
  [[nodiscard]] bool was_reset() const;
  [[nodiscard]] bool is_over() const { return at_end() || was_reset(); }
  [[nodiscard]] bool worker_closed() const { return socket_->closed; }
  void finish();  // FIN; reading goes on
  void close();   // FIN, or RST when there is something unread; what comes later is answered by RST
  void reset();
  // Of TLS: damages a record, and that is all that comes; RST where there is no TLS.
  void garble();
  void cut();  // FIN without close_notify, then as after close(); RST where there is no TLS
  Socket& socket() { return *socket_; }

 private:
  Kernel* kernel_ = nullptr;
  std::shared_ptr<Socket> socket_;
  std::shared_ptr<TlsEnd> tls_;
};

// Somebody with a life of its own, who gets a turn whenever the kernel runs.
class Actor {
 public:
  virtual ~Actor() = default;
  // Whether anything was done.
  virtual bool turn() = 0;
  // When it wants a turn though nothing happens.
  [[nodiscard]] virtual base::Time wakes() const { return base::kNever; }
};

// Where connections to a port end up.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual void on_peer(Peer peer) = 0;
};

class Kernel {
 public:
  Kernel(std::uint64_t seed, const Faults& faults);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // The one that Ring::open() uses.
  static Kernel& current();
  [[nodiscard]] static bool simulates();  // whether there is one

  Random& random() { return random_; }
  [[nodiscard]] const Faults& faults() const { return faults_; }
  void set_faults(const Faults& faults) { faults_ = faults; }
  [[nodiscard]] base::Time now() const { return now_; }
  void set_now(base::Time now) { now_ = now; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  // ---- For scripts.
  int listen();
  [[nodiscard]] bool is_listener(int descriptor) const { return listeners_.contains(descriptor); }
  [[nodiscard]] std::vector<int> listeners() const;
  Peer connect(int listener);
  void serve(std::uint16_t port, Acceptor* acceptor) { acceptors_[port] = acceptor; }
  void add(Actor& actor) { actors_.push_back(&actor); }
  void remove(Actor& actor);
  // While held, the clock does not jump to the next deadline: what is quiet stays quiet.
  void hold_clock(bool held) { clock_held_ = held; }
  [[nodiscard]] bool clock_held() const { return clock_held_; }
  // A wait in a ring ends then, though nothing happened.
  void interrupt_at(base::Time time) { interrupt_at_ = time; }
  [[nodiscard]] base::Time interrupted_at() const { return interrupt_at_; }
  // Nothing can happen any more, or not before a deadline that the held clock does not reach.
  [[nodiscard]] bool quiet() const { return quiet_; }
  void set_quiet(bool quiet) { quiet_ = quiet; }
  // Descriptors of the worker's; listeners are the test's.
  [[nodiscard]] std::size_t open_sockets() const { return sockets_.size(); }
  [[nodiscard]] std::size_t open_client_sockets() const;
  [[nodiscard]] std::size_t open_pipes() const { return pipes_.size() / 2; }
  [[nodiscard]] std::size_t open_files() const { return files_.size(); }
  [[nodiscard]] std::size_t disk_bytes() const;
  // The engine broke a rule of the kernel's. Once is enough.
  void violation(const std::string& what);
  [[nodiscard]] bool violated() const { return violated_; }
  void trace(const char* what, int descriptor, std::int64_t value);

  // ---- For the ring.
  // Nothing within an actor's turn: one that has a ring of its own waits for nobody.
  bool run_actors();
  [[nodiscard]] base::Time next_wake() const;
  [[nodiscard]] Socket* find(int descriptor, const char* call);
  [[nodiscard]] bool can_accept(int listener) const;
  int accept(int listener);
  void start_connect(Socket& socket, std::uint16_t port);
  // 0 while it is on its way, 1 when it is done, or a negated errno.
  int connect_result(Socket& socket);
  int open_socket();
  int open_pipe(int& in, int& out);
  void close_pipe(int in, int out);
  [[nodiscard]] PipeBuffer* find_pipe(int descriptor, const char* call);
  int open_file();
  [[nodiscard]] File* find_file(int descriptor, const char* call);
  int close_file(int descriptor);
  std::int64_t read_file(File& file, std::span<char> into, std::uint64_t offset);
  std::int64_t write_file(File& file, std::string_view bytes, std::uint64_t offset);
  void close(int descriptor);
  void shutdown(int descriptor, int how);
  void shutdown_listener(int listener);
  std::int64_t send(Socket& socket, std::string_view bytes);
  std::int64_t receive(Socket& socket, char* into, std::size_t most);
  std::int64_t splice_in(Socket& socket, PipeBuffer& pipe, std::size_t count);
  std::int64_t splice_out(PipeBuffer& pipe, Socket& socket, std::size_t count);
  [[nodiscard]] static unsigned events(const Socket& socket);

 private:
  friend class Peer;
  struct Listener {
    std::vector<std::shared_ptr<Socket>> backlog;
    bool shut = false;
  };

  std::size_t portion(std::size_t possible);
  [[nodiscard]] int not_now();
  void size_buffers(Socket& socket);
  void receive_reset(Socket& socket);
  void send_reset(Socket& socket);
  [[nodiscard]] bool out_of_descriptors();

  std::uint64_t seed_;
  Random random_;
  Faults faults_;
  base::Time now_ = 1'000 * base::kSecond;
  // Never used twice, so that a stale descriptor is always found out. Far from real ones: the engine sets options on
  // them that the simulation does not see.
  int next_descriptor_ = 1'000'000;
  std::map<int, std::shared_ptr<Socket>> sockets_;
  std::map<int, Listener> listeners_;
  std::map<int, std::shared_ptr<PipeBuffer>> pipes_;
  std::map<int, File> files_;
  std::map<std::uint16_t, Acceptor*> acceptors_;
  std::vector<Actor*> actors_;
  bool actors_run_ = false;
  std::uint16_t next_client_port_ = 40'000;
  bool clock_held_ = false;
  base::Time interrupt_at_ = base::kNever;
  bool quiet_ = false;
  bool violated_ = false;
  bool tracing_ = false;
};

}  // namespace sim
