// SPDX-License-Identifier: GPL-3.0-or-later
// Heads: no crash on any bytes, the same result however they are split, and what is forwarded
// parses to the same framing again.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/http/h1_head.h"
#include "engine/http/rules.h"
#include "engine/http/target.h"

namespace {

using namespace engine::http;

HeadStorage storage;

HeadResult parse_in_pieces(std::string_view bytes, std::size_t piece) {
  RequestHead head;
  std::uint32_t scanned = 0;
  for (std::size_t size = piece;; size += piece) {
    const std::string_view part = bytes.substr(0, size);
    // A copy of its own, so that reading past the end is seen.
    const std::vector<char> copy(part.begin(), part.end());
    const HeadResult result = parse_request({copy.data(), copy.size()}, scanned, {}, storage, head);
    if (result.status != HeadStatus::Incomplete || size >= bytes.size()) return result;
  }
}

void forward_request(const RequestHead& head) {
  Forwarding how;
  how.client_address = "::1";
  how.scheme = "http";
  how.framing = head.framing;
  how.content_length = head.content_length;
  how.trusted = head.hops % 2 == 1;
  how.keep_upgrade = true;
  if (head.authority.empty()) how.host_override = "h";
  std::vector<char> out(1 << 20);
  const std::size_t size = write_request(head, how, out);
  ENSURE(size != 0, "a request does not fit into a MiB");

  std::uint32_t scanned = 0;
  RequestHead again;
  HeadStorage room;
  const HeadLimits wide{.head_bytes = 1 << 20, .line_bytes = 1 << 19, .field_count = 256};
  const HeadResult result = parse_request({out.data(), size}, scanned, wide, room, again);
  ENSURE(result.status == HeadStatus::Complete && result.consumed == size,
         "what we forward is not one head");
  ENSURE(again.framing == head.framing && again.content_length == head.content_length,
         "framing changed");
  ENSURE(again.path == head.path && again.method_text == head.method_text, "the request changed");
  ENSURE(again.upgrade == head.upgrade, "the upgrade changed");
}

void try_response(std::string_view bytes) {
  ResponseHead head;
  std::uint32_t scanned = 0;
  const HeadResult result =
      parse_response(bytes, scanned, {}, storage, Method::Get, bytes.size() % 2 == 0, head);
  if (result.status != HeadStatus::Complete) return;
  ResponseForwarding how;
  how.framing = head.framing;
  how.content_length = head.content_length;
  how.upgrade = head.status == 101;
  std::vector<char> out(1 << 20);
  const std::size_t size = write_response(head, how, out);
  ENSURE(size != 0, "a response does not fit into a MiB");

  ResponseHead again;
  HeadStorage room;
  scanned = 0;
  const HeadLimits wide{.head_bytes = 1 << 20, .line_bytes = 1 << 19, .field_count = 256};
  const HeadResult second = parse_response({out.data(), size}, scanned, wide, room, Method::Get,
                                           head.status == 101, again);
  ENSURE(second.status == HeadStatus::Complete && second.consumed == size,
         "what we forward is not one head");
  ENSURE(again.framing == head.framing, "framing changed");
  if (head.framing == Framing::Length)
    ENSURE(again.content_length == head.content_length, "length changed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try_response(bytes);
  try_response("HTTP/1.1 200 OK\r\n" + std::string(bytes));

  const HeadResult split = size < 300 ? parse_in_pieces(bytes, 1) : parse_in_pieces(bytes, 97);
  RequestHead head;
  std::uint32_t scanned = 0;
  const std::vector<char> copy(bytes.begin(), bytes.end());
  const HeadResult whole = parse_request({copy.data(), copy.size()}, scanned, {}, storage, head);
  // Later pieces are looked at line by line, so a bad byte in an unfinished line may still wait
  // there.
  ENSURE(whole.status == split.status ||
             (whole.status == HeadStatus::Bad && split.status == HeadStatus::Incomplete),
         "splitting changes the result");
  if (whole.status != HeadStatus::Complete) return 0;
  ENSURE(whole.consumed == split.consumed, "splitting changes the length");
  std::array<char, 1 << 17> scratch;
  const std::string_view path = normalise_path(head.path, scratch);
  ENSURE(path.size() <= head.path.size(), "a normalised path grows");
  ENSURE(!path.contains("/../") && !path.contains("/./"), "a normalised path has dot segments");
  forward_request(head);
  return 0;
}
