// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/control/api_writer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <utility>

#include "engine/base/check.h"

namespace engine::control {
namespace {

// A client that listens has nothing to say.
constexpr std::int64_t kIgnoredBytesMax = 65536;

}  // namespace

async::Task<bool> ApiWriter::reply(ApiReply reply) {
  ENSURE(!std::exchange(has_begun_, true), "a request is answered twice");
  const bool written = co_await write(write_reply(reply, framing_, base::wall_now()));
  may_go_on_ = written && framing_.keep_alive;
  co_return written;
}

async::Task<bool> ApiWriter::begin_events() {
  ENSURE(!std::exchange(has_begun_, true), "a request is answered twice");
  framing_.is_stream = true;
  connection_->scope.spawn(watch_end(connection_));
  // nginx and its like hold a stream back until they are told.
  const ApiReply head{.content_type = "text/event-stream", .fields = {{"X-Accel-Buffering", "no"}}};
  const bool written = co_await write(write_reply(head, framing_, base::wall_now()));
  co_return written && !framing_.is_head;
}

async::Task<bool> ApiWriter::event(std::string name, std::string json) {
  std::string text = "event: " + name + "\n";
  std::string_view rest = json;
  while (true) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    text.append("data: ").append(line).append("\n");
    if (line.size() == rest.size()) break;
    rest.remove_prefix(line.size() + 1);
  }
  const bool written = co_await write(text + "\n");
  co_return written;
}

async::Task<bool> ApiWriter::events(std::string name, std::string lines) {
  std::string text;
  std::string_view rest = lines;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
    text.append("event: ").append(name).append("\ndata: ");
    text.append(rest.substr(0, end)).append("\n\n");
    rest.remove_prefix(end + 1);
  }
  const bool written = co_await write(std::move(text));
  co_return written;
}

async::Task<bool> ApiWriter::wait(async::Event& event) {
  ENSURE(framing_.is_stream, "a heartbeat belongs into a stream of events");
  const int woken = co_await event.wait(connection_->here, connection_->limits.heartbeat);
  if (woken != -ETIMEDOUT) co_return woken == 0;
  const bool written = co_await write(": still here\n\n");
  co_return written;
}

async::Task<bool> ApiWriter::write(std::string text) {
  if (connection_->here.cancelled()) co_return false;
  const base::Time deadline = connection_->scope.now() + connection_->limits.write;
  const int written = co_await connection_->socket.write(text, deadline);
  co_return written == 0;
}

// Reads to notice the end.
async::Task<void> ApiWriter::watch_end(std::shared_ptr<ApiConnection> connection) {
  std::array<char, 512> ignored;
  std::int64_t total = 0;
  while (total < kIgnoredBytesMax) {
    const std::int64_t got = co_await connection->socket.read(ignored, base::kNever);
    if (got <= 0) break;
    total += got;
  }
  connection->here.cancel();
}

}  // namespace engine::control
