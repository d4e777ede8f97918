// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/names.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace engine::http {
namespace {

struct Entry {
  std::string_view name;  // in lower case
  FieldName known = FieldName::Other;
};

constexpr Entry kEntries[] = {
    {"accept", FieldName::Accept},
    {"accept-encoding", FieldName::AcceptEncoding},
    {"age", FieldName::Age},
    {"authorization", FieldName::Authorization},
    {"cache-control", FieldName::CacheControl},
    {"connection", FieldName::Connection},
    {"content-length", FieldName::ContentLength},
    {"content-type", FieldName::ContentType},
    {"cookie", FieldName::Cookie},
    {"date", FieldName::Date},
    {"expect", FieldName::Expect},
    {"forwarded", FieldName::Forwarded},
    {"host", FieldName::Host},
    {"http2-settings", FieldName::Http2Settings},
    {"keep-alive", FieldName::KeepAlive},
    {"max-forwards", FieldName::MaxForwards},
    {"proxy", FieldName::ProxyOther},  // CGI programs read it as HTTP_PROXY (CVE-2016-5385)
    {"proxy-authenticate", FieldName::ProxyAuthenticate},
    {"proxy-authorization", FieldName::ProxyAuthorization},
    {"proxy-connection", FieldName::ProxyConnection},
    {"proxy-status", FieldName::Other},
    {"range", FieldName::Range},
    {"server", FieldName::Server},
    {"set-cookie", FieldName::SetCookie},
    {"te", FieldName::Te},
    {"trailer", FieldName::Trailer},
    {"transfer-encoding", FieldName::TransferEncoding},
    {"upgrade", FieldName::Upgrade},
    {"user-agent", FieldName::UserAgent},
    {"via", FieldName::Via},
    {"x-client-cert-name", FieldName::XClientCertName},
    {"x-engine-hops", FieldName::EngineHops},
    {"x-forwarded-for", FieldName::XForwardedFor},
    {"x-forwarded-host", FieldName::XForwardedHost},
    {"x-forwarded-port", FieldName::XForwardedPort},
    {"x-forwarded-proto", FieldName::XForwardedProto},
    {"x-real-ip", FieldName::XRealIp},
    {"x-request-id", FieldName::XRequestId},
    {"x-sendfile", FieldName::XAccel},
    {"x-writer-affinity", FieldName::XWriterAffinity},
};

// Setting bit 5 makes letters lower case and leaves digits and '-' alone; no other token character
// turns into one of those.
constexpr unsigned folded(char c) { return static_cast<unsigned char>(c) | 0x20U; }

constexpr std::size_t kNameBytesMin = 2;
constexpr std::size_t kNameBytesMax = 19;

// Perfect for kEntries: the constants were found by trying, and the table below proves them.
constexpr std::size_t slot_of(std::string_view name) {
  const std::size_t size = name.size();
  return (size + folded(name[0]) + folded(name[size - 2]) * 34 + folded(name[size / 2]) * 3) & 127;
}

constexpr std::array<Entry, 128> kTable = [] {
  std::array<Entry, 128> table{};
  for (const Entry& entry : kEntries) {
    table[slot_of(entry.name)] = entry;
  }
  return table;
}();

static_assert(std::ranges::all_of(kEntries,
                                  [](const Entry& entry) {
                                    return kTable[slot_of(entry.name)].name == entry.name &&
                                           entry.name.size() >= kNameBytesMin &&
                                           entry.name.size() <= kNameBytesMax;
                                  }),
              "no two names share a slot");

template <typename Word>
Word folded_word(const char* at, Word mask) {
  Word word;
  std::memcpy(&word, at, sizeof(word));
  return word | mask;
}

// `lower` is in lower case already and of the same size.
bool matches(std::string_view name, std::string_view lower) {
  constexpr std::uint64_t kMask = 0x2020202020202020;
  constexpr std::uint32_t kHalfMask = 0x20202020;
  const std::size_t size = name.size();
  const char* const a = name.data();
  const char* const b = lower.data();
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (folded_word(a + at, kMask) != folded_word(b + at, kMask)) return false;
    }
    return folded_word(a + size - 8, kMask) == folded_word(b + size - 8, kMask);
  }
  if (size >= 4) {
    return folded_word(a, kHalfMask) == folded_word(b, kHalfMask) &&
           folded_word(a + size - 4, kHalfMask) == folded_word(b + size - 4, kHalfMask);
  }
  return std::equal(name.begin(), name.end(), lower.begin(),
                    [](char x, char y) { return folded(x) == folded(y); });
}

bool has_prefix(std::string_view name, std::string_view lower) {
  return name.size() > lower.size() && matches(name.substr(0, lower.size()), lower);
}

// Only the start decides about prefixes, so a long name is judged by as much as fits.
FieldName lookup_disguised(std::string_view name) {
  std::array<char, 32> dashed;
  const std::size_t size = std::min(name.size(), dashed.size());
  std::replace_copy(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size), dashed.begin(),
                    '_', '-');
  return lookup_plain({dashed.data(), size}) == FieldName::Other ? FieldName::Other
                                                                 : FieldName::Disguised;
}

}  // namespace

FieldName lookup_plain(std::string_view name) noexcept {
  if (name.size() < kNameBytesMin) return FieldName::Other;
  if (name.size() <= kNameBytesMax) {
    const Entry& entry = kTable[slot_of(name)];
    if (entry.name.size() == name.size() && matches(name, entry.name)) return entry.known;
  }
  const unsigned first = folded(name[0]);
  if (first == 'x') {
    if (has_prefix(name, "x-forwarded-")) return FieldName::XForwardedOther;
    if (has_prefix(name, "x-accel-")) return FieldName::XAccel;
  }
  if (first == 'p' && has_prefix(name, "proxy-")) return FieldName::ProxyOther;
  return FieldName::Other;
}

FieldName lookup(std::string_view name) noexcept {
  const FieldName known = lookup_plain(name);
  if (known != FieldName::Other || !name.contains('_')) return known;
  return lookup_disguised(name);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace engine::http
