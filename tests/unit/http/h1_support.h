// SPDX-License-Identifier: GPL-3.0-or-later
// Shorthands of the HTTP/1 tests: a request or response parsed from text, and a set of samples.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/h1_head.h"

namespace engine::http {

struct Request {
  explicit Request(std::string text, const HeadLimits& limits = {})
      : bytes(std::move(text)), storage(std::make_unique<HeadStorage>()) {
    std::uint32_t scanned = 0;
    result = parse_request(bytes, scanned, limits, *storage, head);
  }
  Request(const Request&) = delete;
  [[nodiscard]] base::Cause cause() const { return result.cause; }

  std::string bytes;
  std::unique_ptr<HeadStorage> storage;
  RequestHead head;
  HeadResult result;
};

struct Response {
  explicit Response(std::string text, Method method = Method::Get, bool upgrade_asked = false,
                    const HeadLimits& limits = {})
      : bytes(std::move(text)), storage(std::make_unique<HeadStorage>()) {
    std::uint32_t scanned = 0;
    result = parse_response(bytes, scanned, limits, *storage, method, upgrade_asked, head);
  }
  Response(const Response&) = delete;
  [[nodiscard]] base::Cause cause() const { return result.cause; }

  std::string bytes;
  std::unique_ptr<HeadStorage> storage;
  ResponseHead head;
  HeadResult result;
};

// A whole request around one line, or around some field lines after Host.
inline Request request_line(const std::string& line) {
  return Request(line + "\r\nHost: a.test\r\n\r\n");
}
inline Request fields(const std::string& lines) {
  return Request("POST /x HTTP/1.1\r\nHost: a.test\r\n" + lines + "\r\n");
}
inline Response response_fields(const std::string& lines, Method method = Method::Get) {
  return Response("HTTP/1.1 200 OK\r\n" + lines + "\r\n", method);
}

// Good and bad requests with one fault at most, so that every way to read them ends the same.
inline std::vector<std::string> sample_requests() {
  return {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /c/x?q=1 HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\nAccept: */*\r\n\r\n",
      "PROPFIND /c HTTP/1.1\r\nHost: a.test\r\nDepth: 0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: \t CHUNKED \t\r\n\r\n",
      "GET http://b.test:8080/x?y=z HTTP/1.1\r\nHost: a\r\nConnection: close, X-A\r\nX-A: "
      "1\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
      "GET /long HTTP/1.1\r\nHost: a\r\nCookie: " + std::string(700, 'c') + "\r\n\r\n",
      "GET /" + std::string(900, 'p') +
          " HTTP/1.1\r\nHost: a\r\nUser-Agent: x (y; z) w/1.0\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n",
      "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  };
}

}  // namespace engine::http
