// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/talk.h"

#include <gtest/gtest.h>

namespace sim {

std::string post_of(std::string_view body) {
  return "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

std::string answer_of(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string seen(Peer& client, std::string_view method) {
  MessageReader reader(MessageReader::Kind::Response);
  reader.start(method);
  reader.add(client.read());
  if (client.at_end()) reader.end();
  if (reader.complete())
    return std::to_string(reader.message().status()) + " " + reader.message().body;
  if (reader.broken() || client.was_reset()) return "broken";
  if (reader.untouched()) return "nothing";
  return "open";
}

std::string seen(const H2Stream& stream) {
  if (stream.complete) return std::to_string(stream.message.status()) + " " + stream.message.body;
  if (stream.closed) return "reset " + std::to_string(stream.error);
  return stream.has_head ? "open" : "nothing";
}

Fields asking(const std::string& method, const std::string& path) {
  return {{":method", method}, {":scheme", "http"}, {":authority", "a.test"}, {":path", path}};
}

Fields asking_for_tunnel() {
  Fields fields = asking("CONNECT");
  fields.emplace_back(":protocol", "sim");
  return fields;
}

const Fields& granting() {
  static const Fields fields = {{":status", "200"}};
  return fields;
}

H2Stream& post(H2End& client, std::string_view body) {
  H2Stream& stream = client.request(asking("POST"), H2End::Content::Follows);
  client.write(stream, body);
  client.finish(stream);
  return stream;
}

void answer(H2End& target, H2Stream& stream, std::string_view body) {
  target.respond(stream, granting(), H2End::Content::Follows);
  target.write(stream, body);
  target.finish(stream);
}

Peer ask(World& world, std::string_view request) {
  Peer client = world.connect();
  world.send(client, request);
  world.settle();
  return client;
}

Message answer_in(Peer& client, std::string_view method) {
  MessageReader reader(MessageReader::Kind::Response);
  reader.start(method);
  reader.add(client.read());
  EXPECT_TRUE(reader.complete()) << reader.why();
  return reader.message();
}

void serve_one(World& world, std::size_t target) {
  Peer peer = world.target(target).take();
  ASSERT_TRUE(peer);
  world.send(peer, kHello);
  world.settle();
}

Talk start(World& world, std::string_view request) {
  Talk talk;
  talk.client = world.connect();
  world.send(talk.client, request);
  world.settle();
  talk.target = world.target().take();
  if (talk.target) talk.request = talk.target.read();
  return talk;
}

void ask_again(World& world, Talk& talk, std::string_view request) {
  world.send(talk.client, request);
  world.settle();
  talk.request = talk.target.read();
}

void answer(World& world, Talk& talk, std::string_view bytes) {
  world.send(talk.target, bytes);
  world.settle();
}

}  // namespace sim
