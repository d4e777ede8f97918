// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "engine/cli/echo_paths.h"
#include "engine/cli/echo_pattern.h"
#include "engine/http/h1_head.h"

namespace engine::cli {
namespace {

constexpr std::size_t kInputBytes = 64 * 1024;
constexpr std::size_t kOutputBytesMax = 64 * 1024;  // no more is answered before this is written
constexpr std::size_t kShareBytes = 1024 * 1024;    // one connection writes in one tick
constexpr int kShareTurns = 512;                    // and as many turns it has
constexpr std::size_t kSlowReadBytes = 1024;        // by /slow-read at once
constexpr base::Time kLingerTime = 2 * base::kSecond;
// A head must fit the input buffer with room to read on.
constexpr http::HeadLimits kHeadLimits{.head_bytes = 60 * 1024, .line_bytes = 32 * 1024};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

bool is_plain_ok(const http::RequestHead& head, std::size_t path_skip) {
  return head.target == "/ok" && head.method == http::Method::Get && path_skip == 0 &&
         head.framing == http::Framing::None && head.keep_alive && head.minor_version == 1;
}

bool reads_slowly(const Exchange& exchange) {
  return exchange.kind == Exchange::Kind::Count && exchange.piece > 0;
}

}  // namespace

void EchoShared::wake_at(const EchoTimer& timer) {
  timers.push_back(timer);
  std::push_heap(timers.begin(), timers.end(),
                 [](const EchoTimer& a, const EchoTimer& b) { return a.due > b.due; });
}

void EchoConnection::open(int fd) {
  fd_ = fd;
  if (!in_) in_ = std::make_unique_for_overwrite<char[]>(kInputBytes);
  readable_ = writable_ = true;
  peer_ended_ = input_ended_ = broken_ = false;
  in_at_ = in_end_ = parsed_end_ = path_skip_ = 0;
  scanned_ = 0;
  out_.clear();
  out_at_ = 0;
  held_from_ = std::string::npos;
  block_left_ = 0;
  phase_ = Phase::Head;
  requests_ = 0;
  id_ = ++shared_.connections;
}

void EchoConnection::close() {
  ::close(fd_);
  fd_ = -1;
  ++generation_;  // events and timers on their way are not for the next connection
}

void EchoConnection::on_ready(std::uint32_t events) {
  if ((events & EPOLLIN) != 0) readable_ = true;
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & EPOLLRDHUP) != 0) peer_ended_ = readable_ = true;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) broken_ = true;
}

EchoConnection::Outcome EchoConnection::advance() {
  if (broken_) return Outcome::Over;
  for (int turns = 0; turns < kShareTurns; ++turns) {
    const Turn step = has_room() ? turn() : Turn::Again;
    if (step == Turn::Again && has_room()) continue;

    switch (flush()) {
      case Flush::Broken: return Outcome::Over;
      case Flush::Blocked: return Outcome::Waits;
      case Flush::Share: return Outcome::Again;
      case Flush::Empty: break;
    }
    if (step == Turn::Wait) return Outcome::Waits;
    if (step == Turn::End && finish()) return Outcome::Over;
  }
  return Outcome::Again;
}

EchoConnection::Turn EchoConnection::turn() {
  switch (phase_) {
    case Phase::Head: return read_head();
    case Phase::Drain: return drain();
    case Phase::Linger: return linger();
    case Phase::Answer: break;
  }
  const Turn step = answer();
  return step == Turn::Done ? end_exchange() : step;
}

EchoConnection::Turn EchoConnection::read_head() {
  if (in_at_ == in_end_ || in_end_ == parsed_end_) {
    const Fill filled = fill();
    if (filled == Fill::Nothing) return Turn::Wait;
    if (filled == Fill::Ended) {
      exchange_.end = Exchange::End::Cut;
      return Turn::End;
    }
  }
  http::RequestHead head;
  const http::HeadResult result =
      http::parse_request(input(), scanned_, kHeadLimits, shared_.storage, head);
  if (result.status == http::HeadStatus::Bad) {
    const bool large = result.cause == base::Cause::HeadTooLarge;
    return refuse(head, large ? 431 : base::describe(result.cause).status, result.why);
  }
  if (result.status == http::HeadStatus::Incomplete) {
    if (result.consumed > 0) scanned_ = 0;
    consume(result.consumed);
    parsed_end_ = in_end_;
    return Turn::Again;
  }
  scanned_ = 0;
  parsed_end_ = 0;
  if (is_plain_ok(head, path_skip_)) {
    ++requests_;
    out_ += kOkReply;
    consume(result.consumed);
    return Turn::Again;
  }
  const Turn step = start(head);
  // A delayed request is parsed again when its time has come.
  if (exchange_.kind != Exchange::Kind::Delay) consume(result.consumed);
  return step;
}

EchoConnection::Turn EchoConnection::start(const http::RequestHead& head) {
  if (path_skip_ == 0) ++requests_;
  const std::size_t mark = out_.size();
  const EchoRequest request{.head = head,
                            .path = head.path.substr(std::min(path_skip_, head.path.size())),
                            .connection = id_,
                            .number = requests_};
  exchange_ = answer_request(request, out_);
  exchange_.skip += path_skip_;
  path_skip_ = 0;
  phase_ = Phase::Answer;
  if (exchange_.kind == Exchange::Kind::Delay) {
    exchange_.due = shared_.now + exchange_.gap;
    shared_.wake_at({exchange_.due, slot_, generation_});
    return Turn::Again;
  }
  websocket_ = WebSocketEcho();
  body_ = http::BodyDecoder(head.framing, head.content_length);
  if (exchange_.ignores_body || body_.done()) return Turn::Again;

  if (head.expect_continue) out_.insert(mark, kContinue);
  if (!exchange_.takes_body()) {
    held_from_ = mark + (head.expect_continue ? kContinue.size() : 0);
    phase_ = Phase::Drain;
  }
  if (reads_slowly(exchange_)) {
    const int small = 8 * 1024;  // else the kernel would read ahead of us
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  }
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::refuse(const http::RequestHead& head, unsigned status,
                                            std::string_view why) {
  exchange_ = Exchange();
  exchange_.style = {.http10 = head.minor_version == 0, .keep_alive = false, .head_only = false};
  exchange_.end = Exchange::End::Close;
  std::string body(why);
  body += '\n';
  append_reply(out_, exchange_.style, status, kTextPlain, body);
  phase_ = Phase::Answer;
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::drain() {
  std::string_view data;
  const Turn step = next_body(data);
  if (step == Turn::End) exchange_.end = Exchange::End::Cut;
  if (step != Turn::Done) return step;
  held_from_ = std::string::npos;
  phase_ = Phase::Answer;
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::end_exchange() {
  exchange_.kind = Exchange::Kind::Text;  // all is said, also when the end is asked for again
  if (exchange_.end != Exchange::End::KeepAlive) return Turn::End;
  phase_ = Phase::Head;
  return Turn::Again;
}

EchoConnection::Turn EchoConnection::linger() {
  in_at_ = in_end_ = 0;
  const Fill filled = fill();
  if (filled == Fill::Got) return Turn::Again;
  exchange_.end = Exchange::End::Cut;
  return filled == Fill::Ended || shared_.now >= linger_due_ ? Turn::End : Turn::Wait;
}

// All output is written. True: the connection can be closed; false: it lingers.
bool EchoConnection::finish() {
  if (exchange_.end == Exchange::End::Reset) {
    const struct linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return true;
  }
  if (exchange_.end == Exchange::End::Cut || input_ended_) return true;

  // A close while the peer still sends would become a RST that destroys the answer on its way.
  ::shutdown(fd_, SHUT_WR);
  phase_ = Phase::Linger;
  linger_due_ = shared_.now + kLingerTime;
  shared_.wake_at({linger_due_, slot_, generation_});
  return false;
}

std::string_view EchoConnection::input() const noexcept {
  return {in_.get() + in_at_, in_end_ - in_at_};
}

void EchoConnection::consume(std::size_t bytes) noexcept { in_at_ += bytes; }

EchoConnection::Fill EchoConnection::fill() {
  if (input_ended_) return Fill::Ended;
  if (!readable_) return Fill::Nothing;
  if (in_at_ == in_end_) {
    in_at_ = in_end_ = 0;
  } else if (in_end_ == kInputBytes) {
    std::memmove(in_.get(), in_.get() + in_at_, in_end_ - in_at_);
    in_end_ -= in_at_;
    in_at_ = 0;
  }
  std::size_t room = kInputBytes - in_end_;
  if (phase_ == Phase::Answer && reads_slowly(exchange_)) room = std::min(room, kSlowReadBytes);
  const ssize_t got = ::recv(fd_, in_.get() + in_end_, room, 0);
  if (got > 0) {
    in_end_ += static_cast<std::size_t>(got);
    parsed_end_ = 0;
    // Less than was asked for: the socket is empty, and the next edge will tell (epoll(7)).
    readable_ = static_cast<std::size_t>(got) == room || peer_ended_;
    return Fill::Got;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    readable_ = errno == EINTR;
    return Fill::Nothing;
  }
  input_ended_ = true;
  return Fill::Ended;
}

bool EchoConnection::has_room() const noexcept {
  // While a body is drained the held answer counts for nothing: it cannot be written anyway.
  if (phase_ == Phase::Drain) return true;
  return block_left_ == 0 && out_.size() - out_at_ < kOutputBytesMax;
}

EchoConnection::Flush EchoConnection::flush() {
  constexpr std::size_t kPieces = 4;
  std::size_t share = kShareBytes;
  for (;;) {
    const std::size_t text = std::min(out_.size(), held_from_) - out_at_;
    if (text == 0 && block_left_ == 0) break;
    if (!writable_) return Flush::Blocked;
    if (share == 0) return Flush::Share;

    std::array<iovec, kPieces + 1> pieces;
    std::size_t count = 0;
    std::size_t total = text;
    if (text > 0) pieces[count++] = {out_.data() + out_at_, text};
    std::uint64_t at = block_at_;
    for (std::uint64_t left = block_left_; left > 0 && count <= kPieces; ++count) {
      const std::string_view block = pattern_at(at).substr(0, left);
      pieces[count] = {const_cast<char*>(block.data()), block.size()};
      total += block.size();
      at += block.size();
      left -= block.size();
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return Flush::Broken;

    const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    writable_ = done == total;
    out_at_ += std::min(done, text);
    block_at_ += done - std::min(done, text);
    block_left_ -= done - std::min(done, text);
    share -= std::min(share, done);
    // A peer that never quite catches up must not make the text grow by what it has already read.
    if (out_at_ >= kOutputBytesMax && held_from_ == std::string::npos) {
      out_.erase(0, out_at_);
      out_at_ = 0;
    }
  }
  if (held_from_ == std::string::npos) {
    out_.clear();
    out_at_ = 0;
  }
  return Flush::Empty;
}

}  // namespace engine::cli
