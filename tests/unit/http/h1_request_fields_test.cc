// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about the fields of an HTTP/1 request that the engine acts on.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/http/h1_support.h"

namespace engine::http {
namespace {

using base::Cause;
using namespace std::string_literals;

Request host(const std::string& value) {
  return Request("GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n");
}

Request with(const std::string& lines) { return fields(lines); }

TEST(H1Host, it_is_there_once_in_1_1_and_may_be_missing_in_1_0) {
  EXPECT_EQ(Request("GET / HTTP/1.1\r\nX: y\r\n\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET / HTTP/1.0\r\nX: y\r\n\r\n").result.status, HeadStatus::Complete);
  EXPECT_EQ(with("Host: b.test\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(with("Host: a.test\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n").cause(), Cause::BadRequest);
}

TEST(H1Host, an_invalid_one_is_refused) {
  for (const char* value : {"a.test, evil.test",
                            "a,b",
                            "a\ttest",
                            "a test",
                            "a#x",
                            "a/x",
                            "u@a",
                            "a:abc",
                            "a:99999",
                            "a:0",
                            "a:-1",
                            "[::1",
                            "::1",
                            "[::1]x",
                            "[1:2]",
                            "a\\b",
                            "a?b",
                            "",
                            ".a",
                            "a..b",
                            "a;b",
                            "a%00",
                            "\xc3\xa9.test"}) {
    EXPECT_EQ(host(value).cause(), Cause::BadRequest) << value;
  }
  EXPECT_EQ(host("a\0b"s).cause(), Cause::BadRequest);
}

TEST(H1Host, names_addresses_ports_and_a_trailing_dot_are_valid) {
  for (const char* value : {"a.test", "A.TEST.", "a:80", "a:", "127.0.0.1:8080", "[::1]",
                            "[::1]:80", "[::ffff:1.2.3.4]", "my_app"}) {
    EXPECT_EQ(host(value).result.status, HeadStatus::Complete) << value;
  }
}

TEST(H1Host, an_invalid_one_is_refused_beside_an_absolute_form_too) {
  EXPECT_EQ(Request("GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET http://a/ HTTP/1.1\r\n\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(Request("GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n").result.status, HeadStatus::Complete);
}

TEST(H1Host, a_forwarded_host_does_not_become_the_authority) {
  EXPECT_EQ(with("X-Forwarded-Host: evil.test\r\n").head.authority, "a.test");
}

TEST(H1Framing, a_content_length_frames_the_body_of_any_method) {
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS", "POST"}) {
    const Request r(std::string(method) + " / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\n");
    EXPECT_EQ(r.head.framing, Framing::Length);
    EXPECT_EQ(r.head.content_length, 5u);
  }
}

TEST(H1Framing, a_content_length_that_is_no_number_is_refused) {
  for (const char* value :
       {"", "+5", "-5", "5,", "5, 5", "5, 6", "5 5", "0x5", "1e3", "1_0", "5\xb2", "a", "5;",
        "18446744073709551621", "9223372036854775808", "99999999999999999999999"}) {
    EXPECT_EQ(with("Content-Length: " + std::string(value) + "\r\n").cause(), Cause::BadRequest)
        << value;
  }
  EXPECT_EQ(with("Content-Length: 9223372036854775799\r\n").result.status, HeadStatus::Complete);
}

TEST(H1Framing, two_content_lengths_are_refused_even_when_equal) {
  EXPECT_EQ(with("Content-Length: 0\r\nContent-Length: 40\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(with("Content-Length: 5\r\nContent-Length: 5\r\n").cause(), Cause::BadRequest);
}

TEST(H1Framing, chunked_is_known_in_any_case_and_with_space_around) {
  for (const char* value : {"chunked", "CHUNKED", " \t chunked \t"}) {
    EXPECT_EQ(with("Transfer-Encoding: " + std::string(value) + "\r\n").head.framing,
              Framing::Chunked);
  }
}

TEST(H1Framing, another_coding_is_unknown) {
  for (const char* value :
       {"gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked", "chunke"}) {
    EXPECT_EQ(with("Transfer-Encoding: " + std::string(value) + "\r\n").cause(),
              Cause::CodingUnknown)
        << value;
  }
  EXPECT_EQ(with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n").cause(),
            Cause::CodingUnknown);
}

TEST(H1Framing, a_malformed_transfer_encoding_is_refused) {
  for (const char* value :
       {"", ",chunked", "chunked,", "chunked, chunked", "chunked;q=1", "chunked foo",
        "\x0b"
        "chunked",
        "\"chunked\"", "chunked\x01"}) {
    EXPECT_EQ(with("Transfer-Encoding: " + std::string(value) + "\r\n").cause(), Cause::BadRequest)
        << value;
  }
  EXPECT_EQ(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").cause(),
            Cause::BadRequest);
}

TEST(H1Framing, length_and_coding_together_are_refused) {
  EXPECT_EQ(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(with("tRANSFER-eNCODING: chunked\r\ncONTENT-lENGTH: 5\r\n").cause(), Cause::BadRequest);
  EXPECT_EQ(with("Transfer-Encoding: x\r\nContent-Length: 5\r\n").cause(), Cause::BadRequest);
}

TEST(H1Framing, a_coding_in_1_0_is_refused) {
  const Request r("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(r.cause(), Cause::BadRequest);
}

TEST(H1Framing, underscore_variants_do_not_frame) {
  const Request r =
      with("Transfer_Encoding: chunked\r\nContent_Length: 7\r\nContent-Length: 5\r\n");
  EXPECT_EQ(r.head.framing, Framing::Length);
  EXPECT_EQ(r.head.content_length, 5u);
  EXPECT_EQ(r.head.fields[1].known, FieldName::Disguised);
}

TEST(H1Expect, a_continue_is_expected_only_for_a_body_in_1_1) {
  EXPECT_TRUE(with("Expect: 100-Continue\r\nContent-Length: 5\r\n").head.expect_continue);
  EXPECT_FALSE(with("Expect: 100-continue\r\n").head.expect_continue);
  EXPECT_FALSE(with("Expect: 100-continue\r\nContent-Length: 0\r\n").head.expect_continue);
  const Request old("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(old.result.status, HeadStatus::Complete);
  EXPECT_FALSE(old.head.expect_continue);
}

TEST(H1Expect, other_expectations_are_refused) {
  for (const char* lines :
       {"Expect: foo\r\n", "Expect: \r\n", "Expect: 100-continue, x\r\n",
        "Expect: x\r\nExpect: 100-continue\r\n", "Expect: 100-continue\r\nExpect: x\r\n"}) {
    EXPECT_EQ(with(std::string(lines) + "Content-Length: 5\r\n").cause(), Cause::ExpectationRefused)
        << lines;
  }
}

TEST(H1Connection, close_and_keep_alive_follow_the_version) {
  EXPECT_FALSE(with("Connection: close\r\n").head.keep_alive);
  EXPECT_FALSE(with("Connection: x\r\nConnection: y, CLOSE\r\n").head.keep_alive);
  EXPECT_FALSE(Request("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(Request("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(Request("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").head.keep_alive);
}

TEST(H1Connection, it_marks_the_fields_it_names_but_no_guarded_ones) {
  const Request r = with(
      "Connection: X-A, Host, x-forwarded-for\r\nX-A: 1\r\nX-Forwarded-For: 6.6.6.6\r\nx-a: 2\r\n");
  EXPECT_FALSE(r.head.fields[0].nominated);
  EXPECT_TRUE(r.head.fields[2].nominated);
  EXPECT_FALSE(r.head.fields[3].nominated);
  EXPECT_TRUE(r.head.fields[4].nominated);
}

TEST(H1Connection, the_number_of_names_is_bounded) {
  std::string names = "x";
  for (int i = 0; i < 63; ++i) names += ",x";
  EXPECT_EQ(with("Connection: " + names + "\r\n").result.status, HeadStatus::Complete);
  EXPECT_EQ(with("Connection: " + names + ",x\r\n").cause(), Cause::BadRequest);
}

TEST(H1Upgrade, it_counts_only_with_connection_upgrade_in_1_1) {
  EXPECT_EQ(with("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n").head.upgrade,
            "websocket");
  EXPECT_EQ(with("Connection: upgrade\r\nUpgrade: foo/1, bar\r\n").head.upgrade, "foo/1, bar");
  EXPECT_EQ(with("Upgrade: websocket\r\n").head.upgrade, "");
  EXPECT_EQ(with("Connection: upgrade\r\n").head.upgrade, "");
  EXPECT_EQ(
      Request("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").head.upgrade,
      "");
}

TEST(H1Upgrade, h2c_and_nonsense_are_ignored) {
  for (const char* value : {"h2c", "H2C", "websocket, h2c", "a b", "/1", "foo/", "", "a;b"}) {
    EXPECT_EQ(with("Connection: upgrade\r\nUpgrade: " + std::string(value) + "\r\n").head.upgrade,
              "")
        << value;
  }
  EXPECT_EQ(with("Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n").head.upgrade, "");
}

TEST(H1Fields, hops_are_read_and_bounded) {
  EXPECT_EQ(with("X-Engine-Hops: 7\r\n").head.hops, 7);
  EXPECT_EQ(with("X-Engine-Hops: 3\r\nX-Engine-Hops: 9\r\n").head.hops, 9);
  EXPECT_EQ(with("X-Engine-Hops: 99999999999999\r\n").head.hops, RequestHead::kHopsMax);
  EXPECT_EQ(with("X-Engine-Hops: -1\r\n").head.hops, 0);
}

TEST(H1Fields, max_forwards_zero_counts_for_options_only) {
  EXPECT_TRUE(
      Request("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n").head.max_forwards_zero);
  EXPECT_FALSE(
      Request("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n").head.max_forwards_zero);
  EXPECT_FALSE(with("Max-Forwards: 0\r\n").head.max_forwards_zero);
}

TEST(H1Fields, te_trailers_is_seen_among_others) {
  EXPECT_TRUE(with("TE: gzip, Trailers\r\n").head.has_te_trailers);
  EXPECT_FALSE(with("TE: gzip\r\n").head.has_te_trailers);
}

}  // namespace
}  // namespace engine::http
