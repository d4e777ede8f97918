// SPDX-License-Identifier: GPL-3.0-or-later
// One test per rule about HTTP/1 bodies and chunks.
#include <gtest/gtest.h>

#include <string>

#include "engine/http/h1_body.h"

namespace engine::http {
namespace {

using namespace std::string_literals;

struct Decoded {
  std::string body, trailers, why;
  std::size_t consumed = 0;
  bool done = false, bad = false;
};

Decoded decode(BodyDecoder decoder, std::string_view in, std::size_t piece) {
  Decoded out;
  for (std::size_t at = 0; at < in.size() && !decoder.done() && !decoder.bad();) {
    const std::string_view part = in.substr(at, piece);
    for (std::size_t used = 0;;) {
      const BodyDecoder::Step step = decoder.next(part.substr(used));
      out.body += step.data;
      used += step.consumed;
      out.consumed += step.consumed;
      if (step.consumed == 0) break;
    }
    at += part.size();
  }
  out.done = decoder.done();
  out.bad = decoder.bad();
  out.why = decoder.why();
  out.trailers = decoder.trailers();
  EXPECT_EQ(decoder.body_bytes(), out.body.size());
  return out;
}

// In one piece, and byte by byte: the results must agree.
Decoded chunked(const std::string& in, const BodyLimits& limits = {}) {
  const BodyDecoder decoder(Framing::Chunked, 0, limits);
  const Decoded whole = decode(decoder, in, in.size());
  const Decoded bytes = decode(decoder, in, 1);
  EXPECT_EQ(whole.done, bytes.done) << in.substr(0, 80);
  EXPECT_EQ(whole.bad, bytes.bad) << in.substr(0, 80);
  EXPECT_EQ(whole.why, bytes.why) << in.substr(0, 80);
  EXPECT_EQ(whole.trailers, bytes.trailers);
  EXPECT_EQ(whole.body, bytes.body);
  if (whole.done) {
    EXPECT_EQ(whole.consumed, bytes.consumed);
  }
  return whole;
}

TEST(H1Body, a_length_ends_the_body_and_leaves_the_rest) {
  const Decoded out = decode(BodyDecoder(Framing::Length, 5), "helloGET /", 10);
  EXPECT_TRUE(out.done);
  EXPECT_EQ(out.body, "hello");
  EXPECT_EQ(out.consumed, 5u);
}

TEST(H1Body, no_body_is_done_at_once) {
  EXPECT_TRUE(BodyDecoder().done());
  EXPECT_TRUE(BodyDecoder(Framing::None, 0).done());
  EXPECT_TRUE(BodyDecoder(Framing::Length, 0).done());
}

TEST(H1Body, until_close_is_never_done_but_complete_at_close) {
  BodyDecoder decoder(Framing::UntilClose, 0);
  EXPECT_EQ(decoder.next("abc").data, "abc");
  EXPECT_FALSE(decoder.done());
  EXPECT_TRUE(decoder.complete_at_close());
  EXPECT_EQ(decoder.run(), UINT64_MAX);
  EXPECT_FALSE(BodyDecoder(Framing::Length, 5).complete_at_close());
  EXPECT_FALSE(BodyDecoder(Framing::Chunked, 0).complete_at_close());
}

TEST(H1Body, skipped_bytes_count_like_read_ones) {
  BodyDecoder length(Framing::Length, 10);
  length.skip(10);
  EXPECT_TRUE(length.done());

  BodyDecoder chunks(Framing::Chunked, 0);
  EXPECT_EQ(chunks.run(), 0u);
  EXPECT_EQ(chunks.next("a\r\nxyz").consumed, 6u);
  EXPECT_EQ(chunks.run(), 7u);
  chunks.skip(7);
  EXPECT_EQ(chunks.run(), 0u);
  EXPECT_EQ(chunks.next("\r\n0\r\n\r\n").consumed, 7u);
  EXPECT_TRUE(chunks.done());
  EXPECT_EQ(chunks.body_bytes(), 10u);
}

TEST(H1Chunks, a_step_takes_the_framing_around_its_data) {
  BodyDecoder decoder(Framing::Chunked, 0);
  const BodyDecoder::Step step = decoder.next("5\r\nhello\r\n0\r\n\r\nGET");
  EXPECT_EQ(step.data, "hello");
  EXPECT_EQ(step.consumed, 15u);
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(decoder.next("GET").consumed, 0u);
}

TEST(H1Chunks, several_chunks_extensions_and_a_trailer_are_read) {
  const Decoded out = chunked("5\r\nhello\r\n3;x=y;z=\"q\"\r\nabc\r\n0\r\nX-T:  1 \r\n\r\nrest");
  EXPECT_TRUE(out.done);
  EXPECT_EQ(out.body, "helloabc");
  EXPECT_EQ(out.trailers, "X-T: 1\r\n");
}

TEST(H1Chunks, sizes_are_hex_of_either_case) {
  EXPECT_EQ(chunked("A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n").body.size(), 20u);
}

TEST(H1Chunks, a_size_that_is_not_only_hex_is_refused) {
  for (const char* size : {"", "-5", "+5", "0x5", "5G", "5 ", " 5", "5\t", "5\x0b", "5\xa0", "5_0",
                           "5,", "5 ;x", "\"5\"", "10000000000000005", "8000000000000000",
                           "00000000000000005", "ffffffffffffffff"}) {
    EXPECT_TRUE(chunked(std::string(size) + "\r\nhello\r\n0\r\n\r\n").bad) << size;
  }
}

TEST(H1Chunks, a_size_line_ends_in_crlf_exactly) {
  for (const char* end : {"\n", "\r", "\r\r\n", "\n\r"}) {
    EXPECT_TRUE(chunked(std::string("5") + end + "hello\r\n0\r\n\r\n").bad);
    EXPECT_TRUE(chunked(std::string("5;x") + end + "hello\r\n0\r\n\r\n").bad);
  }
}

TEST(H1Chunks, data_ends_in_crlf_exactly) {
  for (const char* end : {"\n", "\r", "X\r\n", "\r\r\n", "", "\r\n\r\n"}) {
    EXPECT_TRUE(chunked(std::string("5\r\nhello") + end + "0\r\n\r\n").bad) << end;
  }
}

TEST(H1Chunks, control_characters_in_an_extension_are_refused) {
  EXPECT_TRUE(chunked("5;a\rb\r\nhello\r\n0\r\n\r\n").bad);
  EXPECT_TRUE(chunked("5;a\nb\r\nhello\r\n0\r\n\r\n").bad);
  EXPECT_TRUE(chunked("5;a\0b\r\nhello\r\n0\r\n\r\n"s).bad);
}

TEST(H1Chunks, extensions_are_bounded_over_the_whole_body) {
  const BodyLimits limits{.extension_bytes = 10, .trailer_bytes = 10, .trailer_count = 1};
  EXPECT_TRUE(chunked("1;aaaaa\r\nx\r\n1;aaaaa\r\nx\r\n0\r\n\r\n", limits).done);
  EXPECT_TRUE(chunked("1;aaaaa\r\nx\r\n1;aaaaaa\r\nx\r\n0\r\n\r\n", limits).bad);
}

TEST(H1Chunks, without_the_last_crlf_the_body_is_not_complete) {
  EXPECT_FALSE(chunked("5\r\nhello\r\n0\r\n").done);
  EXPECT_FALSE(chunked("5\r\nhello\r\n0\r\n\r").done);
  EXPECT_FALSE(chunked("5\r\nhello\r\n0\r\n\r").bad);
}

TEST(H1Trailers, names_that_frame_route_or_authenticate_are_dropped) {
  const Decoded out = chunked(
      "0\r\nHost: evil\r\nA: 1\r\nAuthorization: x\r\nX-Forwarded-For: 6\r\nContent-Length: 5\r\n"
      "Transfer-Encoding: chunked\r\nCookie: a\r\nSet-Cookie: a\r\nConnection: "
      "x\r\nContent_Length: 5\r\n"
      "grpc-status: 0\r\nContent-Type: x\r\nTrailer: y\r\nIf-Match: z\r\n\r\n");
  EXPECT_TRUE(out.done);
  EXPECT_EQ(out.trailers, "A: 1\r\ngrpc-status: 0\r\n");
}

TEST(H1Trailers, broken_lines_are_refused) {
  for (const char* lines : {"A: b\n", "A: b\r\n c\r\n", "A : b\r\n", "A\r\n", ": b\r\n",
                            "A: b\rc\r\n", " A: b\r\n", "A: \x01\r\n", "A(: b\r\n"}) {
    EXPECT_TRUE(chunked(std::string("0\r\n") + lines + "\r\n").bad) << lines;
  }
  EXPECT_TRUE(chunked("0\r\n\n").bad);
  EXPECT_TRUE(chunked("0\r\n\rX").bad);
}

TEST(H1Trailers, they_are_bounded_in_bytes_and_number) {
  const BodyLimits limits{.extension_bytes = 10, .trailer_bytes = 12, .trailer_count = 2};
  EXPECT_TRUE(chunked("0\r\nA: b\r\nA:\r\n\r\n", limits).done);
  EXPECT_TRUE(chunked("0\r\nA: bcdefghijkl\r\n\r\n", limits).bad);
  EXPECT_TRUE(chunked("0\r\nA:\r\nA:\r\nA:\r\n\r\n",
                      {.extension_bytes = 1, .trailer_bytes = 99, .trailer_count = 2})
                  .bad);
}

TEST(H1Chunks, a_chunk_header_is_written_in_hex) {
  char out[kChunkHeaderBytesMax];
  const auto text = [&](std::uint64_t size) {
    return std::string(out, write_chunk_header(out, size));
  };
  EXPECT_EQ(text(1), "1\r\n");
  EXPECT_EQ(text(16), "10\r\n");
  EXPECT_EQ(text(0xdeadbeef), "deadbeef\r\n");
  EXPECT_EQ(text(UINT64_MAX), "ffffffffffffffff\r\n");
}

TEST(H1Body, the_decoder_stays_within_one_cache_line) { EXPECT_LE(sizeof(BodyDecoder), 64u); }

}  // namespace
}  // namespace engine::http
