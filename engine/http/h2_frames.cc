// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h2_frames.h"

#include <algorithm>
#include <cstring>

namespace engine::http {

H2Frames::Step H2Frames::next(std::string_view in) noexcept {
  if (left_ > 0) {
    const std::size_t taken = std::min<std::size_t>(left_, in.size());
    left_ -= static_cast<std::uint32_t>(taken);
    return {.consumed = taken};
  }
  std::size_t taken = 0;
  if (!gather(in, H2FrameHead::kBytes, taken)) return {.consumed = taken};
  head_ = {.length = number(0, 3),
           .type = static_cast<H2FrameType>(bytes_[3]),
           .flags = static_cast<std::uint8_t>(bytes_[4]),
           .stream = number(5, 4) & INT32_MAX};
  left_ = head_.length;
  if (head_.type == H2FrameType::Priority && head_.length >= kParentBytes) {
    left_ = 0;  // still gathering, should the bytes end here
    if (!gather(in, bytes_.size(), taken)) return {.consumed = taken};
    head_.parent = number(H2FrameHead::kBytes, 4) & INT32_MAX;
    left_ = head_.length - kParentBytes;
  }
  have_ = 0;
  return {.consumed = taken, .head = true};
}

bool H2Frames::gather(std::string_view in, std::size_t wanted, std::size_t& taken) noexcept {
  const std::size_t missing = wanted - std::min<std::size_t>(wanted, have_);
  const std::size_t count = std::min(missing, in.size() - taken);
  if (count > 0) std::memcpy(bytes_.data() + have_, in.data() + taken, count);
  have_ = static_cast<std::uint8_t>(have_ + count);
  taken += count;
  return have_ >= wanted;
}

std::uint32_t H2Frames::number(std::size_t at, std::size_t octets) const noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + octets; ++i)
    value = value << 8U | static_cast<std::uint8_t>(bytes_[i]);
  return value;
}

}  // namespace engine::http
