# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades: RFC 9110 section 7.8. A tunnel only where it was asked for and granted; all else stays HTTP."""

import pytest
from exchange import in_step
from recorder import OK, Answer

ASK = b"GET /tunnel HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
GRANT = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def tunnel(proxy, talk, ask=ASK, early=b""):
    """A client in a tunnel whose other end is talk(peer)."""
    proxy.recorder.begin(Answer(at_head=GRANT + early, then=talk))
    client = proxy.client()
    client.send(ask)
    response = client.recv_response()
    assert response.status == 101
    assert (response.header("connection").lower(), response.header("upgrade")) == ("upgrade", "websocket")
    return client


def echo(peer):
    while data := peer.buffer or peer.socket.recv(65536):
        peer.buffer = b""
        peer.send(data)


def test_bytes_pass_both_ways_untouched(proxy):
    octets = bytes(range(256)) + b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
    with tunnel(proxy, echo) as client:
        client.send(octets)
        assert client.recv_exactly(len(octets)) == octets
    assert len(proxy.recorder.requests) == 1


def test_the_request_for_an_upgrade_reaches_the_upstream(proxy):
    with tunnel(proxy, echo):
        [request] = proxy.recorder.requests
        assert (request.header("upgrade"), request.header("connection").lower()) == ("websocket", "upgrade")


def test_early_bytes_of_the_upstream_are_delivered_first(proxy):
    with tunnel(proxy, echo, early=b"early") as client:
        client.send(b"late")
        assert client.recv_exactly(9) == b"earlylate"


def test_early_bytes_of_the_client_are_delivered_first(proxy):
    with tunnel(proxy, echo, ask=ASK + b"early") as client:
        client.send(b"late")
        assert client.recv_exactly(9) == b"earlylate"


def test_the_clients_half_close_reaches_the_upstream_behind_its_last_bytes(proxy):
    def answer_the_end(peer):
        peer.send(b"got " + peer.recv_eof())
    with tunnel(proxy, answer_the_end) as client:
        client.send(b"last words")
        client.half_close()
        assert client.recv_eof() == b"got last words"


def test_the_upstreams_half_close_reaches_the_client_behind_its_last_bytes(proxy):
    heard = []

    def end_first(peer):
        peer.send(b"last words")
        peer.half_close()
        heard.append(peer.recv_eof())
    with tunnel(proxy, end_first) as client:
        assert client.recv_eof() == b"last words"
        client.send(b"still here")
        client.half_close()
        [request] = proxy.recorder.wait_until_ended()
    assert heard == [b"still here"]


def test_a_reset_of_the_client_reaches_the_upstream(proxy):
    ends = []

    def wait_for_the_end(peer):
        try:
            ends.append(peer.recv_eof())
        except ConnectionResetError:
            ends.append("reset")
    client = tunnel(proxy, wait_for_the_end)
    client.reset()
    proxy.recorder.wait_until_ended()
    assert ends == ["reset"]


def test_a_reset_of_the_upstream_reaches_the_client(proxy):
    with tunnel(proxy, lambda peer: peer.reset()) as client, pytest.raises(ConnectionResetError):
        client.recv_eof()


@pytest.mark.parametrize("response,status", [
    pytest.param(OK, 200, id="200"),
    pytest.param(b"HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 b"Content-Length: 0\r\n\r\n", 426, id="426"),
    pytest.param(b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 403, id="403_in_chunks"),
    pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, 200, id="200_behind_103"),
])
def test_any_other_answer_stays_http(proxy, response, status):
    answer, _ = proxy.answered(ASK, Answer(response))
    assert answer.status == status


@pytest.mark.parametrize("ask", [
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", id="nobody_asked"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n", id="connection_does_not_name_it"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\n\r\n", id="nothing_to_upgrade_to"),
])
def test_an_upgrade_that_was_not_asked_for_is_502(proxy, ask):
    proxy.recorder.begin(Answer(GRANT, then="close"))
    with proxy.client() as client:
        client.send(ask)
        assert client.recv_response().status == 502
        in_step(client)


def test_http_1_0_cannot_upgrade(proxy):
    proxy.recorder.begin(Answer(GRANT, then="close"))
    with proxy.client() as client:
        client.send(ASK.replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert client.recv_response().status != 101


@pytest.mark.parametrize("granted", [b"Upgrade: other", b"X: y", b"Upgrade: websocket, other"],
                         ids=["another_protocol", "no_protocol", "two_protocols"])
def test_what_is_granted_must_have_been_asked_for(proxy, granted):
    response = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" + granted + b"\r\n\r\n"
    proxy.recorder.begin(Answer(response, then="close"))
    with proxy.client() as client:
        client.send(ASK)
        assert client.recv_response().status == 502


@pytest.mark.parametrize("framing,body", [
    pytest.param(b"Content-Length: 5", b"hello", id="with_a_length"),
    pytest.param(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n", id="in_chunks"),
])
def test_a_body_sent_with_an_upgrade_is_a_body(proxy, framing, body):
    ask = ASK.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\n" + framing + b"\r\n\r\n")
    response, request = proxy.answered(ask + body, Answer(OK))
    assert (response.status, request.body) == (200, b"hello")


def test_a_refused_upgrade_leaves_early_bytes_to_be_requests(proxy):
    proxy.recorder.begin(Answer(OK))
    with proxy.client() as client:
        client.send(ASK + b"GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert [client.recv_response().status for _ in range(2)] == [200, 200]
    assert [request.target for request in proxy.recorder.requests] == ["/tunnel", "/next"]


def test_a_tunnel_closed_by_the_upstream_before_a_byte_ends_in_order(proxy):
    with tunnel(proxy, lambda peer: None) as client:
        assert client.recv_eof() == b""
