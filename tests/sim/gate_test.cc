// SPDX-License-Identifier: GPL-3.0-or-later
// Requests that a gate holds back, and those that wait for a target to be up.
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <nlohmann/json.hpp>

#include "tests/sim/talk.h"
#include "tests/sim/tls_end.h"

namespace sim {
namespace {

using GateState = route::Gate::State;

route::Gate paused(base::Time max_pause = 30 * base::kSecond) {
  return {.state = GateState::Paused, .max_pause = max_pause, .message = {}};
}

route::Gate stopped(std::string message = {}) {
  return {.state = GateState::Stopped, .max_pause = 0, .message = std::move(message)};
}

// What the service is made with.
std::function<void(route::Service&)> gated(const route::Gate& gate) {
  return [gate](route::Service& service) { service.gate = gate; };
}

void set_gate(World& world, const route::Gate& gate) {
  world.change([&](Options& options) { options.edit = gated(gate); });
  world.settle();
}

// Answers whatever has reached the target; returns the requests.
std::string serve_all(World& world) {
  std::string requests;
  while (Peer target = world.target().take()) {
    requests += target.read();
    world.send(target, kHello);
    world.settle();
  }
  return requests;
}

// ---- Paused.

TEST(GateSim, who_has_closed_still_reads_what_was_answered_before_the_pause) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    World world(seed);
    Talk talk = start(world, std::string(kGet) + std::string(kGet));
    talk.client.finish();
    set_gate(world, paused());
    answer(world, talk);
    EXPECT_EQ(seen(talk.client), "200 hello");
    EXPECT_EQ(world.worker().counters().parked, 0U);
  }
}

TEST(GateSim, what_came_during_a_pause_is_forwarded_when_the_gate_opens) {
  World world(1, {.edit = gated(paused())});
  Peer get = ask(world);
  Peer post = ask(world, post_of("body"));
  EXPECT_EQ(seen(get), "nothing");
  EXPECT_EQ(world.target().waiting(), 0U);
  EXPECT_EQ(world.worker().counters().parked, 2U);

  world.advance(20 * base::kSecond);
  set_gate(world, {});
  EXPECT_EQ(world.worker().counters().parked, 0U);
  EXPECT_NE(serve_all(world).find("\r\n\r\nbody"), std::string::npos);
  EXPECT_EQ(seen(get), "200 hello");
  EXPECT_EQ(seen(post), "200 hello");
}

TEST(GateSim, pages_of_other_origins_get_what_is_allowed_when_the_gate_opens) {
  const auto allowing = [](const char* origin, const route::Gate& gate) {
    return [=](route::Service& service) {
      service.cors.origins = {origin};
      service.cors.methods = "PUT";
      service.gate = gate;
    };
  };
  World world(1, {.edit = allowing("https://old.test", paused())});
  Peer before = ask(world, "GET / HTTP/1.1\r\nHost: a.test\r\nOrigin: https://old.test\r\n\r\n");
  Peer after = ask(world, "GET / HTTP/1.1\r\nHost: a.test\r\nOrigin: https://new.test\r\n\r\n");
  Peer preflight = ask(world,
                       "OPTIONS / HTTP/1.1\r\nHost: a.test\r\nOrigin: https://old.test\r\n"
                       "Access-Control-Request-Method: PUT\r\n\r\n");
  EXPECT_TRUE(preflight.read().starts_with("HTTP/1.1 204 "));  // what it asks needs no target
  EXPECT_EQ(world.worker().counters().parked, 2U);

  world.change([&](Options& options) { options.edit = allowing("https://new.test", {}); });
  world.settle();
  serve_all(world);
  const std::string refused = before.read();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 200 ")) << refused;
  EXPECT_FALSE(refused.contains("Access-Control-Allow-Origin")) << refused;
  EXPECT_TRUE(after.read().contains("\r\nAccess-Control-Allow-Origin: https://new.test\r\n"));
}

TEST(GateSim, a_body_is_not_read_during_a_pause_and_arrives_whole_after_it) {
  const std::string body = pattern(1, 1'000'000);
  World world(1, {.edit = gated(paused())});
  Peer client = world.connect();
  std::string request = post_of(body);
  for (std::size_t sent = 1; sent > 0; world.settle()) {
    sent = client.write(request);
    request.erase(0, sent);
  }
  EXPECT_GT(request.size(), 700'000U);
  EXPECT_LT(world.worker().blocks().blocks_out(), 8U);

  set_gate(world, {});
  Peer target = world.target().take();
  ASSERT_TRUE(target);
  MessageReader reader(MessageReader::Kind::Request);
  for (int i = 0; i < 1'000 && !reader.complete(); ++i) {
    request.erase(0, client.write(request));
    world.settle();
    reader.add(target.read());
  }
  EXPECT_TRUE(reader.message().body == body);
}

TEST(GateSim, a_pause_is_waited_for_as_long_as_it_allows_and_then_answered_with_504) {
  World world(1, {.edit = gated(paused(100 * base::kSecond))});  // past every idle limit
  Peer client = ask(world);
  world.advance(99 * base::kSecond);
  EXPECT_EQ(seen(client), "nothing");
  EXPECT_FALSE(client.is_over());

  world.advance(2 * base::kSecond);
  const Message message = answer_in(client);
  EXPECT_EQ(message.status(), 504);
  EXPECT_NE(message.field("proxy-status").find("error=paused"), std::string::npos);
  EXPECT_EQ(world.worker().counters().parked, 0U);
}

TEST(GateSim, a_pause_that_is_told_anew_is_no_longer_one) {
  World world(1, {.edit = gated(paused())});
  Peer client = ask(world);
  for (int i = 0; i < 3; ++i) {
    world.advance(9 * base::kSecond);
    set_gate(world, paused());
    EXPECT_EQ(seen(client), "nothing");
  }
  world.advance(4 * base::kSecond);
  EXPECT_TRUE(seen(client).starts_with("504"));
}

TEST(GateSim, a_pause_of_no_time_answers_at_once) {
  World world(1, {.edit = gated(paused(0))});
  Peer client = ask(world);
  EXPECT_TRUE(seen(client).starts_with("504"));
}

TEST(GateSim, the_time_of_a_pause_does_not_count_for_the_total_time) {
  World world(1, {.edit = gated(paused())});
  Peer client = ask(world);
  world.advance(20 * base::kSecond);
  world.change([](Options& options) {
    options.edit = [](route::Service& service) { service.timeouts.total = 5 * base::kSecond; };
  });
  world.settle();
  world.advance(4 * base::kSecond);
  EXPECT_EQ(seen(client), "nothing");
  world.advance(2 * base::kSecond);
  EXPECT_TRUE(seen(client).starts_with("504"));
}

TEST(GateSim, a_pause_that_becomes_a_stop_answers_with_503) {
  World world(1, {.edit = gated(paused())});
  Peer client = ask(world);
  set_gate(world, stopped());
  EXPECT_EQ(answer_in(client).status(), 503);
}

TEST(GateSim, a_request_goes_where_the_snapshot_after_the_pause_says) {
  World world(1, {.targets = 2, .edit = [](route::Service& service) {
                    service.gate = paused();
                    service.targets.pop_back();
                  }});
  Peer client = ask(world);
  world.change([](Options& options) {
    options.edit = [](route::Service& service) { service.targets.erase(service.targets.begin()); };
  });
  world.settle();
  EXPECT_EQ(world.target(0).waiting(), 0U);
  serve_one(world, 1);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(GateSim, a_request_whose_site_is_gone_after_the_pause_gets_404) {
  World world(1, {.edit = gated(paused())});
  Peer client = ask(world);
  world.change([](Options& options) { options.sites = {{"b.test", "/", 0}}; });
  world.settle();
  EXPECT_TRUE(seen(client).starts_with("404"));
}

TEST(GateSim, a_client_that_goes_away_during_a_pause_reaches_no_target) {
  World world(1, {.edit = gated(paused())});
  Peer stays = ask(world);
  for (const std::string& request : {std::string(kGet), post_of("small")}) {
    Peer leaves = ask(world, request);
    EXPECT_EQ(world.worker().counters().parked, 2U);
    leaves.reset();
    world.settle();
  }
  Peer closes = ask(world);
  closes.finish();
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 1U);
  EXPECT_EQ(world.kernel().open_client_sockets(), 1U);

  set_gate(world, {});
  EXPECT_EQ(world.target().waiting(), 1U);
  serve_one(world);
  EXPECT_EQ(seen(stays), "200 hello");
}

TEST(GateSim, a_request_behind_the_one_that_waits_is_answered_after_it) {
  World world(1, {.edit = gated(paused())});
  Peer client = ask(world, std::string(kGet) + std::string(kGet));
  set_gate(world, {});
  Peer target = world.target().take();
  world.send(target, kHello);
  world.settle();
  world.send(target, answer_of("again"));
  world.settle();
  EXPECT_TRUE(client.read().ends_with("again"));
}

TEST(GateSim, as_many_wait_as_may_and_one_more_gets_503) {
  World world(1, {.limits = {.parked_max = 2}, .edit = gated(paused())});
  Peer first = ask(world);
  Peer second = ask(world);
  Peer third = ask(world);
  EXPECT_EQ(seen(second), "nothing");
  const Message refused = answer_in(third);
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.field("retry-after"), "1");

  first.reset();
  world.settle();
  Peer fourth = ask(world);
  EXPECT_EQ(seen(fourth), "nothing");
}

TEST(GateSim, who_waits_takes_no_place_among_the_requests_in_flight) {
  World world(1, {.edit = gated(paused())});
  Peer first = ask(world);
  Peer second = ask(world);
  world.change([](Options& options) {
    options.edit = [](route::Service& service) { service.inflight_max = 1; };
  });
  world.settle();
  EXPECT_EQ(world.target().waiting(), 1U);
  EXPECT_TRUE(seen(second).starts_with("429"));
  serve_one(world);
  EXPECT_EQ(seen(first), "200 hello");
}

TEST(GateSim, a_worker_that_drains_answers_whoever_waits) {
  World world(1, {.edit = gated(paused())});
  Peer client = ask(world);
  Peer late = world.connect();
  world.settle();
  world.worker().stop(100 * base::kSecond);
  world.send(late, kGet);
  world.settle();
  for (Peer* each : {&client, &late}) {
    const Message message = answer_in(*each);
    EXPECT_EQ(message.status(), 503);
    EXPECT_TRUE(message.says_close());
  }
}

TEST(GateSim, tls_that_passes_through_waits_for_the_gate_too) {
  const auto passes = [](const route::Gate& gate) {
    return [gate](route::Service& service) {
      service.answer = route::Answer::Pass;
      service.gate = gate;
    };
  };
  World world(1, {.edit = passes(paused()), .secure_clients = true, .secure_targets = true});
  Peer client = world.connect();
  Peer left = world.connect();
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 2U);
  left.reset();
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 1U);
  world.change([&](Options& options) { options.edit = passes({}); });
  world.settle();
  EXPECT_EQ(world.target().waiting(), 1U);

  world.change([&](Options& options) { options.edit = passes(stopped()); });
  Peer later = world.connect();
  world.settle();
  EXPECT_TRUE(later.is_over());
  EXPECT_FALSE(client.is_over());
}

TEST(GateSim, a_wake_up_without_a_snapshot_changes_nothing_for_who_is_paused) {
  World world(1, {.edit = gated(paused())});
  Peer client = ask(world);
  world.worker().notify();
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 1U);
}

// ---- Stopped.

TEST(GateSim, a_stopped_site_says_why_and_when_to_come_back) {
  World world(1, {.edit = gated(stopped("Back at <10:00> & \"better\""))});
  Peer client = ask(world);
  const Message page = answer_in(client);
  EXPECT_EQ(page.status(), 503);
  EXPECT_EQ(page.field("retry-after"), "30");
  EXPECT_NE(page.field("proxy-status").find("error=stopped"), std::string::npos);
  EXPECT_NE(page.body.find("Back at &lt;10:00&gt; &amp; &quot;better&quot;"), std::string::npos);

  world.send(client, "GET /a HTTP/1.1\r\nHost: a.test\r\nAccept: application/json\r\n\r\n");
  world.settle();
  const auto json = nlohmann::json::parse(answer_in(client).body);
  EXPECT_EQ(json["detail"], "Back at <10:00> & \"better\"");
  EXPECT_EQ(json["error"], "stopped");
}

TEST(GateSim, a_stopped_site_without_a_message_has_words_of_its_own) {
  World world(1, {.edit = gated(stopped())});
  Peer client = ask(world);
  EXPECT_NE(answer_in(client).body.find("This site is closed for maintenance."), std::string::npos);
}

TEST(GateSim, a_page_of_the_site_shows_the_message_in_its_place_and_only_to_who_is_stopped) {
  const auto edit = [](route::Service& service) {
    service.gate = stopped("<soon>");
    service.error_pages[503] = "<p>Closed: {message}";
  };
  World world(1, {.edit = edit});
  Peer client = ask(world);
  EXPECT_EQ(answer_in(client).body, "<p>Closed: &lt;soon&gt;");

  world.change([&](Options& options) {
    options.edit = [&](route::Service& service) {
      edit(service);
      service.gate = {};
      service.targets.clear();
    };
  });
  Peer other = ask(world);
  EXPECT_EQ(answer_in(other).body, "<p>Closed: ");
}

TEST(GateSim, the_check_of_health_is_answered_while_the_site_is_closed_on_purpose) {
  for (const route::Gate& gate : {stopped(), paused()}) {
    World world(1, {.edit = [gate](route::Service& service) {
                  service.gate = gate;
                  service.health_path = "/up?full=1";
                  service.strip_prefix = "/app";
                }});
    Peer client = ask(world, "GET /app/up?x HTTP/1.1\r\nHost: a.test\r\n\r\n");
    const Message get = answer_in(client);
    EXPECT_EQ(get.status(), 200);
    EXPECT_EQ(get.body, "");
    world.send(client, "HEAD /up HTTP/1.1\r\nHost: a.test\r\n\r\n");
    world.settle();
    EXPECT_EQ(answer_in(client, "HEAD").status(), 200);

    Peer post = ask(world, "POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
    Peer below = ask(world, "GET /up/x HTTP/1.1\r\nHost: a.test\r\n\r\n");
    for (Peer* each : {&post, &below}) EXPECT_FALSE(seen(*each).starts_with("200"));
    EXPECT_EQ(world.target().waiting(), 0U);
  }
}

TEST(GateSim, the_check_of_health_goes_to_the_target_while_the_gate_is_open) {
  World world(1, {.edit = [](route::Service& service) { service.health_path = "/a"; }});
  Peer client = ask(world);
  serve_one(world);
  EXPECT_EQ(seen(client), "200 hello");
}

TEST(GateSim, a_redirect_to_https_comes_before_the_gate) {
  World world(1, {.edit = [](route::Service& service) {
                service.gate = stopped();
                service.redirects_to_https = true;
              }});
  Peer client = ask(world);
  EXPECT_TRUE(seen(client).starts_with("308"));
}

// ---- Over HTTP/2.

TEST(GateSim, of_several_streams_that_wait_one_may_be_cancelled_and_the_others_go_on) {
  World world(1, {.edit = gated(paused())});
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client);
  H2Stream& cancelled = client.request(asking());
  H2Stream& get = client.request(asking());
  H2Stream& sends = post(client, "body");
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 3U);
  client.reset(cancelled, NGHTTP2_CANCEL);
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 2U);

  world.advance(20 * base::kSecond);
  set_gate(world, {});
  EXPECT_EQ(world.target().waiting(), 2U);
  EXPECT_NE(serve_all(world).find("\r\nbody\r\n"), std::string::npos);
  EXPECT_EQ(seen(get), "200 hello");
  EXPECT_EQ(seen(sends), "200 hello");
}

TEST(GateSim, streams_of_a_connection_that_ends_wait_no_longer) {
  World world(1, {.edit = gated(paused())});
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client);
  for (int i = 0; i < 5; ++i) static_cast<void>(client.request(asking()));
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 5U);
  client.break_off(Break::Fin);
  world.settle();
  EXPECT_EQ(world.worker().counters().parked, 0U);
  EXPECT_EQ(world.kernel().open_sockets(), 0U);
}

TEST(GateSim, a_worker_that_drains_answers_streams_that_wait_and_those_that_come_meanwhile) {
  World world(1, {.edit = gated(paused())});
  H2End client(world.kernel(), world.connect("h2"), H2End::Role::Client);
  H2Stream& waits = client.request(asking());
  world.settle();
  world.worker().stop(100 * base::kSecond);
  H2Stream& late = client.request(asking());
  world.settle();
  EXPECT_TRUE(seen(waits).starts_with("503"));
  EXPECT_TRUE(seen(late).starts_with("503"));
}

}  // namespace
}  // namespace sim
