// SPDX-License-Identifier: GPL-3.0-or-later
// Asks DNS (and /etc/hosts) for the addresses of one name at a time, by c-ares on the control
// thread's ring. It must not know targets, nor when to ask again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/ring.h"
#include "engine/io/timers.h"
#include "engine/route/target.h"

namespace engine::control {

// What one question brought. Neither addresses nor a failure: the question was lost, ask again.
struct DnsAnswer {
  std::vector<route::Address> addresses;  // port 0, best first
  std::string failure;                    // empty when there are addresses: "NXDOMAIN for web-1"
  base::Time ttl = 0;                     // of the answer; 0 on failure
};

class Dns {
 public:
  using Answered = std::function<void(const std::string& name, const DnsAnswer&)>;

  // `servers` as "127.0.0.1:5353,10.0.0.2"; empty: those of resolv.conf. `answered` is called once
  // per ask(), by dispatch() or by the timers, and never after close().
  Dns(io::Ring& ring, io::Timers& timers, std::string servers, Answered answered);
  // After close(), and once the ring has dispatched what that cancelled.
  ~Dns();
  Dns(const Dns&) = delete;
  Dns& operator=(const Dns&) = delete;

  // Empty, or why there is no DNS.
  std::string open();
  void ask(const std::string& name);
  void close();
  [[nodiscard]] bool closed() const { return !readable_.in_flight(); }

 private:
  struct Library;  // c-ares's part
  struct Query {
    Dns* dns;
    std::string name;
  };
  // Of /etc/resolv.conf, to see that it changed.
  struct FileMark {
    std::int64_t inode = 0, seconds = 0, nanoseconds = 0, bytes = 0;
    bool operator==(const FileMark&) const = default;
  };

  static FileMark read_mark();
  std::string start_library();
  void reopen_when_changed();
  void on_readable(const io::Completion& completion);
  void on_timeout();
  void process();
  void arm();

  io::Ring& ring_;
  io::Timers& timers_;
  std::string servers_;
  Answered answered_;
  io::Operation readable_;
  io::Timer timeout_;
  std::unique_ptr<Library> library_;
  int sockets_ = -1;  // an epoll descriptor with c-ares's sockets in it
  bool closing_ = false;
  FileMark mark_;
  base::Time mark_checked_ = 0;
};

}  // namespace engine::control
