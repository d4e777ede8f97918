// SPDX-License-Identifier: GPL-3.0-or-later
// A client's codec whose owner writes down what it is told; its target is made of raw frames, or is
// the server's codec.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/h2_client.h"
#include "tests/unit/http/h2_reader.h"
#include "tests/unit/http/h2_support.h"

namespace engine::http::h2 {

inline Fields answer(const std::string& status = "200", const Fields& more = {}) {
  Fields fields = {{":status", status}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

class Caller : public H2ClientEvents {
 public:
  explicit Caller(const H2Limits& limits = {}, const std::string& target_settings = {},
                  Talk::Preface of_target = Talk::Preface::Fed)
      : codec(*this, blocks, *storage, head, limits) {
    if (of_target == Talk::Preface::Fed) feed(settings(target_settings));
  }
  virtual ~Caller() = default;

  void feed(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t size = std::min(piece, bytes.size() - at);
      codec.feed(bytes.substr(at, size), now);
      at += size;
    }
  }

  std::string produce_bytes(std::size_t limit = SIZE_MAX / 2) {
    base::Buffer out(blocks);
    codec.produce(out, limit, now);
    return std::string(out.view());
  }
  Frames produce(std::size_t limit = SIZE_MAX / 2) {
    const std::string bytes = produce_bytes(limit);
    const bool preface = bytes.starts_with(NGHTTP2_CLIENT_MAGIC);
    preface_seen = preface_seen || preface;
    return reader_.read(std::string_view(bytes).substr(preface ? NGHTTP2_CLIENT_MAGIC_LEN : 0));
  }
  Frames produced(int type) { return of_type(produce(), type); }
  int reset_code(std::uint32_t stream) { return reset_code_in(produce(), stream); }
  int goaway_code() { return goaway_code_in(produce()); }

  // Their streams are 1, 3, 5 ...
  H2Stream& ask(const std::string& head_text, H2Codec::Body body = H2Codec::Body::None) {
    H2Stream& made = codec.request(head_text, "http", body);
    streams[made.id()] = &made;
    return made;
  }
  H2Stream& get() { return ask("GET /x?q=1 HTTP/1.1\r\nHost: a.test\r\n\r\n"); }
  H2Stream& head_only() { return ask("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n"); }
  H2Stream& post(const std::string& body = {}, bool end = true, const std::string& trailers = {}) {
    H2Stream& made = ask("POST /p HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n",
                         H2Codec::Body::Follows);
    bodies[made.id()] = {body, end, trailers};
    return made;
  }
  H2Stream& tunnel() {
    H2Stream& made =
        ask("GET /chat HTTP/1.1\r\nHost: a.test\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: "
            "13\r\n"
            "Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            H2Codec::Body::Follows);
    bodies[made.id()] = {"", false};
    return made;
  }
  H2Stream& stream(std::int32_t id) { return *streams.at(id); }

  void on_response(H2Stream& of, const ResponseHead& response) override {
    last_head = response;
    last_fields.clear();
    for (const Field& field : response.fields)
      last_fields += std::string(field.name) + ": " + std::string(field.value) + "\n";
    last_upgrade = response.upgrade;
    log += "response " + std::to_string(of.id()) + " " + std::to_string(response.status) + "\n";
    if (when_answered) when_answered(of);
  }
  void on_data(H2Stream& from, std::string_view bytes) override {
    const std::string start = "data " + std::to_string(from.id()) + " ";
    if (log.size() < 2 || !log.substr(log.rfind('\n', log.size() - 2) + 1).starts_with(start))
      log += start + "\n";
    log.insert(log.size() - 1, bytes);
    if (consumes) codec.consumed(from, bytes.size());
  }
  void on_response_end(H2Stream& of, std::string_view trailers) override {
    log += "end " + std::to_string(of.id()) + " " + std::string(trailers) + "\n";
  }
  void on_closed(H2Stream& of, H2Error error, bool unprocessed) override {
    streams.erase(of.id());
    log += "closed " + std::to_string(of.id()) + " " +
           std::to_string(static_cast<unsigned>(error)) + (unprocessed ? " unprocessed" : "") +
           "\n";
  }
  void on_goaway() override { log += "goaway\n"; }
  H2Piece pull(H2Stream& of, std::span<char> into) override {
    Talk::Body& body = bodies[of.id()];
    const std::size_t size = std::min(into.size(), body.left.size());
    std::copy_n(body.left.begin(), size, into.begin());
    body.left.erase(0, size);
    return {size, body.end && body.left.empty(), body.trailers};
  }

  base::BlockPool blocks;
  std::unique_ptr<HeadStorage> storage = std::make_unique<HeadStorage>();
  ResponseHead head;
  base::Time now = base::kSecond;
  std::string log;
  std::map<std::int32_t, H2Stream*> streams;
  std::map<std::int32_t, Talk::Body> bodies;
  std::function<void(H2Stream&)> when_answered;
  ResponseHead last_head;  // without its slices
  std::string last_fields;
  std::string last_upgrade;
  bool consumes = true;
  bool preface_seen = false;
  H2Client codec;

 private:
  FrameReader reader_;
};

// A client and the server's codec as its target.
struct Pair {
  explicit Pair(const H2Limits& of_client = {}, const H2Limits& of_server = {})
      : client(of_client, {}, Talk::Preface::Awaited),
        server(of_server, {}, Talk::Preface::Awaited) {
    settle();
  }

  // Until neither has anything to say; in pieces of any size.
  void settle(std::size_t piece = SIZE_MAX) {
    for (bool quiet = false; !quiet;) {
      const std::string there = client.produce_bytes();
      server.feed(there, piece);
      base::Buffer out(server.blocks);
      server.codec.produce(out, SIZE_MAX / 2, server.now);
      const std::string back(out.view());
      client.feed(back, piece);
      quiet = there.empty() && back.empty();
    }
  }

  Caller client;
  Talk server;
};

}  // namespace engine::http::h2
