# SPDX-License-Identifier: GPL-3.0-or-later
"""limit.rate: how often a client may ask a site, counted over all workers. The rates are so slow that none comes back
while a test runs."""

import json

import pytest
from control import Api
from h2 import H2Client
from test_deploy import HOST, app, ask  # noqa: F401
from test_explain import directory, explain, value as said  # noqa: F401
from test_metrics import scrape, value
from upstream import access_line, site

TRUST = '[trust]\nproxies = ["127.0.0.1"]\nproxy_protocol = "optional"\n'


@pytest.fixture
def limited(engine, echo):
    """limited(limit, *wishes): an engine in front of an echo server; `again` is the same file with other wishes."""
    def start(limit, *wishes, **options):
        port = echo().port
        started = engine(site(port, f"limit = {{ {limit} }}", *wishes, **options))
        started.again = lambda limit, *wishes: site(port, f"limit = {{ {limit} }}", *wishes, **options)
        return started
    return start


def statuses(started, count, headers=(), **options):
    """Of so many requests of one client, on one connection."""
    with started.client(**options) as client:
        return [client.request(target="/ok", headers=headers).status for _ in range(count)]


def by_proxy(started, address, count):
    """The same of a client that a trusted proxy speaks for."""
    family = "TCP6" if ":" in address else "TCP4"
    here = "2001:db8::1" if ":" in address else "198.51.100.1"
    with started.client() as client:
        client.send(f"PROXY {family} {address} {here} 40000 80\r\n".encode())
        return [client.request(target="/ok").status for _ in range(count)]


# ---- what is refused, and how

def test_a_request_past_the_rate_is_429_with_the_time_to_come_again(limited):
    started = limited('rate = "2/h"')
    with started.client() as client:
        assert client.request(target="/ok").body == b"ok"
        answer = client.request(target="/ok", headers=[("Accept", "application/json")])
        assert answer.status == 429
        assert 1790 <= int(answer.header("retry-after")) <= 1800
        assert answer.header("proxy-status").startswith("engine; error=rate_limited")
        assert answer.header("connection") is None
        assert json.loads(answer.text)["error"] == "rate_limited"
        assert client.request(target="/ok").status == 429
    assert access_line(started, error="rate_limited")["status"] == 429


def test_a_stream_of_http_2_past_the_rate_is_refused_and_its_connection_is_kept(limited):
    started = limited('rate = "1/h", burst = 2')
    with H2Client(started.address) as client:
        answers = [client.request() for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 429, 429]
        assert int(answers[3].header("retry-after")) > 3500


def test_a_site_without_a_rate_beside_one_with_it_is_not_limited(limited):
    started = limited('rate = "1/h"', more='[routes."free.localhost"]\nto = "status:204"\n')
    with started.client() as client:
        assert [client.request(target="/ok").status for _ in range(2)] == [200, 429]
        assert [client.request(host="free.localhost").status for _ in range(3)] == [204] * 3


# ---- who is counted

@pytest.mark.tsan
def test_all_workers_together_let_exactly_a_burst_pass(limited):
    started = limited('rate = "1/h", burst = 25', workers=2)
    clients = [started.client() for _ in range(40)]
    for client in clients:
        client.send_request(target="/ok")
    first = [client.recv_response().status for client in clients]
    for client in clients:
        client.send_request(target="/ok")
    second = [client.recv_response().status for client in clients]
    assert sorted(first) == [200] * 25 + [429] * 15
    assert second == [429] * 40


def test_each_address_has_a_rate_of_its_own(limited):
    started = limited('rate = "1/h", burst = 2')
    for source in ("127.0.0.1", "127.0.0.2"):
        assert statuses(started, 3, source=(source, 0)) == [200, 200, 429]


def test_all_addresses_share_the_rate_of_a_site_that_says_so(limited):
    started = limited('rate = "1/h", burst = 3, by = "all"')
    assert statuses(started, 2, source=("127.0.0.1", 0)) == [200, 200]
    assert statuses(started, 2, source=("127.0.0.2", 0)) == [200, 429]


def test_the_client_that_a_trusted_proxy_names_is_counted(limited):
    started = limited('rate = "1/h"', more=TRUST)
    assert by_proxy(started, "203.0.113.7", 2) == [200, 429]
    assert by_proxy(started, "203.0.113.8", 2) == [200, 429]
    assert by_proxy(started, "203.0.113.7", 1) == [429]


def test_addresses_of_one_network_of_ipv6_are_one_client(limited):
    started = limited('rate = "1/h"', more=TRUST)
    assert by_proxy(started, "2001:db8:0:1::7", 1) == [200]
    assert by_proxy(started, "2001:db8:0:1:ffff::8", 1) == [429]
    assert by_proxy(started, "2001:db8:0:2::7", 1) == [200]


def test_the_client_that_a_field_names_is_counted_where_the_site_believes_it(limited):
    started = limited('rate = "1/h"', 'client_ip_header = "CF-Connecting-IP"')
    for address in ("203.0.113.7", "203.0.113.8"):
        assert statuses(started, 2, [("CF-Connecting-IP", address)]) == [200, 429]


def test_a_field_that_is_not_believed_gives_no_client_another_rate(limited):
    started = limited('rate = "1/h"')
    assert statuses(started, 1, [("X-Forwarded-For", "203.0.113.7")]) == [200]
    assert statuses(started, 1, [("X-Forwarded-For", "203.0.113.8")]) == [429]


@pytest.mark.parametrize("by,field,text", [("header:X-Api-Key", "x-api-key", "{}"),
                                           ("cookie:id", "Cookie", "other=1; id={}")])
def test_a_field_or_a_cookie_tells_clients_apart_and_without_it_the_address(limited, by, field, text):
    started = limited(f'rate = "1/h", by = "{by}"')
    assert statuses(started, 2, [(field, text.format("one"))]) == [200, 429]
    assert statuses(started, 2, [(field, text.format("two"))], source=("127.0.0.2", 0)) == [200, 429]
    assert statuses(started, 1, [(field, text.format("two"))], source=("127.0.0.1", 0)) == [429]
    for source in ("127.0.0.1", "127.0.0.2"):
        assert statuses(started, 2, source=(source, 0)) == [200, 429]


# ---- reloads, services, and what is said of it

def test_a_reload_keeps_the_count_unless_the_rate_changed(limited):
    started = limited('rate = "1/h", burst = 2', workers=2)
    assert statuses(started, 1) == [200]
    started.reload(started.again('rate = "1/h", burst = 2, inflight = 9', 'balance = "first"'))
    assert statuses(started, 2) == [200, 429]
    started.reload(started.again('rate = "1/h", burst = 3'))
    assert statuses(started, 4) == [200, 200, 200, 429]
    started.reload(started.again("inflight = 9"))
    assert statuses(started, 4) == [200] * 4


def test_a_deployed_service_has_the_rate_of_defaults_over_its_deploys(engine, app):
    started = engine('[defaults]\nlimit = { rate = "1/h", burst = 2 }\n[routes]\n')
    api = Api(started)
    api.deploy("web", [app("v1").target], sites=[HOST])
    assert ask(started).status == 200
    api.deploy("web", [app("v2").target])
    assert [ask(started).status for _ in range(2)] == [200, 429]


def test_a_deployed_service_has_a_rate_of_its_own(engine, app):
    started = engine("[routes]\n")
    options = {"health": {"path": "/up", "every": "50ms"}, "limit": {"rate": "1/h", "by": "all"}}
    Api(started).deploy("web", [app("v1").target], sites=[HOST], options=options)
    assert [ask(started).status for _ in range(2)] == [200, 429]


def test_what_is_refused_is_counted_for_its_site_over_all_workers(limited):
    started = limited('rate = "1/h"', workers=2)
    started.admin_socket = started.control_socket
    for _ in range(6):
        statuses(started, 1)
    text = scrape(started)
    assert value(text, "engine_ratelimit_rejected_total", site="test.localhost") == 5
    assert value(text, "engine_http_errors_total", site="test.localhost", error="rate_limited") == 5


def test_explain_says_the_rate(explain, directory):
    (directory / "proxy.toml").write_text(site(3000, 'limit = { rate = "30/m", by = "header:X-User" }'))
    page = explain("http://test.localhost/", "--config", "proxy.toml").stdout
    assert said(page, "limit").endswith("30/min with bursts of 1 by header:x-user")
