// SPDX-License-Identifier: GPL-3.0-or-later
// A peer's end of a connection of HTTP/2: messages for the script, frames on the wire. On nghttp2, and so independent of
// the engine's own codec. It moves by itself whenever the kernel runs; it must not know what the messages mean.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/exchange.h"
#include "tests/sim/kernel.h"
#include "tests/sim/message.h"

struct nghttp2_session;

namespace sim {

struct H2Habits {
  std::uint32_t stream_window = 65'535;
  std::uint32_t connection_window = 65'535;
  std::uint32_t streams_max = 100;  // of a server
  bool takes_tunnels = true;        // of a server (RFC 8441)
  unsigned lazy = 0;                // chance in 1/1000 to skip a turn
  bool crumbles = false;            // frames and bytes in pieces of any size
  // Nothing moves past so many bytes of the connection, for a script that ends it there.
  std::size_t reads_most = kNowhere;
  std::size_t writes_most = kNowhere;
};

// One request and its response.
struct H2Stream {
  std::int32_t id = 0;
  // ---- What came.
  Message message;  // its last head, with a start line as HTTP/1 has it, and its content
  unsigned interims = 0;
  bool has_head = false;    // the final one
  bool complete = false;    // END_STREAM
  bool closed = false;      // in both directions, or by a reset
  std::uint32_t error = 0;  // that it was closed with
  // ---- What goes out.
  std::string out;
  std::size_t sent = 0;              // bytes of it that are in frames
  std::size_t sent_most = kNowhere;  // it stops there
  bool ends = false;                 // behind `out`
  bool end_sent = false;

  std::size_t held_bytes = 0;  // that the windows were not opened for
};

class H2End final : public Actor {
 public:
  enum class Role : std::uint8_t { Client, Server };
  enum class Content : std::uint8_t { None, Follows };

  H2End(Kernel& kernel, Peer peer, Role role, const H2Habits& habits = {});
  ~H2End() override;
  H2End(const H2End&) = delete;
  H2End& operator=(const H2End&) = delete;

  bool turn() override;
  [[nodiscard]] base::Time wakes() const override;

  // ---- Messages. Fields begin with the pseudo-header fields.
  [[nodiscard]] bool may_request() const;
  H2Stream& request(const Fields& fields, Content content = Content::None);
  void inform(H2Stream& stream, const Fields& fields);
  void respond(H2Stream& stream, const Fields& fields, Content content = Content::None);
  void write(H2Stream& stream, std::string_view bytes);
  void finish(H2Stream& stream);
  void reset(H2Stream& stream, std::uint32_t error);

  // ---- The connection.
  // Until then neither the windows of the streams nor that of the connection open. 0: they do.
  void hold_windows(base::Time until);
  // Until then nothing is read or written.
  void stall(base::Time until) { stalled_until_ = until; }
  // The first GOAWAY of two: no further streams, but none is refused yet (RFC 9113 section 6.8).
  void announce_end();
  // Streams above it are forgotten.
  void go_away(std::int32_t last_stream);
  // All that is left to say is GOAWAY.
  void say_goodbye();
  // Closes the connection, whatever is on its way.
  void leave();
  void break_off(Break how);

  // The connection is gone, from either side.
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] bool told_to_go() const { return told_to_go_; }  // by GOAWAY
  [[nodiscard]] std::uint32_t error() const { return error_; }   // of that GOAWAY
  // What the worker did that HTTP/2 forbids; empty for good.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  // In the order of their beginning; they stay when they end.
  [[nodiscard]] const std::vector<std::unique_ptr<H2Stream>>& streams() const { return streams_; }
  [[nodiscard]] std::size_t bytes_read() const { return bytes_read_; }
  [[nodiscard]] std::size_t bytes_written() const { return bytes_written_; }
  [[nodiscard]] Peer& peer() { return peer_; }

 private:
  struct Callbacks;

  void introduce();
  bool receive();
  bool send();
  H2Stream& open(std::int32_t id);
  [[nodiscard]] H2Stream* find(std::int32_t id) const;
  void open_windows();
  void on_head(std::int32_t id);
  void on_content(std::int32_t id, std::string_view bytes);

  Kernel& kernel_;
  Peer peer_;
  Role role_;
  H2Habits habits_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<H2Stream>> streams_;
  Fields section_;   // that is being read
  std::string out_;  // frames that the wire had no room for
  std::size_t bytes_read_ = 0, bytes_written_ = 0;
  std::string fault_;
  std::uint32_t error_ = 0;
  base::Time windows_held_until_ = 0;
  base::Time stalled_until_ = 0;
  bool told_to_go_ = false;
  bool over_ = false;
};

}  // namespace sim
