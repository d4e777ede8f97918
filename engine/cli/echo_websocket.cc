// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo_websocket.h"

#include <algorithm>

namespace engine::cli {
namespace {

constexpr unsigned kContinuation = 0;
constexpr unsigned kBinary = 2;
constexpr unsigned kClose = 8;
constexpr unsigned kPing = 9;
constexpr unsigned kPong = 10;
constexpr std::size_t kControlBytesMax = 125;
constexpr std::uint16_t kProtocolError = 1002;

bool is_control(unsigned opcode) { return opcode >= kClose; }

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

void append_header(std::string& out, bool final, unsigned opcode, std::uint64_t bytes) {
  out += static_cast<char>((final ? 0x80u : 0u) | opcode);
  int length_bytes = 0;
  if (bytes <= kControlBytesMax) {
    out += static_cast<char>(bytes);
  } else if (bytes <= 0xffff) {
    out += static_cast<char>(126);
    length_bytes = 2;
  } else {
    out += static_cast<char>(127);
    length_bytes = 8;
  }
  for (int i = length_bytes - 1; i >= 0; --i) out += static_cast<char>(bytes >> (8 * i));
}

}  // namespace

std::size_t WebSocketEcho::feed(std::string_view in, std::string& out) {
  if (over_ || in.empty()) return 0;
  if (payload_left_ > 0) return take_payload(in, out);

  const Header header = parse(in);
  if (header.bytes == 0) return 0;
  if (!acceptable(header)) {
    close(kProtocolError, out);
    return in.size();
  }
  if (is_control(header.opcode)) return take_control(header, in, out);

  in_message_ = !header.final;
  payload_left_ = header.payload_bytes;
  mask_ = header.mask;
  mask_at_ = 0;
  append_header(out, header.final, header.opcode, header.payload_bytes);
  return header.bytes;
}

// RFC 6455 section 5.2.
WebSocketEcho::Header WebSocketEcho::parse(std::string_view in) noexcept {
  Header header;
  if (in.size() < 2) return header;
  const auto first = static_cast<unsigned char>(in[0]);
  const auto second = static_cast<unsigned char>(in[1]);
  header.final = (first & 0x80) != 0;
  header.reserved = (first & 0x70) != 0;
  header.opcode = first & 0x0f;
  header.masked = (second & 0x80) != 0;
  header.payload_bytes = second & 0x7f;

  std::size_t length_bytes = 0;
  if (header.payload_bytes == 126) length_bytes = 2;
  if (header.payload_bytes == 127) length_bytes = 8;
  const std::size_t bytes = 2 + length_bytes + (header.masked ? 4 : 0);
  if (in.size() < bytes) return header;
  if (length_bytes > 0) header.payload_bytes = big_endian(in.substr(2, length_bytes));
  if (header.masked) std::copy_n(in.data() + bytes - 4, 4, header.mask.data());
  header.bytes = bytes;
  return header;
}

bool WebSocketEcho::acceptable(const Header& header) const noexcept {
  if (header.reserved || !header.masked) return false;
  if (is_control(header.opcode)) {
    return header.opcode <= kPong && header.final && header.payload_bytes <= kControlBytesMax;
  }
  if (header.opcode > kBinary || header.payload_bytes >> 63 != 0) return false;
  return (header.opcode == kContinuation) == in_message_;
}

std::size_t WebSocketEcho::take_control(const Header& header, std::string_view in,
                                        std::string& out) {
  const std::size_t bytes = header.bytes + static_cast<std::size_t>(header.payload_bytes);
  if (in.size() < bytes) return 0;
  if (header.opcode == kPong) return bytes;

  append_header(out, true, header.opcode == kPing ? kPong : kClose, header.payload_bytes);
  const std::string_view payload = in.substr(header.bytes, bytes - header.bytes);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out += static_cast<char>(payload[i] ^ header.mask[i % 4]);
  }
  over_ = header.opcode == kClose;
  return bytes;
}

std::size_t WebSocketEcho::take_payload(std::string_view in, std::string& out) {
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, in.size()));
  const std::size_t start = out.size();
  out.append(in.substr(0, bytes));
  for (std::size_t i = 0; i < bytes; ++i) {
    out[start + i] = static_cast<char>(out[start + i] ^ mask_[(mask_at_ + i) % 4]);
  }
  mask_at_ += bytes;
  payload_left_ -= bytes;
  return bytes;
}

void WebSocketEcho::close(std::uint16_t code, std::string& out) {
  append_header(out, true, kClose, 2);
  out += static_cast<char>(code >> 8);
  out += static_cast<char>(code);
  over_ = true;
}

}  // namespace engine::cli
