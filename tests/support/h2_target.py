# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of HTTP/2. Either a test plays one itself, connection by connection and frame by frame, or a script serves
each of its requests in a thread (see ScriptedUpstream)."""

import select
import socket
import ssl
from dataclasses import dataclass, field

from h2 import NO_ERROR, PREFACE, Exchange, H2Client, H2End, ensure
from harness import DEADLINE_SECONDS, FramingError, RawClient
from hyperframe.frame import GoAwayFrame, SettingsFrame

CONNECT_PROTOCOL = {SettingsFrame.ENABLE_CONNECT_PROTOCOL: 1}


@dataclass
class H2Request(Exchange):
    """A request as far as it has come. `ended`: it is complete."""
    status: int = 0
    pseudo: dict = field(default_factory=dict)

    @property
    def method(self):
        return self.pseudo[":method"]

    @property
    def path(self):
        return self.pseudo[":path"]

    @property
    def stopped(self):
        return self.reset is not None


class H2Peer(H2End):
    """An accepted connection. It has sent its SETTINGS; without `greets` it says nothing by itself."""

    def __init__(self, accepted, settings=None, reading=True, greets=True):
        super().__init__(accepted, settings, reading)
        self.socket.settimeout(DEADLINE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._preface = PREFACE  # what is to come of it
        self._taken = 0          # requests that next_request() gave
        if greets:
            self.send_frames(SettingsFrame(0, settings=settings or {}))

    # ---- requests

    def next_request(self, whole=True):
        """The next one in the order of their heads; None when the connection ended before it. Without `whole` its
        content may still come."""
        self.until(lambda: self.ended or len(self.exchanges) > self._taken, "a request")
        if len(self.exchanges) == self._taken:
            return None
        request = list(self.exchanges.values())[self._taken]
        self._taken += 1
        if whole:
            self.finish(request)
        return request

    def next_requests(self, count):
        return [self.next_request() for _ in range(count)]

    # ---- responses

    def send_head(self, request, status=200, headers=(), ends=False):
        self.send_fields(request, [(":status", str(status)), *headers], ends)

    def respond(self, request, body=b"ok", status=200, headers=(), trailers=()):
        self.send_head(request, status, headers)
        self.send_body(request, body, trailers=trailers)

    def go_away(self, last, code=0):
        self.send_frames(GoAwayFrame(0, last, code))

    # ---- what comes

    def _strip(self, data):
        count = min(len(self._preface), len(data))
        ensure(data[:count] == self._preface[:count], f"no preface of HTTP/2: {data[:100]!r}")
        self._preface = self._preface[count:]
        return data[count:]

    def _begin_section(self, stream):
        if stream in self.exchanges:
            return
        ensure(stream % 2 == 1 and stream > max(self.exchanges, default=0), f"a new stream {stream}")
        self._note(H2Request(version="HTTP/2", stream=stream))

    def _has_head(self, exchange):
        return bool(exchange.pseudo)

    def _take_section(self, exchange, fields, ends):
        exchange.ended = ends
        pseudo = [(name, value) for name, value in fields if name.startswith(":")]
        ensure(fields[:len(pseudo)] == pseudo and len(dict(pseudo)) == len(pseudo), f"bad fields: {fields}")
        if self._has_head(exchange):
            ensure(ends and not pseudo, f"bad trailers: {fields}")
            exchange.trailers = fields
        else:
            exchange.pseudo, exchange.headers = dict(pseudo), fields[len(pseudo):]


class H2Target:
    """A target on 127.0.0.1 whose connections a test plays. The options are those of H2Peer."""

    def __init__(self, **options):
        self._options = options
        self._peers = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(DEADLINE_SECONDS)
        self.url = f"h2c://127.0.0.1:{self._listener.getsockname()[1]}"

    def accept(self, **options):
        self._peers.append(H2Peer(self._listener.accept()[0], **{**self._options, **options}))
        return self._peers[-1]

    def expect_no_connection(self):
        """None was made besides those that were accepted."""
        assert not select.select([self._listener], [], [], 0)[0], "a connection more"

    def close(self):
        self._listener.close()
        for peer in self._peers:
            peer.close()


def serving(serve, whole=True, **options):
    """A script of ScriptedUpstream: serve(peer, request) for every request of a connection, one after the other. The
    options are those of H2Peer."""
    def script(accepted, _):
        peer = H2Peer(accepted.socket, **options)
        while (request := peer.next_request(whole)) is not None:
            accepted.upstream.requests.append(request)
            serve(peer, request)
    return script


def over_tls(pair, scripts):
    """A script of ScriptedUpstream: that of the protocol which ALPN agreed on. The first one is liked best."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    context.set_alpn_protocols(list(scripts))

    def script(accepted, number):
        accepted.socket = context.wrap_socket(accepted.socket, server_side=True)
        scripts[accepted.socket.selected_alpn_protocol()](accepted, number)
    return script


class Call:
    """A request on a connection of its own, in HTTP/1.1 or HTTP/2. With `ends` False its content is still to come."""

    def __init__(self, address, version=1, method="GET", path="/", headers=(), body=None, ends=True):
        self.version, self._method = version, method
        if version == 1:
            self.client = RawClient(address)
            self.client.send_request(method, path, headers, body)
        else:
            self.client = H2Client(address)
            self.exchange = self.client.open(method, path, headers, ends=ends and body is None)
            if body is not None:
                self.client.send_body(self.exchange, body)

    def send_rest(self, body):
        """The content of an announced length."""
        if self.version == 1:
            self.client.send(body)
        else:
            self.client.send_body(self.exchange, body)

    def interim(self):
        """The first head of an interim response."""
        if self.version == 1:
            return self.client.recv_head()
        self.client.until(lambda: self.exchange.interim, "an interim response")
        return self.exchange.interim[0]

    def answer(self):
        if self.version == 1:
            return self.client.recv_response(self._method)
        self.client.finish(self.exchange)
        assert self.exchange.ended, f"reset with {self.exchange.reset}"
        return self.exchange

    def expect_broken(self):
        """The answer begins, and what comes of it does not look complete."""
        if self.version == 1:
            try:
                answer = self.client.recv_response(self._method)
            except (FramingError, ConnectionResetError):
                return
            raise AssertionError(f"a complete answer: {answer}")
        self.client.finish(self.exchange)
        assert not self.exchange.ended and self.exchange.reset not in (None, NO_ERROR), self.exchange

    def leave(self):
        """The client wants no answer any more."""
        if self.version == 1:
            self.client.reset()
        else:
            self.client.reset(self.exchange)

    def close(self):
        self.client.close()


class Scene:
    """An engine before a target that the test plays, and clients of the engine."""

    def __init__(self, engine, target):
        self.engine, self.target = engine, target
        self._calls = []

    def call(self, version=1, *request, **options):
        return self.keep(Call(self.engine.address, version, *request, **options))

    def keep(self, call):
        """Closes it with the others."""
        self._calls.append(call)
        return call

    def begin(self, *request, **options):
        """A first call, the target's connection that it came on, and the request there."""
        call = self.call(*request, **options)
        peer = self.target.accept()
        return call, peer, peer.next_request()

    def close(self):
        for call in self._calls:
            call.close()
