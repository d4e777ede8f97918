// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/relay.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/proxy/connection.h"
#include "engine/proxy/spool.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {

Relay::~Relay() { stop(); }

void Relay::start(Channel& source, Channel& sink, const http::BodyDecoder& decoder,
                  http::Framing sink_framing, std::uint64_t bytes_max) {
  source_ = &source;
  sink_ = &sink;
  from_ = source.raw();
  to_ = sink.raw();
  spool_ = source.spool();
  decoder_ = decoder;
  sink_framing_ = to_ != nullptr ? sink_framing : http::Framing::None;
  bytes_max_ = bytes_max;
  source_ended_ = rushing_ = false;
  // Where there is nothing to move the head has said so.
  state_ = decoder_.done() ? State::Done : State::Moving;
}

void Relay::stop() {
  worker_.pipes().give(pipe_);
  if (state_ == State::Moving) state_ = State::Broken;
  source_ = sink_ = nullptr;
  from_ = to_ = nullptr;
  spool_ = nullptr;
}

std::size_t Relay::feed(std::string_view bytes) {
  ENSURE(pipe_.held_bytes == 0, "bytes overtake those in the pipe");
  std::size_t taken = 0;
  while (state_ == State::Moving) {
    const http::BodyDecoder::Step step = decoder_.next(bytes.substr(taken));
    taken += step.consumed;
    if (bytes_max_ > 0 && decoder_.body_bytes() > bytes_max_) {
      state_ = State::TooLarge;
      break;
    }
    if (!step.data.empty()) write(step.data);
    settle();
    if (step.consumed == 0) break;
  }
  return taken;
}

void Relay::write(std::string_view data) {
  if (sink_->send_failed()) return;
  if (sink_framing_ != http::Framing::Chunked) return sink_->write_large(data);
  std::array<char, http::kChunkHeaderBytesMax> header{};
  sink_->out().append({header.data(), http::write_chunk_header(header.data(), data.size())});
  sink_->write_large(data);
  sink_->out().append(http::kChunkEnd);
  sink_->written();
}

// After the decoder moved: is this the end?
void Relay::settle() {
  if (decoder_.bad()) {
    state_ = State::Malformed;
  } else if (decoder_.done() && pipe_.held_bytes == 0) {
    conclude();
  }
}

void Relay::conclude() {
  const std::string_view trailers = from_ != nullptr ? decoder_.trailers() : source_->trailers();
  if (to_ == nullptr) {
    sink_->finish_writing(trailers);
  } else if (sink_framing_ == http::Framing::Chunked && !sink_->send_failed()) {
    if (trailers.empty()) {
      sink_->out().append(http::kLastChunk);
    } else {
      sink_->out().append(http::kLastChunkSize);
      sink_->out().append(trailers);
      sink_->out().append(http::kChunkEnd);
    }
    sink_->written();
  }
  state_ = State::Done;
  worker_.pipes().give(pipe_);
}

void Relay::on_source_end() {
  source_ended_ = true;
  if (!moving() || pipe_.held_bytes > 0) return;
  // What came before the end goes first; the source tells of the end again after that.
  if (!source_->kept().empty()) return source_->want_bytes();
  if (source_->end_error() == 0 && decoder_.complete_at_close()) return conclude();
  state_ = State::Broken;
}

bool Relay::waits_for_sink() const {
  return moving() && (sink_->stuck() || sink_->send_failed() || pipe_.held_bytes > 0);
}

void Relay::pump() {
  turn_bytes_ = 0;
  while (moving() && step() == Turn::Again) {
  }
}

Relay::Turn Relay::step() {
  if (sink_->send_failed() || !sink_->is_open() || !source_->is_open()) return Turn::Wait;
  if (pipe_.held_bytes > 0) return drain_pipe();
  if (sink_->stuck()) return Turn::Wait;
  if (source_ended_) {
    on_source_end();
    return Turn::Wait;
  }
  if (spool_ != nullptr) return take_spooled();
  // What a receive brings, and what is kept, comes before anything that could be read directly now.
  if (from_ == nullptr || from_->receiving() || !from_->kept().empty())
    return wait_for_source(false);
  if (to_ != nullptr && to_->out().size() >= route::kScratchBytes && !to_->flush())
    return Turn::Wait;
  if (turn_bytes_ >= route::kRelayTurnBytes) return wait_for_source(true);
  if (may_splice()) return splice_once();
  const bool endless = decoder_.run() == UINT64_MAX;
  if (from_->more_is_likely() || (!endless && decoder_.run() > worker_.receive_bytes()))
    return copy_once();
  return wait_for_source(false);
}

// The sink is stuck, or the memory behind it at its end, long before others have waited too long.
Relay::Turn Relay::take_spooled() {
  if (const std::string_view bytes = spool_->at_hand(); !bytes.empty()) {
    spool_->take_kept(feed(bytes));
    return Turn::Again;
  }
  if (!spool_->ended()) return wait_for_source(false);
  on_source_end();
  return Turn::Wait;
}

Relay::Turn Relay::wait_for_source(bool bulk) {
  if (bulk) {
    from_->want_readiness();
  } else {
    source_->want_bytes();
  }
  return Turn::Wait;
}

bool Relay::may_splice() const {
  if (from_->tls() != nullptr || to_ == nullptr || to_->tls() != nullptr) return false;
  return decoder_.run() >= route::kSpliceBytesMin && (decoder_.run() != UINT64_MAX || rushing_);
}

// Through the worker's one hot buffer: the bytes are sent while the cache still has them.
Relay::Turn Relay::copy_once() {
  from_->want_nothing();  // a receive that is still wanted would bring later bytes first
  std::span<char> scratch = worker_.scratch();
  // Not past the end of this message, where that is known: what follows belongs to the next one.
  // Records do not end there.
  if (const std::uint64_t run = decoder_.run();
      run > 0 && run < scratch.size() && from_->tls() == nullptr)
    scratch = scratch.first(run);
  const std::int64_t got = from_->read_now(scratch);
  if (got == -EAGAIN || got == -EINTR) {
    rushing_ = false;
    return wait_for_source(false);
  }
  if (got <= 0) {
    from_->note_end(static_cast<int>(-got));
    return Turn::Wait;
  }
  const std::string_view bytes(scratch.data(), static_cast<std::size_t>(got));
  turn_bytes_ += bytes.size();
  rushing_ = bytes.size() == worker_.scratch().size();
  const std::size_t taken = feed(bytes);
  from_->keep(bytes.substr(taken));
  return Turn::Again;
}

Relay::Turn Relay::splice_once() {
  if (!pipe_.is_open() && !worker_.pipes().take(pipe_)) return copy_once();
  from_->want_nothing();
  const std::uint64_t count = std::min<std::uint64_t>(decoder_.run(), pipe_.ends.capacity_bytes);
  const std::int64_t moved = worker_.ring().splice_in(from_->socket(), pipe_.ends, count);
  if (moved == -EAGAIN || moved == -EINTR) {
    const bool endless = decoder_.run() == UINT64_MAX;
    if (endless) {
      rushing_ = false;
      worker_.pipes().give(pipe_);
    }
    from_->note_drained();
    return wait_for_source(!endless);
  }
  if (moved == -EINVAL) return copy_once();
  if (moved <= 0) {
    from_->note_end(static_cast<int>(-moved));
    return Turn::Wait;
  }
  const auto bytes = static_cast<std::uint64_t>(moved);
  pipe_.held_bytes = bytes;
  turn_bytes_ += bytes;
  decoder_.skip(bytes);
  worker_.counters().bytes_spliced += bytes;
  if (bytes_max_ > 0 && decoder_.body_bytes() > bytes_max_) {
    state_ = State::TooLarge;
    return Turn::Wait;
  }
  if (sink_framing_ == http::Framing::Chunked) {
    std::array<char, http::kChunkHeaderBytesMax> header{};
    sink_->out().append({header.data(), http::write_chunk_header(header.data(), bytes)});
  }
  return Turn::Again;
}

Relay::Turn Relay::drain_pipe() {
  if (to_->stuck() || !to_->flush()) return Turn::Wait;
  if (to_->send_failed()) return Turn::Wait;
  const std::int64_t moved = worker_.ring().splice_out(pipe_.ends, to_->socket(), pipe_.held_bytes);
  if (moved == -EINTR) return Turn::Again;
  if (moved == -EAGAIN) {
    to_->wait_for_room();
    return Turn::Wait;
  }
  if (moved <= 0) {
    to_->note_send_failure(moved < 0 ? static_cast<int>(-moved) : EPIPE);
    return Turn::Wait;
  }
  pipe_.held_bytes -= static_cast<std::uint64_t>(moved);
  if (pipe_.held_bytes > 0) return Turn::Again;
  if (sink_framing_ == http::Framing::Chunked) {
    to_->out().append(http::kChunkEnd);
    to_->written();
  }
  settle();
  return Turn::Again;
}

}  // namespace engine::proxy
