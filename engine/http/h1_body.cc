// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h1_body.h"

#include <algorithm>
#include <array>
#include <bit>

#include "engine/base/check.h"
#include "engine/http/h1_lines.h"
#include "engine/http/rules.h"

namespace engine::http {

enum class BodyDecoder::Fault : std::uint8_t {
  None,
  NoSize,
  BadSize,
  SizeTooLarge,
  BadSizeLineEnd,
  BadExtension,
  ExtensionsTooLong,
  BadDataEnd,
  BadTrailer,
  TrailersTooLong,
};

namespace {

constexpr std::array<std::string_view, 10> kFaultWords = {
    "",
    "no chunk size",
    "bad chunk size",
    "chunk size too large",
    "bad end of a chunk size line",
    "control character in a chunk extension",
    "chunk extensions too long",
    "chunk data longer than its size",
    "bad trailer",
    "trailers too long",
};

constexpr std::uint8_t kSizeDigitsMax = 16;
constexpr std::uint64_t kSizeMax = INT64_MAX;  // the sum of a body stays countable

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length,
                         const BodyLimits& limits) noexcept {
  constexpr std::uint32_t kBytesMax = UINT16_MAX;
  constexpr std::uint16_t kCountMax = UINT8_MAX;
  extension_left_ = limits.extension_bytes;
  trailer_bytes_left_ = static_cast<std::uint16_t>(std::min(limits.trailer_bytes, kBytesMax));
  trailers_left_ = static_cast<std::uint8_t>(std::min(limits.trailer_count, kCountMax));
  switch (framing) {
    case Framing::None: break;
    case Framing::Length:
      left_ = content_length;
      if (left_ != 0) state_ = State::Run;
      break;
    case Framing::Chunked:
      chunked_ = true;
      state_ = State::SizeFirst;
      break;
    case Framing::UntilClose:
      until_close_ = true;
      left_ = UINT64_MAX;
      state_ = State::Run;
      break;
  }
}

BodyDecoder::Step BodyDecoder::next(std::string_view in) {
  Step step;
  step.consumed = take_framing(in);
  if (state_ != State::Run) return step;
  const std::string_view rest = in.substr(step.consumed);
  step.data = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
  take_run(step.data.size());
  step.consumed += step.data.size();
  step.consumed += take_framing(in.substr(step.consumed));
  return step;
}

void BodyDecoder::skip(std::uint64_t count) noexcept {
  ENSURE(count <= run(), "more payload skipped than is certain to follow");
  take_run(count);
}

std::string_view BodyDecoder::why() const noexcept {
  return kFaultWords[static_cast<std::size_t>(fault_)];
}

void BodyDecoder::take_run(std::uint64_t count) noexcept {
  body_bytes_ += count;
  if (until_close_) return;
  left_ -= count;
  if (left_ == 0) state_ = chunked_ ? State::DataCr : State::Done;
}

std::size_t BodyDecoder::take_framing(std::string_view in) {
  std::size_t at = 0;
  while (at < in.size()) {
    switch (state_) {
      case State::Run:
      case State::Done:
      case State::Bad: return at;
      case State::SizeFirst:
      case State::Size: at += take_size(in.substr(at)); break;
      case State::Extension: at += take_extension(in.substr(at)); break;
      case State::SizeLf: end_size_line(in[at++]); break;
      case State::DataCr: expect(in[at++], '\r', State::DataLf, Fault::BadDataEnd); break;
      case State::DataLf: expect(in[at++], '\n', State::SizeFirst, Fault::BadDataEnd); break;
      case State::Trailer: at += take_trailer(in.substr(at)); break;
      case State::TrailerLf: end_trailer_line(in[at++]); break;
    }
  }
  return at;
}

std::size_t BodyDecoder::take_size(std::string_view in) noexcept {
  std::size_t at = 0;
  for (; at < in.size(); ++at) {
    const int digit = hex_value(in[at]);
    if (digit < 0) break;
    if (state_ == State::SizeFirst) {
      left_ = 0;
      digits_ = 0;
      state_ = State::Size;
    }
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    if (++digits_ > kSizeDigitsMax || left_ > kSizeMax) {
      fail(Fault::SizeTooLarge);
      return at;
    }
  }
  if (at == in.size()) return at;
  if (state_ == State::SizeFirst) {
    fail(Fault::NoSize);
  } else if (in[at] == '\r') {
    state_ = State::SizeLf;
  } else if (in[at] == ';') {
    state_ = State::Extension;
  } else {
    fail(Fault::BadSize);
  }
  return at + 1;
}

std::size_t BodyDecoder::take_extension(std::string_view in) noexcept {
  const char* const stop = skip_value(in.data(), in.data() + in.size());
  const auto size = static_cast<std::size_t>(stop - in.data());
  if (size > extension_left_) {
    fail(Fault::ExtensionsTooLong);
    return size;
  }
  extension_left_ -= static_cast<std::uint32_t>(size);
  if (size == in.size()) return size;
  if (*stop == '\r') {
    state_ = State::SizeLf;
  } else {
    fail(Fault::BadExtension);
  }
  return size + 1;
}

void BodyDecoder::expect(char got, char wanted, State next, Fault fault) noexcept {
  if (got == wanted) {
    state_ = next;
  } else {
    fail(fault);
  }
}

void BodyDecoder::end_size_line(char got) noexcept {
  if (got != '\n') return fail(Fault::BadSizeLineEnd);
  // Chunks cannot add up to more than counts: the next one would have to be longer than any
  // connection.
  if (left_ > kSizeMax - std::min(body_bytes_, kSizeMax)) return fail(Fault::SizeTooLarge);
  state_ = left_ == 0 ? State::Trailer : State::Run;
}

std::size_t BodyDecoder::take_trailer(std::string_view in) {
  const char* const stop = skip_value(in.data(), in.data() + in.size());
  const auto size = static_cast<std::size_t>(stop - in.data());
  const std::size_t taken = std::min(size + 1, in.size());
  if (taken > trailer_bytes_left_) {
    fail(Fault::TrailersTooLong);
    return taken;
  }
  trailer_bytes_left_ = static_cast<std::uint16_t>(trailer_bytes_left_ - taken);
  if (size != 0) trailers_.append(in.data(), size);
  if (size == in.size()) return taken;
  if (*stop == '\r') {
    state_ = State::TrailerLf;
  } else {
    fail(Fault::BadTrailer);
  }
  return taken;
}

void BodyDecoder::end_trailer_line(char got) {
  if (got != '\n') return fail(Fault::BadTrailer);
  if (trailers_.size() == line_start_) {
    state_ = State::Done;
    return;
  }
  if (trailers_left_ == 0) return fail(Fault::TrailersTooLong);
  --trailers_left_;
  if (!keep_trailer_line()) return fail(Fault::BadTrailer);
  state_ = State::Trailer;
}

// Rewrites the line that ends trailers_ as it is forwarded, or removes it. False when it is no
// field line.
bool BodyDecoder::keep_trailer_line() {
  trailers_ += "\r\n";
  LineReader in{.at = trailers_.data() + line_start_, .end = trailers_.data() + trailers_.size()};
  Field field;
  if (in.field(field) != Reading::Good) return false;
  if (!may_be_trailer(field.name)) {
    trailers_.resize(line_start_);
    return true;
  }
  const std::string line = std::string(field.name) + ": " + std::string(field.value) + "\r\n";
  trailers_.replace(line_start_, std::string::npos, line);
  line_start_ = static_cast<std::uint32_t>(trailers_.size());
  return true;
}

void BodyDecoder::fail(Fault fault) noexcept {
  fault_ = fault;
  state_ = State::Bad;
}

std::size_t write_chunk_header(char* out, std::uint64_t size) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const int digits = std::max(1, (static_cast<int>(std::bit_width(size)) + 3) / 4);
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = kDigits[size & 15];
    size >>= 4;
  }
  out[digits] = '\r';
  out[digits + 1] = '\n';
  return static_cast<std::size_t>(digits) + 2;
}

}  // namespace engine::http
