// SPDX-License-Identifier: GPL-3.0-or-later
// A server's connection of HTTP/2: no crash on any bytes, no event for a stream that has not begun or
// has ended, output within its bound, and the same events however the input is split.
#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/http/h2_codec.h"
#include "engine/http/rules.h"

namespace {

using namespace engine;
using namespace engine::http;

constexpr std::size_t kOutputMax = 20'000;
constexpr std::size_t kFrameMax = 16'384 + H2FrameHead::kBytes;

HeadStorage storage;
RequestHead head;

class Owner final : public H2Events {
 public:
  Owner() : codec(*this, blocks, storage, head, limits()) {}

  void feed(std::string_view bytes, std::size_t piece) {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const std::string_view part = bytes.substr(at, piece);
      // A copy of its own, so that reading past the end is seen.
      const std::vector<char> copy(part.begin(), part.end());
      codec.feed({copy.data(), copy.size()}, base::kSecond);
    }
  }

  void produce() {
    base::Buffer out(blocks);
    codec.produce(out, kOutputMax, base::kSecond);
    ENSURE(out.size() < kOutputMax + kFrameMax, "output passes its bound");
  }

  void on_request(H2Stream& stream, base::Buffer& lines, const RequestHead& request) override {
    begin(stream);
    ENSURE(request.authority.data() == nullptr || !request.authority.empty(), "no authority");
    check_forwarding(lines, request);
    if (stream.id() % 4 == 3) return codec.reset(end(stream), H2Error::Cancel);
    codec.inform(stream, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    codec.respond(stream, "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n", H2Codec::Body::Follows);
  }
  void on_refused(H2Stream& stream, base::Cause cause, std::string_view why) override {
    begin(stream);
    ENSURE(cause != base::Cause::None && cause != base::Cause::BadRequest && !why.empty(),
           "a refusal without a cause");
    codec.respond(stream, "HTTP/1.1 400 Bad Request\r\n\r\n", H2Codec::Body::None);
  }
  void on_data(H2Stream& stream, std::string_view bytes) override {
    ENSURE(alive(stream).open, "content after the end of its request");
    digest(stream.id(), bytes);
    codec.consumed(stream, bytes.size());
  }
  void on_request_end(H2Stream& stream, std::string_view trailers) override {
    ENSURE(std::exchange(alive(stream).open, false), "a request ends twice");
    ENSURE(trailers.empty() || trailers.ends_with("\r\n"), "a trailer is no whole line");
    digest(stream.id(), trailers);
    seen += sums_[stream.id()];
  }
  void on_closed(H2Stream& stream, H2Error) override { end(stream); }
  void on_goaway(H2Error) override {}
  H2Piece pull(H2Stream& stream, std::span<char> into) override {
    std::size_t& left = alive(stream).left;
    const std::size_t size = std::min(into.size(), left);
    std::fill_n(into.begin(), size, 'x');
    left -= size;
    return {size, left == 0, stream.id() % 8 == 5 ? "x-sum: 1\r\n" : ""};
  }

  std::uint64_t seen = 0;  // of the content of complete requests
  std::size_t requests = 0;

 private:
  struct Life {
    bool open = true;
    std::size_t left = 50'000;
  };

  static H2Limits limits() {
    H2Limits small;
    small.streams_max = 8;
    small.head.head_bytes = 4096;
    return small;
  }

  void begin(H2Stream& stream) {
    ++requests;
    ENSURE(lives_.emplace(&stream, Life{}).second, "a stream begins twice");
    ENSURE(lives_.size() <= 8, "more streams than allowed");
  }
  Life& alive(H2Stream& stream) {
    const auto life = lives_.find(&stream);
    ENSURE(life != lives_.end(), "an event for a stream that is not alive");
    return life->second;
  }
  H2Stream& end(H2Stream& stream) {
    alive(stream);
    lives_.erase(&stream);
    return stream;
  }
  void digest(std::int32_t id, std::string_view bytes) {
    std::uint64_t& sum = sums_[id];
    for (const char c : bytes) sum = (sum + static_cast<unsigned char>(c) + 1) * 0x100000001b3;
  }

  // What HTTP/1 gets is one head, with the framing that was understood.
  static void check_forwarding(const base::Buffer& lines, const RequestHead& request) {
    RequestHead again;
    static HeadStorage room;
    const HeadResult read = parse_h2_request(lines.view(), limits().head, room, again);
    ENSURE(read.status == HeadStatus::Complete, "a head that was good is no longer");
    Forwarding how;
    how.client_address = "::1";
    how.scheme = "https";
    how.framing = request.framing;
    how.content_length = request.content_length;
    static std::array<char, 1 << 16> out;
    const std::size_t size = write_request(again, how, out);
    std::uint32_t scanned = 0;
    RequestHead sent;
    const HeadLimits wide{.head_bytes = 1 << 20, .line_bytes = 1 << 19, .field_count = 256};
    const HeadResult result = parse_request({out.data(), size}, scanned, wide, room, sent);
    ENSURE(result.status == HeadStatus::Complete && result.consumed == size,
           "what we forward is not one head");
    ENSURE(sent.framing == request.framing && sent.content_length == request.content_length,
           "framing changed");
    ENSURE(sent.path == request.path && sent.authority == request.authority, "the request changed");
  }

  std::map<H2Stream*, Life> lives_;
  std::map<std::int32_t, std::uint64_t> sums_;
  base::BlockPool blocks;

 public:
  H2Codec codec;
};

void try_bytes(std::string_view bytes) {
  Owner whole, split;
  whole.feed(bytes, bytes.size());
  split.feed(bytes, bytes.size() < 1000 ? 1 : 13);
  for (int i = 0; i < 20; ++i) {
    whole.produce();
    split.produce();
  }
  ENSURE(whole.requests == split.requests && whole.seen == split.seen,
         "splitting changes the events");
  ENSURE(whole.codec.error() == split.codec.error(), "splitting changes the end");
  if (!whole.codec.failed()) return;
  ENSURE(whole.codec.streams() == 0, "a failed connection keeps a stream");
  whole.feed(bytes, bytes.size());
}

// Frames with sound lengths: a type, flags, a stream and a payload of what the input says.
std::string framed(std::string_view bytes) {
  std::string out = NGHTTP2_CLIENT_MAGIC + std::string("\0\0\0\4\0\0\0\0\0", 9);
  while (bytes.size() >= 4) {
    const std::size_t size =
        std::min<std::size_t>(static_cast<unsigned char>(bytes[3]), bytes.size() - 4);
    out += {'\0', '\0', static_cast<char>(size), static_cast<char>(bytes[0] % 17), bytes[1]};
    out += {'\0', '\0', '\0', static_cast<char>(bytes[2] & 31)};
    out += bytes.substr(4, size);
    bytes.remove_prefix(4 + size);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 20'000) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try_bytes(bytes);
  try_bytes(framed(bytes));
  return 0;
}
