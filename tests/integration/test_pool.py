# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to targets: kept, used again, never used when dead; every way to reach a target."""

import json
import threading

import pytest
from harness import RawClient, free_port, wait_until
from upstream import OK, access_line, site


@pytest.fixture
def numbered(engine, upstream):
    """An engine and its target, whose answer is the number of its connection."""
    def script(peer, number):
        while peer.recv_request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    def start(*wishes, **options):
        peer = upstream(script)
        started = engine(site(peer.port, *wishes, **options))
        started.upstream = peer
        return started
    return start


def ask(client, **options):
    return client.request(**options).text


def test_a_connection_to_a_target_serves_many_requests(numbered):
    started = numbered()
    for _ in range(10):
        with started.client() as client:
            assert [ask(client) for _ in range(3)] == ["1"] * 3
    assert started.upstream.connections == 1


def test_the_connection_used_last_is_used_first(engine, upstream):
    release = threading.Event()

    def script(peer, number):
        while (request := peer.recv_request()) is not None:
            if request.target == "/slow":
                release.wait(10)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
    peer = upstream(script)
    started = engine(site(peer.port))
    with started.client() as slow, started.client() as fast:
        slow.send_request(target="/slow")
        peer.wait_for_requests(1)
        assert ask(fast) == "2"
        release.set()
        assert slow.recv_response().text == "1"
        assert [ask(fast) for _ in range(3)] == ["1"] * 3


def test_no_more_idle_connections_are_kept_than_allowed(engine, upstream):
    gate = threading.Barrier(3)
    ended = []

    def script(peer, number):
        while (request := peer.recv_request()) is not None:
            if request.target == "/together":
                gate.wait(10)
            peer.send(OK)
        ended.append(number)
    peer = upstream(script)
    started = engine(site(peer.port, engine=["upstream = { max_idle = 1 }"]))
    clients = [started.client() for _ in range(3)]
    for client in clients:
        client.send_request(target="/together")
    for client in clients:
        assert client.recv_response().body == b"ok"
        client.close()
    wait_until(lambda: len(ended) == 2, "two connections to be closed")
    with started.client() as client:
        assert ask(client) == "ok"
    assert peer.connections == 3


def test_an_idle_connection_is_closed_after_its_time(engine, upstream):
    ended = threading.Event()

    def script(peer, _):
        while peer.recv_request() is not None:
            peer.send(OK)
        ended.set()
    started = engine(site(upstream(script).port, engine=['upstream = { keepalive = "150ms" }']))
    with started.client() as client:
        assert ask(client) == "ok"
        assert ended.wait(5)
        assert ask(client) == "ok"


def test_a_connection_that_the_target_closed_while_idle_is_not_used(engine, upstream):
    closed = threading.Event()

    def script(peer, _):
        peer.recv_request()
        peer.send(OK)
        peer.close()
        closed.set()
    peer = upstream(script)
    with engine(site(peer.port)).client() as client:
        for _ in range(20):
            assert client.request("POST", body=b"once").body == b"ok"
            assert closed.wait(10)
            closed.clear()
    assert len(peer.requests) == 20


def test_a_connection_closed_in_its_response_is_not_used(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        peer.recv_eof()
    peer = upstream(script)
    with engine(site(peer.port)).client() as client:
        for _ in range(3):
            assert ask(client) == "ok"
    assert peer.connections == 3


def test_a_connection_with_bytes_that_nobody_asked_for_is_not_used(engine, upstream):
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    def script(peer, _):
        while peer.recv_request() is not None:
            peer.send(OK + evil)
    peer = upstream(script)
    with engine(site(peer.port)).client() as client:
        for _ in range(5):
            assert ask(client) == "ok"
    assert peer.connections == 5


def test_a_target_of_http_1_0_gets_a_connection_per_request(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
    peer = upstream(script)
    with engine(site(peer.port)).client() as client:
        for _ in range(3):
            assert ask(client) == "ok"
    assert peer.connections == 3


def dies_when_used_again(peer, number):
    """Answers the first request of a connection; ends without an answer at the second."""
    if peer.recv_request() is not None:
        peer.send(OK)
        peer.recv_request()


def test_a_get_that_met_a_dying_connection_is_tried_again_once(engine, upstream):
    peer = upstream(dies_when_used_again)
    started = engine(site(peer.port))
    with started.client() as client:
        assert ask(client) == "ok"
        assert ask(client, target="/again") == "ok"
    assert [request.target for request in peer.requests] == ["/", "/again", "/again"]
    assert access_line(started, path="/again")["tries"] == 2


def test_a_post_that_met_a_dying_connection_is_sent_once(engine, upstream):
    peer = upstream(dies_when_used_again)
    with engine(site(peer.port)).client() as client:
        assert ask(client) == "ok"
        assert client.request("POST", body=b"order").status == 502
    assert [request.method for request in peer.requests] == ["GET", "POST"]


def test_a_put_with_a_body_that_met_a_dying_connection_is_sent_once(engine, upstream):
    peer = upstream(dies_when_used_again)
    with engine(site(peer.port)).client() as client:
        assert ask(client) == "ok"
        assert client.request("PUT", body=b"state").status == 502
    assert [request.method for request in peer.requests] == ["GET", "PUT"]


def test_a_get_on_a_fresh_connection_that_dies_is_not_tried_again(engine, upstream):
    peer = upstream(lambda peer, _: peer.recv_request())
    with engine(site(peer.port)).client() as client:
        assert client.request().status == 502
    assert len(peer.requests) == 1


def test_a_get_that_had_its_first_byte_is_not_tried_again(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(OK)
        peer.recv_request()
        peer.send(b"H")
    peer = upstream(script)
    with engine(site(peer.port)).client() as client:
        assert ask(client) == "ok"
        assert client.request().status == 502
    assert len(peer.requests) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_target_may_be_an_address_of_either_family(engine, upstream, host):
    peer = upstream(host=host)
    with engine(site(peer.address)).client() as client:
        assert ask(client) == "ok"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("written", ["port", "name"])
def test_a_bare_port_finds_a_target_on_either_loopback(engine, upstream, host, written):
    peer = upstream(host=host)
    target = peer.port if written == "port" else f"localhost:{peer.port}"
    with engine(site(target)).client() as client:
        for _ in range(3):
            assert ask(client) == "ok"
    assert peer.connections == 1


def test_a_target_may_move_to_the_other_loopback(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(OK)
    port = free_port()
    first = upstream(script, port=port)
    with engine(site(port)).client() as client:
        assert ask(client) == "ok"
        first.close()
        upstream(script, host="::1", port=port)
        assert ask(client) == "ok"


def test_a_target_may_be_a_unix_socket(engine, upstream, tmp_path):
    peer = upstream(unix_path=tmp_path / "app.sock")
    with engine(site(f"unix:{tmp_path}/app.sock")).client() as client:
        for _ in range(3):
            assert ask(client) == "ok"
    assert peer.connections == 1
    assert peer.requests[0].header("host") == "test.localhost"


def test_the_host_of_a_unix_target_is_localhost_where_it_is_wanted(engine, upstream, tmp_path):
    peer = upstream(unix_path=tmp_path / "app.sock")
    with engine(site(f"unix:{tmp_path}/app.sock", 'host = "upstream"')).client() as client:
        assert ask(client) == "ok"
    assert peer.requests[0].header("host") == "localhost"


def test_nginx_keeps_its_connections(engine, nginx):
    server = nginx('location / { return 200 "$connection_requests"; }')
    with engine(site(server.port)).client() as client:
        assert [ask(client) for _ in range(4)] == ["1", "2", "3", "4"]


def test_nginx_that_limits_requests_per_connection_is_served_without_errors(engine, nginx):
    server = nginx('keepalive_requests 3; location / { return 200 "fine"; }')
    with engine(site(server.port)).client() as client:
        for number in range(50):
            method = "POST" if number % 2 else "GET"
            assert client.request(method, body=b"x" if number % 2 else None).text == "fine"


def test_the_echo_server_sees_one_connection_per_worker_at_most(engine, echo):
    started = engine(site(echo().port, workers=2))
    seen = set()
    for _ in range(20):
        with RawClient(started.address) as client:
            seen.add(json.loads(client.request(target="/conn").body)["connection"])
    assert len(seen) <= 2


def test_a_target_that_comes_back_is_used_again(engine, upstream):
    port = free_port()
    with engine(site(port)).client() as client:
        assert client.request().status == 502
        upstream(port=port)
        assert client.request().status == 200
