// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/spool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "engine/io/ring.h"
#include "engine/proxy/worker.h"

namespace engine::proxy {
namespace {

// What one request to the disk moves, and what a block of memory holds.
constexpr std::size_t kPieceBytes = 64U << 10U;

}  // namespace

Spool::Spool(Worker& worker, Stream& stream, std::uint64_t memory_max)
    : Channel(worker.blocks()),
      worker_(worker),
      stream_(&stream),
      memory_max_(memory_max),
      spilling_(worker.blocks()) {}

Spool::~Spool() { ENSURE(file_ < 0, "a spool ends with its file open"); }

// What the kernel still has comes back first.
void Spool::release() {
  stream_ = nullptr;
  pieces_.clear();
  out_.clear();
  if (doing_ == Doing::Nothing) end();
}

void Spool::end() {
  if (file_ < 0) return worker_.retire(*this);
  doing_ = Doing::Closing;
  worker_.ring().close_file(operation_, std::exchange(file_, -1));
}

// ---- Writing.

void Spool::head_written(std::size_t, Head) { ENSURE(false, "a spool has content alone"); }

void Spool::written() { ENSURE(out_.size() < kPieceBytes, "content passes the spool by"); }

void Spool::write_large(std::string_view bytes) {
  ENSURE(!finished_, "a spool is written to after its end");
  size_ += bytes.size();
  bytes = keep_in_memory(bytes);
  if (bytes.empty() || send_failed()) return;
  out_.append(bytes);
  if (doing_ == Doing::Nothing) spill();
  stuck_ = out_.size() >= kPieceBytes;
}

// Returns what does not fit.
std::string_view Spool::keep_in_memory(std::string_view bytes) {
  while (!bytes.empty() && memory_bytes_ < memory_max_) {
    if (memory_bytes_ % kPieceBytes == 0) pieces_.emplace_back(worker_.blocks());
    const std::size_t room = std::min<std::uint64_t>(kPieceBytes - memory_bytes_ % kPieceBytes,
                                                     memory_max_ - memory_bytes_);
    const std::string_view kept = bytes.substr(0, room);
    pieces_.back().append(kept);
    memory_bytes_ += kept.size();
    bytes.remove_prefix(kept.size());
  }
  return bytes;
}

// What is less than a piece at the end never needs the file.
void Spool::spill() {
  if (out_.size() < kPieceBytes) return;
  if (file_ < 0) {
    doing_ = Doing::Opening;
    return worker_.ring().open_temporary(operation_);
  }
  spilling_ = std::exchange(out_, base::Buffer(worker_.blocks()));
  write_on();
}

void Spool::write_on() {
  doing_ = Doing::Writing;
  worker_.ring().write_file(operation_, file_, spilling_.view(), file_bytes_);
}

void Spool::finish_writing(std::string_view trailers) {
  trailers_ = trailers;
  finished_ = true;
}

// ---- Reading.

void Spool::rewind() {
  ENSURE(finished_, "a spool is read before its end");
  read_at_ = 0;
  rewound_ = doing_ == Doing::Reading;
  if (!rewound_) kept_.clear();
  ended_ = size_ == 0;
}

std::string_view Spool::at_hand() const {
  if (read_at_ < memory_bytes_)
    return pieces_[read_at_ / kPieceBytes].view().substr(read_at_ % kPieceBytes);
  if (read_at_ >= file_end()) return out_.view().substr(read_at_ - file_end());
  return doing_ == Doing::Nothing ? kept_.view() : std::string_view();
}

void Spool::take_kept(std::size_t count) {
  if (read_at_ >= memory_bytes_ && read_at_ < file_end()) kept_.consume(count);
  read_at_ += count;
  ended_ = read_at_ == size_;
}

void Spool::want_bytes() {
  if (doing_ != Doing::Nothing || send_failed() || !at_hand().empty() || ended_) return;
  const std::uint64_t left = file_end() - read_at_;
  doing_ = Doing::Reading;
  worker_.ring().read_file(
      operation_, file_, kept_.room(kPieceBytes).first(std::min<std::uint64_t>(left, kPieceBytes)),
      read_at_ - memory_bytes_);
}

// ---- The disk.

void Spool::on_completion(const io::Completion& completion) {
  const Doing did = std::exchange(doing_, Doing::Nothing);
  if (did == Doing::Closing) return worker_.retire(*this);
  if (did == Doing::Opening) on_opened(completion.result);
  if (stream_ == nullptr) return end();
  if (did == Doing::Writing) on_written(completion.result);
  if (did == Doing::Reading) on_read(completion.result);
  stream_->on_spool(*this);
}

void Spool::on_opened(int result) {
  if (result == -EOPNOTSUPP) result = worker_.ring().open_temporary_now();
  if (result < 0) return fail(-result);
  file_ = result;
  if (stream_ == nullptr) return;
  spill();
  stuck_ = out_.size() >= kPieceBytes;
}

void Spool::on_written(int result) {
  if (result == -EINTR || result == -EAGAIN) return write_on();
  if (result <= 0) return fail(result == 0 ? EIO : -result);
  file_bytes_ += static_cast<std::uint64_t>(result);
  spilling_.consume(static_cast<std::size_t>(result));
  spilling_.empty() ? spill() : write_on();
  stuck_ = out_.size() >= kPieceBytes;
}

// A file that is shorter than what was written is as good as none.
void Spool::on_read(int result) {
  const bool unwanted = std::exchange(rewound_, false);
  if (unwanted || result == -EINTR || result == -EAGAIN) return kept_.clear();
  if (result <= 0) return fail(result == 0 ? EIO : -result);
  kept_.commit(static_cast<std::size_t>(result));
}

void Spool::fail(int error) {
  send_error_ = error;
  out_.clear();
  spilling_.clear();
}

}  // namespace engine::proxy
