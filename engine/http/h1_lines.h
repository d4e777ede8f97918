// SPDX-License-Identifier: GPL-3.0-or-later
// The lines of an HTTP/1 head: character classes, fast scans, and field lines into fields. Shared
// by requests, responses and trailers; it knows no meaning of any field.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "engine/http/head.h"

namespace engine::http {

constexpr bool is_token_char(char c) noexcept {
  if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

inline constexpr std::array<bool, 256> kTokenChars = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 128; ++i) table[i] = is_token_char(static_cast<char>(i));
  return table;
}();

inline bool is_token(char c) noexcept { return kTokenChars[static_cast<unsigned char>(c)]; }

[[nodiscard]] bool is_token(std::string_view text) noexcept;  // false when empty

// Field values: tab, visible characters, space and obs-text.
inline bool is_value_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

// Request targets: visible ASCII; a fragment never travels.
inline bool is_target_char(char c) noexcept { return c > 0x20 && c < 0x7f && c != '#'; }

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

// The scans return the first position in [at, end) that is not of the class, or `end`.
#ifdef __SSE2__
inline const char* skip_value(const char* at, const char* end) noexcept {
  const __m128i control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes);
    const __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return at + std::countr_zero(mask);
  }
  while (at != end && is_value_char(*at)) ++at;
  return at;
}

inline const char* skip_target(const char* at, const char* end) noexcept {
  const __m128i space = _mm_set1_epi8(0x21);
  const __m128i hash = _mm_set1_epi8('#');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // Signed: bytes from 0x80 on are negative, so they count as low too.
    const __m128i low = _mm_cmplt_epi8(bytes, space);
    const __m128i other = _mm_or_si128(_mm_cmpeq_epi8(bytes, hash), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, other)));
    if (mask != 0) return at + std::countr_zero(mask);
  }
  while (at != end && is_target_char(*at)) ++at;
  return at;
}

// Letters, digits and '-' only: what names are made of nearly always.
inline const char* skip_plain_name(const char* at, const char* end) noexcept {
  for (; end - at >= 16; at += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const __m128i letter = _mm_and_si128(_mm_cmpgt_epi8(folded, _mm_set1_epi8('a' - 1)),
                                         _mm_cmplt_epi8(folded, _mm_set1_epi8('z' + 1)));
    const __m128i digit = _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1)),
                                        _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
    const __m128i good =
        _mm_or_si128(_mm_or_si128(letter, digit), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
    const unsigned mask = static_cast<unsigned>(_mm_movemask_epi8(good)) ^ 0xffffU;
    if (mask != 0) return at + std::countr_zero(mask);
  }
  return at;  // the caller goes on byte by byte
}
#else
inline const char* skip_value(const char* at, const char* end) noexcept {
  while (at != end && is_value_char(*at)) ++at;
  return at;
}

inline const char* skip_target(const char* at, const char* end) noexcept {
  while (at != end && is_target_char(*at)) ++at;
  return at;
}

inline const char* skip_plain_name(const char* at, const char*) noexcept { return at; }
#endif

inline const char* skip_token(const char* at, const char* end) noexcept {
  while (at != end && is_token(*at)) ++at;
  return at;
}

// Why reading stopped: all well, the bytes ended, or `LineReader::why` says what is wrong.
enum class Reading : std::uint8_t { Good, Short, Wrong };

// Reads one head from front to back.
struct LineReader {
  const char* at;
  const char* end;
  std::string_view why = {};
  bool too_many = false;       // Wrong because of the number of fields
  std::uint64_t seen = 0;      // bit per FieldName that occurred
  std::uint64_t repeated = 0;  // and per one that occurred again

  [[nodiscard]] bool has_several(FieldName name) const noexcept {
    return (repeated >> static_cast<unsigned>(name) & 1U) != 0;
  }

  [[nodiscard]] bool has(FieldName name) const noexcept {
    return (seen >> static_cast<unsigned>(name) & 1U) != 0;
  }

  Reading wrong(std::string_view reason) noexcept {
    why = reason;
    return Reading::Wrong;
  }

  // CR LF exactly.
  Reading line_end(std::string_view otherwise) noexcept {
    if (end - at < 2 || at[0] != '\r' || at[1] != '\n') return bad_line_end(otherwise);
    at += 2;
    return Reading::Good;
  }
  // One field line with its CR LF.
  Reading field(Field& field) noexcept;
  // Field lines up to and with the empty line; `count` tells how many there are.
  Reading fields(HeadStorage& storage, std::size_t count_max, std::size_t& count) noexcept;

 private:
  Reading bad_line_end(std::string_view otherwise) noexcept;
};

}  // namespace engine::http
