// SPDX-License-Identifier: GPL-3.0-or-later
// PROXY protocol headers: no crash on any bytes, the same result however they are split,
// Incomplete only for what can still become a header, and a header that ends within what there is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/http/proxy_header.h"

namespace {

using namespace engine::http;
using Status = ProxyHeaderStatus;

// A copy of its own, so that reading past the end is seen.
ProxyHeaderResult parse(std::string_view bytes) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  return parse_proxy_header({copy.data(), copy.size()});
}

ProxyHeaderResult parse_in_pieces(std::string_view bytes, std::size_t piece) {
  for (std::size_t size = 0;; size += piece) {
    const ProxyHeaderResult result = parse(bytes.substr(0, size));
    if (result.status != Status::Incomplete || size >= bytes.size()) return result;
  }
}

bool same(const ProxyHeader& a, const ProxyHeader& b) {
  return a.bytes == b.bytes && a.has_addresses == b.has_addresses && a.is_v6 == b.is_v6 &&
         a.source == b.source && a.destination == b.destination && a.source_port == b.source_port &&
         a.destination_port == b.destination_port;
}

// So by induction: whatever is incomplete can still become a header.
bool has_a_next_octet(std::string_view bytes) {
  for (int c = 0; c < 256; ++c) {
    const Status next = parse(std::string(bytes) + static_cast<char>(c)).status;
    if (next == Status::Incomplete || next == Status::Complete) return true;
  }
  return false;
}

void try_header(std::string_view bytes) {
  const ProxyHeaderResult whole = parse(bytes);
  for (const std::size_t piece : {1U, 7U}) {
    const ProxyHeaderResult split = parse_in_pieces(bytes, piece);
    ENSURE(split.status == whole.status, "splitting changes the result");
    ENSURE(split.why == whole.why, "splitting changes the reason");
    ENSURE(same(split.header, whole.header), "splitting changes the header");
  }
  ENSURE(whole.why.empty() == (whole.status != Status::Bad), "a reason without a fault, or none");
  ENSURE(whole.status != Status::Incomplete || bytes.size() < kProxyHeaderBytesMax,
         "a header without an end");
  ENSURE(whole.status != Status::Incomplete || has_a_next_octet(bytes), "a dead end is incomplete");
  if (whole.status != Status::Complete) return;
  ENSURE(whole.header.bytes <= std::min(bytes.size(), kProxyHeaderBytesMax), "a header too long");
  ENSURE(parse(bytes.substr(0, whole.header.bytes - 1)).status == Status::Incomplete,
         "the last octet of a header is not needed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try_header(bytes);
  try_header("PROXY TCP4 " + bytes);
  try_header("PROXY TCP6 " + bytes);
  try_header(std::string("\r\n\r\n\0\r\nQUIT\n", 12) + bytes);
  return 0;
}
