// SPDX-License-Identifier: GPL-3.0-or-later
// A client's connection of HTTP/2: no crash on any bytes of a target, no event for a stream that has
// not begun or has ended, content that is as long as its head says, output within its bound, and the
// same events however the input is split.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/http/h1_head.h"
#include "engine/http/h2_client.h"
#include "engine/http/rules.h"

namespace {

using namespace engine;
using namespace engine::http;

constexpr std::size_t kOutputMax = 20'000;
constexpr std::size_t kFrameMax = 16'384 + H2FrameHead::kBytes;
constexpr std::size_t kStreamsMax = 8;
constexpr int kRequestsMax = 40;

HeadStorage storage;
ResponseHead head;

class Owner final : public H2ClientEvents {
 public:
  Owner() : codec(*this, blocks, storage, head, limits()) {
    for (int i = 0; i < 4; ++i) ask();
    produce();
    ask();  // still waits when the target's first bytes come
  }

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

  void on_response(H2Stream& stream, const ResponseHead& response) override {
    Life& life = alive(stream);
    ENSURE(!life.answered, "a response begins twice");
    life.touched = true;
    life.answered = !response.interim() || response.status == 101;
    life.framing = response.framing;
    life.length = response.content_length;
    life.open = response.status == 101;
    ENSURE(response.status != 101 || life.tunnel, "a switch that nobody asked for");
    check_forwarding(life, response);
    note(stream, std::to_string(response.status));
    if (response.status == 103) return codec.reset(end(stream), H2Error::Cancel);
    ask();
  }
  void on_data(H2Stream& stream, std::string_view bytes) override {
    Life& life = alive(stream);
    ENSURE(life.answered && !life.ended, "content out of its place");
    ENSURE(life.open || life.framing != Framing::None, "content where none follows");
    life.bytes += bytes.size();
    ENSURE(life.framing != Framing::Length || life.bytes <= life.length, "more than was said");
    codec.consumed(stream, bytes.size());
  }
  void on_response_end(H2Stream& stream, std::string_view trailers) override {
    Life& life = alive(stream);
    ENSURE(life.answered && !std::exchange(life.ended, true), "an end out of its place");
    ENSURE(life.framing != Framing::Length || life.bytes == life.length, "less than was said");
    ENSURE(trailers.empty() || trailers.ends_with("\r\n"), "a trailer is no whole line");
    note(stream, std::to_string(life.bytes) + std::string(trailers));
  }
  void on_closed(H2Stream& stream, H2Error error, bool unprocessed) override {
    const Life& life = alive(stream);
    ENSURE(error != H2Error::None || life.ended, "a good end without the end of the response");
    ENSURE(!unprocessed || !life.touched, "an answered request is called unprocessed");
    end(stream);
  }
  void on_goaway() override { ENSURE(!codec.may_request(), "requests after GOAWAY"); }
  H2Piece pull(H2Stream& stream, std::span<char> into) override {
    std::size_t& left = alive(stream).left;
    const std::size_t size = std::min(into.size(), left);
    std::fill_n(into.begin(), size, 'x');
    left -= size;
    return {size, left == 0, stream.id() % 8 == 5 ? "x-sum: 1\r\n" : ""};
  }

  std::map<std::int32_t, std::string> seen;  // of each stream

 private:
  struct Life {
    Method method = Method::Get;
    Framing framing = Framing::None;
    bool tunnel = false;
    bool touched = false, answered = false, open = false, ended = false;
    std::uint64_t length = 0, bytes = 0;
    std::size_t left = 50'000;
  };

  static H2Limits limits() {
    H2Limits small;
    small.streams_max = kStreamsMax;
    small.head.head_bytes = 4096;
    return small;
  }

  void ask() {
    if (!codec.may_request() || asked_ == kRequestsMax) return;
    ENSURE(lives_.size() < kStreamsMax, "more streams than allowed");
    Life life;
    std::string text = " / HTTP/1.1\r\nHost: a\r\n";
    H2Client::Body body = H2Client::Body::None;
    switch (asked_++ % 4) {
      case 0: life.method = Method::Get; break;
      case 1: life.method = Method::Post; break;
      case 2: life.method = Method::Head; break;
      default: life.tunnel = codec.may_tunnel();
    }
    if (life.method == Method::Post || life.tunnel) body = H2Client::Body::Follows;
    if (life.tunnel) text += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    const std::string method = life.method == Method::Head   ? "HEAD"
                               : life.method == Method::Post ? "POST"
                                                             : "GET";
    lives_[&codec.request(method + text + "\r\n", "http", body)] = life;
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
  void note(H2Stream& stream, const std::string& what) { seen[stream.id()] += what + " "; }

  // What a client of HTTP/1 gets is one head, with the framing that was understood.
  static void check_forwarding(const Life& life, const ResponseHead& response) {
    const bool bodiless = response.interim() || response.status == 204 || response.status == 304 ||
                          life.method == Method::Head;
    ResponseForwarding how;
    how.upgrade = response.status == 101;
    how.framing =
        response.framing == Framing::None && !bodiless ? Framing::Length : response.framing;
    how.content_length = response.framing == Framing::Length ? response.content_length : 0;
    static std::array<char, 1 << 16> out;
    const std::size_t size = write_response(response, how, out);
    std::uint32_t scanned = 0;
    static HeadStorage room;
    ResponseHead sent;
    const HeadLimits wide{.head_bytes = 1 << 20, .line_bytes = 1 << 19, .field_count = 256};
    const HeadResult result =
        parse_response({out.data(), size}, scanned, wide, room, life.method, life.tunnel, sent);
    ENSURE(result.status == HeadStatus::Complete && result.consumed == size,
           "what we forward is not one head");
    ENSURE(sent.status == response.status && sent.framing == how.framing &&
               (sent.framing != Framing::Length || sent.content_length == how.content_length),
           "the response changed");
  }

  std::map<H2Stream*, Life> lives_;
  int asked_ = 0;
  base::BlockPool blocks;

 public:
  H2Client codec;
};

void try_bytes(std::string_view bytes) {
  Owner whole, split;
  whole.feed(bytes, bytes.size());
  split.feed(bytes, bytes.size() < 1000 ? 1 : 13);
  for (int i = 0; i < 20; ++i) {
    whole.produce();
    split.produce();
  }
  ENSURE(whole.seen == split.seen, "splitting changes the events");
  ENSURE(whole.codec.error() == split.codec.error(), "splitting changes the end");
  if (!whole.codec.failed()) return;
  ENSURE(whole.codec.streams() == 0, "a failed connection keeps a stream");
  whole.feed(bytes, bytes.size());
}

// Frames with sound lengths: a type, flags, a stream and a payload of what the input says. The first
// are SETTINGS that allow tunnels.
std::string framed(std::string_view bytes) {
  std::string out("\0\0\6\4\0\0\0\0\0\0\10\0\0\0\1", 15);
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
