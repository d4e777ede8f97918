// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/proxy/access_log.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/proxy/stream.h"

namespace engine::proxy {
namespace {

constexpr base::Time kWall =
    1'700'000'000LL * base::kSecond + 123'456'789;  // 2023-11-14T22:13:20.123456Z

struct Sample {
  StreamRecord record;
  ClientInfo client;
  LogLine line;

  Sample() {
    constexpr std::string_view kAddress = "192.0.2.7";
    std::memcpy(client.address_text.data(), kAddress.data(), kAddress.size());
    client.address_length = static_cast<std::uint8_t>(kAddress.size());
    client.port = 5555;
    record.method = "GET";
    record.host = "a.test";
    record.path = "/p";
    record.query = "q=1";
    record.site = "a.test/";
    record.tries = 1;
    record.started = base::kSecond;
    record.connected = record.started + base::kMillisecond;
    record.first_byte = record.started + 2 * base::kMillisecond;
    line = {.record = &record, .client = &client, .target = "10.0.0.1:80", .status = 200};
    line.bytes_out = 12;
    line.wall = kWall;
    line.now = record.started + 3'500 * base::kMicrosecond;
    line.generation = 4;
  }

  [[nodiscard]] std::string text(LogFormat format) const {
    std::string out;
    format_access_line(format, line, out);
    return out;
  }
};

TEST(AccessLog, a_json_line_says_what_happened) {
  const std::string text = Sample().text(LogFormat::Json);
  ASSERT_TRUE(text.ends_with("}\n"));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["ts"], "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(json["msg"], "request");
  EXPECT_EQ(json["method"], "GET");
  EXPECT_EQ(json["host"], "a.test");
  EXPECT_EQ(json["client"], "192.0.2.7");
  EXPECT_EQ(json["status"], 200);
  EXPECT_EQ(json["target"], "10.0.0.1:80");
  EXPECT_EQ(json["bytes_out"], 12);
  EXPECT_DOUBLE_EQ(json["t_total"], 0.0035);
  EXPECT_DOUBLE_EQ(json["t_first"], 0.002);
  EXPECT_FALSE(json.contains("error"));
}

TEST(AccessLog, what_did_not_happen_is_left_out) {
  Sample sample;
  sample.record.connected = sample.record.first_byte = 0;
  sample.line.target = {};
  const auto json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_FALSE(json.contains("t_connect"));
  EXPECT_FALSE(json.contains("t_first"));
  EXPECT_FALSE(json.contains("target"));
}

TEST(AccessLog, the_service_is_named_where_it_is_not_the_site) {
  Sample sample;
  sample.record.service = sample.record.site;
  EXPECT_FALSE(nlohmann::json::parse(sample.text(LogFormat::Json)).contains("service"));
  sample.record.service = "shop";
  EXPECT_EQ(nlohmann::json::parse(sample.text(LogFormat::Json))["service"], "shop");
}

TEST(AccessLog, the_times_that_a_request_was_parked_are_there_when_it_was) {
  Sample sample;
  auto json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_FALSE(json.contains("gate_wait"));
  EXPECT_FALSE(json.contains("queue"));
  sample.record.gate_wait = 1'500 * base::kMillisecond;
  json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_DOUBLE_EQ(json["gate_wait"], 1.5);
  EXPECT_FALSE(json.contains("queue"));
  sample.record.queue = base::kMillisecond;
  json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_DOUBLE_EQ(json["gate_wait"], 1.5);
  EXPECT_DOUBLE_EQ(json["queue"], 0.001);
}

TEST(AccessLog, a_request_that_never_became_one_is_logged_too) {
  Sample sample;
  sample.line.record = nullptr;
  sample.line.status = 400;
  sample.line.error = "bad_request";
  sample.line.details = "no Host";
  const auto json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_EQ(json["status"], 400);
  EXPECT_EQ(json["details"], "no Host");
  EXPECT_FALSE(json.contains("method"));
}

TEST(AccessLog, fields_that_a_site_shows_are_objects_or_end_a_line_for_people) {
  Sample sample;
  sample.record.logged = std::make_unique<LoggedValues>();
  EXPECT_FALSE(nlohmann::json::parse(sample.text(LogFormat::Json)).contains("request_headers"));
  sample.record.logged->request = {{"X-A", "1"}, {"X-B", "a\"\n\xff"}};
  sample.record.logged->response = {{"Age", ""}};
  const auto json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_EQ(json["request_headers"],
            nlohmann::json::parse(R"({"X-A": "1", "X-B": "a\"\n\ufffd"})"));
  EXPECT_EQ(json["response_headers"], nlohmann::json::parse(R"({"Age": ""})"));
  const std::string text = sample.text(LogFormat::Text);
  EXPECT_TRUE(text.ends_with(R"( -> 10.0.0.1:80 X-A="1" X-B="a\"\u000a\ufffd" Age="")"
                             "\n"))
      << text;
}

TEST(AccessLog, no_value_of_a_redacted_parameter_is_in_a_line) {
  const std::vector<std::string> names = {"token"};
  Sample sample;
  sample.line.redacted = names;
  sample.record.query = "a=1&Token=SECRET";
  sample.record.referer = "https://a.test/?token=SECRET&b=2";
  sample.record.logged = std::make_unique<LoggedValues>();
  sample.record.logged->request = {{"X-Original-URL", "/p?token=SECRET"}};
  sample.record.logged->response = {{"Location", "/cb#token=SECRET"}};
  const auto json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_EQ(json["query"], "a=1&Token=REDACTED");
  EXPECT_EQ(json["referer"], "https://a.test/?token=REDACTED&b=2");
  EXPECT_EQ(json["request_headers"]["X-Original-URL"], "/p?token=REDACTED");
  EXPECT_EQ(json["response_headers"]["Location"], "/cb#token=REDACTED");
  const std::string text = sample.text(LogFormat::Text);
  EXPECT_NE(text.find("a.test/p?a=1&Token=REDACTED 200"), text.npos) << text;
  EXPECT_EQ(text.find("SECRET"), text.npos) << text;
}

TEST(AccessLog, a_client_that_a_field_names_stands_for_the_connections) {
  Sample sample;
  sample.record.client = {.address = "203.0.113.9", .port = 4711};
  auto json = nlohmann::json::parse(sample.text(LogFormat::Json));
  EXPECT_EQ(json["client"], "203.0.113.9");
  EXPECT_EQ(json["port"], 4711);
  sample.record.client.port = 0;
  EXPECT_FALSE(nlohmann::json::parse(sample.text(LogFormat::Json)).contains("port"));
  EXPECT_NE(sample.text(LogFormat::Text).find(" 203.0.113.9 GET"), std::string::npos);
}

TEST(AccessLog, nothing_that_a_client_sends_can_forge_a_line) {
  Sample sample;
  sample.record.path = "/\"\n{\"status\":1}\xff";
  sample.record.method = "G\"ET";
  sample.record.user_agent = "x\r\nfake line";
  for (const LogFormat format : {LogFormat::Json, LogFormat::Text}) {
    const std::string text = sample.text(format);
    EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
    EXPECT_EQ(text.find('\r'), std::string::npos) << text;
  }
  EXPECT_EQ(nlohmann::json::parse(sample.text(LogFormat::Json))["status"], 200);
}

TEST(AccessLog, a_text_line_is_one_line_for_people) {
  EXPECT_EQ(
      Sample().text(LogFormat::Text),
      "2023-11-14T22:13:20.123456Z 192.0.2.7 GET a.test/p?q=1 200 12B 3.5ms -> 10.0.0.1:80\n");
}

TEST(AccessLog, the_format_none_writes_nothing) { EXPECT_EQ(Sample().text(LogFormat::None), ""); }

}  // namespace
}  // namespace engine::proxy
