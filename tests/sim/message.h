// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/1.1 as the scripted peers read it: small, slow, strict, and independent of the engine's own parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sim {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Message {
  std::string start_line;
  Fields fields;  // names in lower case
  std::string body;

  [[nodiscard]] std::string field(std::string_view name) const;  // empty when there is none
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] std::string method() const { return start_line.substr(0, start_line.find(' ')); }
  [[nodiscard]] std::string target() const;
  [[nodiscard]] int status() const;
  [[nodiscard]] bool says_close() const;
};

class MessageReader {
 public:
  enum class Kind : std::uint8_t { Request, Response };
  enum class State : std::uint8_t { Head, Body, Complete, Broken };

  explicit MessageReader(Kind kind) : kind_(kind) {}

  // `method` of the request that a response answers.
  void start(std::string_view method = "GET");
  void add(std::string_view bytes);
  // The sender's FIN: the proper end of some messages, the sudden end of others.
  void end();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool head_complete() const {
    return state_ == State::Body || state_ == State::Complete;
  }
  [[nodiscard]] bool complete() const { return state_ == State::Complete; }
  [[nodiscard]] bool broken() const { return state_ == State::Broken; }
  [[nodiscard]] const std::string& why() const { return why_; }
  // Not a byte of it has come.
  [[nodiscard]] bool untouched() const { return state_ == State::Head && pending_.empty(); }
  [[nodiscard]] const Message& message() const { return message_; }
  // Bytes behind a complete message; they count for the next one, unless taken.
  [[nodiscard]] std::string take_rest() { return std::exchange(pending_, {}); }

 private:
  enum class Framing : std::uint8_t { None, Length, Chunked, UntilClose };
  enum class Chunk : std::uint8_t { Size, Data, DataEnd, Trailer };

  void advance();
  bool read_head();
  void read_framing();
  bool read_chunk();
  bool take_line(std::string& line);
  void fail(std::string why);

  Kind kind_;
  State state_ = State::Head;
  Framing framing_ = Framing::None;
  Chunk chunk_ = Chunk::Size;
  std::size_t left_ = 0;
  std::string method_ = "GET";
  std::string pending_;
  Message message_;
  std::string why_;
};

}  // namespace sim
