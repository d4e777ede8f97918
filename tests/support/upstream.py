# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstreams for the integration tests: one whose every byte a test scripts, and a real nginx."""

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from harness import (DEADLINE_SECONDS, RawClient, _die_with_parent, free_port, parse_field,
                     wait_until)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Request:
    """What an upstream got."""
    method: str
    target: str
    version: str
    fields: list
    head: bytes
    body: bytes = b""
    trailers: list = field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None


class Peer(RawClient):
    """One accepted connection of a scripted upstream: reads requests, sends exact bytes."""

    def __init__(self, upstream, accepted):
        self.upstream = upstream
        self.socket = accepted
        self.socket.settimeout(DEADLINE_SECONDS)
        self.buffer = b""

    def recv_request_head(self):
        """The next request without its body; None when the connection ended before it."""
        if not self.buffer and not self._more():
            return None
        head = self.recv_until(b"\r\n\r\n")
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        request = Request(*first.split(" "), [parse_field(line) for line in lines], head)
        self.upstream.requests.append(request)
        return request

    def recv_request(self):
        """The next request with its body; None when the connection ended before it."""
        request = self.recv_request_head()
        if request is not None:
            self.recv_body_of(request)
        return request

    def recv_body_of(self, request):
        if request.header("transfer-encoding") is not None:
            request.body, request.trailers = self._recv_chunks()
        else:
            request.body = self.recv_exactly(int(request.header("content-length") or 0))
        return request.body


def always(response):
    """A script that answers every request of a connection with the same bytes."""
    def script(peer, _):
        while peer.recv_request() is not None:
            peer.send(response)
    return script


class ScriptedUpstream:
    """Runs script(peer, number) in a thread of its own for every connection; the first is number 1.
    A connection is closed when its script returns. A script that ends with an error of the
    connection is fine (the engine may go first); any other error fails the test."""

    def __init__(self, script, host="127.0.0.1", port=0, unix_path=None):
        self.requests = []
        self.connections = 0
        self._script = script
        self._failures = []
        self._peers = []
        self._threads = []
        if unix_path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(unix_path))
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.socket(family)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((host, port))
            self.port = self._listener.getsockname()[1]
            self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            peer = Peer(self, accepted)
            self._peers.append(peer)
            thread = threading.Thread(target=self._run, args=(peer, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, peer, number):
        try:
            self._script(peer, number)
        except OSError:
            pass
        except Exception as error:
            self._failures.append(error)
        finally:
            peer.close()

    def wait_for_requests(self, count):
        return wait_until(lambda: len(self.requests) >= count and self.requests,
                          f"{count} requests at the upstream")

    def close_listener(self):
        """Refuses further connections."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._thread.join(DEADLINE_SECONDS)

    def close(self):
        self.close_listener()
        for peer in self._peers:
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)
        if self._failures:
            raise self._failures[0]


class Nginx:
    """nginx on a free port of 127.0.0.1, with these directives in its server block."""

    def __init__(self, directives):
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="engine-nginx-"))
        (self.directory / "www").mkdir()
        config = self.directory / "nginx.conf"
        config.write_text(self._config(directives))
        self._child = subprocess.Popen(
            ["nginx", "-p", self.directory, "-c", config, "-e", self.directory / "error.log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent)
        wait_until(self._accepts, "nginx")

    def _config(self, directives):
        here = self.directory
        paths = "".join(f"{kind}_temp_path {here}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (f"daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;\n"
                f"events {{ }}\nhttp {{\naccess_log {here}/access.log; client_max_body_size 0;\n"
                f"{paths}server {{ listen 127.0.0.1:{self.port}; root {here}/www;\n"
                f"{directives}\n}}\n}}\n")

    def _accepts(self):
        assert self._child.poll() is None, (self.directory / "error.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def write(self, name, content):
        (self.directory / "www" / name).write_bytes(content)

    def close(self):
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(DEADLINE_SECONDS)
        finally:
            self._child.kill()
            shutil.rmtree(self.directory, ignore_errors=True)


def site(to, *wishes, engine=(), more="", workers=1, host="test.localhost"):
    """A proxy.toml with one site, in the long form where it has wishes. One worker, so that which
    connection is used is no matter of chance; a short grace, so that no test waits for a stream."""
    lines = ["[engine]", f"workers = {workers}"]
    if not any(line.startswith("grace") for line in engine):
        lines.append('grace = "2s"')
    lines += [*engine, f'[routes."{host}"]', f"to = {json.dumps(to)}", *wishes, more]
    return "\n".join(lines) + "\n"


def access_line(engine, **wanted):
    """The first line of the JSON access log on stdout that has these values, once it is there."""
    return wait_until(lambda: next(iter(access_lines(engine.stdout, **wanted)), None),
                      f"a line with {wanted} in the access log")


def access_lines(text, **wanted):
    lines = [json.loads(line) for line in text.splitlines(True) if line.endswith("\n")]
    return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]
