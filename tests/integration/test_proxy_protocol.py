# SPDX-License-Identifier: GPL-3.0-or-later
"""The PROXY header: who the client is, when a trusted proxy in front says so; and nobody else."""

import json
import socket
import struct
import subprocess

import pytest
from certificates import client_context, openssl
from harness import RawClient, free_port, wait_until
from upstream import access_line, site

V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 40000 8443\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET /headers HTTP/1.1\r\nHost: test.localhost\r\n\r\n"


def v2(source="203.0.113.9", destination="198.51.100.1", command=1, tlvs=b""):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    body = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    body += struct.pack("!HH", 40000, 8443) + tlvs
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, kind, len(body)) + body


@pytest.fixture
def behind_a_proxy(engine, echo):
    def start(mode="optional", proxies='["127.0.0.1"]'):
        return engine(site(echo().port) + f'[trust]\nproxies = {proxies}\nproxy_protocol = "{mode}"\n')
    return start


def forwarded_for(client):
    answer = client.recv_response()
    assert answer.status == 200
    return dict(map(tuple, json.loads(answer.text)["headers"]))["X-Forwarded-For"]


@pytest.mark.parametrize("header,address", [
    (V1, "203.0.113.9"), (v2(), "203.0.113.9"), (v2(tlvs=b"\x04\x00\x03abc"), "203.0.113.9"),
    (v2("2001:db8::9", "2001:db8::1"), "2001:db8::9"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (v2(command=0), "127.0.0.1"), (b"", "127.0.0.1"),
])
def test_the_header_says_who_the_client_is(behind_a_proxy, header, address):
    started = behind_a_proxy()
    with started.client() as client:
        client.send(header + GET)
        assert forwarded_for(client) == address
        client.send(GET)
        assert forwarded_for(client) == address
    assert access_line(started)["client"] == address


def test_a_header_that_comes_octet_by_octet_is_understood(behind_a_proxy):
    started = behind_a_proxy()
    for header in (V1, v2()):
        with started.client() as client:
            for octet in header + GET:
                client.send(bytes([octet]))
            assert forwarded_for(client) == "203.0.113.9"


def test_tls_may_follow(behind_a_proxy):
    started = behind_a_proxy()
    openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", "test.localhost", check=False)
    context = client_context(started.directory / "state/tls/ca.pem")
    with socket.create_connection(started.address) as plain:
        plain.sendall(v2())
        with context.wrap_socket(plain, server_hostname="test.localhost") as tls:
            tls.sendall(GET)
            assert b'"X-Forwarded-For","203.0.113.9"' in tls.recv(65536) + tls.recv(65536)


def test_only_trusted_proxies_are_believed(behind_a_proxy):
    started = behind_a_proxy(proxies='["10.0.0.0/8"]')
    with started.client() as client:
        client.send(V1 + GET)
        assert client.recv_response().status == 400


def test_the_client_behind_the_proxy_is_not_trusted_itself(behind_a_proxy):
    started = behind_a_proxy()
    with started.client() as client:
        client.send(V1 + GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"))
        assert forwarded_for(client) == "203.0.113.9"


def test_a_missing_header_is_refused_where_it_is_required(behind_a_proxy):
    started = behind_a_proxy("required")
    with started.client() as client:
        client.send(GET)
        client.expect_gone()
    assert "PROXY" in access_line(started)["details"]
    with started.client() as client:
        client.send(V1 + GET)
        assert forwarded_for(client) == "203.0.113.9"


@pytest.mark.parametrize("header", [b"PROXY TCP4 203.0.113.9 198.51.100.1 40000 99999\r\n",
                                    b"PROXY TCP4 a b c d\r\n", SIGNATURE + b"\x31\x11\x00\x0c" + b"x" * 12])
def test_a_broken_header_ends_the_connection(behind_a_proxy, header):
    started = behind_a_proxy()
    with started.client() as client:
        client.send(header + GET)
        client.expect_gone()
    access_line(started, error="http_request_error")


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2"])
def test_haproxy_in_front(behind_a_proxy, tmp_path, send):
    started = behind_a_proxy("required")
    port = free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:{port}
  server engine 127.0.0.1:{started.port} {send}
""")
    haproxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", config])
    try:
        def answers():
            try:
                with RawClient(("127.0.0.1", port), source=("127.0.0.7", 0)) as client:
                    client.send(GET)
                    return forwarded_for(client)
            except OSError:
                return None
        assert wait_until(answers, "haproxy") == "127.0.0.7"
    finally:
        haproxy.terminate()
        haproxy.wait()
