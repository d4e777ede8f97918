// SPDX-License-Identifier: GPL-3.0-or-later
#include "tls/client_hello.h"

#include <algorithm>
#include <expected>
#include <utility>

namespace tls {
namespace {

constexpr char kHandshakeRecord = 22;
constexpr char kClientHelloMessage = 1;
constexpr std::size_t kServerNameExtension = 0;
constexpr std::size_t kHostNameType = 0;

constexpr std::size_t kRecordHeaderBytes = 5;
constexpr std::size_t kRecordBytesMax = 1 << 14;
constexpr std::size_t kMessageHeaderBytes = 4;
constexpr std::size_t kServerNameBytesMax = 255;

// A view into the hello (empty: there is none), or why it is bad.
using NameOrWhy = std::expected<std::string_view, std::string_view>;

// Big-endian.
std::size_t number(std::string_view octets) {
  std::size_t value = 0;
  for (const char c : octets) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Reads fields one behind the other. A field that does not fit is empty, and so is everything
// behind it: it is enough to ask failed() at the end.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  std::string_view take(std::size_t size) {
    failed_ = failed_ || size > rest_.size();
    const std::string_view field = failed_ ? std::string_view{} : rest_.substr(0, size);
    rest_ = failed_ ? std::string_view{} : rest_.substr(size);
    return field;
  }
  // RFC 8446 section 3.4: a length of so many octets, and what it counts.
  std::string_view vector(std::size_t length_octets) { return take(number(take(length_octets))); }

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

struct Message {
  HelloStatus status = HelloStatus::Incomplete;
  std::string_view body;  // of Complete: the ClientHello without its header
  std::string_view why;   // of Bad
};

Message bad(std::string_view why) { return {.status = HelloStatus::Bad, .why = why}; }

// One record's part is used where it lies; only a second one makes a copy of both.
std::string_view join(std::string_view message, std::string_view fragment, std::string& storage) {
  if (message.empty()) return fragment;
  if (storage.empty()) storage = message;
  storage += fragment;
  return storage;
}

Message read_message(std::string_view bytes, std::string& storage) {
  std::string_view message;
  storage.clear();
  while (!bytes.empty()) {
    if (bytes[0] != kHandshakeRecord) return bad("not a handshake record");
    if (bytes.size() > 1 && bytes[1] != 3) return bad("bad record version");
    if (bytes.size() < kRecordHeaderBytes) break;
    const std::size_t length = number(bytes.substr(3, 2));
    if (length == 0 || length > kRecordBytesMax) return bad("bad record length");

    const std::string_view fragment = bytes.substr(kRecordHeaderBytes, length);
    const std::size_t record_end = message.size() + length;
    bytes.remove_prefix(kRecordHeaderBytes + fragment.size());
    message = join(message, fragment, storage);
    if (!message.empty() && message[0] != kClientHelloMessage) return bad("not a ClientHello");
    if (message.size() < kMessageHeaderBytes) continue;

    const std::size_t size = kMessageHeaderBytes + number(message.substr(1, 3));
    if (size + kRecordHeaderBytes > kClientHelloBytesMax) return bad("ClientHello too long");
    // Nothing can follow before the server has answered.
    if (record_end > size) return bad("more than the ClientHello in its record");
    if (message.size() == size)
      return {.status = HelloStatus::Complete, .body = message.substr(kMessageHeaderBytes)};
  }
  return {};
}

// A stricter host than DNS allows: an empty label or a final dot would make two names of one site.
bool is_server_name(std::string_view name) {
  if (name.empty() || name.size() > kServerNameBytesMax) return false;
  if (name.starts_with('.') || name.ends_with('.') || name.contains("..")) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

// RFC 6066 section 3: a list, in which nothing but one host_name was ever defined.
NameOrWhy read_server_name(std::string_view data) {
  Cursor extension(data);
  Cursor list(extension.vector(2));
  const std::size_t type = number(list.take(1));
  const std::string_view name = list.vector(2);
  if (extension.failed() || !extension.at_end() || list.failed())
    return std::unexpected("bad length in server_name");
  if (type != kHostNameType || !list.at_end())
    return std::unexpected("server_name is not one host name");
  if (!is_server_name(name)) return std::unexpected("bad host name in server_name");
  return name;
}

NameOrWhy read_extensions(std::string_view data) {
  NameOrWhy name;
  for (Cursor extensions(data); !extensions.at_end();) {
    const std::size_t type = number(extensions.take(2));
    const std::string_view content = extensions.vector(2);
    if (extensions.failed()) return std::unexpected("bad length of an extension");
    if (type != kServerNameExtension) continue;
    if (!name->empty()) return std::unexpected("two server_name extensions");
    name = read_server_name(content);
    if (!name) return name;
  }
  return name;
}

// RFC 8446 section 4.1.2; the fields and their ranges are the same since TLS 1.0.
NameOrWhy read_body(std::string_view body) {
  Cursor hello(body);
  hello.take(2 + 32);  // version and random
  const std::string_view session_id = hello.vector(1);
  const std::string_view ciphers = hello.vector(2);
  const std::string_view compressions = hello.vector(1);
  if (hello.failed()) return std::unexpected("bad length in the ClientHello");
  if (session_id.size() > 32) return std::unexpected("session id too long");
  if (ciphers.empty() || ciphers.size() % 2 != 0) return std::unexpected("bad list of ciphers");
  if (compressions.empty()) return std::unexpected("no compression method");

  if (hello.at_end()) return {};  // TLS 1.2 may leave out the extensions, and their length too
  const std::string_view extensions = hello.vector(2);
  if (hello.failed() || !hello.at_end()) return std::unexpected("bad length of the extensions");
  return read_extensions(extensions);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

ClientHello peek_client_hello(std::string_view bytes, std::string& storage) {
  const Message message = read_message(bytes.substr(0, kClientHelloBytesMax), storage);
  if (message.status == HelloStatus::Incomplete && bytes.size() >= kClientHelloBytesMax)
    return {.status = HelloStatus::Bad, .why = "ClientHello too long"};
  if (message.status != HelloStatus::Complete)
    return {.status = message.status, .why = message.why};

  const NameOrWhy name = read_body(message.body);
  if (!name) return {.status = HelloStatus::Bad, .why = name.error()};
  storage = lower_case(*name);  // a copy first: the name may lie in `storage`
  return {.status = HelloStatus::Complete, .server_name = storage};
}

}  // namespace tls
