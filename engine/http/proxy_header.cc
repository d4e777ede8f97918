// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>

namespace engine::http {
namespace {

using namespace std::string_view_literals;
using Status = ProxyHeaderStatus;
using Address = std::array<std::uint8_t, 16>;

constexpr std::string_view kSignatureV1 = "PROXY";
constexpr std::string_view kSignatureV2 = "\r\n\r\n\0\r\nQUIT\n"sv;

constexpr std::size_t kLineBytesMax = 107;        // section 2.1, with CRLF
constexpr std::size_t kAddressTextBytesMax = 39;  // eight groups of four digits
constexpr std::size_t kBinaryHeadBytes = 16;      // of version 2, before the addresses

// The ends an unfinished address may lack: one of them makes it whole, or nothing does.
constexpr std::array kAddressEnds = {"0.0.0.0"sv, ".0.0.0"sv, "0.0.0"sv, ".0.0"sv, "0.0"sv,
                                     ".0"sv,      "0"sv,      ""sv,      ":"sv,    "::"sv};

ProxyHeaderResult bad(std::string_view why) { return {.status = Status::Bad, .why = why}; }
ProxyHeaderResult incomplete() { return {}; }

// inet_pton takes what the specification calls canonical: no leading zeros in decimal numbers, at
// most four hex digits a group, one "::".
bool read_address(int family, std::string_view text, std::string_view end, Address& out) {
  std::array<char, kAddressTextBytesMax + 1> copy{};
  if (text.size() + end.size() > kAddressTextBytesMax || text.contains('\0')) return false;
  std::ranges::copy(end, std::ranges::copy(text, copy.begin()).out);
  return inet_pton(family, copy.data(), out.data()) == 1;
}

bool may_become_address(int family, std::string_view text) {
  Address ignored;
  return std::ranges::any_of(
      kAddressEnds, [&](std::string_view end) { return read_address(family, text, end, ignored); });
}

// Decimal, 0..65535, no leading zeros: what starts a port is a port itself, or empty.
bool read_port(std::string_view text, std::uint16_t& out) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return false;
  std::uint32_t port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  out = static_cast<std::uint16_t>(port);
  return port <= 65535;
}

// Reads the line of version 1 from left to right. The first thing that is wrong or not there yet
// decides, whatever is behind it: so the result cannot depend on how the line was split.
class Line {
 public:
  explicit Line(std::string_view bytes) : rest_(bytes), size_(bytes.size()) {}

  // Each of these returns false when the reading is over; failure() tells how.
  bool literal(std::string_view text, std::string_view why) {
    const std::size_t size = std::min(text.size(), rest_.size());
    if (rest_.substr(0, size) != text.substr(0, size)) return fail(bad(why));
    if (size < text.size()) return fail(incomplete());
    rest_.remove_prefix(size);
    return true;
  }

  bool family(int& out) {
    struct Name {
      std::string_view text;
      int family;
    };
    static constexpr std::array<Name, 3> kNames = {
        {{"TCP4 ", AF_INET}, {"TCP6 ", AF_INET6}, {"UNKNOWN", AF_UNSPEC}}};
    for (const Name& name : kNames) {
      if (name.text.starts_with(rest_.substr(0, name.text.size()))) {
        out = name.family;
        return literal(name.text, {});
      }
    }
    return fail(bad("bad protocol"));
  }

  bool address(int family, Address& out) {
    const std::string_view text = rest_.substr(0, rest_.find(' '));
    const bool is_whole = text.size() < rest_.size();
    if (is_whole ? !read_address(family, text, "", out) : !may_become_address(family, text))
      return fail(bad("bad address"));
    rest_.remove_prefix(text.size());
    return literal(" ", {});
  }

  bool port(char end, std::uint16_t& out) {
    const std::string_view text = rest_.substr(0, rest_.find(end));
    if (text.empty() && rest_.empty()) return fail(incomplete());
    if (!read_port(text, out)) return fail(bad("bad port"));
    rest_.remove_prefix(text.size());
    return true;
  }

  // Behind UNKNOWN: nothing, or a space and anything up to CRLF.
  bool ignored() {
    if (!rest_.starts_with(' ')) return literal("\r\n", "bad protocol");
    const std::size_t end = rest_.find("\r\n");
    if (end != std::string_view::npos) {
      rest_.remove_prefix(end + 2);
      return true;
    }
    const std::size_t missing = rest_.ends_with('\r') ? 1 : 2;
    return fail(size_ + missing > kLineBytesMax ? bad("line too long") : incomplete());
  }

  [[nodiscard]] std::size_t taken() const { return size_ - rest_.size(); }
  [[nodiscard]] const ProxyHeaderResult& failure() const { return failure_; }

 private:
  bool fail(const ProxyHeaderResult& failure) {
    failure_ = failure;
    return false;
  }

  std::string_view rest_;
  std::size_t size_;
  ProxyHeaderResult failure_;
};

bool read_line(Line& line, ProxyHeader& header) {
  int family = AF_UNSPEC;
  if (!line.literal(kSignatureV1, {}) || !line.literal(" ", "no space behind PROXY")) return false;
  if (!line.family(family)) return false;
  if (family == AF_UNSPEC) return line.ignored();
  header.has_addresses = true;
  header.is_v6 = family == AF_INET6;
  return line.address(family, header.source) && line.address(family, header.destination) &&
         line.port(' ', header.source_port) && line.literal(" ", {}) &&
         line.port('\r', header.destination_port) && line.literal("\r\n", "no CRLF");
}

ProxyHeaderResult parse_v1(std::string_view bytes) {
  Line line(bytes.substr(0, kLineBytesMax));
  ProxyHeader header;
  if (!read_line(line, header)) return line.failure();
  header.bytes = line.taken();
  return {.status = Status::Complete, .header = header};
}

unsigned octet(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::uint16_t port_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(octet(bytes, at) << 8 | octet(bytes, at + 1));
}

// `block` starts with the addresses.
void read_binary_addresses(std::string_view block, ProxyHeader& header) {
  const std::size_t size = header.is_v6 ? 16 : 4;
  std::ranges::copy(block.substr(0, size), header.source.begin());
  std::ranges::copy(block.substr(size, size), header.destination.begin());
  header.source_port = port_at(block, 2 * size);
  header.destination_port = port_at(block, 2 * size + 2);
}

// Section 2.2. Octet by octet, so that a bad one is refused before the next has come.
ProxyHeaderResult parse_v2(std::string_view bytes) {
  constexpr unsigned kProxy = 1, kInet6 = 2, kUnix = 3, kStream = 1, kDatagram = 2;
  constexpr std::array<std::size_t, 4> kBlockBytes = {0, 12, 36, 216};  // of a family's addresses

  if (bytes.size() <= 12) return incomplete();
  const unsigned command = octet(bytes, 12) & 0xf;
  if (octet(bytes, 12) >> 4 != 2) return bad("bad version");
  if (command > kProxy) return bad("bad command");

  if (bytes.size() <= 13) return incomplete();
  const bool is_proxy = command == kProxy;
  // A LOCAL header may name any family: it is to be ignored.
  const unsigned family = is_proxy ? octet(bytes, 13) >> 4 : 0;
  const unsigned protocol = is_proxy ? octet(bytes, 13) & 0xf : 0;
  if (family > kUnix) return bad("bad address family");
  if (protocol > kDatagram) return bad("bad protocol");

  if (bytes.size() <= 14) return incomplete();
  const unsigned low = bytes.size() > 15 ? octet(bytes, 15) : 0;
  const std::size_t length = octet(bytes, 14) << 8 | low;
  if (kBinaryHeadBytes + length > kProxyHeaderBytesMax) return bad("header too long");
  if (bytes.size() < kBinaryHeadBytes) return incomplete();
  if (length < kBlockBytes[family]) return bad("length shorter than the addresses");
  if (bytes.size() < kBinaryHeadBytes + length) return incomplete();

  ProxyHeader header{.bytes = kBinaryHeadBytes + length};
  header.has_addresses = protocol == kStream && family != 0 && family != kUnix;
  header.is_v6 = header.has_addresses && family == kInet6;
  if (header.has_addresses) read_binary_addresses(bytes.substr(kBinaryHeadBytes), header);
  return {.status = Status::Complete, .header = header};
}

}  // namespace

ProxyHeaderResult parse_proxy_header(std::string_view bytes) noexcept {
  if (bytes.starts_with(kSignatureV1)) return parse_v1(bytes);
  if (bytes.starts_with(kSignatureV2)) return parse_v2(bytes);
  if (kSignatureV1.starts_with(bytes) || kSignatureV2.starts_with(bytes)) return incomplete();
  return {.status = Status::None};
}

}  // namespace engine::http
