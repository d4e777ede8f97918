# SPDX-License-Identifier: GPL-3.0-or-later
"""gRPC through the engine, with gRPC's own client and server: HTTP/2 on both sides, over TLS and without."""

import os
import subprocess
from pathlib import Path

import pytest
from certificates import Authority, local_authority
from control import Api
from harness import ROOT, _die_with_parent, free_port, wait_until
from test_metrics import value
from upstream import access_line, site

HOST = "test.localhost"
PEER = Path(__file__).with_name("grpc_peer.js")
NODE = {**os.environ, "NODE_PATH": str(ROOT / "build/node/node_modules")}  # scripts/setup fills it


class Server:
    """gRPC's server on a free port; what it saw is in a file."""

    def __init__(self, log, pair):
        self.port = free_port()
        self._log = log
        files = [pair.cert, pair.key] if pair else []
        with open(log, "wb") as out:
            self._child = subprocess.Popen(["node", PEER, "serve", str(self.port), *files], env=NODE, stdout=out,
                                           stderr=subprocess.STDOUT, preexec_fn=_die_with_parent)

    def wait_for(self, words):
        wait_until(lambda: words in self._log.read_text() or self._child.poll() is not None, f"{words!r} of the server")
        assert words in self._log.read_text(), self._log.read_text()

    def close(self):
        self._child.kill()
        self._child.wait()


class Line:
    """A client, the engine and a server, one behind the other."""

    def __init__(self, engine, server, ca):
        self.engine, self.server, self._ca = engine, server, ca

    def command(self, story):
        return ["node", PEER, story, f"127.0.0.1:{self.engine.port}", HOST, *self._ca]

    def tell(self, story):
        """Runs the client's story; what it printed."""
        done = subprocess.run(self.command(story), env=NODE, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()


@pytest.fixture(params=["h2c", "https"])
def line(request, engine, tmp_path):
    """Without TLS on both sides, or with."""
    secure = request.param == "https"
    authority = Authority(tmp_path / "authority") if secure else None
    server = Server(tmp_path / "server.log", authority.issue("inner.test") if secure else None)
    try:
        server.wait_for("listening")
        wishes = [f'upstream_tls = {{ ca = "{authority.ca.cert}", server_name = "inner.test" }}'] if secure else []
        started = engine(site(f"{request.param}://127.0.0.1:{server.port}", *wishes))
        yield Line(started, server, [local_authority(started)] if secure else [])
    finally:
        server.close()


def test_a_call_carries_its_metadata_its_trailers_and_its_status(line):
    assert line.tell("unary") == ["said hello, head yes, trailer after the message", "OK"]
    assert access_line(line.engine, path="/test.Words/Echo")["proto"] == "h2"


def test_a_large_message_comes_back_unchanged(line):
    assert line.tell("large") == ["true OK"]


def test_a_status_without_a_message_is_passed_on(line):
    """In HTTP/2: a response that is only its trailers."""
    assert line.tell("refusal") == ["FAILED_PRECONDITION not today: ünsafe, it rains", "OK"]


def test_a_client_may_stream(line):
    assert line.tell("uploads") == ["100"]


def test_a_server_may_stream(line):
    assert line.tell("downloads") == ["1000 1000 OK, counted"]


def test_both_may_stream_and_take_turns(line):
    assert line.tell("talk") == ["ONE TWO THREE OK"]


def test_a_deadline_ends_the_call_on_both_sides(line):
    assert line.tell("deadline") == ["DEADLINE_EXCEEDED"]
    line.server.wait_for("cancelled hang")


def test_a_cancelled_stream_is_seen_by_the_server(line):
    assert line.tell("cancel") == ["CANCELLED Cancelled on client"]
    line.server.wait_for("cancelled endless")


def test_many_calls_at_once_do_not_mix(line):
    assert line.tell("together") == ["100 of 100"]


def test_a_call_is_an_open_stream_of_its_kind_until_it_ends(line):
    def calls():
        text = Api(line.engine).call("GET", "/metrics").body.decode()
        return value(text, "engine_streams_open", site=HOST, kind="grpc")
    with subprocess.Popen(line.command("held"), env=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          preexec_fn=_die_with_parent) as client:
        assert client.stdout.readline() == "open\n"
        assert calls() == 1
        client.stdin.close()
        assert client.stdout.readline() == "OK\n"
    wait_until(lambda: calls() == 0, "the call to end")
