// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/http/names.h"

#include <gtest/gtest.h>

#include "engine/http/head.h"

namespace engine::http {
namespace {

TEST(Names, known_names_are_found_in_any_case) {
  EXPECT_EQ(lookup("Host"), FieldName::Host);
  EXPECT_EQ(lookup("HOST"), FieldName::Host);
  EXPECT_EQ(lookup("tRANSFER-eNCODING"), FieldName::TransferEncoding);
  EXPECT_EQ(lookup("Content-Length"), FieldName::ContentLength);
  EXPECT_EQ(lookup("te"), FieldName::Te);
  EXPECT_EQ(lookup("X-Forwarded-Proto"), FieldName::XForwardedProto);
  EXPECT_EQ(lookup("HTTP2-Settings"), FieldName::Http2Settings);
  EXPECT_EQ(lookup("X-Writer-Affinity"), FieldName::XWriterAffinity);
}

TEST(Names, near_misses_are_other) {
  for (const char* name :
       {"", "H", "Hos", "Hosts", "Content-Lengt", "Content-Lengths", "Content.Length",
        "XForwarded-For", "Transfer-Encodinh", "Proxy-Status", "Via2"}) {
    EXPECT_EQ(lookup(name), FieldName::Other) << name;
  }
}

TEST(Names, families_are_known_by_their_prefix) {
  EXPECT_EQ(lookup("X-Forwarded-Prefix"), FieldName::XForwardedOther);
  EXPECT_EQ(lookup("x-accel-redirect"), FieldName::XAccel);
  EXPECT_EQ(lookup("Proxy-Whatever-Long-Name-It-May-Have"), FieldName::ProxyOther);
  EXPECT_EQ(lookup("Proxy"), FieldName::ProxyOther);
}

TEST(Names, underscore_variants_are_disguises) {
  for (const char* name :
       {"Content_Length", "TRANSFER_ENCODING", "X_Forwarded_For", "X-Forwarded_For", "X_Real_IP",
        "X_Forwarded_Anything_That_Is_Rather_Long", "Proxy_Authorization", "X_Engine-Hops"}) {
    EXPECT_EQ(lookup(name), FieldName::Disguised) << name;
  }
  EXPECT_EQ(lookup("my_header"), FieldName::Other);
}

TEST(Names, methods_are_case_sensitive) {
  EXPECT_EQ(method_of("GET"), Method::Get);
  EXPECT_EQ(method_of("get"), Method::Other);
  EXPECT_EQ(method_of("OPTIONS"), Method::Options);
  EXPECT_EQ(method_of("DELETE"), Method::Delete);
  EXPECT_FALSE(is_idempotent(Method::Post));
  EXPECT_TRUE(is_idempotent(Method::Put));
}

}  // namespace
}  // namespace engine::http
