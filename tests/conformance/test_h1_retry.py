# SPDX-License-Identifier: GPL-3.0-or-later
"""A request is sent twice only on a reused connection, only before anything came back, and only where twice does no
harm: RFC 9110 section 9.2.2, RFC 9112 section 9.3.1."""

import pytest
from exchange import in_step
from recorder import OK, Answer


def request(method, body=b""):
    framing = b"Content-Length: %d\r\n" % len(body) if body else b""
    return method + b" /again HTTP/1.1\r\nHost: a.test\r\n" + framing + b"\r\n" + body


def on_a_reused_connection(proxy, raw, *answers):
    """The status of `raw`, sent on a connection that brought an answer before; then the targets seen."""
    with proxy.client() as client:
        in_step(client)
        proxy.recorder.begin(*answers)
        client.send(raw)
        status = client.recv_response(raw.split(b" ")[0].decode()).status
        in_step(client)
    return status, len(proxy.recorder.requests)


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"])
@pytest.mark.parametrize("then", ["close", "reset"])
def test_an_idempotent_request_is_sent_again_when_its_reused_connection_dies(proxy, method, then):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert on_a_reused_connection(proxy, request(method), Answer(then=then), Answer(answer)) == (200, 2)


@pytest.mark.parametrize("raw", [
    pytest.param(request(b"POST"), id="post"),
    pytest.param(request(b"POST", b"body"), id="post_with_a_body"),
    pytest.param(request(b"PATCH", b"body"), id="patch"),
    pytest.param(request(b"PROVOKE"), id="an_unknown_method"),
    pytest.param(request(b"PUT", b"body"), id="a_body_that_was_sent_is_not_there_any_more"),
])
@pytest.mark.parametrize("then", ["close", "reset"])
def test_a_request_that_may_have_worked_is_never_sent_twice(proxy, raw, then):
    assert on_a_reused_connection(proxy, raw, Answer(then=then)) == (502, 1)


def test_a_request_is_sent_again_once_at_most(proxy):
    status, count = on_a_reused_connection(proxy, request(b"GET"), *[Answer(then="close")] * 5)
    assert (status, count) == (502, 2)


@pytest.mark.parametrize("part", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"\r\n"])
def test_nothing_is_sent_again_once_something_came_back(proxy, part):
    assert on_a_reused_connection(proxy, request(b"GET"), Answer(part, then="close")) == (502, 1)


def test_a_fresh_connection_that_dies_is_not_tried_again(proxy):
    # Whatever waits in the pool ends with these, one by one.
    proxy.recorder.begin(Answer(OK, then="close"))
    with proxy.client() as client:
        client.send(request(b"POST"))
        client.recv_response()
        proxy.recorder.wait_until_ended()
        proxy.recorder.begin(Answer(then="close"))
        client.send(request(b"GET"))
        assert client.recv_response().status == 502
    assert len(proxy.recorder.requests) == 1
