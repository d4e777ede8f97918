// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/h2_callbacks.h"

#include <string_view>

#include "engine/base/check.h"
#include "engine/http/h2_endpoint.h"

namespace engine::http {
namespace {

H2Endpoint& codec_of(void* user) { return *static_cast<H2Endpoint*>(user); }

std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

std::string_view text(nghttp2_rcbuf* buffer) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return text(bytes.base, bytes.len);
}

bool ends_stream(const nghttp2_frame* frame) {
  return (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

// Whether it begins its stream, or its side of it.
bool is_first(const nghttp2_frame* frame) { return frame->headers.cat != NGHTTP2_HCAT_HEADERS; }

}  // namespace

// After a failure the library may still have something to tell; nobody listens any more.
struct H2Callbacks {
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    codec_of(user).begin_section(frame->hd.stream_id, is_first(frame), ends_stream(frame));
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, std::uint8_t, void* user) {
    const bool good = codec_of(user).on_field(frame->hd.stream_id, text(name), text(value));
    return good ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  // The library would leave out a field that is malformed; the message is malformed then.
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*,
                               nghttp2_rcbuf*, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Endpoint& codec = codec_of(user);
    if (codec.failed_) return 0;
    const std::int32_t id = frame->hd.stream_id;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: codec.on_section(id, is_first(frame), ends_stream(frame)); break;
      case NGHTTP2_DATA:
        // A frame without any payload was counted when it came.
        codec.on_content_frame(id, frame->hd.length > 0 && frame->hd.length == frame->data.padlen,
                               ends_stream(frame));
        break;
      case NGHTTP2_SETTINGS: codec.on_settings(); break;
      case NGHTTP2_GOAWAY: codec.tell_goaway(static_cast<H2Error>(frame->goaway.error_code)); break;
      case NGHTTP2_PRIORITY_UPDATE:
        codec.on_priority_update(
            static_cast<const nghttp2_ext_priority_update*>(frame->ext.payload)->stream_id);
        break;
      default: break;
    }
    return 0;
  }

  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    H2Endpoint& codec = codec_of(user);
    codec.section_.drop();
    if (error == NGHTTP2_ERR_REFUSED_STREAM) codec.note_closed(frame->hd.stream_id, true);
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    if (!codec_of(user).failed_) codec_of(user).on_content(id, text(data, size));
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    codec_of(user).on_stream_end(id, static_cast<H2Error>(error));
    return 0;
  }

  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t size,
                           std::uint32_t* flags, nghttp2_data_source*, void* user) {
    H2Endpoint& codec = codec_of(user);
    H2Stream* const stream = codec.failed_ ? nullptr : codec.find(id);
    if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;
    const H2Piece piece = codec.pull_body(*stream, size);
    if (piece.size == 0 && !piece.end) return NGHTTP2_ERR_DEFERRED;
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (piece.end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (piece.end && !piece.trailers.empty()) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return static_cast<ssize_t>(piece.size);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head, std::size_t size,
                       nghttp2_data_source*, void* user) {
    H2Endpoint& codec = codec_of(user);
    codec.write_data(text(head, H2FrameHead::kBytes), size);
    return codec.out_->size() < codec.out_limit_ ? 0 : NGHTTP2_ERR_PAUSE;
  }

  static int on_sending(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      codec_of(user).on_sending_request(frame->hd.stream_id);
    }
    return 0;
  }

  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    H2Endpoint& codec = codec_of(user);
    switch (frame->hd.type) {
      case NGHTTP2_DATA:
      case NGHTTP2_HEADERS:
        if (ends_stream(frame)) codec.on_sent_end(frame->hd.stream_id);
        break;
      case NGHTTP2_RST_STREAM:
        codec.on_sent_reset(frame->hd.stream_id,
                            static_cast<H2Error>(frame->rst_stream.error_code));
        break;
      case NGHTTP2_GOAWAY:
        codec.on_sent_goaway(static_cast<H2Error>(frame->goaway.error_code));
        break;
      default: break;
    }
    return 0;
  }

  static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    if (frame->hd.type == NGHTTP2_HEADERS && error == NGHTTP2_ERR_FRAME_SIZE_ERROR) {
      codec_of(user).on_head_not_sent(frame->hd.stream_id);
    }
    return 0;
  }

  static const nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* made = nullptr;
    ENSURE(nghttp2_session_callbacks_new(&made) == 0, "out of memory");
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(made, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(made, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
    nghttp2_session_callbacks_set_send_data_callback(made, send_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(made, on_sending);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(made, on_not_sent);
    return made;
  }
};

const nghttp2_session_callbacks* library_callbacks() {
  static const nghttp2_session_callbacks* const callbacks = H2Callbacks::make();
  return callbacks;
}

nghttp2_data_provider body_provider() {
  return {.source = {.ptr = nullptr}, .read_callback = H2Callbacks::read_body};
}

}  // namespace engine::http
