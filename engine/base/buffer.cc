// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/base/buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"

namespace engine::base {

BlockPool::~BlockPool() {
  ENSURE(out_ == 0, "blocks outlive their pool");
  for (auto& blocks : idle_) {
    for (char* block : blocks) delete[] block;
  }
}

BlockPool::Block BlockPool::take(std::size_t bytes) {
  ++out_;
  for (std::size_t i = 0; i < kSizes.size(); ++i) {
    if (kSizes[i] < bytes) continue;
    if (idle_[i].empty()) return {new char[kSizes[i]], kSizes[i]};
    char* data = idle_[i].back();
    idle_[i].pop_back();
    return {data, kSizes[i]};
  }
  return {new char[bytes], static_cast<std::uint32_t>(bytes)};
}

void BlockPool::give(Block block) {
  --out_;
  const auto at = std::find(kSizes.begin(), kSizes.end(), block.bytes);
  if (at != kSizes.end()) {
    auto& idle = idle_[static_cast<std::size_t>(at - kSizes.begin())];
    if (idle.size() * block.bytes < kIdleBytesMax) return idle.push_back(block.data);
  }
  delete[] block.data;
}

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_),
      block_(std::exchange(other.block_, {})),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  clear();
  pool_ = other.pool_;
  block_ = std::exchange(other.block_, {});
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

void Buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

std::span<char> Buffer::room(std::size_t bytes) {
  if (block_.bytes - end_ >= bytes) return {block_.data + end_, block_.bytes - end_};
  const std::size_t held = size();
  if (begin_ > 0 && block_.bytes >= held + bytes) {
    std::memmove(block_.data, block_.data + begin_, held);
  } else {
    const BlockPool::Block larger = pool_->take(held + bytes);
    if (held > 0) std::memcpy(larger.data, block_.data + begin_, held);
    if (block_.data != nullptr) pool_->give(block_);
    block_ = larger;
  }
  begin_ = 0;
  end_ = static_cast<std::uint32_t>(held);
  return {block_.data + end_, block_.bytes - end_};
}

void Buffer::commit(std::size_t bytes) {
  ENSURE(bytes <= block_.bytes - end_, "more is committed than there was room for");
  end_ += static_cast<std::uint32_t>(bytes);
}

void Buffer::consume(std::size_t bytes) {
  ENSURE(bytes <= size(), "more is consumed than there is");
  begin_ += static_cast<std::uint32_t>(bytes);
  if (empty()) clear();
}

void Buffer::clear() {
  if (block_.data != nullptr) pool_->give(block_);
  block_ = {};
  begin_ = end_ = 0;
}

}  // namespace engine::base
