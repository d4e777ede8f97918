# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that change their protocol: WebSocket between real peers, and any other tunnel."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path

import pytest
from harness import free_port, pattern, wait_until
from upstream import OK, access_line, site

NODE = {**os.environ, "NODE_PATH": "/usr/share/nodejs:/usr/lib/node_modules"}
WS_ECHO = Path(__file__).with_name("ws_echo.js")
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "raw/1")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw/1\r\n\r\n"


@pytest.fixture
def ws_server():
    """The port of a WebSocket echo server of Node's `ws`."""
    port = free_port()
    child = subprocess.Popen(["/usr/bin/node", WS_ECHO, "serve", str(port)], env=NODE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert child.stdout.readline() == f"listening on {port}\n"
        yield port
    finally:
        child.kill()
        child.wait()


def ws_client(port, *what):
    """Runs the client of ws_echo.js; what it printed."""
    done = subprocess.run(["/usr/bin/node", WS_ECHO, *what, str(port)], env=NODE, timeout=30,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def tunnel(engine, upstream):
    """tunnel(script): a client whose request for raw/1 was answered by `script` with 101."""
    def ask(script, *wishes):
        peer = upstream(script)
        started = engine(site(peer.port, *wishes))
        client = started.client()
        client.engine, client.upstream = started, peer
        client.send_request(headers=UPGRADE)
        head = client.recv_head()
        assert (head.status, head.header("upgrade")) == (101, "raw/1")
        assert head.header("connection") == "Upgrade"
        return client
    return ask


def test_websocket_messages_of_every_size_come_back(engine, ws_server):
    started = engine(site(ws_server, host="*"))
    assert ws_client(started.port, "echo") == ["echoed 0 125 126 65535 65536 1000000",
                                               "closed 1000 bye"]


def test_another_websocket_client_works_too(engine, ws_server):
    websockets = pytest.importorskip("websockets")
    started = engine(site(ws_server, host="*"))

    async def talk():
        async with websockets.connect(f"ws://127.0.0.1:{started.port}/") as socket:
            await socket.send("text ✓")
            assert await socket.recv() == "text ✓"
            await (await socket.ping())
            await socket.send(pattern(200000))
            assert await socket.recv() == pattern(200000)
    asyncio.run(asyncio.wait_for(talk(), 20))


def test_a_websocket_subprotocol_is_agreed_on(engine, ws_server):
    started = engine(site(ws_server, host="*"))
    assert ws_client(started.port, "protocol") == ["protocol chat.2"]


def test_a_close_code_of_the_server_reaches_the_client(engine, ws_server):
    started = engine(site(ws_server, host="*"))
    assert ws_client(started.port, "close-me") == ["closed 4001 as asked"]


def test_many_websockets_at_once_do_not_mix(engine, ws_server):
    started = engine(site(ws_server, host="*", workers=2))
    assert ws_client(started.port, "many") == ["50 of 50"]


def test_a_refused_handshake_is_an_ordinary_answer(engine, ws_server):
    with engine(site(ws_server)).client() as client:
        answer = client.request(headers=[
            ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "12"),
            ("Sec-WebSocket-Key", "eA==")])
        assert answer.status == 400


def test_an_upgrade_reaches_the_target_with_its_fields(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
    with tunnel(script) as client:
        request = client.upstream.requests[0]
        assert (request.header("connection"), request.header("upgrade")) == ("Upgrade", "raw/1")
        client.expect_closed()


def test_bytes_that_come_with_the_101_reach_the_client(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH + b"early from the target")
        peer.recv_eof()
    with tunnel(script) as client:
        assert client.recv_exactly(21) == b"early from the target"


def test_bytes_that_come_with_the_request_reach_the_target(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        peer.send(peer.recv_exactly(21))
    with engine(site(upstream(script).port)).client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: test.localhost\r\nConnection: Upgrade\r\n"
                    b"Upgrade: raw/1\r\n\r\nearly from the client")
        assert client.recv_head().status == 101
        assert client.recv_exactly(21) == b"early from the client"


def test_any_bytes_pass_in_both_directions(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        while data := peer.socket.recv(65536):
            peer.send(data)
    with tunnel(script) as client:
        for size in (1, 100, 4096, 100000):
            client.send(pattern(size, size))
            assert client.recv_exactly(size) == pattern(size, size)


def test_a_flood_through_a_tunnel_is_exact(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        while data := peer.socket.recv(1 << 20):
            peer.send(data)
    with tunnel(script) as client:
        sender = threading.Thread(target=lambda: client.send(pattern(8 << 20)), daemon=True)
        sender.start()
        assert client.recv_exactly(8 << 20) == pattern(8 << 20)
        sender.join()


def test_the_clients_half_close_reaches_the_target_which_may_go_on(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        peer.send(b"got " + peer.recv_eof())
    with tunnel(script) as client:
        client.send(b"all of it")
        client.half_close()
        assert client.recv_eof() == b"got all of it"


def test_the_targets_half_close_reaches_the_client_who_may_go_on(tunnel):
    got = []

    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH + b"last words")
        peer.half_close()
        got.append(peer.recv_eof())
    with tunnel(script) as client:
        assert client.recv_eof() == b"last words"
        client.send(b"still here")
        client.half_close()
        wait_until(lambda: got, "the end at the target")
    assert got == [b"still here"]


def test_a_reset_of_the_target_breaks_the_tunnel(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        peer.recv_exactly(2)
        peer.reset()
    with tunnel(script) as client:
        client.send(b"go")
        with pytest.raises(ConnectionResetError):
            client.recv_eof()


def test_a_reset_of_the_client_reaches_the_target(tunnel):
    ends = []

    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        try:
            peer.recv_eof()
            ends.append("closed")
        except ConnectionResetError:
            ends.append("reset")
    client = tunnel(script)
    client.reset()
    assert wait_until(lambda: ends, "the end at the target") == ["reset"]


def test_a_quiet_tunnel_ends_at_the_idle_limit(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        peer.recv_eof()
    with tunnel(script, 'timeout = { idle = "150ms" }') as client:
        client.expect_gone()
        assert access_line(client.engine)["error"] == "connection_read_timeout"


def test_a_tunnel_is_not_ended_by_the_total_limit(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        while data := peer.socket.recv(100):
            peer.send(data)
    with tunnel(script, 'timeout = { total = "100ms" }') as client:
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(5)
        client.send(b"alive")
        assert client.recv_exactly(5) == b"alive"


def test_an_unasked_101_is_a_bad_answer(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH)
        peer.recv_eof()
    with engine(site(upstream(script).port)).client() as client:
        assert client.request().status == 502


def test_a_target_that_ignores_the_wish_answers_as_usual(engine, upstream):
    with engine(site(upstream().port)).client() as client:
        for _ in range(2):
            assert client.request(headers=UPGRADE).body == b"ok"


def test_h2c_by_upgrade_is_not_offered_to_the_target(engine, upstream):
    peer = upstream()
    with engine(site(peer.port)).client() as client:
        client.request(headers=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                                ("HTTP2-Settings", "AAMAAABk")])
    assert peer.requests[0].all("upgrade") == [] and peer.requests[0].all("http2-settings") == []


def test_a_tunnel_after_other_requests_on_the_same_connection_works(engine, upstream):
    def script(peer, _):
        while (request := peer.recv_request()) is not None:
            if request.header("upgrade"):
                peer.send(SWITCH)
                return peer.send(peer.recv_eof())
            peer.send(OK)
    with engine(site(upstream(script).port)).client() as client:
        assert client.request().body == b"ok"
        client.send_request(headers=UPGRADE)
        client.send(b"tunnelled")
        client.half_close()
        assert client.recv_head().status == 101
        assert client.recv_eof() == b"tunnelled"


def test_the_log_has_one_line_for_a_tunnel(tunnel):
    def script(peer, _):
        peer.recv_request()
        peer.send(SWITCH + b"12345")
        peer.recv_eof()
    with tunnel(script) as client:
        client.send(b"abc")
        client.half_close()
        client.recv_eof()
        line = access_line(client.engine)
    assert (line["status"], line["bytes_in"], line["bytes_out"]) == (101, 3, 5)
    assert "error" not in line


def test_a_connect_is_refused(engine, echo):
    with engine(site(echo().port)).client() as client:
        client.send("CONNECT test.localhost:443 HTTP/1.1\r\nHost: test.localhost:443\r\n\r\n")
        assert client.recv_head().status == 405
