// SPDX-License-Identifier: GPL-3.0-or-later
// Where libnghttp2 calls the codecs: C functions that hand on to members of H2Endpoint. For the
// codecs' own files only.
#pragma once

#include <nghttp2/nghttp2.h>

namespace engine::http {

// Those of all connections, made once.
const nghttp2_session_callbacks* library_callbacks();

// Asks the codec for the body of a stream.
nghttp2_data_provider body_provider();

// Stands in the library for a stream that its owner has reset and that is not yet reset on the wire.
inline void* reset_mark() noexcept {
  static char mark;
  return &mark;
}

}  // namespace engine::http
