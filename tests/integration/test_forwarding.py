# SPDX-License-Identifier: GPL-3.0-or-later
"""What a target sees of a request, and a client of a response: fields removed, added, kept."""

import re

import pytest
from harness import free_port
from upstream import access_line, always, site

TRUST = '[trust]\nproxies = ["127.0.0.1"]'
CHAIN = [("X-Forwarded-For", "203.0.113.9, 10.0.0.1"), ("X-Forwarded-Proto", "https"),
         ("X-Forwarded-Host", "shop.example.com"), ("X-Forwarded-Port", "443"),
         ("X-Real-IP", "203.0.113.9"), ("Forwarded", "for=203.0.113.9;proto=https")]


@pytest.fixture
def seen(engine, upstream):
    """seen(*wishes, headers, target, more): the request that reaches the target."""
    def ask(*wishes, headers=(), target="/", more="", host="test.localhost"):
        peer = upstream()
        started = engine(site(peer.address, *wishes, more=more))
        with started.client() as client:
            assert client.request(target=target, headers=headers, host=host).status == 200
        peer.requests[0].engine = started
        peer.requests[0].upstream = peer
        return peer.requests[0]
    return ask


@pytest.fixture
def answered(engine, upstream):
    """answered(fields, *wishes): the response that reaches the client."""
    def ask(fields, *wishes):
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        peer = upstream(always(f"HTTP/1.1 200 Fine\r\n{head}Content-Length: 2\r\n\r\nok".encode()))
        with engine(site(peer.port, *wishes)).client() as client:
            return client.request()
    return ask


def test_hop_by_hop_fields_of_a_request_do_not_travel(seen):
    hop_by_hop = [("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"), ("TE", "deflate"),
                  ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eA=="),
                  ("Proxy", "http://evil/"), ("Upgrade", "foo/1")]
    request = seen(headers=hop_by_hop + [("X-End", "to-end")])

    for name, _ in hop_by_hop:
        assert request.all(name) == [], name
    assert request.header("x-end") == "to-end"


def test_fields_named_by_connection_do_not_travel(seen):
    request = seen(headers=[("Connection", "X-Secret, x-other"), ("X-Secret", "1"),
                            ("X-Other", "2"), ("X-Stays", "3")])
    assert (request.all("x-secret"), request.all("x-other")) == ([], [])
    assert request.header("x-stays") == "3"


def test_connection_cannot_name_a_field_away_that_guards_something(seen):
    request = seen(headers=[("Connection", "close, Host, X-Forwarded-For, Cookie, Authorization"),
                            ("Cookie", "a=1"), ("Authorization", "Bearer x")])
    assert request.header("host") == "test.localhost"
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert (request.header("cookie"), request.header("authorization")) == ("a=1", "Bearer x")


def test_hop_by_hop_fields_of_a_response_do_not_travel(answered):
    answer = answered([("Connection", "X-Secret"), ("X-Secret", "1"), ("Keep-Alive", "timeout=5"),
                       ("Proxy-Authenticate", "Basic"), ("Upgrade", "h2c"), ("X-End", "to-end")])
    for name in ("connection", "x-secret", "keep-alive", "proxy-authenticate", "upgrade"):
        assert answer.all(name) == [], name
    assert answer.header("x-end") == "to-end"


def test_the_client_is_described_by_x_forwarded_fields(seen):
    request = seen(host="test.localhost:81")
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert request.header("x-forwarded-proto") == "http"
    assert request.header("x-forwarded-host") == "test.localhost:81"
    assert request.header("x-forwarded-port") == str(request.engine.port)
    assert request.header("x-real-ip") == "127.0.0.1"


def test_a_strangers_chain_is_not_believed(seen):
    request = seen(headers=CHAIN)
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert request.header("x-forwarded-proto") == "http"
    assert request.header("x-forwarded-host") == "test.localhost"
    assert request.header("x-forwarded-port") == str(request.engine.port)
    assert request.header("x-real-ip") == "127.0.0.1"
    assert request.all("forwarded") == []


def test_a_trusted_proxys_chain_is_kept_and_grows(seen):
    request = seen(headers=CHAIN, more=TRUST)
    assert request.header("x-forwarded-for") == "203.0.113.9, 10.0.0.1, 127.0.0.1"
    assert request.header("x-forwarded-proto") == "https"
    assert request.header("x-forwarded-host") == "shop.example.com"
    assert request.header("x-forwarded-port") == "443"
    assert request.header("x-real-ip") == "203.0.113.9"
    assert request.header("forwarded").startswith("for=203.0.113.9;proto=https, for=127.0.0.1;")


def test_several_chain_fields_of_a_trusted_proxy_become_one(seen):
    chain = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "10.0.0.1")]
    request = seen(headers=chain, more=TRUST)
    assert request.header("x-forwarded-for") == "203.0.113.9, 10.0.0.1, 127.0.0.1"


def test_trust_in_others_is_no_trust_in_this_peer(seen):
    request = seen(headers=CHAIN, more='[trust]\nproxies = ["10.0.0.0/8", "::1"]')
    assert request.header("x-forwarded-for") == "127.0.0.1"


def test_a_name_with_underscores_does_not_pass_for_one_of_ours(seen):
    request = seen(headers=[("X_Forwarded_For", "203.0.113.9"), ("Content_Length", "5")])
    assert b"203.0.113.9" not in request.head and b"Content_Length" not in request.head


def test_via_names_the_proxy_in_both_directions(engine, upstream):
    peer = upstream(always(b"HTTP/1.1 200 OK\r\nVia: 1.0 cache\r\nContent-Length: 2\r\n\r\nok"))
    with engine(site(peer.port)).client() as client:
        answer = client.request(headers=[("Via", "1.1 front")])
    assert peer.requests[0].header("via") == "1.1 front, 1.1 engine"
    assert answer.header("via") == "1.0 cache, 1.1 engine"


def test_via_of_a_client_of_http_1_0_says_so(engine, upstream):
    peer = upstream()
    with engine(site(peer.port)).client() as client:
        client.send("GET / HTTP/1.0\r\nHost: test.localhost\r\n\r\n")
        assert client.recv_response().status == 200
    assert peer.requests[0].header("via") == "1.0 engine"


def test_every_request_gets_an_id_that_the_log_knows(seen):
    request = seen(target="/with-id")
    assert re.fullmatch("[0-9a-f]{32}", request.header("x-request-id"))
    assert access_line(request.engine, path="/with-id")["id"] == request.header("x-request-id")


def test_a_strangers_request_id_is_replaced(seen):
    request = seen(headers=[("X-Request-ID", "from-outside")])
    assert request.header("x-request-id") != "from-outside"
    assert access_line(request.engine)["id"] == request.header("x-request-id")


def test_a_trusted_proxys_request_id_is_kept_and_logged(seen):
    request = seen(headers=[("X-Request-ID", "from-front-7")], more=TRUST)
    assert request.header("x-request-id") == "from-front-7"
    assert access_line(request.engine)["id"] == "from-front-7"


def test_a_trusted_proxys_request_id_that_is_no_id_is_replaced(seen):
    request = seen(headers=[("X-Request-ID", 'x" <script>')], more=TRUST)
    assert re.fullmatch("[0-9a-f]{32}", request.header("x-request-id"))


def test_the_host_is_kept_as_the_client_wrote_it(seen):
    assert seen(host="Test.Localhost:8080").header("host") == "Test.Localhost:8080"


def test_the_host_can_be_the_targets(seen):
    request = seen('host = "upstream"')
    assert request.header("host") == request.upstream.address
    assert request.header("x-forwarded-host") == "test.localhost"


def test_the_host_can_be_written_in_the_file(seen):
    assert seen('host = "inner.example.com:8000"').header("host") == "inner.example.com:8000"


def test_a_request_that_comes_back_again_and_again_is_ended_with_advice(engine):
    port = free_port()
    started = engine(f'listen = "127.0.0.1:{port}"\n' + site(port))
    with started.client() as client:
        answer = client.request(headers=[("Accept", "application/json")])
    assert answer.status == 508
    assert answer.header("proxy-status").startswith("engine; error=proxy_loop_detected")
    assert "leads back here" in answer.text
    assert len([line for line in started.stdout.splitlines() if '"msg":"request"' in line]) <= 6


def test_request_fields_can_be_set_and_removed(seen):
    request = seen('headers.request.set = { X-Env = "prod", User-Agent = "engine" }',
                   'headers.request.remove = ["X-Debug"]',
                   headers=[("X-Debug", "1"), ("x-env", "theirs"), ("User-Agent", "curl"),
                            ("X-Stays", "2")])
    assert (request.header("x-env"), request.header("user-agent")) == ("prod", "engine")
    assert request.all("x-debug") == [] and request.header("x-stays") == "2"


def test_response_fields_can_be_set_and_removed(answered):
    answer = answered([("Server", "secret/1.0"), ("X-Powered-By", "php"), ("X-Stays", "1")],
                      'headers.response.set = { X-Frame-Options = "DENY", server = "none" }',
                      'headers.response.remove = ["X-Powered-By"]')
    assert answer.header("x-frame-options") == "DENY"
    assert (answer.header("server"), answer.all("x-powered-by")) == ("none", [])
    assert answer.header("x-stays") == "1"


SECURITY = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
SECURITY_WISH = "headers.response.default = { %s }" % ", ".join(f'{name} = "{value}"' for name, value in SECURITY.items())


def test_security_fields_are_added_where_the_target_has_none(answered):
    answer = answered([], SECURITY_WISH)
    assert {name: answer.header(name) for name in SECURITY} == SECURITY


def test_security_fields_of_the_target_stay(answered):
    own = {name.lower(): f"own {number}" for number, name in enumerate(SECURITY)}
    answer = answered(list(own.items()), SECURITY_WISH)
    assert {name: answer.header(name) for name in own} == own


def test_a_field_that_comes_several_times_stays_several(answered):
    answer = answered([("Set-Cookie", "a=1"), ("X-Between", "x"), ("Set-Cookie", "b=2")])
    assert answer.all("set-cookie") == ["a=1", "b=2"]


def test_the_reason_of_a_response_is_kept(answered):
    assert answered([]).reason == "Fine"


@pytest.mark.parametrize("asked,got", [
    ("/v1/users?a=b", "/users?a=b"), ("/v1", "/"), ("/v1?x", "/?x"), ("/v1/", "/"),
    ("/v10/users", "/v10/users"), ("/other", "/other"), ("/v1/a%2Fb//c", "/a%2Fb//c")])
def test_a_prefix_is_stripped_on_a_segment_boundary(seen, asked, got):
    assert seen('rewrite = { strip = "/v1" }', target=asked).target == got


@pytest.mark.parametrize("target", ["/a%2Fb/%7e", "/?", "/a;b=c?d=e&&f=%zz", "//double//slash",
                                    "/a/./b", "/%e4%b8%ad"])
def test_a_target_travels_octet_for_octet(seen, target):
    assert seen(target=target).target == target


def test_a_large_head_travels_whole(seen):
    fields = [(f"X-Field-{number}", "v" * 400) for number in range(100)]
    request = seen(headers=fields)
    assert [request.header(name) for name, _ in fields] == ["v" * 400] * 100
