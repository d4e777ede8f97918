// SPDX-License-Identifier: GPL-3.0-or-later
// One connection of the echo server: reads, answers, writes, and says when it must be looked at
// again. It knows its socket, but not the epoll loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/cli/echo_exchange.h"
#include "engine/cli/echo_websocket.h"
#include "engine/http/h1_body.h"
#include "engine/http/head.h"

namespace engine::cli {

struct EchoTimer {
  base::Time due = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
};

// What all connections of the one thread share.
struct EchoShared {
  base::Time now = 0;
  std::uint64_t connections = 0;  // so far
  http::HeadStorage storage;
  std::vector<EchoTimer> timers;  // a heap, the earliest first

  void wake_at(const EchoTimer& timer);
};

class EchoConnection {
 public:
  enum class Outcome : std::uint8_t { Waits, Again, Over };

  EchoConnection(EchoShared& shared, std::uint32_t slot) : shared_(shared), slot_(slot) {}
  EchoConnection(const EchoConnection&) = delete;
  EchoConnection& operator=(const EchoConnection&) = delete;

  // A slot serves one connection after the other and keeps its memory.
  void open(int fd);
  void close();
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }

  // Edge-triggered readiness as epoll reported it.
  void on_ready(std::uint32_t events);

  // Does what can be done now. Again: its share of this tick is used up.
  [[nodiscard]] Outcome advance();

 private:
  // Phase   waits for                                         ends in
  // Head    a complete request head                           Drain, Answer
  // Drain   the end of a body that nobody wants; the answer   Answer
  //         is written but held back
  // Answer  what the kind of exchange says                    Head, Linger, closed
  // Linger  the peer's end, or two seconds                    closed
  enum class Phase : std::uint8_t { Head, Drain, Answer, Linger };
  // Again: progress was made. Wait: for input or time. Done: this exchange ended. End: the
  // connection ends when the output is written.
  enum class Turn : std::uint8_t { Again, Wait, Done, End };
  enum class Fill : std::uint8_t { Got, Nothing, Ended };
  enum class Flush : std::uint8_t { Empty, Blocked, Share, Broken };

  Turn turn();
  Turn read_head();
  Turn start(const http::RequestHead& head);
  Turn refuse(const http::RequestHead& head, unsigned status, std::string_view why);
  Turn drain();
  Turn linger();
  Turn end_exchange();

  Turn answer();
  Turn pattern();
  Turn echo();
  Turn count();
  Turn discard();
  Turn chunks();
  Turn events();
  Turn websocket();
  Turn raw();
  Turn delay();

  // Next payload of the request body, at most `bytes_max` octets of input. Wait, End (the peer left
  // or broke the framing), Done (the body is complete), or Again with `data`, which may be empty.
  Turn next_body(std::string_view& data, std::size_t bytes_max = SIZE_MAX);
  bool wait_for_gap();

  [[nodiscard]] std::string_view input() const noexcept;
  void consume(std::size_t bytes) noexcept;
  Fill fill();
  [[nodiscard]] bool has_room() const noexcept;
  Flush flush();
  bool finish();

  EchoShared& shared_;
  std::uint32_t slot_;
  std::uint32_t generation_ = 0;
  int fd_ = -1;
  bool readable_ = false;
  bool writable_ = false;
  bool peer_ended_ = false;   // a FIN is announced: reads go on until they return 0
  bool input_ended_ = false;  // and did
  bool broken_ = false;

  std::unique_ptr<char[]> in_;
  std::size_t in_at_ = 0;
  std::size_t in_end_ = 0;
  std::size_t parsed_end_ = 0;  // the head was incomplete when input ended here
  std::uint32_t scanned_ = 0;
  std::size_t path_skip_ = 0;

  std::string out_;
  std::size_t out_at_ = 0;
  std::size_t held_from_ = std::string::npos;  // this and what follows waits for the body
  std::uint64_t block_at_ = 0;                 // of the pattern: behind the text
  std::uint64_t block_left_ = 0;

  Phase phase_ = Phase::Head;
  Exchange exchange_;
  http::BodyDecoder body_;
  WebSocketEcho websocket_;
  base::Time linger_due_ = 0;
  std::uint64_t id_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace engine::cli
