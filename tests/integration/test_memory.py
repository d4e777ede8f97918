# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection costs, and that a fast sender never fills memory for a slow receiver."""

import re
import resource
import select
import socket
import threading
import time
from pathlib import Path

import pytest
from certificates import client_context, local_authority
from descriptors import LISTENERS, sockets
from harness import EchoProcess, RawClient, wait_until
from upstream import site

pytestmark = pytest.mark.release_only

MIB = 1 << 20
GROWTH_KB = 2 * 1024
WINDOW_SECONDS = 3.0
IDLE = 5000
IDLE_BYTES_EACH = 2048
IDLE_TLS = 1000
IDLE_TLS_BYTES_EACH = 8192
KEPT_PIPES = 32

TOML = """
[engine]
workers = 1
[log]
access = "off"
[routes]
"*" = "127.0.0.1:{port}"
"""


@pytest.fixture
def proxy(engine, echo):
    """An engine whose buffers and pipes are warm: the same kinds of exchange went through it, whole."""
    process = engine(TOML.format(port=echo().port))
    with process.client() as client:
        for target in ("/bytes/3m", "/bytes/3m?chunked=1"):
            assert len(client.request(target=target).body) == 3 * MIB
        assert client.request("POST", "/count", body=b"x" * 3 * MIB).status == 200
        assert client.request("POST", "/count", [("Transfer-Encoding", "chunked")], chunked(3 * MIB)).status == 200
        assert client.request(target="/bytes/3m?close=1", headers=[("Connection", "close")]).status == 200
    return process


def chunked(count):
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    return piece * (count // 65536) + b"0\r\n\r\n"


def slow_reader(address):
    """A client whose kernel holds next to nothing for it."""
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connected.connect(address)
    client = RawClient.__new__(RawClient)
    client.socket, client.buffer = connected, b""
    client.socket.settimeout(10)
    return client


def growth_kb_while(process, step):
    """The most that RSS rises while step() is called over and over: the test's subject is a pace, so this takes
    its time."""
    before = process.rss_kb()
    most = 0
    end = time.monotonic() + WINDOW_SECONDS
    while time.monotonic() < end:
        step()
        most = max(most, process.rss_kb() - before)
    return most


@pytest.mark.parametrize("target", [
    pytest.param("/bytes/2g", id="with_a_length"),
    pytest.param("/bytes/2g?chunked=1", id="in_chunks"),
    pytest.param("/bytes/2g?chunked=1&piece=5000", id="in_small_chunks"),
    pytest.param("/bytes/2g?close=1", id="until_the_end_of_the_connection"),
])
def test_a_response_of_2_GiB_to_a_client_that_reads_1_KiB_a_second_fits_in_2_MiB(proxy, target):
    with slow_reader(proxy.address) as client:
        client.send_request(target=target)
        client.recv_head()

        def read_a_little():
            assert client.socket.recv(1024), "the engine ended the response"
            threading.Event().wait(1)
        assert growth_kb_while(proxy, read_a_little) < GROWTH_KB


@pytest.mark.parametrize("framing,piece", [
    pytest.param(("Content-Length", str(2 << 30)), b"x" * 65536, id="with_a_length"),
    pytest.param(("Transfer-Encoding", "chunked"), b"10000\r\n" + b"x" * 65536 + b"\r\n", id="in_chunks"),
    pytest.param(("Transfer-Encoding", "chunked"), b"a\r\n0123456789\r\n" * 4000, id="in_small_chunks"),
])
def test_an_upload_to_an_upstream_that_reads_1_KiB_a_second_fits_in_2_MiB(proxy, framing, piece):
    with proxy.client() as client:
        client.send_request("POST", "/slow-read?rate=1024", headers=[framing])
        client.socket.setblocking(False)
        left = b""

        def push():
            nonlocal left
            if select.select([], [client.socket], [], 0.1)[1]:
                left = (left or piece)[client.socket.send(left or piece):]
        assert growth_kb_while(proxy, push) < GROWTH_KB


def test_a_tunnel_to_a_client_that_never_reads_fits_in_2_MiB(proxy):
    with slow_reader(proxy.address) as client:
        client.send_request(target="/upgrade/raw", headers=[("Connection", "Upgrade"), ("Upgrade", "raw")])
        assert client.recv_head().status == 101
        client.socket.setblocking(False)

        def push():
            if select.select([], [client.socket], [], 0.1)[1]:
                client.socket.send(b"x" * 65536)
        assert growth_kb_while(proxy, push) < GROWTH_KB


def pss_bytes(process):
    text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1)) * 1024


def allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(max(soft, count), hard)
    assert wanted >= count, f"this test needs {count} descriptors; raise the hard limit (ulimit -Hn)"
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def test_an_idle_kept_alive_connection_costs_2_KiB_at_most(proxy):
    allow_descriptors(IDLE + 200)
    clients = []
    before = pss_bytes(proxy)
    try:
        for _ in range(IDLE):
            clients.append(proxy.client())
            assert clients[-1].request(target="/ok").body == b"ok"
        each = (pss_bytes(proxy) - before) / IDLE
        assert clients[0].request(target="/ok").body == b"ok"
    finally:
        for client in clients:
            client.close()
    assert each <= IDLE_BYTES_EACH


def test_an_idle_connection_over_tls_costs_8_KiB_at_most(engine, echo):
    """A record alone would take 16: sessions that wait hold none."""
    allow_descriptors(IDLE_TLS + 200)
    process = engine(site(echo().port))
    context = client_context(local_authority(process))
    clients = []

    def open_more(count):
        for _ in range(count):
            clients.append(RawClient(process.address, tls=context, server_name="test.localhost"))
            assert len(clients[-1].request(target="/bytes/100k").body) == 100 * 1024
    try:
        open_more(50)
        before = pss_bytes(process)
        open_more(IDLE_TLS)
        each = (pss_bytes(process) - before) / IDLE_TLS
    finally:
        for client in clients:
            client.close()
    assert each <= IDLE_TLS_BYTES_EACH


def mixed_traffic(process):
    """Exchanges of every kind, whole and broken off, on 40 connections at once."""
    clients = [process.client() for _ in range(40)]
    for number, client in enumerate(clients):
        target = ("/ok", "/bytes/5m", "/bytes/5m?chunked=1", "/hang", "/die/body")[number % 5]
        client.send_request(target=target)
    for client in clients[::5]:
        assert client.recv_response().body == b"ok"
    for client in clients[1::5]:
        client.recv_head()
    for number, client in enumerate(clients):
        client.reset() if number % 2 else client.close()


@pytest.fixture
def mortal():
    """An echo server that the test ends itself."""
    upstream = EchoProcess()
    yield upstream
    upstream.kill()


def test_descriptors_return_when_clients_and_upstreams_are_gone(engine, mortal):
    process = engine(TOML.format(port=mortal.port))
    start = process.fd_count()
    mixed_traffic(process)
    mortal.kill()
    wait_until(lambda: sockets(process) == LISTENERS, "every socket closed", 20)
    # Some pipes for splicing are kept.
    assert process.fd_count() <= start + 2 * KEPT_PIPES
