# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the real binary and talks to it over plain sockets. Nothing here sleeps for a fixed time:
every wait has a condition and a deadline. Standard library only."""

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What may be held for one slow peer, also with sanitizers: pipes, buffers of both sockets are the
# kernel's.
GROWTH_KB = 8 * 1024
DEADLINE_SECONDS = float(os.environ.get("TEST_DEADLINE_SECONDS", "10"))

# Whatever else a test looks at: none of these may appear on stderr.
NEVER_ON_STDERR = ("engine: bug", "AddressSanitizer", "runtime error", "ThreadSanitizer",
                   "LeakSanitizer")
# A reload that was taken or refused; those that a watched file causes come at any time.
RELOAD_LINE = re.compile(r'^.*\b(?:reloaded|reload refused)\b.*\bSIGHUP\b.*$', re.M)


def engine_binary():
    return os.environ.get("ENGINE_BIN", str(ROOT / "build" / "release" / "engine"))


def wait_until(condition, what="the condition", seconds=DEADLINE_SECONDS):
    """Polls until condition() is truthy and returns its value; fails after the deadline."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


_ports_given = set()


def free_port():
    """A TCP port that is free on 127.0.0.1 now, and that no earlier call returned. It is below those
    that the kernel gives to outgoing connections, so that none of them takes it meanwhile."""
    while True:
        port = random.randrange(10240, 32768)
        if port in _ports_given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _ports_given.add(port)
        return port


def pattern(count, offset=0):
    """What /bytes/N of the echo server sends."""
    block_bytes = 256 * 1024
    if not hasattr(pattern, "block"):
        tail = " abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"
        lines = (f"{at:08x}".ljust(64 - len(tail), ".") + tail for at in range(0, block_bytes, 64))
        pattern.block = "".join(lines).encode()
    start = offset % block_bytes
    repeats = (start + count) // block_bytes + 1
    return (pattern.block * repeats)[start:start + count]


def fnv1a(data):
    """The checksum that /count of the echo server answers with."""
    value = 0xCBF29CE484222325
    for octet in data:
        value = (value ^ octet) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A child with its output in files. stop() expects exit code 0 and a clean stderr."""

    def __init__(self, arguments, env=None):
        self.directory = Path(tempfile.mkdtemp(prefix="engine-test-"))
        self._stdout_path = self.directory / "stdout.log"
        self._stderr_path = self.directory / "stderr.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ENGINE_")}
        environment["ENGINE_STATE_DIR"] = str(self.directory / "state")
        environment["ENGINE_SOCKET"] = str(self.directory / "admin.sock")
        environment.update(env or {})
        with open(self._stdout_path, "wb") as out, open(self._stderr_path, "wb") as err:
            self._child = subprocess.Popen(
                [engine_binary(), *map(str, arguments(self.directory))], stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, env=environment, cwd=self.directory,
                preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self._child.pid

    @property
    def stdout(self):
        return self._stdout_path.read_text(errors="replace")

    @property
    def stderr(self):
        return self._stderr_path.read_text(errors="replace")

    def running(self):
        return self._child.poll() is None

    def ensure_running(self):
        if not self.running():
            raise AssertionError(f"it ended with {self._child.returncode}:\n{self.stderr}")
        return True

    def signal(self, number):
        self.ensure_running()
        self._child.send_signal(number)

    def wait(self, seconds=DEADLINE_SECONDS):
        """The exit code, once it ended by itself or by a signal."""
        return self._child.wait(seconds)

    def rss_kb(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M).group(1))

    def fd_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait_for_log(self, text, seconds=DEADLINE_SECONDS):
        """Until `text` (or a match of a compiled expression) is on stderr."""
        def there():
            log = self.stderr
            if isinstance(text, re.Pattern):
                return text.search(log)
            return text in log or self.ensure_running() and False
        return wait_until(there, f"{text!r} in the log")

    def or_kill(self, step):
        """What step() returns; a child whose start failed is not left behind."""
        try:
            return step()
        except BaseException:
            self.kill()
            raise

    def check_stderr(self):
        log = self.stderr
        for words in NEVER_ON_STDERR:
            assert words not in log, f"{words!r} on stderr:\n{log}"

    def stop(self, seconds=DEADLINE_SECONDS):
        """SIGTERM, and exit code 0 within the time."""
        try:
            if self.running():
                self._child.terminate()
            code = self._child.wait(seconds)
            assert code == 0, f"exit code {code}:\n{self.stderr}"
            self.check_stderr()
        finally:
            self.kill()

    def kill(self):
        if self.running():
            self._child.kill()
            self._child.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class EchoProcess(Process):
    """`engine echo` on a free port of 127.0.0.1, or on a Unix socket."""

    def __init__(self, *arguments, unix_path=None):
        where = ["--unix", unix_path] if unix_path else ["--port", "0"]
        super().__init__(lambda _: ["echo", *where, *arguments])
        line = self.or_kill(lambda: wait_until(
            lambda: self._first_line() or self.ensure_running() and None,
            "the address of the echo server"))
        self.url = line.removeprefix("echo listening on ")
        self.port = None if unix_path else int(self.url.rsplit(":", 1)[1])
        self.address = unix_path or ("127.0.0.1", self.port)

    def _first_line(self):
        text = self.stdout
        return text.split("\n", 1)[0] if "\n" in text else None

    def client(self, **options):
        return RawClient(self.address, **options)


class EngineProcess(Process):
    """The engine with a proxy.toml. Without a `listen` of its own it listens on self.port only."""

    def __init__(self, toml, *arguments, env=None, wait=True):
        written = re.search(r"(?m)^listen\s*=.*?:(\d+)", toml)
        self.port = int(written.group(1)) if written else free_port()
        self._prefix = "" if written else f'listen = ["127.0.0.1:{self.port}"]\n'
        self.address = ("127.0.0.1", self.port)
        self.environment = env or {}

        def prepare(directory):
            self.config_path = directory / "proxy.toml"
            self.write_config(toml)
            return ["run", "--config", self.config_path, *arguments]
        super().__init__(prepare, env=env)
        if wait:
            self.or_kill(self.wait_until_listening)

    @property
    def control_socket(self):
        return self.environment.get("ENGINE_SOCKET", str(self.directory / "admin.sock"))

    def write_config(self, toml):
        """Replaces proxy.toml in one step, as an editor does; the listeners stay as they were."""
        new = self.config_path.with_suffix(".new")
        new.write_text(self._prefix + toml)
        new.rename(self.config_path)

    def wait_until_listening(self):
        def accepts():
            self.ensure_running()
            try:
                socket.create_connection(self.address, 1).close()
                return True
            except OSError:
                return False
        wait_until(accepts, f"the engine on port {self.port}")

    def reload(self, toml=None):
        """SIGHUP, with a new proxy.toml where one is given; returns the log line it caused."""
        before = len(RELOAD_LINE.findall(self.stderr))
        if toml is not None:
            self.write_config(toml)
        self.signal(signal.SIGHUP)
        wait_until(lambda: len(RELOAD_LINE.findall(self.stderr)) > before, "the reload in the log")
        return RELOAD_LINE.findall(self.stderr)[-1]

    def client(self, **options):
        return RawClient(self.address, **options)


@dataclass
class Response:
    status: int
    reason: str = ""
    version: str = "HTTP/1.1"
    headers: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """The value of a field that is there at most once; None without it."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()


class FramingError(AssertionError):
    """The peer's bytes are not one well-formed HTTP/1.1 message."""


class RawClient:
    """A socket that sends exactly what it is told and reads responses strictly."""

    def __init__(self, address, tls=None, server_name=None, timeout=DEADLINE_SECONDS, source=None):
        if isinstance(address, (str, Path)):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(address))
        else:
            self.socket = socket.create_connection(address, timeout, source_address=source)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def send_request(self, method="GET", target="/", headers=(), body=None, host="test.localhost"):
        """One HTTP/1.1 request; a body gets a Content-Length unless the headers frame it."""
        names = {name.lower() for name, _ in headers}
        lines = [f"{method} {target} HTTP/1.1"]
        if host is not None and "host" not in names:
            lines.append(f"Host: {host}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))

    def request(self, method="GET", target="/", headers=(), body=None, host="test.localhost"):
        self.send_request(method, target, headers, body, host)
        return self.recv_response(method)

    def _more(self):
        """Reads into the buffer; False at the end of the connection."""
        data = self.socket.recv(256 * 1024)
        self.buffer += data
        return bool(data)

    def recv_until(self, marker):
        """Everything up to and with `marker`."""
        searched = 0
        while (at := self.buffer.find(marker, searched)) < 0:
            searched = max(0, len(self.buffer) - len(marker) + 1)
            if not self._more():
                raise FramingError(f"the end before {marker!r}, after {self.buffer[-200:]!r}")
        return self._take(at + len(marker))

    def recv_exactly(self, count):
        pieces = [self.buffer[:count]]
        self.buffer = self.buffer[count:]
        missing = count - len(pieces[0])
        while missing > 0:
            data = self.socket.recv(min(missing, 1 << 20))
            if not data:
                raise FramingError(f"the end with {missing} of {count} octets missing")
            pieces.append(data)
            missing -= len(data)
        return b"".join(pieces)

    def recv_eof(self):
        """What is left until the peer's FIN. A RST raises ConnectionResetError."""
        while self._more():
            pass
        return self._take(len(self.buffer))

    def expect_closed(self):
        assert self.recv_eof() == b"", "bytes before the end of the connection"

    def expect_gone(self):
        """Closed by the peer, with a FIN or a RST."""
        try:
            self.expect_closed()
        except ConnectionResetError:
            pass

    def _take(self, count):
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def recv_head(self):
        """The head of a response without its body."""
        head = self.recv_until(b"\r\n\r\n")
        if re.search(rb"(?<!\r)\n|\r(?!\n)", head):
            raise FramingError(f"a bare CR or LF in {head!r}")
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        parsed = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ([^\x00-\x08\x0a-\x1f\x7f]*)", first)
        if not parsed:
            raise FramingError(f"not a status line: {first!r}")
        return Response(int(parsed[2]), parsed[3], parsed[1], [parse_field(line) for line in lines])

    def recv_response(self, method="GET", interim=False):
        """The next response with its body; 1xx are passed over unless `interim` asks for them."""
        response = self.recv_head()
        while response.status < 200 and response.status != 101 and not interim:
            response = self.recv_head()
        response.body, response.trailers = self._recv_body(response, method)
        return response

    def _recv_body(self, response, method):
        lengths = response.all("content-length")
        codings = response.all("transfer-encoding")
        if len(lengths) > 1 or (lengths and codings):
            raise FramingError(f"contradictory framing: {response.headers}")
        if lengths and not re.fullmatch(r"\d+", lengths[0]):
            raise FramingError(f"Content-Length: {lengths[0]!r}")
        if response.status < 200 or response.status == 204:
            if lengths or codings:
                raise FramingError(f"{response.status} with framing fields: {response.headers}")
            return b"", []
        if method == "HEAD" or response.status == 304:
            return b"", []
        if codings:
            if codings != ["chunked"]:
                raise FramingError(f"Transfer-Encoding: {codings}")
            return self._recv_chunks()
        if lengths:
            return self.recv_exactly(int(lengths[0])), []
        return self.recv_eof(), []

    def recv_chunk(self):
        """One chunk's data; b"" for the last chunk, whose trailer section is left unread."""
        line = self.recv_until(b"\r\n")[:-2]
        if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", line):
            raise FramingError(f"not a chunk size: {line!r}")
        size = int(line, 16)
        if size == 0:
            return b""
        data = self.recv_exactly(size + 2)
        if not data.endswith(b"\r\n"):
            raise FramingError(f"no line end after a chunk of {size}")
        return data[:-2]

    def _recv_chunks(self):
        pieces = []
        while piece := self.recv_chunk():
            pieces.append(piece)
        trailers = []
        while line := self.recv_until(b"\r\n")[:-2]:
            trailers.append(parse_field(line.decode("latin-1")))
        return b"".join(pieces), trailers


def parse_field(line):
    name, colon, value = line.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise FramingError(f"not a field: {line!r}")
    return name, value.strip(" \t")
