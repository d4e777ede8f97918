// SPDX-License-Identifier: GPL-3.0-or-later
// What a connection of the echo server does while an answer goes on: one function per kind of
// exchange.
#include <algorithm>
#include <cstddef>
#include <string>

#include "engine/cli/echo_connection.h"
#include "engine/cli/echo_paths.h"
#include "engine/cli/echo_pattern.h"
#include "engine/cli/echo_words.h"

namespace engine::cli {
namespace {

// Up to here a copy is cheaper than a piece of its own in sendmsg, and small answers share one
// call.
constexpr std::uint64_t kCopyBytesMax = 4 * 1024;

std::uint64_t fnv1a(std::uint64_t hash, std::string_view data) {
  for (const char c : data) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

EchoConnection::Turn EchoConnection::answer() {
  switch (exchange_.kind) {
    case Exchange::Kind::Text: return Turn::Done;
    case Exchange::Kind::Pattern: return pattern();
    case Exchange::Kind::Echo: return echo();
    case Exchange::Kind::Count: return count();
    case Exchange::Kind::Discard: return discard();
    case Exchange::Kind::Chunks: return chunks();
    case Exchange::Kind::Events: return events();
    case Exchange::Kind::WebSocket: return websocket();
    case Exchange::Kind::Raw: return raw();
    case Exchange::Kind::Delay: return delay();
    case Exchange::Kind::Hang: break;
  }
  if (!peer_ended_) return Turn::Wait;
  exchange_.end = Exchange::End::Cut;
  return Turn::End;
}

EchoConnection::Turn EchoConnection::pattern() {
  if (exchange_.in_chunk) out_ += http::kChunkEnd;
  exchange_.in_chunk = false;
  if (exchange_.left == 0) {
    append_stream_end(out_, exchange_);
    return Turn::Done;
  }
  if (exchange_.sent > 0 && wait_for_gap()) return Turn::Wait;

  const std::uint64_t piece = exchange_.piece == 0 ? exchange_.left : exchange_.piece;
  const std::uint64_t bytes = std::min(piece, exchange_.left);
  if (exchange_.chunked) append_chunk_size(out_, bytes);
  exchange_.in_chunk = exchange_.chunked;
  block_at_ = exchange_.sent;
  block_left_ = bytes;
  while (bytes <= kCopyBytesMax && block_left_ > 0) {
    const std::string_view block = pattern_at(block_at_).substr(0, block_left_);
    out_ += block;
    block_at_ += block.size();
    block_left_ -= block.size();
  }
  exchange_.sent += bytes;
  exchange_.left -= bytes;
  exchange_.due = 0;
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::echo() {
  std::string_view data;
  const Turn step = next_body(data);
  append_piece(out_, exchange_, data);
  if (step == Turn::Done) append_stream_end(out_, exchange_, body_.trailers());
  if (step == Turn::End) exchange_.end = Exchange::End::Cut;
  return step;
}

EchoConnection::Turn EchoConnection::count() {
  const bool slow = exchange_.piece > 0;
  if (slow && exchange_.sent > 0 && wait_for_gap()) return Turn::Wait;

  std::string_view data;
  const Turn step = next_body(data, slow ? exchange_.piece : SIZE_MAX);
  exchange_.fnv = fnv1a(exchange_.fnv, data);
  exchange_.sent += data.size();
  if (!data.empty()) exchange_.due = 0;
  if (step == Turn::Done) append_count(out_, exchange_);
  if (step == Turn::End) exchange_.end = Exchange::End::Cut;
  return step;
}

EchoConnection::Turn EchoConnection::discard() {
  std::string_view data;
  const Turn step = next_body(data);
  if (step == Turn::End) exchange_.end = Exchange::End::Cut;
  return step;
}

EchoConnection::Turn EchoConnection::chunks() {
  if (exchange_.left == 0) {
    append_stream_end(out_, exchange_);
    return Turn::Done;
  }
  if (exchange_.sent > 0 && wait_for_gap()) return Turn::Wait;
  std::string line = "chunk ";
  append_number(line, exchange_.sent++);
  line += '\n';
  append_piece(out_, exchange_, line);
  --exchange_.left;
  exchange_.due = 0;
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::events() {
  if (exchange_.left == 0) {
    append_stream_end(out_, exchange_);
    return Turn::Done;
  }
  if (peer_ended_) {
    exchange_.end = Exchange::End::Cut;
    return Turn::End;
  }
  if (exchange_.sent > 0 && wait_for_gap()) return Turn::Wait;
  std::string event = "id: ";
  append_number(event, exchange_.sent);
  event += "\ndata: event ";
  append_number(event, exchange_.sent++);
  event += "\n\n";
  append_piece(out_, exchange_, event);
  if (exchange_.left != UINT64_MAX) --exchange_.left;
  exchange_.due = 0;
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::websocket() {
  if (websocket_.over()) return Turn::End;
  const std::size_t taken = websocket_.feed(input(), out_);
  consume(taken);
  if (taken > 0) return Turn::Again;
  switch (fill()) {
    case Fill::Got: return Turn::Again;
    case Fill::Nothing: return Turn::Wait;
    case Fill::Ended: break;
  }
  return Turn::End;
}

EchoConnection::Turn EchoConnection::raw() {
  out_ += input();
  consume(in_end_ - in_at_);
  switch (fill()) {
    case Fill::Got: return Turn::Again;
    case Fill::Nothing: return Turn::Wait;
    case Fill::Ended: break;
  }
  return Turn::End;
}

EchoConnection::Turn EchoConnection::delay() {
  if (shared_.now < exchange_.due) return Turn::Wait;
  path_skip_ = exchange_.skip;
  phase_ = Phase::Head;
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::next_body(std::string_view& data, std::size_t bytes_max) {
  if (body_.done()) return Turn::Done;
  if (in_at_ == in_end_) {
    const Fill filled = fill();
    if (filled == Fill::Nothing) return Turn::Wait;
    if (filled == Fill::Ended) return Turn::End;
  }
  const http::BodyDecoder::Step step = body_.next(input().substr(0, bytes_max));
  consume(step.consumed);
  data = step.data;
  return body_.bad() ? Turn::End : Turn::Again;
}

// True while the pause between two pieces goes on; the first call of a pause starts it.
bool EchoConnection::wait_for_gap() {
  if (exchange_.gap == 0) return false;
  if (exchange_.due == 0) {
    exchange_.due = shared_.now + exchange_.gap;
    shared_.wake_at({exchange_.due, slot_, generation_});
  }
  return shared_.now < exchange_.due;
}

}  // namespace engine::cli
