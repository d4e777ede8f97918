# SPDX-License-Identifier: GPL-3.0-or-later
"""An upstream that writes down every request it gets, notes each byte that a strict reader would not accept, and
answers as it is told."""

import re
import socket
import threading
from collections import deque
from dataclasses import dataclass, field

from harness import DEADLINE_SECONDS, FramingError, RawClient, wait_until

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rf"({TOKEN}) ([!-\"$-~]+) HTTP/1\.1")
FIELD = re.compile(rf"({TOKEN}): ?([^\x00-\x08\x0a-\x1f\x7f]*)")
NOT_IN_TRAILERS = {"content-length", "transfer-encoding", "host", "authorization", "connection", "te", "trailer",
                   "x-forwarded-for", "content-encoding", "cookie"}
HOP_BY_HOP = {"keep-alive", "proxy-connection", "proxy-authorization", "http2-settings"}
ONCE = {"host", "via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip"}

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PROBE = "/probe"


@dataclass
class Answer:
    """Bytes sent when the head is there, and when all of the request is; then "keep", "close" (FIN), "reset", or a
    function that gets the Peer and goes on alone until it returns."""
    at_end: bytes = b""
    at_head: bytes = b""
    then: object = "keep"


@dataclass
class Request:
    method: str
    target: str
    fields: list
    connection: int
    body: bytes = b""
    trailers: list = field(default_factory=list)
    complete: bool = False
    ended: bool = False  # the connection it came on

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if values else None


class Peer(RawClient):
    """One accepted connection, read strictly."""

    def __init__(self, accepted, number):
        self.socket = accepted
        self.socket.settimeout(DEADLINE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.number = number

    def recv_request_head(self):
        """None at the end of the connection."""
        if not self.buffer and not self._more():
            return None
        head = self.recv_until(b"\r\n\r\n")[:-4].decode("latin-1")
        if re.search(r"(?<!\r)\n|\r(?!\n)|\0", head):
            raise FramingError(f"a bare CR, LF or a NUL in {head!r}")
        first, *lines = head.split("\r\n")
        line = REQUEST_LINE.fullmatch(first)
        if not line:
            raise FramingError(f"not a request line: {first!r}")
        return Request(line[1], line[2], [strict_field(text) for text in lines], self.number)

    def recv_request_body(self, request):
        codings, lengths = request.all("transfer-encoding"), request.all("content-length")
        if codings:
            # Kept up to date as it comes: what is missing at the end of the connection shows.
            while piece := self.recv_chunk():
                request.body += piece
            while text := self.recv_until(b"\r\n")[:-2]:
                request.trailers.append(strict_field(text.decode("latin-1")))
        elif lengths:
            missing = int(lengths[0])
            while missing > 0 and (self.buffer or self._more()):
                piece = self._take(min(missing, len(self.buffer)))
                request.body += piece
                missing -= len(piece)
            if missing:
                raise EOFError
        request.complete = True


def strict_field(line):
    matched = FIELD.fullmatch(line)
    if not matched:
        raise FramingError(f"not a field: {line!r}")
    return matched[1], matched[2]


def lint(request):
    """What no proxy may send upstream."""
    names = [name.lower() for name, _ in request.fields]
    codings, lengths = request.all("transfer-encoding"), request.all("content-length")
    for name in ONCE:
        # A client of HTTP/1.0 may have named no host.
        if names.count(name) != 1 and (name, request.header("via")[:3]) != ("x-forwarded-host", "1.0"):
            yield f"{name} is there {names.count(name)} times"
    if codings and (codings != ["chunked"] or lengths):
        yield f"Transfer-Encoding {codings} with Content-Length {lengths}"
    if len(lengths) > 1 or any(not re.fullmatch(r"[0-9]{1,19}", length) for length in lengths):
        yield f"Content-Length {lengths}"
    for name in HOP_BY_HOP & set(names):
        yield f"{name} belongs to the other connection"
    for option in ", ".join(request.all("connection")).lower().split(", "):
        if option not in ("", "upgrade", "te"):
            yield f"Connection: {option}"
    if set(request.all("te")) - {"trailers"}:
        yield f"TE: {request.all('te')}"


class Recorder:
    def __init__(self):
        self.requests = []
        self.complaints = []
        self.connections = 0
        self._refused_cases = set()
        self._case = None
        self._answers = deque()
        self._peers = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, *answers, refused_case=None):
        """Forgets what was seen; the next requests get these answers, all others OK. A request with `refused_case`
        in its X-Case may never become complete, however late it arrives."""
        self.requests = []
        self._answers = deque(answers)
        self._case = refused_case
        self._refused_cases.add(refused_case)

    def wait_for(self, count):
        return wait_until(lambda: len(self.requests) >= count and self.requests, f"{count} requests at the upstream")

    def wait_until_ended(self):
        """Until every connection that brought a request is over."""
        wait_until(lambda: all(request.ended for request in self.requests), "the end of the upstream's connections")
        return self.requests

    def _accept(self):
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            peer = Peer(accepted, self.connections)
            self._peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        mine = []
        try:
            while self._one(peer, mine):
                pass
        except FramingError as error:
            # A message that ends with its connection is incomplete, not malformed.
            if not str(error).startswith("the end "):
                self.complaints.append(str(error))
        except (OSError, EOFError):
            pass
        finally:
            peer.close()
            for request in mine:
                request.ended = True

    def _one(self, peer, mine):
        """One request and its answer; False when the connection is over."""
        peer.socket.settimeout(None)
        request = peer.recv_request_head()
        if request is None:
            return False
        peer.socket.settimeout(DEADLINE_SECONDS)
        answer = Answer(OK)
        case = request.header("x-case")
        if request.target != PROBE:
            mine.append(request)
            self.complaints += lint(request)
        if request.target != PROBE and case == self._case:
            answer = self._answers.popleft() if self._answers else answer
            self.requests.append(request)
        if answer.at_head:
            peer.send(answer.at_head)
        if answer.at_end or answer.then == "keep" or not answer.at_head:
            peer.recv_request_body(request)
            if case in self._refused_cases and case is not None:
                self.complaints.append(f"a refused request looks complete: {request}")
            self.complaints += [f"{name} in the trailers" for name, _ in request.trailers
                                if name.lower() in NOT_IN_TRAILERS]
            if peer.buffer and not request.header("upgrade"):
                self.complaints.append(f"bytes before the answer: {peer.buffer[:100]!r}")
        if answer.at_end:
            peer.send(answer.at_end)
        return self._finish(peer, answer.then)

    @staticmethod
    def _finish(peer, then):
        if then == "keep":
            return True
        if then == "reset":
            peer.reset()
        elif then == "close":
            peer.half_close()
            peer.recv_eof()
        else:
            then(peer)
        return False

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            try:
                peer.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
