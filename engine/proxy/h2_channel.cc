// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/h2_channel.h"

#include <cstring>
#include <utility>

namespace engine::proxy {

// Whoever wants more after the end has perhaps not heard of it: it was told to nobody, or too early.
void H2Channel::want_bytes() {
  wanted_ = true;
  if (offering_) return;
  if (ended_ && kept_.empty()) tell_end_ = true;
  if (!kept_.empty() || tell_end_) fall_behind();
}

void H2Channel::take_kept(std::size_t count) {
  if (count == 0) return;
  kept_.consume(count);
  if (h2_stream_ != nullptr) give_window(count);
}

void H2Channel::on_data(std::string_view bytes) {
  if (wanted_ && kept_.empty()) bytes.remove_prefix(offer(bytes));
  if (open_) kept_.append(bytes);
}

std::size_t H2Channel::offer(std::string_view bytes) {
  wanted_ = false;
  offering_ = true;
  const std::size_t taken = take_bytes(bytes);
  offering_ = false;
  if (h2_stream_ != nullptr && taken > 0) give_window(taken);
  return taken;
}

void H2Channel::offer_kept() {
  const std::size_t taken = offer(kept_.view());
  if (!open_) return;
  kept_.consume(taken);
  if (!wanted_) return;
  if (kept_.empty() ? ended_ : taken > 0) want_bytes();
}

void H2Channel::on_message_end(std::string_view trailers) {
  ended_ = true;
  trailers_in_ = trailers;
  if (kept_.empty()) take_end(0);
}

void H2Channel::detach(int error) {
  h2_stream_ = nullptr;
  out_.clear();
  if (!std::exchange(end_pulled_, true)) send_error_ = error;
  if (ended_) return;
  ended_ = true;
  end_error_ = error;
  close();
}

void H2Channel::close() {
  open_ = false;
  kept_.clear();
  out_.clear();
  behind_hook.unlink();
}

void H2Channel::written() {
  if (h2_stream_ == nullptr) return out_.clear();
  stuck_ = stuck_ || out_.size() >= kOutBytesMax;
  wake_writing();
}

void H2Channel::head_written(std::size_t bytes, Head head) {
  if (!open_) return out_.clear();
  if (head == Head::Whole) finished_ = end_pulled_ = true;
  send_head(out_.view().substr(0, bytes), head);
  out_.consume(bytes);
  written();
}

void H2Channel::write_large(std::string_view bytes) {
  out_.append(bytes);
  written();
}

void H2Channel::finish_writing(std::string_view trailers) {
  if (std::exchange(finished_, true)) return;
  trailers_out_ = trailers;
  written();
}

http::H2Piece H2Channel::pull(std::span<char> into) {
  const std::string_view bytes = out_.view().substr(0, into.size());
  if (!bytes.empty()) std::memcpy(into.data(), bytes.data(), bytes.size());
  http::H2Piece piece{.size = bytes.size()};
  out_.consume(bytes.size());
  if (out_.empty() && finished_) {
    piece.end = end_pulled_ = true;
    piece.trailers = trailers_out_;
  }
  if (stuck_ && out_.empty()) {
    stuck_ = false;
    tell_drained_ = true;
    fall_behind();
  }
  return piece;
}

void H2Channel::catch_up() {
  if (open_ && std::exchange(tell_drained_, false)) take_drained();
  if (open_ && wanted_ && !kept_.empty()) offer_kept();
  if (open_ && kept_.empty() && std::exchange(tell_end_, false)) take_end(0);
}

}  // namespace engine::proxy
