// SPDX-License-Identifier: GPL-3.0-or-later
// A codec with a client made of raw frames, and an owner that writes down what it is told.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/h2_codec.h"
#include "tests/unit/http/h2_client.h"

namespace engine::http::h2 {

// A codec with its client and its owner.
class Talk : public H2Events {
 public:
  struct Body {
    std::string left;
    bool end = true;
    std::string trailers = {};
  };

  explicit Talk(const H2Limits& limits = {}, const std::string& client_settings = {})
      : codec(*this, blocks, *storage, head, limits) {
    nghttp2_hd_inflate_new(&inflater_);
    feed(std::string(NGHTTP2_CLIENT_MAGIC) + settings(client_settings));
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;
  virtual ~Talk() { nghttp2_hd_inflate_del(inflater_); }

  void feed(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min(piece, bytes.size() - at);
      codec.feed(bytes.substr(at, size), now);
      at += size;
    }
  }

  // What comes out, as frames; header blocks are decoded into "name: value" lines.
  std::vector<Frame> produce(std::size_t limit = SIZE_MAX / 2) {
    base::Buffer out(blocks);
    codec.produce(out, limit, now);
    produced_bytes = out.size();
    std::vector<Frame> frames;
    for (std::string_view rest = out.view(); !rest.empty();) {
      const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(rest.at(at)); };
      const std::size_t size = byte(0) * 65536U + byte(1) * 256U + byte(2);
      Frame next{byte(3), byte(4), 0, std::string(rest.substr(9, size))};
      for (std::size_t i = 5; i < 9; ++i) next.stream = next.stream << 8U | byte(i);
      if (next.type == NGHTTP2_HEADERS) next.payload = inflate(next.payload);
      frames.push_back(next);
      rest.remove_prefix(9 + size);
    }
    return frames;
  }

  // The frames of one type.
  std::vector<Frame> produced(int type) {
    std::vector<Frame> frames = produce();
    std::erase_if(frames, [&](const Frame& each) { return each.type != type; });
    return frames;
  }

  // -1: there is none.
  int reset_code(std::uint32_t stream) {
    for (const Frame& each : produced(NGHTTP2_RST_STREAM))
      if (each.stream == stream) return static_cast<int>(each.number_at(0));
    return -1;
  }
  int goaway_code() {
    const std::vector<Frame> frames = produced(NGHTTP2_GOAWAY);
    return frames.empty() ? -1 : static_cast<int>(frames.back().number_at(4));
  }

  H2Stream& stream(std::int32_t id) { return *streams.at(id); }
  void respond(std::int32_t id, const std::string& body = {}, bool end = true) {
    bodies[id] = {body, end};
    codec.respond(stream(id), "HTTP/1.1 200 OK\r\n\r\n", H2Codec::Body::Follows);
  }

  void on_request(H2Stream& made, base::Buffer& lines, const RequestHead& request) override {
    streams[made.id()] = &made;
    log += "request " + std::to_string(made.id()) + " " + std::string(request.method_text) + " " +
           std::string(request.authority) + " " + std::string(request.target) + "\n";
    last_head = request;
    last_fields.assign(request.fields.begin(), request.fields.end());
    last_head.fields = last_fields;
    last_lines = std::make_unique<base::Buffer>(std::move(lines));
    if (when_asked) when_asked(made);
  }
  void on_refused(H2Stream& made, base::Cause cause, std::string_view why) override {
    streams[made.id()] = &made;
    last_cause = cause;
    log += "refused " + std::to_string(made.id()) + " " + std::string(why) + "\n";
  }
  void on_data(H2Stream& from, std::string_view bytes) override {
    const std::string start = "data " + std::to_string(from.id()) + " ";
    if (last_data != from.id() ||
        !log.substr(log.rfind('\n', log.size() - 2) + 1).starts_with(start))
      log += start + "\n";
    log.insert(log.size() - 1, bytes);
    last_data = from.id();
    if (consumes) codec.consumed(from, bytes.size());
  }
  void on_request_end(H2Stream& of, std::string_view trailers) override {
    log += "end " + std::to_string(of.id()) + " " + std::string(trailers) + "\n";
  }
  void on_closed(H2Stream& of, H2Error error) override {
    streams.erase(of.id());
    log += "closed " + std::to_string(of.id()) + " " +
           std::to_string(static_cast<unsigned>(error)) + "\n";
  }
  void on_goaway(H2Error error) override {
    log += "goaway " + std::to_string(static_cast<unsigned>(error)) + "\n";
  }
  H2Piece pull(H2Stream& of, std::span<char> into) override {
    Body& body = bodies[of.id()];
    const std::size_t size = std::min(into.size(), body.left.size());
    std::copy_n(body.left.begin(), size, into.begin());
    body.left.erase(0, size);
    return {size, body.end && body.left.empty(), body.trailers};
  }

  base::BlockPool blocks;
  std::unique_ptr<HeadStorage> storage = std::make_unique<HeadStorage>();
  RequestHead head;
  base::Time now = base::kSecond;
  std::string log;
  std::map<std::int32_t, H2Stream*> streams;
  std::map<std::int32_t, Body> bodies;
  std::function<void(H2Stream&)> when_asked;
  std::unique_ptr<base::Buffer> last_lines;
  std::vector<Field> last_fields;
  RequestHead last_head;
  base::Cause last_cause = base::Cause::None;
  std::int32_t last_data = 0;
  std::size_t produced_bytes = 0;
  bool consumes = true;
  H2Codec codec;

 private:
  std::string inflate(const std::string& bytes) {
    std::string lines;
    const auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data());
    for (std::size_t left = bytes.size();;) {
      nghttp2_nv field;
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in, left, 1);
      if (used < 0) return "broken";
      in += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        lines += std::string(reinterpret_cast<char*>(field.name), field.namelen) + ": " +
                 std::string(reinterpret_cast<char*>(field.value), field.valuelen) + "\n";
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return lines;
  }

  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace engine::http::h2
