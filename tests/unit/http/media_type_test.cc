// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/media_type.h"

#include <gtest/gtest.h>

namespace engine::http {
namespace {

TEST(MediaType, parameters_do_not_belong_to_it) {
  EXPECT_EQ(media_type("text/html; charset=utf-8"), "text/html");
  EXPECT_EQ(media_type("text/html \t;q"), "text/html");
  EXPECT_EQ(media_type("Text/HTML"), "Text/HTML");
  EXPECT_EQ(media_type(";"), "");
  EXPECT_EQ(media_type(""), "");
}

TEST(MediaType, events_are_recognised_whatever_follows) {
  for (const char* type : {"text/event-stream", "text/event-stream;charset=utf-8",
                           "Text/Event-Stream ; charset=utf-8"})
    EXPECT_TRUE(is_event_stream(type)) << type;
  for (const char* type : {"", "text/event-streams", "text/event", "text/plain; text/event-stream"})
    EXPECT_FALSE(is_event_stream(type)) << type;
}

TEST(MediaType, grpc_may_name_its_encoding_but_grpc_web_is_another_protocol) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "application/GRPC+",
                           "application/grpc;charset=utf-8", "application/grpc+json; v=1"})
    EXPECT_TRUE(is_grpc(type)) << type;
  for (const char* type : {"", "application/grpc-web", "application/grpc-web+proto",
                           "application/grpcx", "application/json", "+application/grpc"})
    EXPECT_FALSE(is_grpc(type)) << type;
}

}  // namespace
}  // namespace engine::http
