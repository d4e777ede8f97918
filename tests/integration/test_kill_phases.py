# SPDX-License-Identifier: GPL-3.0-or-later
"""The upstream is killed in each phase of 50 exchanges at once: every answer is right, 502, 504, or visibly broken;
once it is back so is the service, and nothing leaks."""

import os
import select
import signal

import pytest
from descriptors import LISTENERS, sockets
from harness import DEADLINE_SECONDS, FramingError, Process, free_port, pattern, wait_until

COUNT = 50

TOML = """
[engine]
workers = 1
[log]
access = "off"
[defaults]
timeout.connect = "5s"
timeout.first_byte = "5s"
[routes]
"*" = "127.0.0.1:{port}"
"""


class KillableEcho(Process):
    """An echo server on a given port, which a later one can take over."""

    def __init__(self, port):
        super().__init__(lambda _: ["echo", "--port", port])
        self.or_kill(lambda: wait_until(lambda: "listening" in self.stdout or self.ensure_running() and False,
                                        f"the echo server on port {port}"))

    def end_suddenly(self):
        os.kill(self.pid, signal.SIGKILL)
        self.wait()


@pytest.fixture
def killable():
    """killable(port) starts an echo server there."""
    started = []

    def start(port):
        started.append(KillableEcho(port))
        return started[-1]
    yield start
    for each in started:
        each.kill()


def outcome(client, right):
    """"right", the status of an error, or "broken"; anything else fails."""
    try:
        answer = client.recv_response()
    except (FramingError, ConnectionResetError, BrokenPipeError):
        return "broken"
    if answer.status == 200:
        assert right is not None and answer.body == right, "it looks complete and is not"
        return "right"
    assert answer.status in (502, 504)
    return answer.status


def push_until_stuck(client):
    client.socket.setblocking(False)
    try:
        while select.select([], [client.socket], [], 0.2)[1]:
            client.socket.send(b"x" * 65536)
    except OSError:
        pass
    client.socket.settimeout(DEADLINE_SECONDS)


def nothing_more(client):
    pass


# The phase: what is sent, and what is waited for before the kill.
PHASES = [
    pytest.param({"target": "/hang"}, nothing_more, id="waiting_for_the_head"),
    pytest.param({"target": "/delay/30s/ok"}, nothing_more, id="before_a_late_answer"),
    pytest.param({"method": "POST", "target": "/slow-read?rate=1024", "headers": [("Content-Length", str(1 << 30))]},
                 push_until_stuck, id="in_the_middle_of_an_upload"),
    pytest.param({"method": "POST", "target": "/count", "headers": [("Transfer-Encoding", "chunked")],
                  "body": b"5\r\nhel"}, nothing_more, id="in_a_chunk_of_an_upload"),
]
MID_RESPONSE = [
    pytest.param("/bytes/1g?rate=100k", id="with_a_length"),
    pytest.param("/bytes/1g?rate=100k&chunked=1", id="in_chunks"),
    pytest.param("/bytes/1g", id="at_full_speed"),
]


@pytest.fixture
def service(engine, killable):
    """(engine, port, echo)."""
    port = free_port()
    upstream = killable(port)
    process = engine(TOML.format(port=port))
    return process, port, upstream


def send_all(process, **request):
    clients = [process.client() for _ in range(COUNT)]
    for client in clients:
        client.send_request(**request)
    # Each has its connection to the upstream.
    wait_until(lambda: sockets(process) >= LISTENERS + 2 * COUNT, "all requests at the upstream")
    return clients


def is_back(process, port, killable):
    """With a new upstream on the old port every request is right again, and every socket is accounted for."""
    upstream = killable(port)
    with process.client() as client:
        for _ in range(10):
            assert client.request(target="/bytes/50k").body == pattern(50 << 10)
    upstream.end_suddenly()
    wait_until(lambda: sockets(process) == LISTENERS, "every socket closed")


@pytest.mark.parametrize("request_,until", PHASES)
def test_a_kill_before_the_answer_is_an_error_answer(service, killable, request_, until):
    process, port, upstream = service
    clients = send_all(process, **request_)
    for client in clients[:5 if until is push_until_stuck else None]:
        until(client)
    upstream.end_suddenly()
    assert {outcome(client, right=None) for client in clients} <= {502, 504, "broken"}
    for client in clients:
        client.close()
    is_back(process, port, killable)


@pytest.mark.parametrize("target", MID_RESPONSE)
def test_a_kill_in_the_middle_of_an_answer_is_visible(service, killable, target):
    process, port, upstream = service
    clients = send_all(process, target=target)
    heads = [client.recv_head() for client in clients]
    upstream.end_suddenly()
    for client, head in zip(clients, heads):
        with pytest.raises((FramingError, ConnectionResetError)):
            client._recv_body(head, "GET")
        client.close()
    is_back(process, port, killable)


def test_a_kill_ends_tunnels(service, killable):
    process, port, upstream = service
    clients = send_all(process, target="/upgrade/raw", headers=[("Connection", "Upgrade"), ("Upgrade", "raw")])
    for client in clients:
        assert client.recv_head().status == 101
        client.send(b"ping")
        assert client.recv_exactly(4) == b"ping"
    upstream.end_suddenly()
    for client in clients:
        client.expect_gone()
        client.close()
    is_back(process, port, killable)


def test_a_kill_between_requests_costs_at_most_an_error_each(service, killable):
    process, port, upstream = service
    clients = send_all(process, target="/delay/200ms/ok")
    assert {outcome(client, right=b"ok") for client in clients} == {"right"}
    upstream.end_suddenly()
    for client in clients:
        client.send_request(target="/ok")
    assert {outcome(client, right=b"ok") for client in clients} == {502}
    killable(port)
    for client in clients:
        client.send_request(target="/ok")
    assert {outcome(client, right=b"ok") for client in clients} == {"right"}


def test_an_upstream_that_is_frozen_and_then_killed_is_an_error_answer(service, killable):
    process, port, upstream = service
    upstream.signal(signal.SIGSTOP)
    clients = send_all(process, target="/ok")
    upstream.end_suddenly()
    assert {outcome(client, right=b"ok") for client in clients} <= {502, 504}
    for client in clients:
        client.close()
    is_back(process, port, killable)


@pytest.mark.parametrize("path", ["/die/rst", "/die/rst?after=1000", "/die/head", "/die/mid-head", "/die/body",
                                  "/die/chunk", "/garbage"])
def test_an_upstream_that_ends_50_exchanges_early_harms_no_other(service, killable, path):
    process, port, upstream = service
    clients = [process.client() for _ in range(2 * COUNT)]
    for number, client in enumerate(clients):
        client.send_request(target="/bytes/200k" if number % 2 else path)
    right = pattern(200 << 10)
    assert {outcome(client, right) for client in clients[1::2]} == {"right"}
    assert {outcome(client, None) for client in clients[::2]} <= {502, "broken"}
    for client in clients:
        client.close()
    upstream.end_suddenly()
    is_back(process, port, killable)


def test_killing_and_restarting_under_load_ends_with_a_service(service, killable):
    process, port, upstream = service
    for _ in range(5):
        clients = [process.client() for _ in range(COUNT)]
        for client in clients:
            client.send_request(target="/bytes/300k")
        upstream.end_suddenly()
        results = {outcome(client, pattern(300 << 10)) for client in clients}
        assert results <= {"right", "broken", 502, 504}
        for client in clients:
            client.close()
        upstream = killable(port)
    upstream.end_suddenly()
    is_back(process, port, killable)
