// SPDX-License-Identifier: GPL-3.0-or-later
// Our request heads against a reference parser: what we accept it accepts too, with the same
// method, target and fields. We may refuse more, never less.
#include <gtest/gtest.h>
#include <http_parser.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/http/h1_support.h"

namespace engine::http {
namespace {

struct Seen {
  std::string method, target;
  std::vector<std::pair<std::string, std::string>> fields;
  bool complete = false, in_value = true;
  http_errno error = HPE_OK;
};

Seen& seen_of(http_parser* parser) { return *static_cast<Seen*>(parser->data); }

int on_target(http_parser* parser, const char* at, std::size_t size) {
  seen_of(parser).target.append(at, size);
  return 0;
}

int on_name(http_parser* parser, const char* at, std::size_t size) {
  Seen& seen = seen_of(parser);
  if (seen.in_value) seen.fields.emplace_back();
  seen.in_value = false;
  seen.fields.back().first.append(at, size);
  return 0;
}

int on_value(http_parser* parser, const char* at, std::size_t size) {
  Seen& seen = seen_of(parser);
  seen.in_value = true;
  seen.fields.back().second.append(at, size);
  return 0;
}

int on_head(http_parser* parser) {
  seen_of(parser).complete = true;
  seen_of(parser).method = http_method_str(static_cast<http_method>(parser->method));
  return 0;
}

Seen reference(const std::string& bytes) {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = on_target;
  settings.on_header_field = on_name;
  settings.on_header_value = on_value;
  settings.on_headers_complete = on_head;
  http_parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  Seen seen;
  parser.data = &seen;
  http_parser_execute(&parser, &settings, bytes.data(), bytes.size());
  seen.error = HTTP_PARSER_ERRNO(&parser);
  return seen;
}

// It keeps white space at the end of a value; we do not count that as a difference.
std::string trimmed(std::string value) {
  value.erase(value.find_last_not_of(" \t") + 1);
  return value;
}

void expect_agreement(const std::string& bytes) {
  const Request ours(bytes);
  // The reference knows a fixed list of methods.
  if (ours.result.status != HeadStatus::Complete || ours.head.method == Method::Other) return;
  const std::string head = bytes.substr(0, ours.result.consumed);
  const Seen theirs = reference(head);
  // A tab behind a length is white space like any other (RFC 9110 section 5.6.3); the reference
  // errs.
  if (theirs.error == HPE_INVALID_CONTENT_LENGTH && head.contains('\t')) return;
  ASSERT_TRUE(theirs.complete) << testing::PrintToString(head);
  EXPECT_EQ(ours.head.method_text, theirs.method);
  EXPECT_EQ(ours.head.target, theirs.target);
  ASSERT_EQ(ours.head.fields.size(), theirs.fields.size()) << testing::PrintToString(head);
  for (std::size_t i = 0; i < theirs.fields.size(); ++i) {
    EXPECT_EQ(ours.head.fields[i].name, theirs.fields[i].first);
    EXPECT_EQ(ours.head.fields[i].value, trimmed(theirs.fields[i].second))
        << testing::PrintToString(head);
  }
}

// xorshift: the same bytes everywhere.
struct Dice {
  std::uint64_t state = 0x9e3779b97f4a7c15;
  std::size_t below(std::size_t bound) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<std::size_t>(state % bound);
  }
};

TEST(H1Differential, samples_agree_with_the_reference) {
  int accepted = 0;
  for (const std::string& bytes : sample_requests()) {
    expect_agreement(bytes);
    accepted += Request(bytes).result.status == HeadStatus::Complete ? 1 : 0;
  }
  EXPECT_GT(accepted, 8);
}

TEST(H1Differential, every_byte_at_every_place_agrees_with_the_reference) {
  const std::string base =
      "GET /a?b HTTP/1.1\r\nHost: a.b\r\nX-Y: \tv w \r\nContent-Length: 3\r\n\r\n";
  for (std::size_t at = 0; at < base.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = base;
      changed[at] = static_cast<char>(byte);
      expect_agreement(changed);
      expect_agreement(std::string(base).insert(at, 1, static_cast<char>(byte)));
    }
    expect_agreement(std::string(base).erase(at, 1));
  }
}

TEST(H1Differential, random_mixtures_agree_with_the_reference) {
  constexpr std::string_view kPieces[] = {"GET ",
                                          "POST ",
                                          "/",
                                          "/a?b",
                                          "http://h/",
                                          "*",
                                          " ",
                                          " HTTP/1.1",
                                          " HTTP/1.0",
                                          "\r\n",
                                          "\r\n",
                                          "\n",
                                          "\r",
                                          "\t",
                                          "Host: a",
                                          "Host:",
                                          "Content-Length: 5",
                                          "Transfer-Encoding: chunked",
                                          "Connection: ",
                                          "close",
                                          "Upgrade",
                                          ":",
                                          "X-A: b",
                                          "x",
                                          ",",
                                          "Upgrade: websocket",
                                          "Expect: 100-continue",
                                          "\x01",
                                          "\x80",
                                          "\r\n\r\n"};
  Dice dice;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = dice.below(2) == 0 ? "" : "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t count = dice.below(12); count > 0; --count)
      bytes += kPieces[dice.below(std::size(kPieces))];
    expect_agreement(bytes + "\r\n\r\n");
  }
}

}  // namespace
}  // namespace engine::http
