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
#include "tests/unit/http/h2_reader.h"

namespace engine::http::h2 {

// A codec with its client and its owner.
class Talk : public H2Events {
 public:
  struct Body {
    std::string left;
    bool end = true;
    std::string trailers = {};
  };

  enum class Preface : std::uint8_t { Fed, Awaited };

  explicit Talk(const H2Limits& limits = {}, const std::string& client_settings = {},
                Preface preface = Preface::Fed)
      : codec(*this, blocks, *storage, head, limits) {
    if (preface == Preface::Awaited) return;
    feed(std::string(NGHTTP2_CLIENT_MAGIC) + settings(client_settings));
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;
  virtual ~Talk() = default;

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
    return reader_.read(out.view());
  }

  std::vector<Frame> produced(int type) { return of_type(produce(), type); }
  int reset_code(std::uint32_t stream) { return reset_code_in(produce(), stream); }
  int goaway_code() { return goaway_code_in(produce()); }

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
  FrameReader reader_;
};

}  // namespace engine::http::h2
