# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits and deadlines: what happens at each, and that the next request is served as before."""

import re
import resource
import threading
import time

import pytest
from control import Api
from harness import DEADLINE_SECONDS, EngineProcess, FramingError, RawClient, wait_until
from upstream import OK, access_line, access_lines, site

CHUNKED = [("Transfer-Encoding", "chunked")]


def refused(client, status, name):
    """The refusal, after which the connection is closed."""
    answer = client.recv_response()
    assert answer.status == status and answer.header("connection") == "close"
    assert answer.header("proxy-status").startswith(f"engine; error={name}")
    client.expect_gone()
    return answer


def works(started):
    with started.client() as client:
        assert client.request(target="/ok").body == b"ok"
    return True


@pytest.fixture
def limited(engine, echo):
    """limited(*wishes, engine=(...)): an engine in front of an echo server."""
    return lambda *wishes, **options: engine(site(echo().port, *wishes, **options))


# ---- sizes of the request

def test_a_head_past_its_limit_is_431(limited):
    started = limited(engine=['limits = { headers = "8KiB", line = "4KiB" }'])
    with started.client() as client:
        client.send_request(headers=[("X-Long", "x" * 9000)])
        refused(client, 431, "http_request_error")
    assert works(started)


def test_a_head_within_its_limit_is_served(limited):
    with limited(engine=['limits = { headers = "8KiB", line = "4KiB" }']).client() as client:
        assert client.request(target="/ok", headers=[("X-Long", "x" * 8000)]).status == 200


def test_too_many_fields_are_431(limited):
    with limited(engine=["limits = { fields = 20 }"]).client() as client:
        fields = [(f"X-{number}", "1") for number in range(20)]  # and Host
        assert client.request(target="/ok", headers=fields[1:]).status == 200
        client.send_request(headers=fields)
        refused(client, 431, "http_request_error")


def test_a_long_request_line_is_414(limited):
    with limited(engine=['limits = { line = "2KiB" }']).client() as client:
        assert client.request(target="/ok?" + "x" * 1900).status == 200
        client.send_request(target="/ok?" + "x" * 2100)
        refused(client, 414, "http_request_error")


def test_a_declared_body_past_its_limit_is_413_and_never_sent(engine, upstream):
    peer = upstream()
    started = engine(site(peer.port, 'limit = { body = "1KiB" }'))
    with started.client() as client:
        client.send_request("POST", body=b"x" * 1025)
        refused(client, 413, "http_request_denied")
    with started.client() as client:
        assert client.request("POST", body=b"x" * 1024).status == 200
    assert len(peer.requests) == 1


def test_a_chunked_body_past_its_limit_is_413(engine, upstream):
    seen = []

    def script(peer, _):
        try:
            peer.recv_request()
            peer.send(OK)
            seen.append("complete")
        except (FramingError, OSError):
            seen.append("broken")
    started = engine(site(upstream(script).port, 'limit = { body = "1KiB" }'))
    with started.client() as client:
        client.send_request("POST", "/count", CHUNKED, b"401\r\n" + b"x" * 1025 + b"\r\n0\r\n\r\n")
        refused(client, 413, "http_request_denied")
    assert wait_until(lambda: seen, "the end at the target") == ["broken"]


def test_a_response_head_past_its_limit_is_502(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n")
    started = engine(site(upstream(script).port, engine=['limits = { header_out = "8KiB" }']))
    with started.client() as client:
        answer = client.request()
        assert answer.status == 502
        assert "error=http_response_header_section_size" in answer.header("proxy-status")


# ---- deadlines

def test_a_head_that_does_not_come_in_time_is_408(limited):
    started = limited(engine=['limits = { head = "200ms" }'])
    with started.client() as client:
        client.send("GET /ok HTTP/1.1\r\nHost: te")
        refused(client, 408, "http_request_error")
    assert works(started)


def test_a_head_is_not_kept_alive_by_one_octet_now_and_then(limited):
    started = limited(engine=['limits = { head = "300ms" }'])
    with started.client() as client:
        begin = time.monotonic()
        ended = threading.Event()

        def drip():
            for octet in b"GET /ok HTTP/1.1\r\nX-Slow: " + b"x" * 1000:
                if ended.wait(0.02):
                    return
                client.send(bytes([octet]))
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        assert client.recv_head().status == 408
        ended.set()
        thread.join()
        assert time.monotonic() - begin < 2


def test_a_connection_without_a_request_is_closed(limited):
    started = limited(engine=['limits = { head = "150ms" }'])
    with started.client() as client:
        client.expect_closed()


def test_a_body_that_stands_still_is_408(limited):
    started = limited(engine=['limits = { body = "200ms" }'])
    with started.client() as client:
        client.send_request("POST", "/count", headers=[("Content-Length", "100")])
        client.send("half")
        refused(client, 408, "http_request_error")
    assert works(started)


def test_a_body_may_take_long_while_it_moves(limited):
    started = limited(engine=['limits = { body = "300ms" }'])
    with started.client() as client:
        client.send_request("POST", "/count", headers=[("Content-Length", "12")])
        gap = threading.Event()
        for _ in range(12):
            client.send("x")
            gap.wait(0.05)
        assert client.recv_response().status == 200


def test_a_target_that_never_answers_is_504(limited):
    started = limited('timeout = { first_byte = "200ms" }')
    with started.client() as client:
        answer = client.request(target="/hang")
        assert answer.status == 504
        assert "error=http_response_timeout; next-hop=" in answer.header("proxy-status")
        assert client.request(target="/ok").body == b"ok"


def test_the_first_byte_is_awaited_from_the_end_of_the_body(limited):
    started = limited('timeout = { first_byte = "300ms" }')
    with started.client() as client:
        client.send_request("POST", "/count", headers=[("Content-Length", "8")])
        gap = threading.Event()
        for _ in range(8):
            client.send("x")
            gap.wait(0.06)
        assert client.recv_response().status == 200


@pytest.mark.parametrize("head", [b"Content-Length: 1000\r\n\r\n",
                                  b"Transfer-Encoding: chunked\r\n\r\n5\r\n"])
def test_a_response_that_stands_still_is_visibly_broken(engine, upstream, head):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\n" + head + b"some")
        peer.recv_eof()
    started = engine(site(upstream(script).port, 'timeout = { idle = "200ms" }'))
    with started.client() as client:
        client.send_request()
        begun = client.recv_head()
        assert begun.status == 200
        with pytest.raises((FramingError, ConnectionResetError)):
            client._recv_body(begun, "GET")
    assert access_line(started)["error"] == "connection_read_timeout"


def test_a_response_that_stands_still_without_framing_ends_with_a_reset(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.0 200 OK\r\n\r\nsome")
        peer.recv_eof()
    started = engine(site(upstream(script).port, 'timeout = { idle = "200ms" }'))
    with started.client() as client:
        client.send("GET / HTTP/1.0\r\nHost: test.localhost\r\n\r\n")
        assert client.recv_head().status == 200
        with pytest.raises(ConnectionResetError):
            client.recv_eof()


def test_a_response_may_take_long_while_it_moves(limited):
    with limited('timeout = { idle = "300ms" }').client() as client:
        assert len(client.request(target="/bytes/12?piece=1&gap=50ms").body) == 12


def test_the_total_limit_ends_an_exchange_before_its_head(limited):
    with limited('timeout = { total = "200ms" }').client() as client:
        answer = client.request(target="/hang")
        assert answer.status == 504
        assert "error=http_response_timeout" in answer.header("proxy-status")


def test_the_total_limit_breaks_a_response_that_still_moves(limited):
    started = limited('timeout = { total = "300ms" }')
    with started.client() as client:
        client.send_request(target="/bytes/1000?piece=1&gap=20ms")
        assert client.recv_head().status == 200
        with pytest.raises((FramingError, ConnectionResetError)):
            client.recv_exactly(1000)
    assert works(started)


def test_a_target_that_does_not_accept_is_504(engine, silent_port):
    started = engine(site(f"127.0.0.1:{silent_port}", 'timeout = { connect = "200ms" }'))
    with started.client() as client:
        answer = client.request()
        assert answer.status == 504
        assert "error=connection_timeout" in answer.header("proxy-status")
        assert f"127.0.0.1:{silent_port}" in answer.text
    assert access_line(started)["error"] == "connection_timeout"


def attempts(port):
    """How many connections to this port are waiting for an answer."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


def test_a_client_that_leaves_while_connecting_frees_its_stream(engine, silent_port):
    started = engine(site(f"127.0.0.1:{silent_port}", 'timeout = { connect = "30s" }'))
    before = attempts(silent_port)
    client = started.client()
    client.send_request()
    wait_until(lambda: attempts(silent_port) == before + 1, "the attempt")
    client.reset()
    assert access_line(started)["error"] == "client_closed"
    wait_until(lambda: attempts(silent_port) == before, "the end of the attempt")


# ---- how much at once

def test_a_request_past_the_inflight_limit_is_429_at_once(limited):
    started = limited("limit = { inflight = 2 }")
    busy = [started.client() for _ in range(2)]
    for client in busy:
        client.send_request(target="/bytes/1000?piece=1&gap=20ms")
        client.recv_head()
    with started.client() as client:
        answer = client.request(target="/ok")
        assert answer.status == 429 and answer.header("retry-after") == "1"
        assert "error=connection_limit_reached" in answer.header("proxy-status")
    for client in busy:
        client.close()
    wait_until(lambda: works_again(started), "room for a request")


def works_again(started):
    with started.client() as client:
        return client.request(target="/ok").status == 200


def test_the_inflight_limit_counts_over_all_workers(engine, echo):
    started = engine(site(echo().port, "limit = { inflight = 3 }", workers=4))
    clients = [started.client() for _ in range(24)]
    for client in clients:
        client.send_request(target="/delay/300ms/ok")
    answers = sorted(client.recv_response().status for client in clients)
    assert answers == [200] * 3 + [429] * 21


def test_a_connection_ends_after_its_last_request(limited):
    with limited(engine=["limits = { requests = 3 }"]).client() as client:
        connections = [client.request(target="/ok").header("connection") for _ in range(3)]
        assert connections == [None, None, "close"]
        client.expect_closed()


def test_an_idle_connection_is_closed(limited):
    with limited(engine=['limits = { keepalive = "150ms" }']).client() as client:
        assert client.request(target="/ok").body == b"ok"
        begin = time.monotonic()
        client.expect_closed()
        assert 0.1 < time.monotonic() - begin < 2


def test_an_old_connection_ends_with_its_next_response(limited):
    with limited(engine=['limits = { lifetime = "100ms" }']).client() as client:
        assert client.request(target="/delay/150ms/ok").header("connection") == "close"
        client.expect_closed()


def test_accepting_pauses_at_the_connection_limit_and_goes_on(limited):
    started = limited(engine=["limits = { connections = 4 }"])
    inside = [started.client() for _ in range(4)]
    for client in inside:
        assert client.request(target="/ok").body == b"ok"
    outside = started.client()  # in the kernel's queue
    outside.send_request(target="/ok")
    outside.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        outside.recv_response()
    inside[0].close()
    outside.socket.settimeout(5)
    assert outside.recv_response().body == b"ok"
    for client in inside + [outside]:
        client.close()


@pytest.fixture
def few_descriptors():
    """An engine that may open few descriptors, and cannot raise that limit."""
    started = []

    def start(toml, count):
        started.append(EngineProcess(toml, wait=False))
        resource.prlimit(started[-1].pid, resource.RLIMIT_NOFILE, (count, count))
        started[-1].wait_until_listening()
        return started[-1]
    yield start
    for process in started:
        process.stop()


# Not with sanitizers: what they do to look at a pointer takes a descriptor too.
@pytest.mark.release_only
def test_out_of_descriptors_nothing_breaks_and_everything_recovers(few_descriptors, echo):
    started = few_descriptors(site(echo().port), 64)
    clients = [RawClient(started.address) for _ in range(100)]
    for client in clients:
        client.send_request(target="/delay/100ms/ok")
    wait_until(lambda: started.fd_count() >= 63, "the last descriptor")
    assert clients[0].recv_response().status in (200, 502, 503)
    for client in clients:
        client.close()
    wait_until(lambda: works_again(started), "a served request")
    wait_until(lambda: started.fd_count() < 40, "free descriptors")


# ---- requests in progress, and connections to one target, over all workers

class Slow:
    """A script that keeps each request until release(); counts connections that are open at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.open = self.most = self.waiting = 0
        self.gate = threading.Semaphore(0)

    def __call__(self, peer, _):
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            while peer.recv_request() is not None:
                with self.lock:
                    self.waiting += 1
                self.gate.acquire(timeout=DEADLINE_SECONDS)
                with self.lock:
                    self.waiting -= 1
                peer.send(OK)
        finally:
            with self.lock:
                self.open -= 1

    def release(self, count=1):
        self.gate.release(count)


def asking(started, count):
    """As many clients, each of which has asked."""
    clients = [started.client() for _ in range(count)]
    for client in clients:
        client.send_request(target="/ok")
    return clients


def by_status(clients):
    """How many got which status; all are closed."""
    count = {}
    for client in clients:
        status = client.recv_response().status
        count[status] = count.get(status, 0) + 1
        client.close()
    return count


def queued(started):
    metrics = Api(started).call("GET", "/metrics").body.decode()
    return int(re.search(r'engine_queue_depth\{site="test.localhost"\} (\d+)', metrics)[1])


def test_requests_past_the_concurrency_limit_of_all_workers_are_503(engine, upstream):
    slow = Slow()
    started = engine(site(upstream(slow).port, workers=2), "--limit-concurrency", "4")
    clients = asking(started, 4)
    wait_until(lambda: slow.waiting == 4, "four requests at the target")
    for client in asking(started, 12):  # the kernel spreads them over both workers
        answer = client.recv_response()
        assert answer.status == 503 and answer.header("retry-after") == "1"
        assert "error=concurrency_limit" in answer.header("proxy-status")
        client.close()
    access_line(started, error="concurrency_limit")
    slow.release(4)
    assert by_status(clients) == {200: 4}


def test_a_reload_changes_the_concurrency_limit_and_counts_on(engine, upstream):
    slow = Slow()
    port = upstream(slow).port
    started = engine(site(port, workers=2, engine=["limits = { concurrency = 2 }"]))
    clients = asking(started, 2)
    wait_until(lambda: slow.waiting == 2, "two requests at the target")
    started.reload(site(port, workers=2, engine=["limits = { concurrency = 3 }"]))
    clients += asking(started, 1)
    wait_until(lambda: slow.waiting == 3, "a third one")
    assert by_status(asking(started, 4)) == {503: 4}
    slow.release(3)
    assert by_status(clients) == {200: 3}
    clients = asking(started, 3)
    wait_until(lambda: slow.waiting == 3, "three again")
    slow.release(3)
    assert by_status(clients) == {200: 3}


def test_connections_to_a_target_are_bounded_over_all_workers_and_requests_wait(engine, upstream):
    slow = Slow()
    port = upstream(slow).port
    wishes = 'timeout = { connect = "20s" }'
    started = engine(site(port, wishes, workers=2), "--max-connections", "3")
    clients = asking(started, 24)
    wait_until(lambda: slow.waiting == 3, "three requests at the target")
    wait_until(lambda: queued(started) == 21, "the others in the queue")
    started.reload(site(port, wishes, workers=2, more="retry = { times = 0 }"))
    assert wait_until(lambda: queued(started) == 21, "them still there")
    slow.release(24)
    assert by_status(clients) == {200: 24}
    assert queued(started) == 0
    lines = wait_until(lambda: len(found := access_lines(started.stdout, status=200)) == 24 and found, "their lines")
    assert sum("queue" in line for line in lines) == 21
    assert not any("gate_wait" in line for line in lines)
    # A connection that the engine has closed may be seen as open here for a moment.
    assert slow.most <= 3 + 1


def test_an_idle_connection_of_one_worker_does_not_starve_the_other(engine, echo):
    started = engine(site(echo().port, workers=2, engine=["upstream = { max_connections = 1 }"]))
    for _ in range(40):  # each on a connection of its own, which either worker may get
        with started.client() as client:
            assert client.request(target="/ok").status == 200


def test_who_waits_too_long_for_a_connection_gets_503(engine, upstream):
    slow = Slow()
    started = engine(site(upstream(slow).port, 'timeout = { connect = "200ms" }', workers=2),
                     "--max-connections", "1")
    clients = asking(started, 1)
    wait_until(lambda: slow.waiting == 1, "a request at the target")
    for client in asking(started, 4):
        answer = client.recv_response()
        assert answer.status == 503 and answer.header("retry-after") == "1"
        assert "error=connection_limit_reached" in answer.header("proxy-status")
        client.close()
    slow.release()
    assert by_status(clients) == {200: 1}
