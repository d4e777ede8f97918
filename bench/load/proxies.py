# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies under test: how each is configured, started and checked."""
import hashlib
import http.client
import os
import pathlib
import re
import resource
import ssl
import subprocess
from dataclasses import dataclass, field

from processes import Failure, free_port, wait_for_port

HERE = pathlib.Path(__file__).resolve().parent
HOST = "bench.test"
START_PATIENCE_S = 60.0  # 100,000 routes take a while to read
PEERS = ("nginx", "haproxy", "h2o", "nghttpx")

# What suits small answers does not suit large ones; each was the best of several in its place.
NGINX_BODIES = {
    "default": "",
    "buffered": "proxy_buffering on; proxy_max_temp_file_size 0; proxy_buffer_size 16k; proxy_buffers 8 16k; "
                "proxy_busy_buffers_size 32k;",
    "unbuffered": "proxy_buffering off; proxy_buffer_size 128k; proxy_buffers 4 128k; "
                  "proxy_busy_buffers_size 256k;",
}
# "auto" often judges splicing not worth it where it is.
HAPROXY_SPLICE = {
    "auto": ("", "option splice-auto"),
    "always": ("tune.pipesize 262144", "option splice-response"),
}


@dataclass(frozen=True)
class Wire:
    """What a client speaks to a proxy. TLS is 1.3; HTTP/2 in plaintext has prior knowledge of it."""
    tls: bool = False
    h2: bool = False

    @property
    def scheme(self):
        return "https" if self.tls else "http"


HTTP1, HTTPS, H2, H2C = Wire(), Wire(tls=True), Wire(tls=True, h2=True), Wire(h2=True)


@dataclass
class Proxy:
    """One row of a comparison. `kind` says how it is started, `name` how it is shown."""
    name: str
    kind: str                     # engine | one of PEERS | floor
    binary: str
    options: dict = field(default_factory=dict)


@dataclass
class Certificate:
    """ECDSA P-256 for everybody. `pair` holds both in one file, as HAProxy wants it."""
    cert: pathlib.Path
    key: pathlib.Path
    pair: pathlib.Path


def make_certificate(directory):
    made = Certificate(directory / "bench.pem", directory / "bench.key", directory / "bench.both")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", made.key, "-out", made.cert]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"openssl makes no certificate: {done.stderr.strip()}")
    made.pair.write_bytes(made.cert.read_bytes() + made.key.read_bytes())
    for path in (made.cert, made.key):
        path.chmod(0o644)  # nginx reads it as somebody else
    return made


class Stand:
    """What every scenario shares: the cores, the upstream, a scratch directory, the load programs."""

    def __init__(self, processes, directory, tools, proxy_core, load_core):
        self.processes = processes
        self.directory = pathlib.Path(directory)
        self.tools = tools
        self.proxy_core = proxy_core
        self.load_core = load_core
        self.upstream_port = free_port()
        self.upstream = processes.start([tools / "upstream", self.upstream_port], load_core, self.log("upstream"))
        wait_for_port(self.upstream_port, self.upstream, "the upstream")
        self.certificate = make_certificate(self.directory)
        self.expected = {path: fetch(self.upstream_port, path)[0][:3] for path in ("/ok", "/64k", "/1m")}

    def log(self, name):
        return self.directory / f"{name}.log"


class Running:
    """A started proxy; leaving the block ends it."""

    def __init__(self, stand, proxy):
        self.stand = stand
        self.proxy = proxy
        self.port = free_port()
        # The engine takes everything on one port; who cannot gets one more for each.
        self.tls_port = self.port if proxy.kind == "engine" else free_port()
        self.h2c_port = free_port() if proxy.kind in ("nginx", "haproxy") else self.port
        self.directory = stand.directory / f"{proxy.kind}-{self.port}"
        self.directory.mkdir()
        command = COMMANDS[proxy.kind](self)
        self.process = stand.processes.start(command, stand.proxy_core, self.directory / "log")

    @property
    def pid(self):
        return self.process.pid

    def port_of(self, wire):
        if wire.tls:
            return self.tls_port
        return self.h2c_port if wire.h2 else self.port

    def __enter__(self):
        try:
            wait_for_port(self.port, self.process, self.proxy.name, START_PATIENCE_S)
        except BaseException:
            self.stand.processes.end(self.process)
            raise
        return self

    def __exit__(self, *_):
        self.stand.processes.end(self.process)

    def write(self, name, text):
        """Whole or not at all: a proxy that watches the file never sees half of it."""
        path = self.directory / name
        scratch = self.directory / f"{name}.new"
        scratch.write_text(text, encoding="utf-8")
        scratch.rename(path)
        return path

    def fetch(self, path, times, host, wire):
        try:
            return fetch(self.port_of(wire), path, times, host, wire)
        except Failure as failure:
            raise Failure(f"{self.proxy.name}: {failure}") from failure

    def check_answers(self, path, wire=HTTP1, host=HOST):
        """Twice: a proxy that answers wrongly, or drops its client, is not measured."""
        for attempt in self.fetch(path, 2, host, wire):
            if attempt[:3] != self.stand.expected[path]:
                raise Failure(f"{self.proxy.name} answers GET {path} with {describe(attempt)}, "
                              f"the upstream with {describe(self.stand.expected[path])}")
        if self.proxy.kind == "floor":
            return
        head = self.fetch("/head", 1, host, wire)[0][3].lower()
        if b"\r\nx-forwarded-for: 127.0.0.1\r\n" not in head:
            raise Failure(f"{self.proxy.name} sends no X-Forwarded-For to the upstream: not the same work")


# ---- one function per kind: writes the configuration, returns the command -----------------------

def engine_config(running, routes=None):
    routes = routes or f'"*" = "127.0.0.1:{running.stand.upstream_port}"\n'
    return (f'listen = ["127.0.0.1:{running.port}"]\n\n[routes]\n{routes}\n'
            f'[tls]\nlocal_ca = false\nfiles = [{{ cert = "{running.stand.certificate.cert}", '
            f'key = "{running.stand.certificate.key}", default = true }}]\n\n'
            '[engine]\nworkers = 1\npin = false\n\n[log]\nlevel = "error"\naccess = "off"\n')


def engine_command(running):
    make_routes = running.proxy.options.get("routes")
    routes = make_routes(running.stand.upstream_port) if make_routes else None
    path = running.write("proxy.toml", engine_config(running, routes))
    return [running.proxy.binary, "--config", path]


def rendered(running, template, **words):
    text = (HERE / template).read_text(encoding="utf-8")
    descriptors = hard_descriptor_limit()
    # HAProxy wants two descriptors for each, and pipes for every fourth.
    connections = min(20000, (descriptors - 500) * 2 // 5)
    words |= {"PORT": running.port, "UPSTREAM": running.stand.upstream_port, "DIR": running.directory,
              "TLS_PORT": running.tls_port, "H2C_PORT": running.h2c_port, "CERT": running.stand.certificate.cert,
              "KEY": running.stand.certificate.key, "PAIR": running.stand.certificate.pair,
              "DESCRIPTORS": descriptors, "CONNECTIONS": connections, "NGINX_CONNECTIONS": 2 * connections}
    for word, value in words.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def nginx_command(running):
    bodies = NGINX_BODIES[running.proxy.options.get("bodies", "default")]
    # nginx started by root gives up root in its worker, which must still reach its directories.
    running.directory.chmod(0o755)
    path = running.write("nginx.conf", rendered(running, "nginx.conf.in", BODIES=bodies))
    return [running.proxy.binary, "-p", running.directory, "-c", path]


def haproxy_command(running):
    pipes, splice = HAPROXY_SPLICE[running.proxy.options.get("splice", "auto")]
    path = running.write("haproxy.cfg", rendered(running, "haproxy.cfg.in", PIPES=pipes, SPLICE=splice))
    return [running.proxy.binary, "-db", "-f", path]


def h2o_command(running):
    return [running.proxy.binary, "-c", running.write("h2o.conf", rendered(running, "h2o.conf.in"))]


def nghttpx_command(running):
    return [running.proxy.binary, f"--conf={running.write('nghttpx.conf', rendered(running, 'nghttpx.conf.in'))}"]


def floor_command(running):
    mode = running.proxy.options.get("mode", "copy")
    return [running.proxy.binary, running.port, running.stand.upstream_port, mode]


COMMANDS = {"engine": engine_command, "nginx": nginx_command, "haproxy": haproxy_command, "h2o": h2o_command,
            "nghttpx": nghttpx_command, "floor": floor_command}


# ---- small parts --------------------------------------------------------------------------------

def hard_descriptor_limit():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 200_000 if limit == resource.RLIM_INFINITY else min(200_000, limit)


def fetch(port, path, times=1, host=HOST, wire=HTTP1):
    """Status, Content-Length, SHA-256 and body of each answer; in HTTP/1.1 all on one connection."""
    if wire.h2:
        return [fetch_h2(port, path, host, wire) for _ in range(times)]
    return fetch_h1(port, path, host, times, wire)


def fetch_h1(port, path, host, times, wire):
    connection = (http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=tls_1_3()) if wire.tls
                  else http.client.HTTPConnection("127.0.0.1", port, timeout=5))
    try:
        return [request_h1(connection, path, host) for _ in range(times)]
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"GET {path} through port {port} failed: {error!r}") from error
    finally:
        connection.close()


def tls_1_3():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def request_h1(connection, path, host):
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, int(answer.headers.get("Content-Length", -1)), hashlib.sha256(body).hexdigest(), body


def fetch_h2(port, path, host, wire):
    """With curl, which must find HTTP/2 there; its version in Debian 12 cannot keep a connection without TLS."""
    command = ["curl", "--silent", "--show-error", "--insecure", "--noproxy", "*", "--max-time", "5", "--tlsv1.3",
               "--http2" if wire.tls else "--http2-prior-knowledge", "--connect-to", f"::127.0.0.1:{port}",
               "--write-out", "%{stderr}%{http_version} %{response_code} %header{content-length}",
               f"{wire.scheme}://{host}:{port}{path}"]
    done = subprocess.run(command, capture_output=True)
    said = done.stderr.decode().strip()
    if done.returncode != 0 or not said.startswith("2 "):
        raise Failure(f"GET {path} over HTTP/2 through port {port} failed: {said}")
    _, status, *length = said.split()
    return int(status), int(length[0]) if length else -1, hashlib.sha256(done.stdout).hexdigest(), done.stdout


def describe(answer):
    return f"status {answer[0]}, Content-Length {answer[1]}, SHA-256 {answer[2][:12]}…"


def version_of(kind, binary):
    flag = "-v" if kind in ("nginx", "haproxy", "wrk") else "--version"
    said = subprocess.run([binary, flag], capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})
    lines = (said.stdout + said.stderr).strip().splitlines()
    if not lines:
        return f"{kind} (version unknown)"
    if found := re.search(r"\d+\.\d+[\w.+~-]*", lines[0]) if kind != "engine" else None:
        return f"{kind} {found[0]}"
    return lines[0]
