# SPDX-License-Identifier: GPL-3.0-or-later
"""Either end of HTTP/2, sending exactly what it is told and reading strictly: what a peer may not send is an error. The
client is here, the target in h2_target.py.
Only frames and HPACK come from libraries: the state machine that goes with them (h2) ends at the first GOAWAY and
refuses to break a rule. Every wait has a condition and a deadline."""

import select
import ssl
import time
from dataclasses import dataclass, field

from harness import DEADLINE_SECONDS, FramingError, RawClient, Response
from hpack import Decoder, Encoder
from hyperframe.frame import (ContinuationFrame, DataFrame, ExtensionFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

HOST = "test.localhost"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_BYTES_MAX = 16384
DEFAULT_WINDOW = 65535
LAST_STREAM_MAX = 2**31 - 1
PRIORITY_UPDATE = 16

# RFC 9113 section 7.
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = range(5, 10)
ENHANCE_YOUR_CALM = 11


@dataclass
class Exchange(Response):
    """A request that was sent and what came of it so far. `status` is 0 before the final head."""
    body: bytearray = field(default_factory=bytearray)
    stream: int = 0
    interim: list = field(default_factory=list)
    ended: bool = False      # END_STREAM came
    reset: int | None = None  # the code of the peer's RST_STREAM
    receive_window: int = DEFAULT_WINDOW
    send_window: int = DEFAULT_WINDOW
    unacknowledged: int = 0

    @property
    def over(self):
        return self.ended or self.reset is not None

    @property
    def stopped(self):
        """The peer wants nothing more of what is sent to it."""
        return self.over


class H2End:
    """One end of a connection. `settings` are its own (identifier: value); with `reading` False no window is ever
    opened again. Its subclass knows which sections a peer may send."""

    def __init__(self, connected, settings, reading):
        self.socket = connected
        self.encoder = Encoder()
        self.decoder = Decoder(max_header_list_size=1 << 20)
        self.reading = reading
        self.exchanges = {}
        self.settings = {}         # the peer's
        self.settings_acks = 0     # of ours
        self.goaways = []          # (last stream, code, debug data)
        self.pongs = []
        self.turns = []            # (stream, octets) of every DATA frame, in order
        self.ended = False         # the peer closed the connection
        self.send_window = self.receive_window = DEFAULT_WINDOW
        self._unacknowledged = 0
        self._own_window = (settings or {}).get(SettingsFrame.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        self._block = None         # a field section whose CONTINUATION is to come
        self._in = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- sending

    def send(self, data):
        self.socket.sendall(data)

    def send_frames(self, *frames):
        self.send(b"".join(frame.serialize() for frame in frames))

    def send_fields(self, exchange, fields, ends):
        """One section that fits into a frame: the head of a response, or trailers."""
        self.send_frames(HeadersFrame(exchange.stream, self.encoder.encode(fields),
                                      flags=["END_HEADERS"] + ["END_STREAM"] * ends))

    def send_body(self, exchange, body, end=True, trailers=()):
        """As the windows allow; reads meanwhile. Stops early where the peer wants no more."""
        left = memoryview(body)
        while left:
            self.poll()
            self.until(lambda: exchange.stopped or min(self.send_window, exchange.send_window) > 0, "an open window")
            if exchange.stopped:
                return
            room = min(self.send_window, exchange.send_window, FRAME_BYTES_MAX, len(left))
            last = end and not trailers and room == len(left)
            self.send_data(exchange, bytes(left[:room]), last)
            left = left[room:]
        if not body and end and not trailers:
            self.send_data(exchange, b"", True)
        if trailers:
            self.send_fields(exchange, trailers, ends=True)

    def send_data(self, exchange, data, end=False, padding=0):
        """One frame, whatever the windows say."""
        flags = ["END_STREAM"] * end + ["PADDED"] * bool(padding)
        frame = DataFrame(exchange.stream, data, pad_length=padding, flags=flags)
        self.send_window -= frame.flow_controlled_length
        exchange.send_window -= frame.flow_controlled_length
        self.send_frames(frame)

    def reset(self, exchange, code=CANCEL):
        self.send_frames(RstStreamFrame(exchange.stream, code))

    def widen(self, exchange=None, by=1):
        """Opens the window of a stream, or without one that of the connection."""
        if exchange is None:
            self.receive_window += by
        else:
            exchange.receive_window += by
        self._reply(WindowUpdateFrame(exchange.stream if exchange else 0, by))

    def ping(self):
        """What the peer sent before its answer to this is there afterwards."""
        data = len(self.pongs).to_bytes(8, "big")
        self.send_frames(PingFrame(0, data))
        self.until(lambda: data in self.pongs, "the answer to a PING")

    # ---- receiving

    def finish(self, *exchanges):
        """Until the last of them is over; the first."""
        self.until(lambda: all(each.over for each in exchanges), f"the end of {len(exchanges)} streams")
        return exchanges[0]

    def until(self, condition, what, seconds=DEADLINE_SECONDS):
        deadline = time.monotonic() + seconds
        while not condition():
            assert not self.ended, f"the connection ended before {what}; GOAWAY: {self.goaways}"
            left = deadline - time.monotonic()
            assert left > 0, f"{what}: not within {seconds:g} s"
            self._read_once(left)

    def until_closed(self):
        """Reads up to the peer's end, with a FIN or a RST."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self.ended:
            left = deadline - time.monotonic()
            assert left > 0, f"the connection did not end within {DEADLINE_SECONDS:g} s; GOAWAY: {self.goaways}"
            self._read_once(left)

    def expect_failure(self, *codes):
        """The connection ends with a GOAWAY of one of these errors, and is closed."""
        self.until_closed()
        assert self.goaways and self.goaways[-1][1] in codes, f"GOAWAY: {self.goaways}"

    def _readable(self, seconds):
        pending = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        return pending or select.select([self.socket], [], [], seconds)[0]

    def poll(self):
        """Takes what has come, without waiting."""
        while not self.ended and self._readable(0):
            self._read_once(DEADLINE_SECONDS)

    def _read_once(self, seconds):
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        except TimeoutError:
            return
        finally:
            if self.socket.fileno() >= 0:
                self.socket.settimeout(DEADLINE_SECONDS)
        if not data:
            self.ended = True
            return
        self._in += self._strip(data)
        at = 0
        while len(self._in) - at >= 9:
            size = 9 + int.from_bytes(self._in[at:at + 3], "big")
            if len(self._in) - at < size:
                break
            frame, length = Frame.parse_frame_header(memoryview(self._in)[at:at + 9])
            ensure(length <= FRAME_BYTES_MAX, f"a frame of {length} octets")
            frame.parse_body(memoryview(self._in)[at + 9:at + size])
            at += size
            self._take(frame, length)
        self._in = self._in[at:]

    def _strip(self, data):
        """What comes before the first frame is left out."""
        return data

    def _take(self, frame, length):
        ensure(self._block is None or isinstance(frame, ContinuationFrame), f"{frame} inside a field section")
        match frame:
            case DataFrame():
                self._take_data(frame, length)
            case HeadersFrame():
                self._begin_section(frame.stream_id)
                self._block = (frame.stream_id, bytes(frame.data), "END_STREAM" in frame.flags)
                self._end_block(frame)
            case ContinuationFrame():
                ensure(self._block and self._block[0] == frame.stream_id, f"{frame} continues nothing")
                self._block = (frame.stream_id, self._block[1] + bytes(frame.data), self._block[2])
                self._end_block(frame)
            case SettingsFrame():
                self._take_settings(frame)
            case WindowUpdateFrame():
                self._take_window(frame)
            case RstStreamFrame():
                exchange = self.exchanges[frame.stream_id]
                ensure(exchange.reset is None, "two RST_STREAM of one stream")
                exchange.reset = frame.error_code
            case PingFrame():
                if "ACK" in frame.flags:
                    self.pongs.append(frame.opaque_data)
                else:
                    self._reply(PingFrame(0, frame.opaque_data, flags=["ACK"]))
            case GoAwayFrame():
                self.goaways.append((frame.last_stream_id, frame.error_code, bytes(frame.additional_data)))
            case ExtensionFrame():
                pass
            case _:
                raise FramingError(f"no peer sends {frame}")

    def _note(self, exchange):
        """A stream begins."""
        exchange.receive_window = self._own_window
        exchange.send_window = self.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        self.exchanges[exchange.stream] = exchange

    def _take_data(self, frame, length):
        exchange = self.exchanges.get(frame.stream_id)
        ensure(exchange and self._has_head(exchange) and not exchange.over, f"DATA of no open message: {frame}")
        self.receive_window -= length
        exchange.receive_window -= length
        ensure(self.receive_window >= 0 and exchange.receive_window >= 0, "more DATA than the window allows")
        exchange.body += frame.data
        exchange.ended = "END_STREAM" in frame.flags
        self.turns.append((frame.stream_id, length))
        if self.reading:
            self._acknowledge(exchange, length)

    def _acknowledge(self, exchange, length):
        """As browsers do: when half of a window is used."""
        self._unacknowledged += length
        exchange.unacknowledged += length
        if self._unacknowledged > DEFAULT_WINDOW // 2:
            self.widen(None, self._unacknowledged)
            self._unacknowledged = 0
        if exchange.unacknowledged > self._own_window // 2 and not exchange.ended:
            self.widen(exchange, exchange.unacknowledged)
            exchange.unacknowledged = 0

    def _end_block(self, frame):
        if "END_HEADERS" not in frame.flags:
            return
        stream, block, ends = self._block
        self._block = None
        exchange = self.exchanges[stream]
        ensure(not exchange.over, "HEADERS after the end of their stream")
        fields = [(name, value) for name, value in self.decoder.decode(block)]
        ensure(all(name == name.lower() for name, _ in fields), f"a name that is not lower-case: {fields}")
        self._take_section(exchange, fields, ends)

    def _take_settings(self, frame):
        if "ACK" in frame.flags:
            self.settings_acks += 1
            return
        window = SettingsFrame.INITIAL_WINDOW_SIZE
        change = frame.settings.get(window, DEFAULT_WINDOW) - self.settings.get(window, DEFAULT_WINDOW)
        for exchange in self.exchanges.values():
            exchange.send_window += change
        self.settings.update(frame.settings)
        self._reply(SettingsFrame(0, flags=["ACK"]))

    def _reply(self, frame):
        try:
            self.send_frames(frame)
        except OSError:
            pass  # reading on will tell how it ended

    def _take_window(self, frame):
        if frame.stream_id == 0:
            self.send_window += frame.window_increment
        else:
            self.exchanges[frame.stream_id].send_window += frame.window_increment


class H2Client(H2End):
    """Opens streams and reads responses."""

    def __init__(self, address, tls=None, name=HOST, settings=None, reading=True, preface=True):
        super().__init__(RawClient(address, tls=tls, server_name=name).socket, settings, reading)
        self.scheme = "https" if tls else "http"
        self.name = name
        self._next_stream = 1
        if preface:
            self.send(PREFACE + SettingsFrame(0, settings=settings or {}).serialize())

    def fields(self, method="GET", path="/ok", headers=(), authority=HOST):
        return [(":method", method), (":scheme", self.scheme), (":authority", authority), (":path", path), *headers]

    def head(self, fields, ends=True, size=FRAME_BYTES_MAX):
        """The frames of a new request with these fields, in pieces of at most `size`."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        block = self.encoder.encode(fields)
        pieces = [block[at:at + size] for at in range(0, len(block), size)] or [b""]
        frames = [HeadersFrame(stream, pieces[0])]
        frames += [ContinuationFrame(stream, piece) for piece in pieces[1:]]
        if ends:
            frames[0].flags.add("END_STREAM")
        frames[-1].flags.add("END_HEADERS")
        self._note(Exchange(0, version="HTTP/2", stream=stream))
        return frames

    def open(self, method="GET", path="/ok", headers=(), authority=HOST, ends=True, size=FRAME_BYTES_MAX):
        """Sends a request without content, or only its head; what will come of it."""
        return self.open_fields(self.fields(method, path, headers, authority), ends, size)

    def open_fields(self, fields, ends=True, size=FRAME_BYTES_MAX):
        frames = self.head(fields, ends, size)
        self.send_frames(*frames)
        return self.exchanges[frames[0].stream_id]

    def prioritize(self, stream, value):
        """PRIORITY_UPDATE (RFC 9218 section 7.1)."""
        body = stream.to_bytes(4, "big") + value.encode()
        self.send(len(body).to_bytes(3, "big") + bytes([PRIORITY_UPDATE, 0]) + bytes(4) + body)

    def request(self, method="GET", path="/ok", headers=(), body=None, trailers=(), authority=HOST):
        exchange = self.open(method, path, headers, authority, ends=body is None)
        if body is not None:
            self.send_body(exchange, body, trailers=trailers)
        return self.finish(exchange)

    def _begin_section(self, stream):
        ensure(stream in self.exchanges, f"HEADERS of stream {stream}, which we did not open")

    def _has_head(self, exchange):
        return exchange.status >= 200

    def _take_section(self, exchange, fields, ends):
        exchange.ended = ends
        if exchange.status >= 200:
            ensure(ends and not any(name.startswith(":") for name, _ in fields), f"bad trailers: {fields}")
            exchange.trailers = fields
            return
        ensure(fields[0][0] == ":status" and not any(name.startswith(":") for name, _ in fields[1:]),
               f"not the head of a response: {fields}")
        status = int(fields[0][1])
        if status < 200:
            ensure(not ends, f"the end of a stream with {status}")
            exchange.interim.append(Response(status, version="HTTP/2", headers=fields[1:]))
            return
        exchange.status, exchange.headers = status, fields[1:]


def ensure(condition, why):
    if not condition:
        raise FramingError(why)
