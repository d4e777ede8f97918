// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cli/echo_exchange.h"

#include <array>

#include "engine/cli/echo_words.h"
#include "engine/http/h1_body.h"

namespace engine::cli {

void append_head_start(std::string& out, const ReplyStyle& style, unsigned status,
                       std::string_view type, std::string_view fields) {
  out += "HTTP/1.1 ";
  append_number(out, status);
  out += ' ';
  out += reason_of(status);
  out += "\r\n";
  if (!type.empty()) {
    out += "Content-Type: ";
    out += type;
    out += "\r\n";
  }
  out += fields;
  if (!style.keep_alive) {
    out += "Connection: close\r\n";
  } else if (style.http10) {
    out += "Connection: keep-alive\r\n";
  }
}

void append_reply(std::string& out, const ReplyStyle& style, unsigned status, std::string_view type,
                  std::string_view body, std::string_view fields) {
  append_head_start(out, style, status, type, fields);
  out += "Content-Length: ";
  append_number(out, body.size());
  out += "\r\n\r\n";
  if (!style.head_only) out += body;
}

void append_stream_head(std::string& out, Exchange& exchange, std::optional<std::uint64_t> length,
                        std::string_view type, std::string_view fields) {
  exchange.chunked = !length && !exchange.style.http10;
  if (!length && !exchange.chunked) exchange.style.keep_alive = false;

  append_head_start(out, exchange.style, 200, type, fields);
  if (length) {
    out += "Content-Length: ";
    append_number(out, *length);
    out += "\r\n";
  }
  if (exchange.chunked) out += "Transfer-Encoding: chunked\r\n";
  out += "\r\n";
  if (exchange.style.head_only) exchange.kind = Exchange::Kind::Text;
}

void append_chunk_size(std::string& out, std::uint64_t bytes) {
  std::array<char, http::kChunkHeaderBytesMax> header;
  out.append(header.data(), http::write_chunk_header(header.data(), bytes));
}

void append_piece(std::string& out, const Exchange& exchange, std::string_view piece) {
  if (piece.empty()) return;
  if (exchange.chunked) append_chunk_size(out, piece.size());
  out += piece;
  if (exchange.chunked) out += http::kChunkEnd;
}

void append_stream_end(std::string& out, const Exchange& exchange, std::string_view trailers) {
  if (!exchange.chunked) return;
  out += http::kLastChunkSize;
  out += trailers;
  out += http::kChunkEnd;
}

}  // namespace engine::cli
