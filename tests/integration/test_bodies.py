# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of every size in both directions: complete, and never more in memory than needed."""

import hashlib
import subprocess
import threading

import pytest
from harness import GROWTH_KB, pattern
from upstream import OK, always, site

MIB = 1 << 20
SIZES = [1, 4095, 16384, 16385, 65536, 65537, 1 * MIB + 1, 64 * MIB]
CHUNKED = [("Transfer-Encoding", "chunked")]


def chunks(data, piece):
    for at in range(0, len(data), piece):
        part = data[at:at + piece]
        yield b"%x\r\n%s\r\n" % (len(part), part)
    yield b"0\r\n\r\n"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def send_beside(client, pieces):
    """Sends in a thread of its own, so that the answer can be read meanwhile."""
    def run():
        for piece in pieces:
            client.send(piece)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def proxied(engine, echo):
    with engine(site(echo().port)).client(timeout=30) as client:
        yield client


def test_a_small_body_leaves_together_with_its_head(engine, upstream):
    peer = upstream(always(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
    with engine(site(peer.port)).client() as client:
        for _ in range(20):
            client.send_request()
            got = client.socket.recv(65536)
            assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"\r\n\r\nhello")


def test_a_small_request_body_leaves_together_with_its_head(engine, upstream):
    segments = []

    def script(peer, _):
        segments.append(peer.socket.recv(65536))
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    with engine(site(upstream(script).port)).client() as client:
        client.request("POST", body=b"hello")
    assert segments[0].endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("framing", ["", "?chunked=1", "?close=1"])
def test_a_download_is_exact(proxied, size, framing):
    answer = proxied.request(target=f"/bytes/{size}{framing}")
    assert len(answer.body) == size and digest(answer.body) == digest(pattern(size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_comes_back_exact(proxied, size, framing):
    body = pattern(size)
    is_chunked = framing == "chunked"
    headers = CHUNKED if is_chunked else [("Content-Length", str(size))]
    proxied.send_request("POST", "/echo", headers)
    sender = send_beside(proxied, chunks(body, 50000) if is_chunked else [body])
    answer = proxied.recv_response()
    sender.join()
    assert len(answer.body) == size and digest(answer.body) == digest(body)


def test_a_body_in_tiny_chunks_is_exact(proxied):
    body = pattern(20000)
    proxied.send_request("POST", "/echo", CHUNKED)
    sender = send_beside(proxied, [b"".join(chunks(body, 1))])
    assert proxied.recv_response().body == body
    sender.join()


def test_a_body_that_arrives_octet_by_octet_is_exact(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for octet in head + b"".join(chunks(b"x" * 300, 100)):
            peer.send(bytes([octet]))
    with engine(site(upstream(script).port)).client() as client:
        assert client.request().body == b"x" * 300


def test_many_bodies_on_one_connection_do_not_mix(proxied):
    for size in (70000, 1, 16384, 200000, 0, 65536, 5):
        proxied.send_request("POST", "/echo", body=pattern(size, size))
        assert proxied.recv_response().body == pattern(size, size)


def test_downloads_at_once_do_not_mix(engine, echo):
    started = engine(site(echo().port, workers=2))
    clients = [started.client() for _ in range(20)]
    for number, client in enumerate(clients):
        client.send_request("POST", "/echo", body=pattern(300000, number * 4096))
    for number, client in enumerate(clients):
        assert client.recv_response().body == pattern(300000, number * 4096)
        client.close()


def test_a_slow_client_does_not_make_the_engine_grow(engine, echo):
    started = engine(site(echo().port))
    with started.client(timeout=30) as client:
        client.request(target="/bytes/1m")
        before = most = started.rss_kb()
        received = hashlib.sha256()
        client.send_request(target="/bytes/64m")
        client.recv_head()
        for _ in range(128):
            received.update(client.recv_exactly(MIB // 2))
            most = max(most, started.rss_kb())
    assert received.hexdigest() == digest(pattern(64 * MIB))
    assert most - before < GROWTH_KB


def test_a_client_that_does_not_read_does_not_make_the_engine_grow(engine, upstream):
    stuck = threading.Event()

    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (256 * MIB))
        peer.socket.settimeout(1)
        try:
            while True:
                peer.send(b"x" * MIB)
        except TimeoutError:
            stuck.set()
    started = engine(site(upstream(script).port))
    with started.client() as client:
        before = started.rss_kb()
        client.send_request()
        assert stuck.wait(20)
        assert started.rss_kb() - before < GROWTH_KB


def test_a_target_that_does_not_read_does_not_make_the_engine_grow(engine, upstream):
    done = threading.Event()

    def script(peer, _):
        peer.recv_request_head()
        done.wait(20)
    started = engine(site(upstream(script).port))
    with started.client(timeout=1) as client:
        before = started.rss_kb()
        client.send_request("POST", headers=[("Content-Length", str(256 * MIB))])
        with pytest.raises(TimeoutError):
            while True:
                client.send(b"x" * MIB)
        assert started.rss_kb() - before < GROWTH_KB
    done.set()


def test_a_target_that_reads_slowly_gets_the_whole_upload(engine, upstream):
    received = hashlib.sha256()

    def script(peer, _):
        request = peer.recv_request_head()
        left = int(request.header("content-length"))
        while left:
            piece = peer.recv_exactly(min(left, 20000))
            received.update(piece)
            left -= len(piece)
        peer.send(OK)
    started = engine(site(upstream(script).port))
    with started.client(timeout=30) as client:
        before = started.rss_kb()
        assert client.request("POST", body=pattern(64 * MIB)).body == b"ok"
        assert started.rss_kb() - before < GROWTH_KB
    assert received.hexdigest() == digest(pattern(64 * MIB))


def curl(started, path, *options):
    done = subprocess.run(
        ["curl", "-sS", "--fail", "--noproxy", "*", "-H", "Host: test.localhost", *options,
         f"http://127.0.0.1:{started.port}{path}"], capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_and_nginx_exchange_a_large_file(engine, nginx):
    server = nginx()
    server.write("large", pattern(20 * MIB))
    started = engine(site(server.port))
    assert digest(curl(started, "/large")) == digest(pattern(20 * MIB))


def test_a_range_of_a_file_is_passed_on(engine, nginx):
    server = nginx()
    server.write("file", pattern(100000))
    with engine(site(server.port)).client() as client:
        answer = client.request(target="/file", headers=[("Range", "bytes=1000-1999")])
    assert (answer.status, answer.body) == (206, pattern(1000, 1000))


def test_nginx_compresses_for_the_client_itself(engine, nginx):
    server = nginx("gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;")
    server.write("page.html", b"hello " * 10000)
    started = engine(site(server.port))
    assert curl(started, "/page.html", "--compressed") == b"hello " * 10000


def test_a_body_for_a_request_with_length_0_is_none(proxied):
    assert proxied.request("POST", "/echo", [("Content-Length", "0")]).body == b""
    assert proxied.request(target="/ok").body == b"ok"
