// SPDX-License-Identifier: GPL-3.0-or-later
// One stream of a connection of HTTP/2 as one side of an exchange: what arrived and was not taken,
// which keeps the peer's window closed, and what waits for the peer's window. It must not know
// whether the peer is a client or a target.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/base/list.h"
#include "engine/http/h2_stream.h"
#include "engine/proxy/channel.h"

namespace engine::proxy {

class H2Channel : public Channel {
 public:
  [[nodiscard]] Connection* raw() final { return nullptr; }
  [[nodiscard]] bool is_open() const final { return open_; }
  void want_bytes() final;
  void take_kept(std::size_t count) final;
  [[nodiscard]] std::string_view trailers() const final { return trailers_in_; }
  void written() final;
  void head_written(std::size_t bytes, Head head) final;
  void write_large(std::string_view bytes) final;
  void finish_writing(std::string_view trailers = {}) final;

  // ---- What the codec tells.
  void on_data(std::string_view bytes);
  void on_message_end(std::string_view trailers);
  http::H2Piece pull(std::span<char> into);

  // Does what was put off until no code of the exchange is on the stack: at the end of the tick.
  void catch_up();

  base::ListHook behind_hook;

 protected:
  // What waits for the peer's window, before its writer has to wait too.
  static constexpr std::size_t kOutBytesMax = 32U << 10U;

  explicit H2Channel(base::BlockPool& blocks) : Channel(blocks) {}
  ~H2Channel() = default;

  [[nodiscard]] http::H2Stream* h2_stream() const { return h2_stream_; }
  void attach(http::H2Stream& stream) { h2_stream_ = &stream; }
  // The codec's stream ends. A message that came completely can still be read.
  void detach(int error);
  // Nothing is taken or given any more.
  void close();
  // Nothing more is to be written; the codec has all that was.
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] bool sent() const { return end_pulled_; }

 private:
  // Of the connection.
  virtual void send_head(std::string_view head, Head kind) = 0;
  virtual void give_window(std::size_t bytes) = 0;
  virtual void wake_writing() = 0;
  virtual void fall_behind() = 0;  // catch_up() is called in this tick
  // Of the exchange.
  virtual std::size_t take_bytes(std::string_view bytes) = 0;
  virtual void take_end(int error) = 0;
  virtual void take_drained() = 0;

  std::size_t offer(std::string_view bytes);
  void offer_kept();

  http::H2Stream* h2_stream_ = nullptr;
  std::string trailers_in_;
  std::string trailers_out_;
  bool open_ = true;
  bool wanted_ = false;
  bool tell_end_ = false;
  bool tell_drained_ = false;
  bool finished_ = false;
  bool end_pulled_ = false;
};

}  // namespace engine::proxy
