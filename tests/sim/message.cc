// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/message.h"

#include <algorithm>
#include <cctype>

namespace sim {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool all_digits(std::string_view text, int base) {
  return !text.empty() && text.size() < 16 &&
         std::ranges::all_of(
             text,
             [base](unsigned char c) {
               return base == 16 ? std::isxdigit(c) != 0 : std::isdigit(c) != 0;
             });
}

}  // namespace

std::string Message::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

bool Message::has(std::string_view name) const {
  return std::ranges::any_of(fields, [name](const auto& each) { return each.first == name; });
}

std::string Message::target() const {
  const std::size_t from = start_line.find(' ') + 1;
  return start_line.substr(from, start_line.find(' ', from) - from);
}

int Message::status() const {
  return start_line.size() < 12 ? 0 : std::stoi(start_line.substr(9, 3));
}

bool Message::says_close() const {
  return lower(field("connection")).find("close") != std::string::npos;
}

void MessageReader::start(std::string_view method) {
  state_ = State::Head;
  chunk_ = Chunk::Size;
  left_ = 0;
  method_ = method;
  message_ = {};
  advance();
}

void MessageReader::add(std::string_view bytes) {
  pending_ += bytes;
  advance();
}

void MessageReader::end() {
  if (state_ == State::Body && framing_ == Framing::UntilClose) {
    state_ = State::Complete;
  } else if (state_ == State::Body || (state_ == State::Head && !pending_.empty())) {
    fail("the connection ended inside a message");
  }
}

void MessageReader::fail(std::string why) {
  state_ = State::Broken;
  why_ = std::move(why);
}

bool MessageReader::take_line(std::string& line) {
  const std::size_t end = pending_.find("\r\n");
  if (end == std::string::npos) return false;
  line = pending_.substr(0, end);
  pending_.erase(0, end + 2);
  if (line.find_first_of("\r\n") != std::string::npos) fail("a bare CR or LF");
  return true;
}

void MessageReader::advance() {
  if (state_ == State::Head && !read_head()) return;
  if (state_ != State::Body) return;
  if (framing_ == Framing::Chunked) {
    while (state_ == State::Body && read_chunk()) {
    }
    return;
  }
  const std::size_t count =
      framing_ == Framing::UntilClose ? pending_.size() : std::min(left_, pending_.size());
  message_.body.append(pending_, 0, count);
  pending_.erase(0, count);
  if (framing_ == Framing::UntilClose) return;
  left_ -= count;
  if (left_ == 0) state_ = State::Complete;
}

bool MessageReader::read_head() {
  const std::size_t end = pending_.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  take_line(message_.start_line);
  std::string line;
  while (state_ == State::Head && take_line(line) && !line.empty()) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0) {
      fail("a field without a name: " + line);
      return false;
    }
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    message_.fields.emplace_back(lower(line.substr(0, colon)),
                                 value == std::string::npos ? "" : line.substr(value));
  }
  if (state_ != State::Head) return false;
  state_ = State::Body;
  read_framing();
  return true;
}

void MessageReader::read_framing() {
  const std::string length = message_.field("content-length");
  const bool chunked = message_.field("transfer-encoding") == "chunked";
  if (message_.has("transfer-encoding") && !chunked) return fail("an unknown transfer coding");
  if (chunked && message_.has("content-length")) return fail("two framings");
  if (message_.has("content-length") && !all_digits(length, 10)) return fail("a bad length");
  const int status = kind_ == Kind::Response ? message_.status() : 0;
  const bool bodyless = kind_ == Kind::Response &&
                        (method_ == "HEAD" || status < 200 || status == 204 || status == 304);
  framing_ = Framing::None;
  left_ = 0;
  if (bodyless) return;
  if (chunked) {
    framing_ = Framing::Chunked;
  } else if (message_.has("content-length")) {
    framing_ = Framing::Length;
    left_ = std::stoull(length);
  } else if (kind_ == Kind::Response) {
    framing_ = Framing::UntilClose;
  }
}

// False when more bytes are needed.
bool MessageReader::read_chunk() {
  std::string line;
  switch (chunk_) {
    case Chunk::Size:
      if (!take_line(line)) return false;
      if (!all_digits(line, 16)) {
        fail("a bad chunk size: " + line.substr(0, 40));
        return false;
      }
      left_ = std::stoull(line, nullptr, 16);
      chunk_ = left_ == 0 ? Chunk::Trailer : Chunk::Data;
      return true;
    case Chunk::Data: {
      const std::size_t count = std::min(left_, pending_.size());
      message_.body.append(pending_, 0, count);
      pending_.erase(0, count);
      left_ -= count;
      if (left_ == 0) chunk_ = Chunk::DataEnd;
      return left_ == 0;
    }
    case Chunk::DataEnd:
      if (pending_.size() < 2) return false;
      if (!take_line(line) || !line.empty()) fail("chunk data longer than its size");
      chunk_ = Chunk::Size;
      return true;
    case Chunk::Trailer:
      if (!take_line(line)) return false;
      if (line.empty()) state_ = State::Complete;
      return true;
  }
  return false;
}

}  // namespace sim
