# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping: nothing new is accepted, what runs is finished within the grace, then all is closed."""

import signal
import socket
import time

import pytest
from harness import FramingError, RawClient, pattern, wait_until
from upstream import OK, access_line, site



@pytest.fixture
def serving(engine, echo):
    """serving(grace): an engine in front of an echo server."""
    def start(grace="10s", **options):
        return engine(site(echo().port, engine=[f'grace = "{grace}"'], **options))
    return start


def refuses(started):
    try:
        socket.create_connection(started.address, 1).close()
        return False
    except ConnectionResetError:
        return False  # in the kernel's hands at the very moment when it ended
    except ConnectionRefusedError:
        return True


def stopping(started, number=signal.SIGTERM):
    started.signal(number)
    wait_until(lambda: refuses(started), "the end of accepting")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_ends_an_idle_engine_at_once_with_exit_code_0(serving, number):
    started = serving()
    begin = time.monotonic()
    started.signal(number)
    assert started.wait() == 0
    assert time.monotonic() - begin < 3
    assert "stopped" in started.stderr


def test_nothing_new_is_accepted_while_a_stream_is_finished(serving):
    started = serving()
    with started.client() as client:
        client.send_request(target="/bytes/30?piece=1&gap=20ms")
        client.recv_head()
        stopping(started)
        assert client.recv_exactly(30) == pattern(30)
        client.expect_closed()
    assert started.wait() == 0


def test_a_download_in_flight_is_completed(serving):
    started = serving()
    with started.client() as client:
        client.send_request(target="/bytes/3m?rate=6m")
        client.recv_head()
        stopping(started)
        assert client.recv_exactly(3 << 20) == pattern(3 << 20)
    assert started.wait() == 0


def test_an_upload_in_flight_is_completed(serving):
    started = serving()
    with started.client() as client:
        client.send_request("POST", "/count", headers=[("Content-Length", "1000")])
        client.send(b"x" * 500)
        stopping(started)
        client.send(b"x" * 500)
        answer = client.recv_response()
        assert answer.status == 200 and '"bytes":1000' in answer.text
        assert answer.header("connection") == "close"
        client.expect_closed()
    assert started.wait() == 0


def test_idle_kept_alive_connections_are_closed_in_order(serving):
    started = serving()
    clients = [started.client() for _ in range(10)]
    for client in clients:
        assert client.request(target="/ok").body == b"ok"
    started.signal(signal.SIGTERM)
    for client in clients:
        client.expect_closed()
    assert started.wait() == 0


def test_a_first_request_that_is_on_its_way_is_still_answered(serving):
    started = serving()
    with started.client() as busy, started.client() as fresh:
        busy.send_request(target="/delay/300ms/ok")
        fresh.send("GET /ok HTTP/1.1\r\n")
        stopping(started)
        fresh.send("Host: test.localhost\r\n\r\n")
        answer = fresh.recv_response()
        assert (answer.body, answer.header("connection")) == (b"ok", "close")
        assert busy.recv_response().body == b"ok"
    assert started.wait() == 0


def test_requests_that_were_pipelined_before_the_stop_are_answered(serving):
    started = serving()
    with started.client() as client:
        client.send_request(target="/delay/200ms/ok")
        client.send_request(target="/bytes/5")
        stopping(started)
        first = client.recv_response()
        assert first.body == b"ok"
    assert started.wait() == 0


def test_a_stream_past_the_grace_is_cut_and_the_exit_code_is_0(serving):
    started = serving(grace="300ms")
    with started.client() as client:
        client.send_request(target="/hang/body")
        client.recv_head()
        begin = time.monotonic()
        started.signal(signal.SIGTERM)
        with pytest.raises((FramingError, ConnectionResetError)):
            client.recv_exactly(100)
        assert 0.2 < time.monotonic() - begin < 3
    assert started.wait() == 0


def test_a_tunnel_is_open_until_the_grace_is_over(serving):
    started = serving(grace="400ms")
    with started.client() as client:
        fields = [("Connection", "Upgrade"), ("Upgrade", "raw")]
        client.send_request(target="/upgrade/raw", headers=fields)
        assert client.recv_head().status == 101
        stopping(started)
        client.send(b"still here")
        assert client.recv_exactly(10) == b"still here"
        client.expect_gone()
    assert started.wait() == 0


def test_a_second_signal_ends_at_once(serving):
    started = serving(grace="60s")
    with started.client() as client:
        client.send_request(target="/hang")
        stopping(started)
        begin = time.monotonic()
        started.signal(signal.SIGTERM)
        assert started.wait() == 0
        assert time.monotonic() - begin < 3
        client.expect_gone()
    started.stop = started.kill


def test_connections_to_targets_are_closed_at_the_end(engine, upstream):
    ended = []

    def script(peer, _):
        while peer.recv_request() is not None:
            peer.send(OK)
        ended.append(True)
    started = engine(site(upstream(script).port))
    with started.client() as client:
        assert client.request().body == b"ok"
    started.signal(signal.SIGTERM)
    wait_until(lambda: ended, "the end of the connection at the target")
    assert started.wait() == 0


def test_the_port_is_free_for_the_next_engine_at_once(serving, engine, echo):
    port = echo().port
    for _ in range(5):
        started = serving()
        with started.client() as client:
            assert client.request(target="/ok").body == b"ok"
        started.signal(signal.SIGTERM)
        assert started.wait() == 0
        again = engine(f'listen = "127.0.0.1:{started.port}"\n' + site(port))
        with again.client() as client:
            assert client.request(target="/ok").body == b"ok"


def test_under_load_no_accepted_request_is_lost(serving):
    started = serving(workers=2)
    clients = [started.client() for _ in range(100)]
    for client in clients:
        client.send_request(target="/delay/200ms/bytes/1000")
    with RawClient(started.address) as last:
        last.send_request(target="/ok")
        assert last.recv_response().body == b"ok"
    started.signal(signal.SIGTERM)
    assert all(client.recv_response().body == pattern(1000) for client in clients)
    assert started.wait() == 0
    assert access_line(started, path="/ok")["status"] == 200
