// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about HTTP/1 request heads, except framing and Host
// (h1_request_fields_test.cc).
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/http/h1_support.h"

namespace engine::http {
namespace {

using base::Cause;
using namespace std::string_literals;

TEST(H1Request, a_plain_request_is_understood) {
  const Request r("GET /a/b?q=1 HTTP/1.1\r\nHost: a.test:80\r\nAccept: */*\r\n\r\n");

  ASSERT_EQ(r.result.status, HeadStatus::Complete);
  EXPECT_EQ(r.result.consumed, r.bytes.size());
  EXPECT_EQ(r.head.method, Method::Get);
  EXPECT_EQ(r.head.path, "/a/b");
  EXPECT_TRUE(r.head.has_query);
  EXPECT_EQ(r.head.query, "q=1");
  EXPECT_EQ(r.head.authority, "a.test:80");
  EXPECT_EQ(r.head.accept, "*/*");
  EXPECT_EQ(r.head.framing, Framing::None);
  EXPECT_TRUE(r.head.keep_alive);
  EXPECT_EQ(r.head.fields.size(), 2u);
}

TEST(H1Request, what_follows_the_head_is_not_consumed) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_EQ(Request(head + "GET /next").result.consumed, head.size());
}

TEST(H1Request, an_unknown_method_passes_and_keeps_its_case) {
  const Request r = request_line("get / HTTP/1.1");
  EXPECT_EQ(r.result.status, HeadStatus::Complete);
  EXPECT_EQ(r.head.method, Method::Other);
  EXPECT_EQ(r.head.method_text, "get");
  EXPECT_EQ(request_line("PROPFIND / HTTP/1.1").result.status, HeadStatus::Complete);
}

TEST(H1Request, connect_and_trace_and_pri_are_refused) {
  EXPECT_EQ(request_line("CONNECT a.test:443 HTTP/1.1").cause(), Cause::MethodRefused);
  EXPECT_EQ(request_line("TRACE / HTTP/1.1").cause(), Cause::MethodRefused);
  EXPECT_EQ(request_line("PRI /x HTTP/1.1").cause(), Cause::MethodRefused);
}

TEST(H1Request, the_http2_preface_is_a_refused_version) {
  EXPECT_EQ(Request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").cause(), Cause::VersionRefused);
}

TEST(H1Request, a_tls_hello_is_named_as_such_at_its_first_byte) {
  const Request r("\x16");
  EXPECT_EQ(r.cause(), Cause::BadRequest);
  EXPECT_EQ(r.result.why, "TLS on a plain port");
}

TEST(H1Request, broken_request_lines_are_refused) {
  for (const char* line :
       {" / HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1",
        "GET /", "GET / x HTTP/1.1", "G\xc9T / HTTP/1.1", "G@T / HTTP/1.1", "GET / HTTP/1.1x",
        "GET / HTTQ/1.1", "GET / http/1.1", "GET / HTTP/1.", "GET / HTTP/11", "GET / HTTP/1.10",
        "GET / HTTP/01.1", "GET / HTTP /1.1", "PROXY TCP4 6.6.6.6 7.7.7.7 1 2", "/ HTTP/1.1"}) {
    EXPECT_EQ(request_line(line).cause(), Cause::BadRequest) << line;
  }
}

TEST(H1Request, versions_other_than_1_x_are_refused_as_versions) {
  for (const char* line :
       {"GET / HTTP/2.0", "GET / HTTP/0.9", "GET / HTTP/9.9", "GET / HTTP/3.0"}) {
    EXPECT_EQ(request_line(line).cause(), Cause::VersionRefused) << line;
  }
}

TEST(H1Request, a_later_minor_version_is_1_1) {
  EXPECT_EQ(request_line("GET / HTTP/1.2").head.minor_version, 1);
  EXPECT_EQ(request_line("GET / HTTP/1.0").head.minor_version, 0);
}

TEST(H1Request, http_0_9_is_refused_at_its_first_line) {
  EXPECT_EQ(Request("GET /\r\n").cause(), Cause::BadRequest);
}

TEST(H1Request, bad_targets_are_refused) {
  for (const char* target : {"x",
                             "@evil.test/x",
                             "\\c\\x",
                             "/a#f",
                             "/a\x01",
                             "/a\x7f",
                             "/a\xc3\xa9",
                             "*x",
                             "a.test:80",
                             "ftp://a.test/",
                             "http:/a",
                             "http:///a",
                             "http://",
                             "http://u:p@a.test/",
                             "http://a.test:99999/",
                             "http://a.test:0/",
                             "http://a b/",
                             "http://[::1/",
                             "http://a.test,b.test/",
                             "?q"}) {
    EXPECT_EQ(request_line("GET " + std::string(target) + " HTTP/1.1").cause(), Cause::BadRequest)
        << target;
  }
}

TEST(H1Request, a_nul_or_cr_in_the_target_is_refused) {
  EXPECT_EQ(request_line("GET /a\0b HTTP/1.1"s).cause(), Cause::BadRequest);
  EXPECT_EQ(request_line("GET /a\rX HTTP/1.1").cause(), Cause::BadRequest);
}

TEST(H1Request, asterisk_form_is_for_options_only) {
  EXPECT_EQ(request_line("OPTIONS * HTTP/1.1").head.path, "*");
  EXPECT_EQ(request_line("GET * HTTP/1.1").cause(), Cause::BadRequest);
}

TEST(H1Request, percent_encoding_and_query_stay_as_they_are) {
  const Request r =
      request_line("GET /a%2fb%00%0d%0a//../%C3%A9?a=%2F&c=//..&d=a+b?{}|%zz% HTTP/1.1");
  EXPECT_EQ(r.head.path, "/a%2fb%00%0d%0a//../%C3%A9");
  EXPECT_EQ(r.head.query, "a=%2F&c=//..&d=a+b?{}|%zz%");
}

TEST(H1Request, a_broken_percent_escape_in_the_path_is_refused) {
  for (const char* path : {"/a%zz", "/a%2", "/%", "/%%41", "/%g0", "http://a.test/%x"}) {
    EXPECT_EQ(request_line("GET " + std::string(path) + " HTTP/1.1").cause(), Cause::BadRequest)
        << path;
  }
}

TEST(H1Request, two_slashes_start_a_path_and_no_authority) {
  const Request r = request_line("GET //evil.test/x HTTP/1.1");
  EXPECT_EQ(r.head.path, "//evil.test/x");
  EXPECT_EQ(r.head.authority, "a.test");
}

TEST(H1Request, an_absolute_form_wins_over_host) {
  const Request r = request_line("GET HTTP://B.test:81/x?y HTTP/1.1");
  EXPECT_EQ(r.head.authority, "B.test:81");
  EXPECT_EQ(r.head.path, "/x");
  EXPECT_EQ(r.head.query, "y");
}

TEST(H1Request, an_absolute_form_without_a_path_means_the_root_or_the_server) {
  EXPECT_EQ(request_line("GET http://b.test HTTP/1.1").head.path, "/");
  EXPECT_EQ(request_line("GET http://b.test?q HTTP/1.1").head.path, "/");
  EXPECT_EQ(request_line("GET http://b.test?q HTTP/1.1").head.query, "q");
  EXPECT_EQ(request_line("OPTIONS http://b.test HTTP/1.1").head.path, "*");
}

TEST(H1Request, an_empty_query_is_told_from_none) {
  EXPECT_TRUE(request_line("GET /? HTTP/1.1").head.has_query);
  EXPECT_FALSE(request_line("GET / HTTP/1.1").head.has_query);
}

TEST(H1Request, empty_lines_before_the_request_are_skipped_and_bounded) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string lines;
  for (std::uint32_t i = 0; i < kEmptyLinesMax; ++i) lines += "\r\n";

  EXPECT_EQ(Request(lines + head).result.consumed, lines.size() + head.size());
  EXPECT_EQ(Request(lines + "\r\n" + head).cause(), Cause::BadRequest);
  EXPECT_EQ(Request("\r\n\r\n").result.consumed, 4u);
  EXPECT_EQ(Request("\r\n\r\n").result.status, HeadStatus::Incomplete);
  EXPECT_EQ(Request("\n" + head).cause(), Cause::BadRequest);
  EXPECT_EQ(Request("\r" + head).cause(), Cause::BadRequest);
}

TEST(H1Request, a_bare_lf_is_refused_at_once) {
  EXPECT_EQ(Request("GET / HTTP/1.1\nHost: a\n\n").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET / HTTP/1.1\r\nHost: a\n").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET / HTTP/1.1\r\nHost: a\r\n\n").cause(), Cause::BadRequest);
  EXPECT_EQ(fields("X-A: b\nX-B: c\r\n").cause(), Cause::BadRequest);
}

TEST(H1Request, a_bare_cr_is_refused) {
  EXPECT_EQ(fields("X-A: b\rc\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(fields("X-A: b\r\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(fields("X-A: b\r\n\rX").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n").cause(), Cause::BadRequest);
}

TEST(H1Request, folded_lines_and_leading_space_are_refused) {
  EXPECT_EQ(fields("X-A: b\r\n c\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(fields("X-A: b\r\n\tTransfer-Encoding: chunked\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET / HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(fields("Transfer-Encoding:\r\n chunked\r\n").cause(), Cause::BadRequest);
}

TEST(H1Request, bad_field_names_are_refused) {
  for (const char* line :
       {"X-A : b", "X-A\t: b", ": b", "X-A", "X(A): b", "X@A: b", "X\xe9: b", "X\x01: b",
        "X\x7f: b", "\"X\": b", "X A: b", "X-A-Very-Long-Name-With-A-Space : b"}) {
    EXPECT_EQ(fields(line + std::string("\r\n")).cause(), Cause::BadRequest) << line;
  }
  EXPECT_EQ(fields("X\0A: b\r\n"s).cause(), Cause::BadRequest);
}

TEST(H1Request, every_token_character_may_be_in_a_name) {
  const Request r = fields("X!#$%&'*+-.^_`|~9: b\r\n");
  ASSERT_EQ(r.result.status, HeadStatus::Complete);
  EXPECT_EQ(r.head.fields[1].name, "X!#$%&'*+-.^_`|~9");
}

TEST(H1Request, control_characters_in_values_are_refused_wherever_they_are) {
  for (int c = 0; c < 256; ++c) {
    const bool good = c == '\t' || (c >= 0x20 && c != 0x7f);
    for (const std::size_t before : {1u, 15u, 16u, 40u}) {
      const std::string value = std::string(before, 'x') + static_cast<char>(c) + "yz";
      const Request r = fields("X-A: " + value + "\r\n");
      ASSERT_EQ(r.result.status, good ? HeadStatus::Complete : HeadStatus::Bad) << c;
      if (good) {
        ASSERT_EQ(r.head.fields[1].value, value);
      }
    }
  }
}

TEST(H1Request, white_space_around_a_value_is_no_part_of_it) {
  const Request r = fields("A:b\r\nB: \t b\tc d \t\r\nC:\r\nD:  \r\nE: b\r\n");
  ASSERT_EQ(r.head.fields.size(), 6u);
  EXPECT_EQ(r.head.fields[1].value, "b");
  EXPECT_EQ(r.head.fields[2].value, "b\tc d");
  EXPECT_EQ(r.head.fields[3].value, "");
  EXPECT_EQ(r.head.fields[4].value, "");
  EXPECT_FALSE(r.head.fields[1].verbatim);
  EXPECT_FALSE(r.head.fields[2].verbatim);
  EXPECT_FALSE(r.head.fields[4].verbatim);
  EXPECT_TRUE(r.head.fields[5].verbatim);
}

TEST(H1Request, repeated_fields_keep_their_order) {
  const Request r = fields("X-A: 1\r\nX-B: z\r\nX-A: 2\r\n");
  EXPECT_EQ(r.head.fields[1].value, "1");
  EXPECT_EQ(r.head.fields[3].value, "2");
}

TEST(H1Request, the_first_line_is_limited_to_the_byte) {
  const HeadLimits limits{.head_bytes = 4096, .line_bytes = 64, .field_count = 8};
  const auto line = [](std::size_t size) {
    return "GET /" + std::string(size - 14, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(Request(line(64), limits).result.status, HeadStatus::Complete);
  EXPECT_EQ(Request(line(65), limits).cause(), Cause::TargetTooLong);
  EXPECT_EQ(Request(std::string(66, 'a'), limits).cause(), Cause::TargetTooLong);
}

TEST(H1Request, the_head_is_limited_to_the_byte) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyy\r\n\r\n";
  const auto size = static_cast<std::uint32_t>(bytes.size());
  EXPECT_EQ(Request(bytes, {.head_bytes = size, .line_bytes = 20, .field_count = 8}).result.status,
            HeadStatus::Complete);
  EXPECT_EQ(Request(bytes, {.head_bytes = size - 1, .line_bytes = 20, .field_count = 8}).cause(),
            Cause::HeadTooLarge);
}

TEST(H1Request, the_number_of_fields_is_limited) {
  const auto count = [](int n) {
    std::string lines;
    for (int i = 0; i < n - 1; ++i) lines += "X-A: b\r\n";
    return fields(lines);
  };
  EXPECT_EQ(count(200).result.status, HeadStatus::Complete);
  EXPECT_EQ(count(201).cause(), Cause::HeadTooLarge);
}

TEST(H1Request, an_8000_byte_line_and_a_14_kb_head_of_90_fields_are_normal) {
  EXPECT_EQ(request_line("GET /" + std::string(7980, 'a') + " HTTP/1.1").result.status,
            HeadStatus::Complete);
  std::string lines;
  for (int i = 0; i < 89; ++i) lines += "X-Field: " + std::string(146, 'v') + "\r\n";
  EXPECT_EQ(fields(lines).result.status, HeadStatus::Complete);
}

TEST(H1Request, any_split_of_the_bytes_gives_the_same_result) {
  for (const std::string& bytes : sample_requests()) {
    const Request whole(bytes);
    HeadStorage storage;
    RequestHead head;
    std::uint32_t scanned = 0;
    HeadResult result;
    for (std::size_t size = 1; size <= bytes.size(); ++size) {
      result = parse_request(std::string_view(bytes).substr(0, size), scanned, {}, storage, head);
      if (result.status != HeadStatus::Incomplete) break;
    }
    EXPECT_EQ(result.status, whole.result.status) << bytes;
    EXPECT_EQ(result.cause, whole.result.cause) << bytes;
    EXPECT_EQ(result.consumed, whole.result.consumed) << bytes;
  }
}

}  // namespace
}  // namespace engine::http
