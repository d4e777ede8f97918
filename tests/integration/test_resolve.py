# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets with names: they resolve without anybody waiting, move, and outlive DNS."""

import socket
import struct
import threading
import time

import pytest

from harness import wait_until

NXDOMAIN, SERVFAIL = 3, 2


class DnsServer:
    """Answers A and AAAA over UDP from `records`: name → (ttl, [IPv4 addresses]), or an error code; None is silence."""

    def __init__(self):
        self.records = {}
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                query, peer = self._socket.recvfrom(4096)
                answer = self._answer(query)
                if answer is not None:
                    self._socket.sendto(answer, peer)
            except OSError:  # closed
                return

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind, = struct.unpack("!H", query[at + 1:at + 3])
        question = query[12:at + 5]
        name = ".".join(labels)
        self.asked.append(name)
        record = self.records.get(name, NXDOMAIN)
        if record is None:
            return None
        ttl, addresses = record if isinstance(record, tuple) else (0, [])
        code = record if isinstance(record, int) else 0
        answers = [b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, ttl, 4) + socket.inet_aton(address)
                   for address in addresses if kind == 1]
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0, 0) + question + b"".join(answers)


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.close()


@pytest.fixture
def named_engine(engine, dns):
    """named_engine(toml) starts the engine with that DNS server."""
    return lambda toml: engine(toml, env={"ENGINE_DNS_SERVERS": dns.address})


class Backend:
    """Answers every connection with one name."""

    def __init__(self, host, port, text):
        self._server = socket.create_server((host, port))
        self.port = self._server.getsockname()[1]
        self._text = text
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._server.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._text)}\r\nConnection: close\r\n\r\n"
                connection.sendall((head + self._text).encode())


@pytest.fixture
def backends():
    first = Backend("127.0.0.1", 0, "one")
    second = Backend("127.0.0.2", first.port, "two")
    yield first.port
    first.close()
    second.close()


def body_of(process, host="test.localhost"):
    with process.client() as client:
        response = client.request(host=host)
        return response.text if response.status == 200 else response.status


def routes(port, name="web-1.test"):
    return f'[routes]\n"*" = "{name}:{port}"\n"fixed.localhost" = "status:204"\n'


def test_a_name_that_does_not_exist_is_503_and_nothing_else_suffers(named_engine):
    process = named_engine(routes(80))
    process.wait_for_log('name not resolved name=web-1.test cause="NXDOMAIN for web-1.test"')
    assert body_of(process) == 503
    assert body_of(process, "fixed.localhost") == 204


def test_silence_of_dns_does_not_hold_up_the_start(named_engine, dns):
    dns.records["web-1.test"] = None
    started = time.monotonic()
    process = named_engine(routes(80))
    assert body_of(process) == 503
    assert time.monotonic() - started < 2


def test_a_name_resolves(named_engine, dns, backends):
    dns.records["web-1.test"] = (60, ["127.0.0.1"])
    process = named_engine(routes(backends))
    process.wait_for_log("name resolved name=web-1.test addresses=127.0.0.1")
    wait_until(lambda: body_of(process) == "one", "the target answers")


def test_a_name_that_appears_later_is_found(named_engine, dns, backends):
    process = named_engine(routes(backends))
    process.wait_for_log("name not resolved")
    dns.records["web-1.test"] = (60, ["127.0.0.1"])
    wait_until(lambda: body_of(process) == "one", "the target answers")


def test_a_name_moves_when_its_ttl_is_over(named_engine, dns, backends):
    dns.records["web-1.test"] = (1, ["127.0.0.1"])
    process = named_engine(routes(backends))
    wait_until(lambda: body_of(process) == "one", "the first address")
    dns.records["web-1.test"] = (1, ["127.0.0.2"])
    wait_until(lambda: body_of(process) == "two", "the second address")


def test_the_last_good_addresses_outlive_a_failure_of_dns(named_engine, dns, backends):
    dns.records["web-1.test"] = (1, ["127.0.0.1"])
    process = named_engine(routes(backends))
    wait_until(lambda: body_of(process) == "one", "the target answers")
    for code, cause in ((SERVFAIL, "no DNS server has an answer"), (NXDOMAIN, "NXDOMAIN")):
        dns.records["web-1.test"] = code
        process.wait_for_log(f'cause="{cause} for web-1.test"')
        assert body_of(process) == "one"
    assert "using=127.0.0.1" in process.stderr


def test_a_reload_with_a_new_name_asks_for_it_and_forgets_the_old(named_engine, dns, backends):
    dns.records["web-1.test"] = (1, ["127.0.0.1"])
    dns.records["web-2.test"] = (60, ["127.0.0.2"])
    process = named_engine(routes(backends))
    wait_until(lambda: body_of(process) == "one", "the first name")
    process.reload(routes(backends, "web-2.test"))
    wait_until(lambda: body_of(process) == "two", "the second name")
    dns.asked.clear()
    time_out = time.monotonic() + 1.5
    wait_until(lambda: time.monotonic() > time_out, "longer than the old name's ttl")
    assert "web-1.test" not in dns.asked


def test_many_names_resolve_together(named_engine, dns, backends):
    names = [f"web-{i}.test" for i in range(300)]
    for name in names:
        dns.records[name] = (60, ["127.0.0.1"])
    sites = "".join(f'"{i}.localhost" = "{name}:{backends}"\n' for i, name in enumerate(names))
    process = named_engine("[routes]\n" + sites)
    wait_until(lambda: all(body_of(process, f"{i}.localhost") == "one" for i in (0, 150, 299)), "all names")


def test_the_hosts_file_is_read(named_engine, backends):
    names = [line.split()[1] for line in open("/etc/hosts") if line.startswith("127.0.0.1")]
    names = [name for name in names if name != "localhost"]
    if not names:
        pytest.skip("no other name for 127.0.0.1 in /etc/hosts")
    process = named_engine(routes(backends, names[0]))
    wait_until(lambda: body_of(process) == "one", "the target answers")
