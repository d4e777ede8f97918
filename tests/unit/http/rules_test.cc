// SPDX-License-Identifier: GPL-3.0-or-later
// What is forwarded upstream, and how it is written.
#include "engine/http/rules.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/unit/http/h1_support.h"

namespace engine::http {
namespace {

using Kind = FieldEdit::Kind;

Forwarding plain() {
  return {.client_address = "9.9.9.9",
          .scheme = "http",
          .request_id = "id1",
          .path_override = {},
          .host_override = {},
          .via_pseudonym = "engine",
          .port = 80,
          .trusted = false,
          .keep_upgrade = false,
          .framing = Framing::None,
          .content_length = 0,
          .edits = {}};
}

std::string forwarded(const Request& request, const Forwarding& how = plain()) {
  EXPECT_EQ(request.result.status, HeadStatus::Complete) << request.result.why;
  std::array<char, 8192> out;
  return {out.data(), write_request(request.head, how, out)};
}

bool has(const std::string& text, const std::string& line) {
  return text.find("\r\n" + line + "\r\n") != std::string::npos;
}

bool has_name(const std::string& text, const std::string& name) {
  return text.find("\r\n" + name + ":") != std::string::npos;
}

TEST(ForwardRequest, a_request_is_written_anew) {
  EXPECT_EQ(forwarded(Request(
                "GET /a?b HTTP/1.0\r\nHost:a.test\r\nX-A:1\r\nX-B: 2\r\nx-c: \t3 \r\n\r\n")),
            "GET /a?b HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nX-B: 2\r\nx-c: 3\r\nX-Forwarded-For: "
            "9.9.9.9\r\n"
            "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Port: "
            "80\r\nX-Real-IP: 9.9.9.9\r\n"
            "X-Request-ID: id1\r\nVia: 1.0 engine\r\nX-Engine-Hops: 1\r\n\r\n");
}

TEST(ForwardRequest, hop_by_hop_fields_are_dropped) {
  const std::string out =
      forwarded(fields("Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: "
                       "timeout=9\r\nProxy-Connection: x\r\nTE: gzip\r\n"
                       "Proxy-Authorization: x\r\nProxy: evil\r\nTrailer: X-T\r\nUpgrade: "
                       "websocket\r\nHTTP2-Settings: AA\r\n"
                       "Proxy-Foo: 1\r\nX-Keep: 1\r\n"));
  for (const char* name :
       {"Connection", "X-Hop", "Keep-Alive", "Proxy-Connection", "TE", "Proxy-Authorization",
        "Proxy", "Trailer", "Upgrade", "HTTP2-Settings", "Proxy-Foo"}) {
    EXPECT_FALSE(has_name(out, name)) << name;
  }
  EXPECT_TRUE(has(out, "X-Keep: 1"));
}

TEST(ForwardRequest, connection_cannot_remove_what_guards_the_target) {
  Forwarding how = plain();
  how.framing = Framing::Length;
  how.content_length = 5;
  const std::string out =
      forwarded(fields("Connection: Host, Content-Length, X-Forwarded-For, Authorization, Cookie, "
                       "Via, X-Request-ID\r\n"
                       "Content-Length: 5\r\nAuthorization: x\r\nCookie: y\r\n"),
                how);
  for (const char* line :
       {"Host: a.test", "Content-Length: 5", "X-Forwarded-For: 9.9.9.9", "Authorization: x",
        "Cookie: y", "Via: 1.1 engine", "X-Request-ID: id1"}) {
    EXPECT_TRUE(has(out, line)) << line;
  }
}

TEST(ForwardRequest, forwarding_fields_of_an_untrusted_peer_are_replaced) {
  const std::string out =
      forwarded(fields("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: "
                       "https\r\nForwarded: for=6\r\n"
                       "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Prefix: "
                       "/x\r\nX-Request-ID: theirs\r\n"));
  EXPECT_EQ(out.find("6.6.6.6"), std::string::npos);
  for (const char* line :
       {"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Host: a.test", "X-Forwarded-Proto: http",
        "X-Forwarded-Port: 80", "X-Real-IP: 9.9.9.9", "X-Request-ID: id1"}) {
    EXPECT_TRUE(has(out, line)) << line;
  }
  EXPECT_FALSE(has_name(out, "Forwarded"));
  EXPECT_FALSE(has_name(out, "X-Forwarded-Prefix"));
}

TEST(ForwardRequest, forwarding_fields_of_a_trusted_peer_are_kept_and_extended) {
  Forwarding how = plain();
  how.trusted = true;
  const std::string out =
      forwarded(fields("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Host: "
                       "b\r\nForwarded: for=1\r\n"
                       "X-Forwarded-Proto: https\r\nX-Real-IP: 1.1.1.1\r\nX-Forwarded-Prefix: "
                       "/x\r\nX-Request-ID: theirs\r\n"),
                how);
  for (const char* line :
       {"X-Forwarded-For: 1.1.1.1, 2.2.2.2, 9.9.9.9", "X-Forwarded-Host: b",
        "X-Forwarded-Proto: https", "X-Real-IP: 1.1.1.1", "X-Forwarded-Prefix: /x",
        "X-Request-ID: theirs", "Forwarded: for=1, for=9.9.9.9;proto=http;host=\"a.test\"",
        "X-Forwarded-Port: 80"}) {
    EXPECT_TRUE(has(out, line)) << line << "\n" << out;
  }
}

TEST(ForwardRequest, the_name_of_a_client_certificate_comes_from_nobody_who_is_not_believed) {
  const Request claims(
      "GET / HTTP/1.1\r\nHost: a.test\r\nX-Client-Cert-Name: admin\r\n"
      "x_client_cert_name: admin\r\nConnection: X-Client-Cert-Name\r\n\r\n");
  Forwarding how = plain();
  EXPECT_FALSE(forwarded(claims, how).contains("admin"));

  how.client_certificate_name = "alice";
  const std::string named = forwarded(claims, how);
  EXPECT_TRUE(has(named, "X-Client-Cert-Name: alice") && !named.contains("admin")) << named;
}

TEST(ForwardRequest, a_trusted_peer_names_a_client_only_where_none_was_verified) {
  const Request claims("GET / HTTP/1.1\r\nHost: a.test\r\nX-Client-Cert-Name: bob\r\n\r\n");
  Forwarding how = plain();
  how.trusted = true;
  EXPECT_TRUE(has(forwarded(claims, how), "X-Client-Cert-Name: bob"));

  how.client_certificate_name = "";
  EXPECT_FALSE(has_name(forwarded(claims, how), "X-Client-Cert-Name"));
}

TEST(ForwardRequest, an_insane_request_id_is_replaced_even_of_a_trusted_peer) {
  Forwarding how = plain();
  how.trusted = true;
  EXPECT_TRUE(has(forwarded(fields("X-Request-ID: a b\r\n"), how), "X-Request-ID: id1"));
  EXPECT_TRUE(has(forwarded(fields("X-Request-ID: " + std::string(129, 'x') + "\r\n"), how),
                  "X-Request-ID: id1"));
}

TEST(ForwardRequest, underscore_variants_do_not_travel) {
  const std::string out =
      forwarded(fields("Content_Length: 5\r\nX_Forwarded_For: 6\r\nmy_header: 1\r\n"));
  EXPECT_FALSE(has_name(out, "Content_Length"));
  EXPECT_FALSE(has_name(out, "X_Forwarded_For"));
  EXPECT_TRUE(has(out, "my_header: 1"));
}

TEST(ForwardRequest, te_trailers_travels_with_its_connection_option) {
  const std::string out = forwarded(fields("TE: gzip, trailers\r\n"));
  EXPECT_TRUE(has(out, "TE: trailers"));
  EXPECT_TRUE(has(out, "Connection: TE"));
}

TEST(ForwardRequest, an_upgrade_is_written_only_when_kept) {
  const Request request =
      fields("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n");
  Forwarding how = plain();
  EXPECT_FALSE(has_name(forwarded(request, how), "Upgrade"));
  how.keep_upgrade = true;
  EXPECT_TRUE(has(forwarded(request, how), "Connection: Upgrade"));
  EXPECT_TRUE(has(forwarded(request, how), "Upgrade: websocket"));
}

TEST(ForwardRequest, framing_is_written_as_told) {
  Forwarding how = plain();
  how.framing = Framing::Chunked;
  const std::string out =
      forwarded(fields("Content-Length: 5\r\nExpect: 100-Continue\r\nTrailer: X-T\r\n"), how);
  EXPECT_TRUE(has(out, "Transfer-Encoding: chunked"));
  EXPECT_TRUE(has(out, "Expect: 100-continue"));
  EXPECT_TRUE(has(out, "Trailer: X-T"));
  EXPECT_FALSE(has_name(out, "Content-Length"));
}

TEST(ForwardRequest, an_expectation_that_was_met_does_not_travel_on) {
  Forwarding how = plain();
  how.framing = Framing::Length;
  how.content_length = 5;
  how.keep_expect = false;
  const std::string out = forwarded(fields("Content-Length: 5\r\nExpect: 100-continue\r\n"), how);
  EXPECT_TRUE(has(out, "Content-Length: 5"));
  EXPECT_FALSE(has_name(out, "Expect"));
}

TEST(ForwardRequest, path_and_host_can_be_replaced) {
  Forwarding how = plain();
  how.path_override = "/new";
  how.host_override = "up.test";
  const std::string out = forwarded(request_line("GET http://b.test/old?q HTTP/1.1"), how);
  EXPECT_TRUE(out.starts_with("GET /new?q HTTP/1.1\r\nHost: up.test\r\n")) << out;
  EXPECT_TRUE(has(out, "X-Forwarded-Host: b.test"));
}

TEST(ForwardRequest, the_authority_of_an_absolute_form_becomes_host) {
  EXPECT_TRUE(forwarded(request_line("GET http://b.test HTTP/1.1"))
                  .starts_with("GET / HTTP/1.1\r\nHost: b.test\r\n"));
  EXPECT_TRUE(forwarded(request_line("OPTIONS http://b.test HTTP/1.1"))
                  .starts_with("OPTIONS * HTTP/1.1\r\n"));
}

TEST(ForwardRequest, via_hops_and_max_forwards_are_counted) {
  const std::string out = forwarded(
      Request("OPTIONS * HTTP/1.1\r\nHost: a\r\nVia: 1.1 x\r\nVia: 1.0 y\r\nX-Engine-Hops: 4\r\n"
              "Max-Forwards: 3\r\n\r\n"));
  EXPECT_TRUE(has(out, "Via: 1.1 x, 1.0 y, 1.1 engine"));
  EXPECT_TRUE(has(out, "X-Engine-Hops: 5"));
  EXPECT_TRUE(has(out, "Max-Forwards: 2"));
}

TEST(ForwardRequest, edits_replace_add_and_remove_but_never_frame) {
  const std::array<FieldEdit, 6> edits{{{"x-env", "prod"},
                                        {"X-Debug", "", Kind::Remove},
                                        {"Content-Length", "9"},
                                        {"X-Bad", "a\r\nb"},
                                        {"X-Forwarded-Proto", "https"},
                                        {"Host", "evil"}}};
  Forwarding how = plain();
  how.edits = edits;
  const std::string out =
      forwarded(fields("X-Env: a\r\nX-Env: b\r\nX-Debug: 1\r\nX-Keep: 1\r\n"), how);
  EXPECT_TRUE(has(out, "x-env: prod"));
  EXPECT_TRUE(has(out, "X-Keep: 1"));
  EXPECT_TRUE(has(out, "X-Forwarded-Proto: https"));
  for (const char* name : {"X-Env", "X-Debug", "Content-Length", "X-Bad"})
    EXPECT_FALSE(has_name(out, name)) << name;
  EXPECT_EQ(out.find("evil"), std::string::npos);
}

TEST(ForwardRequest, a_default_is_set_only_where_nothing_of_that_name_goes_out) {
  const std::array<FieldEdit, 5> edits{{{"X-Set", "ours"},
                                        {"X-Set", "default", Kind::Default},
                                        {"x-start", "t=1", Kind::Default},
                                        {"X-Request-ID", "default", Kind::Default},
                                        {"X-Hop", "default", Kind::Default}}};
  Forwarding how = plain();
  how.edits = edits;
  const std::string out =
      forwarded(fields("X-Start: theirs\r\nX-Hop: theirs\r\nConnection: X-Hop\r\n"), how);
  EXPECT_TRUE(has(out, "X-Start: theirs"));
  EXPECT_FALSE(has_name(out, "x-start"));
  EXPECT_TRUE(has(out, "X-Request-ID: id1"));
  EXPECT_TRUE(has(out, "X-Set: ours"));
  EXPECT_TRUE(has(out, "X-Hop: default"));  // that of the client did not travel on
  EXPECT_EQ(out.find("X-Set: default"), std::string::npos);
  EXPECT_TRUE(has(forwarded(fields("X-Startled: 1\r\n"), how), "x-start: t=1"));
}

TEST(ForwardRequest, all_fields_that_begin_alike_are_removed_and_never_those_that_frame) {
  const std::array<FieldEdit, 4> edits{{{"X-Internal-", "", Kind::RemovePrefix},
                                        {"X-Internal-Env", "prod"},
                                        {"C", "", Kind::RemovePrefix},
                                        {"Ho", "", Kind::RemovePrefix}}};
  Forwarding how = plain();
  how.edits = edits;
  how.framing = Framing::Length;
  how.content_length = 5;
  const std::string out =
      forwarded(fields("x-internal-a: 1\r\nX-INTERNAL-: 2\r\nX-Internal: 3\r\nX-Internal-Env: x\r\n"
                       "Cookie: a=1\r\nContent-Length: 5\r\n"),
                how);
  for (const char* name : {"x-internal-a", "X-INTERNAL-", "Cookie"})
    EXPECT_FALSE(has_name(out, name)) << name;
  EXPECT_TRUE(has(out, "X-Internal: 3"));
  EXPECT_TRUE(has(out, "X-Internal-Env: prod"));
  EXPECT_TRUE(has(out, "Content-Length: 5"));
  EXPECT_NE(out.find("\r\nHost: "), std::string::npos);
}

TEST(ForwardRequest, places_of_an_edit_are_filled_and_never_make_a_line) {
  const std::array<FieldEdit, 3> edits{
      {{"X-Target", "at {target}!", Kind::Set, true},
       {"X-Start", "t={unix_ms};{client_ip};{request_id};{host};{scheme}", Kind::Default, true},
       {"X-Plain", "{target}"}}};
  std::array<std::string_view, kRequestPlaces.size()> values = {"a:1", "17",     "9.9.9.9",
                                                                "id1", "a.test", "http"};
  Forwarding how = plain();
  how.edits = edits;
  how.place_values = values;
  const std::string out = forwarded(fields(""), how);
  EXPECT_TRUE(has(out, "X-Target: at a:1!"));
  EXPECT_TRUE(has(out, "X-Start: t=17;9.9.9.9;id1;a.test;http"));
  EXPECT_TRUE(has(out, "X-Plain: {target}"));
  values[0] = "a\r\nX-Evil: 1";
  EXPECT_FALSE(has_name(forwarded(fields(""), how), "X-Evil"));
}

TEST(ForwardRequest, a_client_that_the_site_names_is_not_contradicted_by_a_trusted_peer) {
  Forwarding how = plain();
  how.trusted = true;
  const Request request = fields("X-Real-IP: 1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\n");
  EXPECT_TRUE(has(forwarded(request, how), "X-Real-IP: 1.1.1.1"));
  how.client_named = true;
  EXPECT_TRUE(has(forwarded(request, how), "X-Real-IP: 9.9.9.9"));
  EXPECT_TRUE(has(forwarded(request, how), "X-Forwarded-For: 1.1.1.1, 9.9.9.9"));
}

TEST(ForwardRequest, cookie_crumbs_of_http2_are_joined) {
  Request request = fields("Cookie: a=1\r\nCookie: b=2\r\n");
  EXPECT_TRUE(has(forwarded(request), "Cookie: a=1\r\nCookie: b=2"));
  request.head.major_version = 2;
  EXPECT_TRUE(has(forwarded(request), "Cookie: a=1; b=2"));
  EXPECT_TRUE(has(forwarded(request), "Via: 2 engine"));
}

TEST(ForwardRequest, too_little_room_gives_nothing) {
  const Request request = fields("X-A: 1\r\n");
  std::array<char, 8192> out;
  const std::size_t size = write_request(request.head, plain(), out);
  for (std::size_t room = 0; room < size; ++room) {
    ASSERT_EQ(write_request(request.head, plain(), std::span(out).first(room)), 0u) << room;
  }
  EXPECT_EQ(write_request(request.head, plain(), std::span(out).first(size)), size);
}

TEST(ForwardRequest, what_is_written_parses_to_the_same_request) {
  for (const std::string& bytes : sample_requests()) {
    const Request first(bytes);
    if (first.result.status != HeadStatus::Complete) continue;
    Forwarding how = plain();
    how.framing = first.head.framing;
    how.content_length = first.head.content_length;
    if (first.head.authority.empty()) how.host_override = "none";
    const Request second(forwarded(first, how));
    ASSERT_EQ(second.result.status, HeadStatus::Complete) << second.bytes << second.result.why;
    EXPECT_EQ(second.head.path, first.head.path);
    EXPECT_EQ(second.head.query, first.head.query);
    EXPECT_EQ(second.head.framing, first.head.framing);
    EXPECT_EQ(second.head.content_length, first.head.content_length);
  }
}

}  // namespace
}  // namespace engine::http
