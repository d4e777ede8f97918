# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying another target, or the same one after a pause: after a failed connection, or a 429, 502, 503, 504 where the site
wishes it."""

import time

import pytest
from harness import free_port
from upstream import OK, access_line, always, site

REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


def test_a_refused_connection_goes_to_the_next_target(engine, upstream):
    peer = upstream()
    started = engine(site([free_port(), peer.port], 'balance = "first"'))
    with started.client() as client:
        for _ in range(5):
            assert client.request(target="/moved").body == b"ok"
    assert access_line(started, path="/moved")["tries"] == 2


def test_a_post_goes_to_the_next_target_when_nothing_was_sent(engine, upstream):
    peer = upstream()
    with engine(site([free_port(), peer.port], 'balance = "first"')).client() as client:
        assert client.request("POST", body=b"x" * 100000).body == b"ok"
    assert peer.requests[0].body == b"x" * 100000


def test_a_target_that_does_not_accept_in_time_is_passed_over(engine, upstream, silent_port):
    peer = upstream()
    started = engine(site([f"127.0.0.1:{silent_port}", peer.port], 'balance = "first"',
                          'timeout = { connect = "150ms" }'))
    with started.client() as client:
        assert client.request().body == b"ok"


def test_where_every_target_refuses_the_client_hears_of_it(engine):
    started = engine(site([free_port(), free_port()]))
    with started.client() as client:
        answer = client.request()
    assert answer.status == 502 and "error=connection_refused" in answer.header("proxy-status")
    assert access_line(started)["tries"] == 2


def test_no_more_targets_are_tried_than_allowed(engine, upstream):
    peer = upstream()
    dead = [free_port() for _ in range(3)]
    for times, status in ((2, 502), (3, 200)):
        wishes = ('balance = "first"', f"retry = {{ times = {times} }}")
        with engine(site([*dead, peer.port], *wishes)).client() as client:
            assert client.request().status == status


def test_without_a_wish_to_retry_nothing_is_tried_again(engine, upstream):
    peer = upstream()
    wishes = ('balance = "first"', "retry = { times = 0 }")
    with engine(site([free_port(), peer.port], *wishes)).client() as client:
        assert client.request().status == 502
    assert peer.connections == 0


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_listed_status_goes_to_the_next_target(engine, upstream, status):
    busy = upstream(always(REFUSED.replace(b"503", b"%d" % status)))
    peer = upstream()
    wishes = ('balance = "first"', f'retry = {{ times = 1, on = ["{status}"] }}')
    with engine(site([busy.port, peer.port], *wishes)).client() as client:
        assert client.request().body == b"ok"
    assert len(busy.requests) == 1


def test_a_status_that_is_not_listed_is_passed_on(engine, upstream):
    busy = upstream(always(REFUSED))
    with engine(site([busy.port, upstream().port], 'balance = "first"')).client() as client:
        answer = client.request()
    assert (answer.status, answer.body) == (503, b"busy")
    assert answer.header("proxy-status") is None


def test_the_last_targets_503_is_passed_on(engine, upstream):
    targets = [upstream(always(REFUSED)).port for _ in range(2)]
    with engine(site(targets, 'retry = { times = 5, on = ["503"] }')).client() as client:
        answer = client.request()
    assert (answer.status, answer.body) == (503, b"busy")


def test_a_post_is_not_sent_twice_for_a_status(engine, upstream):
    busy, peer = upstream(always(REFUSED)), upstream()
    wishes = ('balance = "first"', 'retry = { times = 1, on = ["503"] }')
    with engine(site([busy.port, peer.port], *wishes)).client() as client:
        assert client.request("POST", body=b"order").status == 503
    assert peer.requests == []


def test_a_request_is_sent_to_one_target_when_that_dies_at_work(engine, upstream):
    dying = upstream(lambda peer, _: peer.recv_request())
    peer = upstream()
    wishes = ('balance = "first"', "retry = { times = 2 }")
    with engine(site([dying.port, peer.port], *wishes)).client() as client:
        assert client.request().status == 502
    assert peer.requests == []


def test_the_retried_request_is_whole(engine, upstream):
    busy, peer = upstream(always(REFUSED)), upstream(always(OK))
    wishes = ('balance = "first"', 'retry = { times = 1, on = ["503"] }')
    with engine(site([busy.port, peer.port], *wishes)).client() as client:
        client.request(target="/path?q", headers=[("X-Tag", "v" * 5000)])
    assert busy.requests[0].head == peer.requests[0].head


def test_a_target_that_is_busy_is_asked_again_when_it_says(engine, upstream):
    def busy_at_first(peer, number):
        while peer.recv_request():
            peer.send(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n" if number == 1
                      else OK)
    busy = upstream(busy_at_first)
    started = engine(site(busy.port, 'retry = { on = ["429"], backoff = "10ms" }'))
    with started.client() as client:
        begin = time.monotonic()
        assert client.request().body == b"ok"
        assert time.monotonic() - begin >= 1
    line = access_line(started)
    assert line["tries"] == 2 and line["queue"] >= 1


def test_a_target_that_is_busy_for_long_says_so_itself(engine, upstream):
    busy = upstream(always(REFUSED.replace(b"\r\n\r\n", b"\r\nRetry-After: 3600\r\n\r\n")))
    with engine(site(busy.port, 'retry = { on = ["503"], backoff = "10ms" }')).client() as client:
        assert client.request().header("retry-after") == "3600"
    assert len(busy.requests) == 1
