// SPDX-License-Identifier: GPL-3.0-or-later
// Chunked bodies: no crash on any bytes, the same payload and result however they are split, and
// trailers that are whole lines.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/http/h1_body.h"

namespace {

using namespace engine::http;

struct Decoded {
  std::string body, trailers, why;
  std::size_t consumed = 0;
  bool done = false, bad = false;
};

Decoded decode(std::string_view in, std::size_t piece) {
  BodyDecoder decoder(Framing::Chunked, 0,
                      {.extension_bytes = 64, .trailer_bytes = 200, .trailer_count = 4});
  Decoded out;
  for (std::size_t at = 0; at < in.size(); at += piece) {
    const std::string_view part = in.substr(at, piece);
    const std::vector<char> copy(part.begin(), part.end());
    for (std::size_t used = 0; used < copy.size();) {
      const BodyDecoder::Step step = decoder.next({copy.data() + used, copy.size() - used});
      out.body += step.data;
      used += step.consumed;
      out.consumed += step.consumed;
      if (step.consumed == 0) break;
    }
    if (decoder.done() || decoder.bad()) break;
    ENSURE(out.consumed == at + part.size(), "input is left over though nothing is over");
  }
  ENSURE(decoder.body_bytes() == out.body.size(), "payload is miscounted");
  out.trailers = decoder.trailers();
  out.why = decoder.why();
  out.done = decoder.done();
  out.bad = decoder.bad();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Decoded whole = decode(bytes, size == 0 ? 1 : size);
  for (const std::size_t piece : {1U, 7U}) {
    const Decoded split = decode(bytes, piece);
    ENSURE(split.done == whole.done && split.bad == whole.bad, "splitting changes the result");
    ENSURE(split.body == whole.body, "splitting changes the payload");
    ENSURE(split.why == whole.why, "splitting changes the reason");
    if (whole.done) {
      ENSURE(split.trailers == whole.trailers && split.consumed == whole.consumed,
             "splitting changes the end");
    }
  }
  if (!whole.done) return 0;
  ENSURE(whole.trailers.empty() || whole.trailers.ends_with("\r\n"), "a trailer is no whole line");
  ENSURE(whole.trailers.find("\r\n\r\n") == std::string::npos, "trailers hold an empty line");
  return 0;
}
