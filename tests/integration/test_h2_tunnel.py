# SPDX-License-Identifier: GPL-3.0-or-later
"""WebSocket over HTTP/2 (RFC 8441) to targets that speak HTTP/1.1."""

import base64
import hashlib
import os
import threading

import pytest
from certificates import client_context, local_authority
from h2 import CANCEL, HOST, NO_ERROR, H2Client
from harness import pattern, wait_until
from upstream import access_line, site

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def open_tunnel(client, path="/ws", headers=(("sec-websocket-version", "13"),)):
    fields = client.fields("CONNECT", path)
    return client.open_fields([fields[0], (":protocol", "websocket"), *fields[1:], *headers], ends=False)


def frame(kind, payload):
    """A frame of RFC 6455 as clients send it: masked."""
    mask = os.urandom(4)
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big") if size < 65536 else \
        bytes([0xFF]) + size.to_bytes(8, "big")
    masked = bytes(octet ^ mask[at % 4] for at, octet in enumerate(payload))
    return bytes([0x80 | kind]) + length + mask + masked


def plain(kind, payload):
    """The same frame as servers send it."""
    masked = frame(kind, payload)
    head = len(masked) - len(payload) - 4
    return bytes([masked[0], masked[1] & 0x7F]) + masked[2:head] + payload


def switch(peer, *fields, early=""):
    """Reads a handshake and says yes to it."""
    key = peer.recv_request().header("sec-websocket-key")
    proof = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
    peer.send("\r\n".join(["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
                           f"Sec-WebSocket-Accept: {proof}", *fields, "", early]))


@pytest.fixture
def tunnel(engine, echo):
    """A client and its tunnel to the echo server's WebSocket."""
    started = engine(site(echo().port))
    with H2Client(started.address) as client:
        answer = open_tunnel(client)
        client.until(lambda: answer.status or answer.over, "the answer")
        assert answer.status == 200 and not answer.over
        client.engine = started
        yield client, answer


@pytest.fixture
def scripted(engine, upstream):
    """scripted(script): a client whose request for a tunnel that upstream answers, and what came of it."""
    clients = []

    def start(script):
        peer = upstream(script)
        client = H2Client(engine(site(peer.port)).address)
        client.upstream = peer
        clients.append(client)
        return client, open_tunnel(client)
    yield start
    for each in clients:
        each.close()


def round_trip(client, answer, sent, expected):
    seen = len(answer.body)
    client.send_body(answer, sent, end=False)
    client.until(lambda: len(answer.body) >= seen + len(expected), "the echo")
    assert answer.body[seen:] == expected


def test_messages_come_back(tunnel):
    client, answer = tunnel
    for kind, payload in ((TEXT, "text ✓".encode()), (BINARY, pattern(200)), (PING, b"are you there"), (TEXT, b"")):
        round_trip(client, answer, frame(kind, payload), plain(10 if kind == PING else kind, payload))


def test_a_message_larger_than_every_window_comes_back(tunnel):
    client, answer = tunnel
    round_trip(client, answer, frame(BINARY, pattern(1 << 20)), plain(BINARY, pattern(1 << 20)))


def test_a_goodbye_ends_both_sides(tunnel):
    client, answer = tunnel
    round_trip(client, answer, frame(CLOSE, b"\x03\xe8bye"), plain(CLOSE, b"\x03\xe8bye"))
    assert client.finish(answer).ended and answer.reset in (None, NO_ERROR)
    assert client.request().body == b"ok"


def test_tunnels_and_requests_share_a_connection(tunnel):
    client, first = tunnel
    others = [open_tunnel(client) for _ in range(20)]
    assert client.request(path="/bytes/100000").body == pattern(100000)
    for number, answer in enumerate([first, *others]):
        client.until(lambda: answer.status == 200, "the tunnel")
        client.send_body(answer, frame(TEXT, b"%d" % number), end=False)
    for number, answer in enumerate([first, *others]):
        client.until(lambda: answer.body == plain(TEXT, b"%d" % number), "the echo")


def test_a_tunnel_over_tls_works(engine, echo):
    started = engine(site(echo().port))
    with H2Client(started.address, tls=client_context(local_authority(started), "h2")) as client:
        answer = open_tunnel(client)
        client.until(lambda: answer.status == 200, "the tunnel")
        round_trip(client, answer, frame(TEXT, b"secret"), plain(TEXT, b"secret"))


def test_the_target_gets_a_handshake_of_http_1_1(scripted):
    def script(peer, _):
        switch(peer, "Sec-WebSocket-Protocol: chat.2")
        peer.recv_eof()
    client, answer = scripted(script)
    client.until(lambda: answer.status == 200, "the tunnel")
    request = client.upstream.requests[0]
    assert (request.method, request.target, request.header("host")) == ("GET", "/ws", HOST)
    assert (request.header("upgrade"), request.header("connection").lower()) == ("websocket", "upgrade")
    assert request.header("sec-websocket-version") == "13"
    assert len(base64.b64decode(request.header("sec-websocket-key"), validate=True)) == 16
    assert answer.header("sec-websocket-protocol") == "chat.2"


def test_nothing_of_the_targets_handshake_reaches_the_client(tunnel):
    """The proof is that of a key which this client never saw (RFC 8441 section 5)."""
    _, answer = tunnel
    assert not {"connection", "upgrade", "sec-websocket-accept"} & {name for name, _ in answer.headers}


def test_bytes_that_come_right_behind_the_101_reach_the_client(scripted):
    def script(peer, _):
        switch(peer, early="early from the target")
        peer.recv_eof()
    client, answer = scripted(script)
    client.until(lambda: answer.body == b"early from the target", "the early bytes")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_of_the_target_is_an_ordinary_answer(engine, echo, status):
    with H2Client(engine(site(echo().port)).address) as client:
        answer = open_tunnel(client, f"/status/{status}")
        client.finish(answer)
        assert answer.status == status and answer.body.startswith(b"%d " % status)
        assert client.request().body == b"ok"


def test_a_target_that_wants_another_version_is_passed_on(engine, echo):
    with H2Client(engine(site(echo().port)).address) as client:
        answer = client.finish(open_tunnel(client, headers=[("sec-websocket-version", "12")]))
        assert answer.status == 426 and b"WebSocket" in answer.body


def test_a_target_that_ignores_the_wish_opens_no_tunnel(engine, echo):
    """Its 200 is not the 200 that RFC 8441 means."""
    with H2Client(engine(site(echo().port)).address) as client:
        answer = client.finish(open_tunnel(client, "/ok"))
        assert not 200 <= answer.status < 300


def test_the_clients_end_reaches_the_target_which_may_go_on(scripted):
    def script(peer, _):
        switch(peer)
        peer.send(b"got " + peer.recv_eof())
    client, answer = scripted(script)
    client.until(lambda: answer.status == 200, "the tunnel")
    client.send_body(answer, b"all of it")
    assert client.finish(answer).body == b"got all of it" and answer.ended


def test_the_targets_end_reaches_the_client_who_may_go_on(scripted):
    got = []

    def script(peer, _):
        switch(peer)
        peer.send(b"last words")
        peer.half_close()
        got.append(peer.recv_eof())
    client, answer = scripted(script)
    client.finish(answer)
    assert answer.body == b"last words" and answer.ended
    client.send_data(answer, b"still here", end=True)
    assert wait_until(lambda: got, "the end at the target") == [b"still here"]


def test_a_reset_of_the_target_is_no_end(scripted):
    said = threading.Event()

    def script(peer, _):
        switch(peer)
        said.wait(10)
        peer.reset()
    client, answer = scripted(script)
    client.until(lambda: answer.status == 200, "the tunnel")
    said.set()
    client.finish(answer)
    assert not answer.ended and answer.reset not in (None, NO_ERROR)


def test_a_reset_of_the_client_reaches_the_target(scripted):
    ends = []

    def script(peer, _):
        switch(peer)
        try:
            peer.recv_eof()
        finally:
            ends.append("over")
    client, answer = scripted(script)
    client.until(lambda: answer.status == 200, "the tunnel")
    client.reset(answer, CANCEL)
    wait_until(lambda: ends, "the end at the target")
    assert not client.ended


def test_a_tunnel_has_one_line_in_the_log(tunnel):
    client, answer = tunnel
    client.send_body(answer, frame(CLOSE, b""))
    client.finish(answer)
    line = access_line(client.engine)
    assert line["proto"] == "h2" and line["bytes_in"] == 6 and line["bytes_out"] == 2
