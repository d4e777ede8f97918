// SPDX-License-Identifier: GPL-3.0-or-later
// Writes DER (ITU-T X.690): the few types a certificate is made of. Every function returns one
// complete element: tag, length, content. It knows no certificate and reads nothing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tls::der {

using Parts = std::initializer_list<std::string_view>;

// Any element; `tag` is the identifier octet. Content up to 64 KiB.
std::string element(std::uint8_t tag, std::string_view content);

std::string sequence(Parts elements);
std::string set(std::string_view only_element);

// Context-specific tags, number 0..30: [n] around whole elements, or [n] IMPLICIT with plain
// content.
std::string context(std::uint8_t number, Parts elements);
std::string context_primitive(std::uint8_t number, std::string_view content);

std::string boolean_true();
// Not negative, big-endian; zeros in front do not matter, and no bytes at all are 0.
std::string integer(std::string_view magnitude);
// At least two arcs, the first 0..2.
std::string oid(std::initializer_list<std::uint32_t> arcs);
std::string octet_string(std::string_view bytes);
// `unused_bits` 0..7: how many of the last byte's low bits do not count.
std::string bit_string(std::string_view bytes, std::uint8_t unused_bits = 0);
std::string utf8_string(std::string_view text);

// Unix seconds, in the years 1950..9999: UTCTime until 2049, then GeneralizedTime
// (RFC 5280 section 4.1.2.5).
std::string time(std::int64_t unix_seconds);

}  // namespace tls::der
