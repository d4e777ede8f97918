# SPDX-License-Identifier: GPL-3.0-or-later
"""Several workers at once: all serve, all follow a reload, all stop. Under ThreadSanitizer too."""

import json
import signal
import threading

import pytest
from harness import wait_until

pytestmark = pytest.mark.tsan

TOML = """
[engine]
workers = {workers}
[log]
access = {access}
[routes]
"test.localhost" = "127.0.0.1:{port}"
"""
ADDED = '"added.localhost" = "status:418"\n'


def start(engine, echo, workers, access='"off"'):
    toml = TOML.format(workers=workers, access=access, port=echo().port)
    process = engine(toml)
    process.toml = toml
    return process


class Traffic:
    """Threads that send one request after the other until told to stop; what goes wrong is kept."""

    def __init__(self, process, threads=3):
        self.stopping = threading.Event()
        self.answered = 0
        self.failures = []
        self._process = process
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, number):
        targets = ("/ok", "/bytes/100k", "/bytes/20k?chunked=1")
        while not self.stopping.is_set():
            try:
                with self._process.client() as client:
                    for _ in range(20):
                        if self.stopping.is_set():
                            return
                        self._exchange(client, targets[number % len(targets)])
            except (AssertionError, OSError) as error:
                if not self.stopping.is_set():
                    self.failures.append(repr(error))
                    return

    def _exchange(self, client, target):
        answer = client.request(target=target)
        assert answer.status == 200
        self.answered += 1

    def wait_for_more(self, count):
        wanted = self.answered + count
        wait_until(lambda: self.answered >= wanted or self.failures, f"{count} more answers", 60)
        assert self.failures == []

    def stop(self):
        self.stopping.set()
        for thread in self._threads:
            thread.join(30)
        assert self.failures == []


@pytest.mark.parametrize("workers", [2, 4])
def test_connections_are_spread_over_all_workers(engine, echo, workers):
    process = start(engine, echo, workers, access='{ format = "json" }')
    for _ in range(100):
        with process.client() as client:
            assert client.request(target="/ok").body == b"ok"

    def lines():
        return [json.loads(line) for line in process.stdout.splitlines() if line.endswith("}")]
    wait_until(lambda: len(lines()) == 100, "100 lines in the access log")
    assert {line["worker"] for line in lines()} == set(range(workers))


def test_a_reload_reaches_every_worker(engine, echo):
    process = start(engine, echo, 4)
    clients = [process.client() for _ in range(40)]
    for client in clients:
        assert client.request(target="/ok", host="added.localhost").status == 404
    process.reload(process.toml + ADDED)
    for client in clients:
        wait_until(lambda: client.request(target="/ok", host="added.localhost").status == 418, "the added site")
        client.close()


@pytest.mark.parametrize("workers", [2, 4])
def test_traffic_goes_on_through_reloads(engine, echo, workers):
    process = start(engine, echo, workers)
    traffic = Traffic(process)
    for number in range(20):
        process.reload(process.toml + ADDED * (number % 2))
        traffic.wait_for_more(5)
    traffic.stop()


def test_a_stop_under_traffic_lets_running_requests_finish(engine, echo):
    process = start(engine, echo, 3)
    slow = [process.client() for _ in range(12)]
    for client in slow:
        client.send_request(target="/delay/1s/ok")
    traffic = Traffic(process)
    traffic.wait_for_more(50)
    traffic.stopping.set()  # from here on connections may be refused
    process.signal(signal.SIGTERM)
    for client in slow:
        answer = client.recv_response()
        assert (answer.body, answer.header("connection")) == (b"ok", "close")
        client.expect_closed()
    traffic.stop()
    assert process.wait(30) == 0
