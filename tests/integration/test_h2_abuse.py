# SPDX-License-Identifier: GPL-3.0-or-later
"""Floods of HTTP/2: each ends its own connection with ENHANCE_YOUR_CALM, and what honest clients do ends none."""

import pytest
from h2 import CANCEL, COMPRESSION_ERROR, ENHANCE_YOUR_CALM, PRIORITY_UPDATE, H2Client
from harness import GROWTH_KB
from hyperframe.frame import (ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
                              SettingsFrame, WindowUpdateFrame)
from upstream import site

INITIAL_WINDOW = SettingsFrame.INITIAL_WINDOW_SIZE


def raw(kind, stream, payload=b"", flags=0):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def times(count, frame):
    return frame.serialize() * count


def rapid_resets(client, count):
    pieces = []
    for _ in range(count):
        head = client.head(client.fields(path="/hang"))[0]
        pieces += [head.serialize(), RstStreamFrame(head.stream_id, CANCEL).serialize()]
    return b"".join(pieces)


def empty_data(client):
    head = client.head(client.fields("POST", "/count"), ends=False)[0]
    return head.serialize() + times(2000, DataFrame(head.stream_id))


def padding_only(client):
    head = client.head(client.fields("POST", "/count"), ends=False)[0]
    return head.serialize() + times(2000, DataFrame(head.stream_id, pad_length=1, flags=["PADDED"]))


def endless_head(client, piece):
    """A field section that never ends."""
    head = client.head(client.fields())[0]
    head.flags.discard("END_HEADERS")
    return head.serialize() + times(2000, ContinuationFrame(head.stream_id, piece))


def header_bomb(_):
    """One field of 4,000 octets that the next 16,000 octets name again and again: 64 MB of fields in one frame."""
    entry = b"\x40\x01x\x7f\xa1\x1e" + b"a" * 4000
    return HeadersFrame(3, b"\x82\x86\x84" + entry + b"\xbe" * 12000, flags=["END_HEADERS", "END_STREAM"]).serialize()


FLOODS = {
    "rapid resets": lambda client: rapid_resets(client, 2000),
    "PING": lambda _: times(2000, PingFrame(0, bytes(8))),
    "SETTINGS": lambda _: times(500, SettingsFrame(0, settings={INITIAL_WINDOW: 65535})),
    "PRIORITY": lambda _: times(5000, PriorityFrame(1, depends_on=0, stream_weight=1)),
    "PRIORITY_UPDATE": lambda _: raw(PRIORITY_UPDATE, 0, b"\0\0\0\1u=1") * 5000,
    "WINDOW_UPDATE": lambda _: times(20000, WindowUpdateFrame(0, 1)),
    "empty DATA": empty_data,
    "DATA of padding": padding_only,
    "empty CONTINUATION": lambda client: endless_head(client, b""),
    "CONTINUATION without end": lambda client: endless_head(client, b"\x82"),
    "a header bomb": header_bomb,
    "unknown frames": lambda _: raw(0xFE, 0, b"x") * 5000,
}


@pytest.fixture
def flooded(engine, echo):
    """A client of an engine before an echo server; afterwards the engine must still serve others."""
    started = engine(site(echo().port))
    with H2Client(started.address) as neighbour, H2Client(started.address) as client:
        assert neighbour.request().body == client.request().body == b"ok"
        client.engine = started
        yield client
        assert neighbour.request().body == b"ok"


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_ends_its_connection_alone(flooded, flood):
    before = flooded.engine.rss_kb()
    data = flood(flooded)
    try:
        flooded.send(data)
    except OSError:
        pass  # it was closed before all of it was taken
    flooded.expect_failure(ENHANCE_YOUR_CALM)
    assert flooded.engine.rss_kb() - before < GROWTH_KB


def test_faulty_requests_without_end_end_the_connection(flooded):
    """Each makes the engine send a reset."""
    with pytest.raises(AssertionError, match="GOAWAY: .*, 11, "):
        for _ in range(50):
            frames = [flooded.head(flooded.fields(headers=[("te", "gzip")]))[0] for _ in range(20)]
            flooded.send_frames(*frames)
            flooded.finish(*(flooded.exchanges[frame.stream_id] for frame in frames))


def test_a_window_in_crumbs_ends_the_connection(engine, echo):
    started = engine(site(echo().port))
    with H2Client(started.address, reading=False, settings={INITIAL_WINDOW: 1}) as client:
        answer = client.open(path="/bytes/1m")
        with pytest.raises(AssertionError, match="GOAWAY: .*, 11, "):
            for count in range(1, 3000):
                client.until(lambda: len(answer.body) >= count, "an octet")
                client.widen(answer)


def test_replies_that_nobody_reads_do_not_pile_up(engine, echo):
    """Within every budget by its pace: only that this client never reads gives it away."""
    started = engine(site(echo().port))
    with H2Client(started.address, settings={INITIAL_WINDOW: 2**31 - 1}) as client:
        client.widen(by=2**31 - 65536)
        before = started.rss_kb()
        for _ in range(10):
            client.open(path="/bytes/2g")
        for _ in range(150):
            client.send_frames(PingFrame(0, bytes(8)))
        with H2Client(started.address) as other:
            for _ in range(50):
                assert other.request().body == b"ok"
        assert started.rss_kb() - before < GROWTH_KB


# ---- honest clients

def test_a_client_that_cancels_all_its_streams_at_once_is_served_on(flooded):
    flooded.send(rapid_resets(flooded, 300))
    assert flooded.request().body == b"ok"


def test_a_client_that_sends_one_octet_a_frame_is_served(flooded):
    answer = flooded.open("POST", "/echo", ends=False)
    for _ in range(3000):
        flooded.send_frames(DataFrame(answer.stream, b"x"))
    flooded.send_data(answer, b"", end=True)
    assert flooded.finish(answer).body == b"x" * 3000


def test_a_client_that_pings_now_and_then_is_served(flooded):
    for _ in range(100):
        flooded.ping()
    assert flooded.request().body == b"ok"


def test_hpack_that_is_none_ends_the_connection(flooded):
    flooded.send_frames(HeadersFrame(3, b"\xff" * 8, flags=["END_HEADERS", "END_STREAM"]))
    flooded.expect_failure(COMPRESSION_ERROR)
