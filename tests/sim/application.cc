// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/application.h"

#include <algorithm>

namespace sim {
namespace {

std::string answer_with(const std::string& status, const std::string& fields,
                        const std::string& body) {
  return "HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

}  // namespace

Application::Application(Kernel& kernel, std::uint16_t port,
                         std::function<void(const std::string&)> on_request)
    : kernel_(kernel), port_(port), on_request_(std::move(on_request)) {
  kernel.add(*this);
  kernel.serve(port, this);
}

void Application::become(Condition condition) {
  condition_ = condition;
  kernel_.serve(port_, condition == Condition::Refuses ? nullptr : this);
}

void Application::on_peer(Peer peer) {
  connections_.push_back(std::make_unique<Connection>());
  connections_.back()->peer = std::move(peer);
  connections_.back()->reader.start();
}

bool Application::turn() {
  bool busy = false;
  // By index: a turn may bring new connections.
  for (std::size_t i = 0; i < connections_.size(); ++i) busy = turn(*connections_[i]) || busy;
  std::erase_if(connections_, [](const auto& each) { return each->over; });
  return busy;
}

base::Time Application::wakes() const {
  base::Time wake = base::kNever;
  for (const auto& connection : connections_) wake = std::min(wake, connection->due);
  return wake;
}

bool Application::turn(Connection& connection) {
  Peer& peer = connection.peer;
  bool busy = false;
  if (!connection.hangs && connection.out.empty() && peer.readable() > 0) {
    connection.reader.add(peer.read());
    busy = true;
    if (connection.reader.broken())
      kernel_.violation("an application gets a bad request: " + connection.reader.why());
    if (connection.reader.complete()) answer(connection);
  }
  if (!connection.out.empty() && connection.due <= kernel_.now()) {
    const std::size_t sent = peer.write(connection.out);
    connection.out.erase(0, sent);
    busy = busy || sent > 0;
    if (connection.out.empty()) {
      connection.due = base::kNever;
      connection.reader.start();
      connection.over = connection.closes;
    }
  }
  connection.over = connection.over || peer.is_over();
  if (connection.over) peer.close();
  return busy || connection.over;
}

void Application::answer(Connection& connection) {
  const Message& message = connection.reader.message();
  connection.closes = message.says_close();
  connection.due = kernel_.now();
  if (message.target() == kHealthPath) return answer_probe(connection);
  requests_.push_back(kernel_.now());
  connection.due += least_ + static_cast<base::Time>(kernel_.random().below(most_ - least_ + 1));
  connection.out = answer_with(status_, {}, message.target() + " of " + std::to_string(port_));
  on_request_(message.target());
}

void Application::answer_probe(Connection& connection) {
  probes_.push_back(kernel_.now());
  const bool has_https = connection.reader.message().field("x-forwarded-proto") == "https";
  switch (condition_) {
    case Condition::Failing: connection.out = answer_with("503 No", {}, "not yet"); return;
    case Condition::Missing: connection.out = answer_with("404 No", {}, "what?"); return;
    case Condition::Redirects:
      connection.out = answer_with("301 There", "Location: /login\r\n", {});
      return;
    case Condition::Hangs:
      connection.due = base::kNever;
      connection.hangs = true;
      return;
    case Condition::ClosesInHead:
      connection.out = "HTTP/1.1 200 OK\r\nContent-";
      connection.closes = true;
      return;
    case Condition::WantsHttps:
      if (has_https) break;
      connection.out = answer_with("301 There", "Location: https://a.test/up\r\n", {});
      return;
    case Condition::Up:
    case Condition::Refuses: break;
  }
  connection.out = answer_with("200 OK", {}, "up");
}

}  // namespace sim
