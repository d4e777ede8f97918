# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads, one after the other, under everything that may be open: WebSockets, a long download, requests without a
pause. Nothing of it may notice, and memory stays flat."""

import base64
import os
import re
import signal
import struct
import threading
from dataclasses import dataclass

import pytest
from harness import pattern, wait_until

TOML = """
[engine]
workers = {workers}
[log]
access = "off"
[routes]
"test.localhost" = "127.0.0.1:{port}"
"""
ADDED = '"added.localhost" = "status:418"\n"more.localhost" = {{ to = "127.0.0.1:{port}", limit.inflight = 7 }}\n'
RELOADED = re.compile(rb"reloaded generation=(\d+)")
BLOCK = 256 * 1024


@dataclass
class Size:
    reloads: int
    websockets: int
    download_mib: int
    workers: int


FULL = Size(reloads=1000, websockets=500, download_mib=1024, workers=1)
SMALL = Size(reloads=200, websockets=100, download_mib=64, workers=2)


class LogTail:
    """What was appended to the engine's log since the last look."""

    def __init__(self, process):
        self._file = open(process.directory / "stderr.log", "rb")
        self.generations = 0

    def reloads(self):
        """Counts the reloads so far; every one of them must have been taken."""
        new = self._file.read()
        assert b"refused" not in new, new
        self.generations += len(RELOADED.findall(new))
        return self.generations


class Companion:
    """A thread whose step() is called until stop(); its first error is raised there."""

    def __init__(self, step):
        self._step, self._stopping, self._error = step, threading.Event(), None
        self.turns = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._stopping.is_set() and self._step() is not False:
                self.turns += 1
        except BaseException as error:
            self._error = error

    def check(self):
        if self._error:
            raise self._error

    def join(self):
        """Until it ends by itself."""
        self._thread.join(120)
        assert not self._thread.is_alive(), "a companion does not end"
        self.check()

    def stop(self):
        self._stopping.set()
        self.join()


class WebSockets:
    """Clients that send one text message each and get it back, all of them once per turn."""

    def __init__(self, process, count):
        self._clients = [self._open(process) for _ in range(count)]
        self._turn = 0

    @staticmethod
    def _open(process):
        client = process.client(timeout=60)
        client.send_request(target="/ws", headers=[
            ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode())])
        assert client.recv_head().status == 101
        return client

    def exchange(self):
        self._turn += 1
        text = f"message {self._turn}".encode()
        mask = struct.pack("!I", self._turn * 0x01010101 & 0xFFFFFFFF)
        masked = bytes(octet ^ mask[i % 4] for i, octet in enumerate(text))
        for client in self._clients:
            client.send(bytes([0x81, 0x80 | len(text)]) + mask + masked)
        for client in self._clients:
            assert client.recv_exactly(2 + len(text)) == bytes([0x81, len(text)]) + text

    def close(self):
        for client in self._clients:
            client.close()


class Download:
    """A long response that is read only as far as the reloads have come, and compared octet by octet."""

    def __init__(self, process, mib):
        self.total = mib << 20
        self.allowed = threading.Semaphore(0)
        self._client = process.client(timeout=60)
        self._client.send_request(target=f"/bytes/{mib}m")
        head = self._client.recv_head()
        assert head.header("content-length") == str(self.total)
        self._block = pattern(BLOCK)
        self._left = self.total // BLOCK
        self._companion = Companion(self._read_one)

    def _read_one(self):
        self.allowed.acquire()
        assert self._client.recv_exactly(BLOCK) == self._block
        self._left -= 1
        return self._left > 0

    def read_up_to(self, share):
        """Lets the reader go on to that share of the whole."""
        self._companion.check()
        wanted = int(self.total // BLOCK * share)
        for _ in range(wanted - getattr(self, "_given", 0)):
            self.allowed.release()
        self._given = wanted

    def finish(self):
        self.read_up_to(1)
        self._companion.join()
        assert self._left == 0 and self._client.buffer == b""
        self._client.close()


def requests(process, count=6):
    """Keep-alive clients that always have a request under way."""
    clients = [process.client(timeout=60) for _ in range(count)]
    targets = ["/ok", "/bytes/20k", "/bytes/9k?chunked=1", "/ok", "/headers", "/ok"]

    def step():
        for client, target in zip(clients, targets):
            client.send_request(target=target)
        for client in clients:
            assert client.recv_response().status == 200
    return Companion(step)


def reload_once(process, tail, toml):
    before = tail.reloads()
    process.write_config(toml)
    process.signal(signal.SIGHUP)
    wait_until(lambda: tail.reloads() > before, "the reload", 60)


def wait_for_turn(companion):
    """Until it has done all its exchanges at least once more."""
    before = companion.turns
    wait_until(lambda: companion.turns > before or companion.check(), "an exchange after the reload", 60)


def run(engine, echo, size):
    port = echo().port
    plain = TOML.format(workers=size.workers, port=port)
    more = plain + ADDED.format(port=port)
    process = engine(plain)
    tail, sockets = LogTail(process), WebSockets(process, size.websockets)
    download, load = Download(process, size.download_mib), requests(process)
    sockets.exchange()
    talk = Companion(sockets.exchange)
    early_kb = None
    for number in range(1, size.reloads + 1):
        reload_once(process, tail, more if number % 2 else plain)
        wait_for_turn(load)
        if number % (size.reloads // 10) == 0:
            wait_for_turn(talk)
        download.read_up_to(0.9 * number / size.reloads)
        if number == size.reloads // 10:
            early_kb = process.rss_kb()
    late_kb = process.rss_kb()
    talk.stop()
    sockets.exchange()
    load.stop()
    download.finish()
    sockets.close()
    assert tail.reloads() >= size.reloads
    return early_kb, late_kb


@pytest.mark.release_only
def test_a_thousand_reloads_disturb_nothing_and_keep_memory_flat(engine, echo):
    early_kb, late_kb = run(engine, echo, FULL)
    assert late_kb <= early_kb * 1.1 + 4 * 1024


@pytest.mark.tsan
def test_reloads_disturb_nothing_with_several_workers(engine, echo):
    run(engine, echo, SMALL)


@pytest.mark.tsan
def test_each_reload_is_in_force_when_it_is_logged(engine, echo):
    port = echo().port
    plain = TOML.format(workers=2, port=port)
    process = engine(plain)
    tail = LogTail(process)
    with process.client() as client:
        for number in range(20):
            reload_once(process, tail, plain + ADDED.format(port=port) * (number % 2))
            status = client.request(target="/ok", host="added.localhost").status
            assert status == (418 if number % 2 else 404)
