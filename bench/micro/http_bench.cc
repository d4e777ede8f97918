// SPDX-License-Identifier: GPL-3.0-or-later
// Cost of the HTTP/1 library: parsing heads, writing them anew, decoding chunks.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>

#include "engine/http/h1_body.h"
#include "engine/http/h1_head.h"
#include "engine/http/rules.h"
#include "engine/http/target.h"

namespace {

using namespace engine::http;

constexpr std::string_view kSmall = "GET /plaintext HTTP/1.1\r\nHost: bench.test:8080\r\n\r\n";

// About 300 bytes, as a browser asks for a file.
constexpr std::string_view kBrowser =
    "GET /assets/app.js?v=12 HTTP/1.1\r\nHost: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
    "Connection: keep-alive\r\nCookie: session=3f8a9c0e7b\r\nSec-Fetch-Mode: cors\r\n\r\n";

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 128\r\nConnection: keep-alive\r\n"
    "Cache-Control: no-store\r\n\r\n";

HeadStorage storage;

void parse_head(benchmark::State& state, std::string_view bytes) {
  for (auto _ : state) {
    RequestHead head;
    std::uint32_t scanned = 0;
    benchmark::DoNotOptimize(bytes);
    benchmark::DoNotOptimize(parse_request(bytes, scanned, {}, storage, head));
    benchmark::DoNotOptimize(head);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK_CAPTURE(parse_head, small, kSmall);
BENCHMARK_CAPTURE(parse_head, browser, kBrowser);

void parse_response_head(benchmark::State& state) {
  for (auto _ : state) {
    ResponseHead head;
    std::uint32_t scanned = 0;
    benchmark::DoNotOptimize(
        parse_response(kResponse, scanned, {}, storage, Method::Get, false, head));
    benchmark::DoNotOptimize(head);
  }
}
BENCHMARK(parse_response_head);

void rewrite_request(benchmark::State& state, std::string_view bytes) {
  RequestHead head;
  std::uint32_t scanned = 0;
  if (parse_request(bytes, scanned, {}, storage, head).status != HeadStatus::Complete) return;
  Forwarding how;
  how.client_address = "203.0.113.9";
  how.scheme = "https";
  how.request_id = "01J9Z0AXK3TQ4M5N6P7R8S9T0V";
  how.port = 443;
  std::array<char, 4096> out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(write_request(head, how, out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(rewrite_request, small, kSmall);
BENCHMARK_CAPTURE(rewrite_request, browser, kBrowser);

void rewrite_response(benchmark::State& state) {
  ResponseHead head;
  std::uint32_t scanned = 0;
  if (parse_response(kResponse, scanned, {}, storage, Method::Get, false, head).status !=
      HeadStatus::Complete) {
    return;
  }
  ResponseForwarding how;
  how.framing = head.framing;
  how.content_length = head.content_length;
  std::array<char, 4096> out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(write_response(head, how, out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(rewrite_response);

// A body of many chunks of the given size.
void decode_chunks(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  std::array<char, kChunkHeaderBytesMax> header;
  std::string body;
  while (body.size() < 64 * 1024) {
    body.append(header.data(), write_chunk_header(header.data(), size));
    body.append(size, 'x').append(kChunkEnd);
  }
  body.append(kLastChunk);
  for (auto _ : state) {
    BodyDecoder decoder(Framing::Chunked, 0);
    for (std::string_view rest = body; !decoder.done();) {
      const BodyDecoder::Step step = decoder.next(rest);
      benchmark::DoNotOptimize(step.data);
      rest.remove_prefix(step.consumed);
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(decode_chunks)->Arg(16)->Arg(1024)->Arg(16384);

void normalise(benchmark::State& state, std::string_view path) {
  std::array<char, 256> scratch;
  for (auto _ : state) benchmark::DoNotOptimize(normalise_path(path, scratch));
}
BENCHMARK_CAPTURE(normalise, plain, std::string_view("/api/v1/users/42/orders"));
BENCHMARK_CAPTURE(normalise, dots, std::string_view("/api/%7Eme/../v1/./users/42"));

}  // namespace
