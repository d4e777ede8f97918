# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites that buffer, with a real disk: what spills into a file, what is free afterwards, and what is never buffered."""

import hashlib
import os
import subprocess
import threading
from pathlib import Path

import pytest
from control import Api
from descriptors import LISTENERS, sockets
from harness import engine_binary, pattern, wait_until
from upstream import OK, access_line, always, site

MIB = 1 << 20
BOTH = 'buffer = { requests = true, responses = true, memory = "64KiB" }'
CHUNKED = [("Transfer-Encoding", "chunked")]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def files(process):
    """Sizes of the unnamed files that the engine has open."""
    sizes = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            if " (deleted)" in str(link.readlink()):
                sizes.append(link.stat().st_size)
        except FileNotFoundError:
            pass
    return sizes


def wait_until_nothing_is_left(process):
    wait_until(lambda: files(process) == [], "the files to be closed")


@pytest.mark.parametrize("size", [1, 65536, 65537, 131073, 3 * MIB + 1])
def test_bodies_of_both_directions_are_exact(engine, echo, size):
    started = engine(site(echo().port, BOTH))
    body = pattern(size)
    with started.client(timeout=30) as client:
        for headers in ([("Content-Length", str(size))], CHUNKED):
            client.send_request("POST", "/echo", headers)
            client.send(body if headers is not CHUNKED else chunk(body) + b"0\r\n\r\n")
            answer = client.recv_response()
            assert answer.status == 200 and answer.header("content-length") == str(size)
            assert digest(answer.body) == digest(body)
    wait_until_nothing_is_left(started)


def test_what_does_not_fit_into_memory_is_in_a_file_without_a_name(engine, upstream):
    peer = upstream(always(OK))
    started = engine(site(peer.port, BOTH))
    directory = Path(os.environ.get("TMPDIR", "/tmp"))
    names = set(os.listdir(directory))
    with started.client() as client:
        client.send_request("PUT", "/x", [("Content-Length", str(2 * MIB))])
        client.send(pattern(MIB))
        wait_until(lambda: sum(files(started)) >= MIB - 3 * 65536, "the body to be in a file")
        assert peer.connections == 0
        assert not any(name.startswith("engine-buffer") for name in set(os.listdir(directory)) - names)
        client.send(pattern(2 * MIB)[MIB:])
        assert client.recv_response().status == 200
    assert peer.requests[0].body == pattern(2 * MIB)
    wait_until_nothing_is_left(started)


def test_a_client_that_leaves_gives_everything_back(engine, upstream):
    peer = upstream(always(OK))
    started = engine(site(peer.port, BOTH))
    for _ in range(5):
        with started.client() as client:
            client.send_request("PUT", "/x", [("Content-Length", str(2 * MIB))])
            client.send(pattern(MIB))
            wait_until(lambda: files(started), "the file")
    line = access_line(started, path="/x")
    assert (line["status"], line["error"]) == (499, "client_closed")
    wait_until_nothing_is_left(started)
    wait_until(lambda: sockets(started) == LISTENERS, "the connections to be closed")
    assert peer.connections == 0


def test_a_slow_client_gets_everything_though_its_target_is_free_early(engine, upstream):
    size = 20 * MIB
    connections = []

    def script(peer, number):
        while (request := peer.recv_request()) is not None:
            connections.append(number)
            body = pattern(size) if request.target == "/large" else b"ok"
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    started = engine(site(upstream(script).port, BOTH))
    with started.client(timeout=30) as slow, started.client() as quick:
        slow.send_request(target="/large")
        assert slow.recv_head().header("content-length") == str(size)  # all of it is here
        assert quick.request(target="/small").body == b"ok"
        assert connections == [1, 1]
        assert digest(slow.recv_exactly(size)) == digest(pattern(size))
    wait_until_nothing_is_left(started)


def test_a_chunked_body_past_the_limit_is_413(engine, upstream):
    peer = upstream(always(OK))
    started = engine(site(peer.port, BOTH, 'limit = { body = "100KiB" }'))
    with started.client() as client:
        client.send_request("POST", "/", CHUNKED)
        client.send(chunk(pattern(60 * 1024)))
        client.send(chunk(pattern(60 * 1024)))
        assert client.recv_response().status == 413
    assert peer.connections == 0
    wait_until_nothing_is_left(started)


def test_an_answer_past_the_limit_is_502_and_has_its_name(engine, echo):
    started = engine(site(echo().port, BOTH, 'limit = { response = "100KiB" }'))
    with started.client() as client:
        assert len(client.request(target=f"/bytes/{100 * 1024}?chunked=1").body) == 100 * 1024
        for target in (f"/bytes/{100 * 1024 + 1}", f"/bytes/{100 * 1024 + 1}?chunked=1"):
            answer = client.request(target=target)
            assert answer.status == 502
            assert "error=http_response_body_size" in answer.header("proxy-status")
    wait_until_nothing_is_left(started)


def test_a_target_that_dies_in_its_answer_is_502(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + pattern(300_000))
    started = engine(site(upstream(script).port, BOTH))
    with started.client() as client:
        answer = client.request()
        assert answer.status == 502
        assert "error=http_response_incomplete" in answer.header("proxy-status")


def test_100_continue_is_ours(engine, upstream):
    peer = upstream(always(OK))
    with engine(site(peer.port, BOTH)).client() as client:
        client.send_request("PUT", "/", [("Content-Length", "4"), ("Expect", "100-continue")])
        assert client.recv_head().status == 100
        assert peer.connections == 0
        client.send(b"body")
        assert client.recv_response().status == 200
    assert peer.requests[0].header("expect") is None and peer.requests[0].body == b"body"


def test_events_are_not_buffered(engine, upstream):
    more = threading.Event()

    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"data: 1\n\n"))
        more.wait(10)
        peer.send(chunk(b"data: 2\n\n") + b"0\r\n\r\n")
    with engine(site(upstream(script).port, BOTH)).client() as client:
        client.send_request()
        client.recv_head()
        assert client.recv_chunk() == b"data: 1\n\n"
        more.set()
        assert client.recv_chunk() == b"data: 2\n\n"


def test_a_websocket_works_where_everything_else_is_buffered(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                  b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        peer.send(peer.recv_exactly(4).upper())
    with engine(site(upstream(script).port, BOTH)).client() as client:
        client.send_request(headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"),
                                     ("Sec-WebSocket-Version", "13"),
                                     ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])
        assert client.recv_head().status == 101
        client.send(b"ping")
        assert client.recv_exactly(4) == b"PING"


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    where = tmp_path / "disk"
    where.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", where],
                      capture_output=True).returncode != 0:
        pytest.skip("no tmpfs may be mounted here")
    yield where
    # The kernel may still be closing the last file.
    wait_until(lambda: subprocess.run(["umount", where], capture_output=True).returncode == 0, "the disk to be free")


def test_a_full_disk_is_500_says_so_and_is_empty_again(engine, echo, tiny_disk):
    started = engine(site(echo().port, BOTH), env={"TMPDIR": str(tiny_disk)})
    with started.client() as client:
        client.send_request("POST", "/echo", [("Content-Length", str(8 * MIB))])
        try:
            client.send(pattern(8 * MIB))
        except OSError:
            pass  # it is refused before it is read
        answer = client.recv_response()
        assert answer.status == 500
    with started.client() as client:
        assert client.request(target=f"/bytes/{8 * MIB}").status == 500
        line = access_line(started, status=500, method="POST")
        assert line["details"] == "buffer: No space left on device"
        wait_until(lambda: os.statvfs(tiny_disk).f_bfree == os.statvfs(tiny_disk).f_blocks, "the disk to be empty")
        assert len(client.request(target=f"/bytes/{MIB // 2}").body) == MIB // 2
    wait_until_nothing_is_left(started)


def test_without_a_directory_for_files_small_bodies_still_pass(engine, echo):
    started = engine(site(echo().port, BOTH), env={"TMPDIR": "/nowhere/at/all"})
    with started.client() as client:
        assert len(client.request(target="/bytes/100000").body) == 100_000
        assert client.request(target="/bytes/1000000").status == 500
    assert access_line(started, status=500)["details"] == "buffer: No such file or directory"


def test_the_flags_of_deploy_turn_it_on(engine, echo):
    started = engine("[routes]\n")
    target = f"127.0.0.1:{echo().port}"
    done = subprocess.run([engine_binary(), "deploy", "web", "--target", target, "--host", "a.localhost",
                           "--health-check-path", "/ok", "--buffer-requests", "--buffer-responses", "--buffer-memory",
                           "65536", "--max-request-body", "1MiB", "--max-response-body", "200000"],
                          capture_output=True, text=True, env={**os.environ, "ENGINE_SOCKET": started.control_socket})
    assert done.returncode == 0, done.stderr
    options = Api(started).get("/v1/services/web")["options"]
    assert options["buffer"] == {"requests": True, "responses": True, "memory": 65536}
    assert options["limit"] == {"body": "1MiB", "response": 200000}
    with started.client() as client:
        assert client.request(target="/bytes/200001?chunked=1", host="a.localhost").status == 502
        client.send_request("POST", "/echo", CHUNKED, host="a.localhost")
        client.send(chunk(pattern(MIB + 1)))
        assert client.recv_response().status == 413


def test_a_largest_answer_without_buffering_is_refused(engine):
    api = Api(engine("[routes]\n"))
    problem = api.refused(422, "/v1/deploys", {"service": "web", "targets": ["127.0.0.1:1"],
                                               "options": {"limit": {"response": 100}}})
    assert "needs buffered responses" in str(problem)
