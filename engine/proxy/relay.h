// SPDX-License-Identifier: GPL-3.0-or-later
// Moves the body of one direction from a source to a sink: taken from the source only while the
// sink has room, so memory is bounded by construction. It must not know what the body belongs to.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/http/h1_body.h"
#include "engine/io/pipe.h"

namespace engine::proxy {

class Channel;
class Connection;
class Spool;
class Worker;

// State     waits for                               ends by
// Off       start()                                 Moving, Done
// Moving    bytes of the source, room in the sink   Done, or one of the failures
// Done      nothing
// Broken    nothing: the source ended too early (end_error() of the source tells how)
// Malformed nothing: the source broke HTTP's framing
// TooLarge  nothing: the body passed its limit
class Relay {
 public:
  enum class State : std::uint8_t { Off, Moving, Done, Broken, Malformed, TooLarge };

  explicit Relay(Worker& worker) : worker_(worker) {}
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  // `bytes_max` 0 = no limit. `sink_framing` None writes the payload as it is, and so does a sink
  // that frames by itself.
  void start(Channel& source, Channel& sink, const http::BodyDecoder& decoder,
             http::Framing sink_framing, std::uint64_t bytes_max);
  // Takes body bytes from the source; returns how many were taken.
  std::size_t feed(std::string_view bytes);
  // Moves what can be moved now, then asks for what is missing.
  void pump();
  // The source has ended; its last bytes were fed before.
  void on_source_end();
  // Lets go of both sides.
  void stop();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool moving() const { return state_ == State::Moving; }
  [[nodiscard]] bool moving_from(const Channel& source) const {
    return moving() && source_ == &source;
  }
  [[nodiscard]] bool done() const { return state_ == State::Done; }
  [[nodiscard]] bool failed() const { return state_ > State::Done; }
  // The source has no more of it, though some may still be on its way to the sink.
  [[nodiscard]] bool took_all() const { return done() || (moving() && decoder_.done()); }
  // Payload bytes so far.
  [[nodiscard]] std::uint64_t bytes() const { return decoder_.body_bytes(); }
  [[nodiscard]] std::string_view why() const { return decoder_.why(); }
  // Whether it is the sink that holds it up.
  [[nodiscard]] bool waits_for_sink() const;

 private:
  enum class Turn : std::uint8_t { Again, Wait };

  void write(std::string_view data);
  void settle();
  void conclude();
  Turn step();
  Turn copy_once();
  Turn splice_once();
  Turn drain_pipe();
  Turn take_spooled();
  Turn wait_for_source(bool bulk);
  [[nodiscard]] bool may_splice() const;

  Worker& worker_;
  Channel* source_ = nullptr;
  Channel* sink_ = nullptr;
  Connection* from_ = nullptr;  // the source and the sink where they are whole connections
  Connection* to_ = nullptr;
  Spool* spool_ = nullptr;  // the source where it is one
  http::BodyDecoder decoder_;
  io::Pipe pipe_;
  std::uint64_t bytes_max_ = 0;
  std::uint64_t turn_bytes_ = 0;
  http::Framing sink_framing_ = http::Framing::None;
  State state_ = State::Off;
  bool source_ended_ = false;
  bool rushing_ = false;  // an endless body that came in full buffers lately: worth splicing
};

}  // namespace engine::proxy
