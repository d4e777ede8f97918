# SPDX-License-Identifier: GPL-3.0-or-later
"""How connections of HTTP/2 end: announced, with their streams finished, and in time; and that a reload ends none."""

import contextlib
import signal
import threading

import pytest
from certificates import client_context, local_authority
from h2 import HOST, LAST_STREAM_MAX, NO_ERROR, PREFACE, REFUSED_STREAM, H2Client
from harness import RawClient, pattern, wait_until
from hyperframe.frame import GoAwayFrame, SettingsFrame
from upstream import access_line, site


class Held:
    """A client of an engine behind which the target answers each request in two halves: the second when let go."""

    def __init__(self, start_engine, start_upstream, options):
        self.released = threading.Event()
        self.upstream = start_upstream(self._script)
        self.engine = start_engine(site(self.upstream.port, **options))
        self.client = H2Client(self.engine.address)

    def _script(self, peer, _):
        while peer.recv_request() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            assert self.released.wait(10)
            peer.send(b"half")

    def begin(self, count=1):
        answers = [self.client.open() for _ in range(count)]
        self.client.until(lambda: all(each.body == b"half" for each in answers), "the first halves")
        return answers

    def end(self, answers):
        self.released.set()
        self.client.finish(*answers)
        assert all(each.ended and each.body == b"halfhalf" for each in answers)


@pytest.fixture
def held(engine, upstream):
    """held(**options of site()): see Held."""
    started = []

    def start(**options):
        started.append(Held(engine, upstream, options))
        return started[-1]
    yield start
    for each in started:
        each.released.set()
        each.client.close()


def last_streams(client):
    assert {code for _, code, _ in client.goaways} <= {NO_ERROR}
    return [last for last, _, _ in client.goaways]


# ---- SIGTERM

def test_a_stop_is_announced_in_two_steps_and_streams_finish(held):
    here = held(engine=['grace = "20s"'])
    answers = here.begin(3)
    here.engine.signal(signal.SIGTERM)
    here.client.until(lambda: len(here.client.goaways) == 2, "two GOAWAY")
    assert last_streams(here.client) == [LAST_STREAM_MAX, answers[-1].stream]
    here.end(answers)
    here.client.until_closed()
    here.client.close()
    assert here.engine.wait() == 0


def test_a_stream_that_opens_between_the_two_steps_is_served(held):
    """It crosses the announcement: the second GOAWAY says whether it counts."""
    here = held(engine=['grace = "20s"'])
    answers = here.begin()
    here.engine.signal(signal.SIGTERM)
    here.client.until(lambda: here.client.goaways, "the first GOAWAY")
    late = here.client.open()
    here.client.until(lambda: len(here.client.goaways) == 2, "the second GOAWAY")
    if here.client.goaways[1][0] >= late.stream:
        answers.append(late)
    here.end(answers)
    here.client.until_closed()


def test_a_stream_past_the_last_one_is_not_served(held):
    here = held(engine=['grace = "20s"'])
    answers = here.begin()
    here.engine.signal(signal.SIGTERM)
    here.client.until(lambda: len(here.client.goaways) == 2, "two GOAWAY")
    late = here.client.open()
    here.end(answers)
    here.client.until_closed()
    assert late.status == 0 and late.reset in (None, REFUSED_STREAM)
    assert len(here.upstream.requests) == 1


def test_an_idle_connection_is_told_of_the_stop_and_closed(engine, echo):
    started = engine(site(echo().port, engine=['grace = "20s"']))
    with H2Client(started.address) as client:
        assert client.request().body == b"ok"
        started.signal(signal.SIGTERM)
        client.until_closed()
        assert last_streams(client)[-1] in (1, LAST_STREAM_MAX)
    assert started.wait() == 0


def test_an_endless_stream_ends_with_the_grace(engine, echo):
    started = engine(site(echo().port, engine=['grace = "300ms"']))
    with H2Client(started.address) as client:
        answer = client.open(path="/sse?n=0&every=10ms")
        client.until(lambda: answer.body, "an event")
        started.signal(signal.SIGTERM)
        client.until_closed()
        assert not answer.ended
    assert started.wait() == 0


# ---- limits

def test_an_idle_connection_gets_a_goaway_and_is_closed(engine, echo):
    started = engine(site(echo().port, engine=['limits = { keepalive = "200ms" }']))
    with H2Client(started.address) as client:
        assert client.request().body == b"ok"
        client.until_closed()
        assert last_streams(client)[-1] in (1, LAST_STREAM_MAX)


def test_a_connection_with_a_stream_is_not_idle(held):
    here = held(engine=['limits = { keepalive = "200ms" }'])
    answers = here.begin()
    other = here.engine.client()
    other.request(host="nowhere.localhost")
    other.expect_closed()  # this one was idle for that long
    other.close()
    here.end(answers)


def test_the_limit_of_requests_ends_a_connection_after_the_last_was_served(engine, echo):
    started = engine(site(echo().port, engine=["limits = { requests = 3 }"]))
    with H2Client(started.address) as client:
        for _ in range(3):
            assert client.request(path="/bytes/100000").body == pattern(100000)
        client.until_closed()
        assert last_streams(client)[-1] in (5, LAST_STREAM_MAX)


@pytest.mark.parametrize("sent", [b"PRI * HTT", PREFACE[:-1]], ids=["its first line", "all but its last octet"])
def test_half_a_preface_is_closed_in_time(engine, echo, sent):
    started = engine(site(echo().port, engine=['limits = { head = "200ms" }']))
    with started.client() as client:
        client.send(sent)
        client.recv_eof()


def begin_a_head(client):
    """A field section that does not go on."""
    head = client.head(client.fields())[0]
    head.flags.discard("END_HEADERS")
    client.send_frames(head)


def test_half_a_head_is_ended_in_time(engine, echo):
    started = engine(site(echo().port, engine=['limits = { head = "500ms" }']))
    with H2Client(started.address) as client:
        assert client.request().body == b"ok"
        begin_a_head(client)
        client.until_closed()


def test_half_a_head_beside_a_stream_is_given_up_in_time_and_the_stream_goes_on(engine, echo):
    started = engine(site(echo().port, engine=['limits = { head = "500ms", body = "200ms" }']))
    with H2Client(started.address) as client:
        assert client.request().body == b"ok"
        answer = client.open(path="/sse?n=0&every=10ms")
        begin_a_head(client)
        client.until(lambda: client.goaways, "GOAWAY")
        seen = answer.body.count(b"\n\n")
        client.until(lambda: answer.body.count(b"\n\n") > seen + 50, "half a second of events")


def test_a_body_that_stalls_ends_its_stream_alone(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    started = engine(site(upstream(script).port, engine=['limits = { body = "200ms" }']))
    with H2Client(started.address) as client:
        stalled = client.open("POST", headers=[("content-length", "10")], ends=False)
        client.send_data(stalled, b"half")
        client.finish(stalled)
        assert stalled.status == 408 or stalled.reset is not None
        assert client.request().body == b"ok"


def test_a_response_that_does_not_come_is_504(engine, echo):
    started = engine(site(echo().port, 'timeout = { first_byte = "200ms" }'))
    with H2Client(started.address) as client:
        assert client.request(path="/hang").status == 504
        client.ping()
    assert access_line(started, path="/hang")["proto"] == "h2"


def test_a_response_that_stalls_ends_its_stream_alone(engine, echo):
    started = engine(site(echo().port, 'timeout = { idle = "200ms" }'))
    with H2Client(started.address) as client:
        broken = client.request(path="/hang/body")
        assert broken.body == b"ten octets" and not broken.ended and broken.reset
        assert client.request().body == b"ok"


# ---- the client's end

def test_a_client_that_says_goodbye_gets_what_it_asked_for(held):
    here = held()
    answers = here.begin(2)
    here.client.send_frames(GoAwayFrame(0))
    here.end(answers)
    here.client.until_closed()


def test_one_that_only_opens_a_connection_is_not_logged_as_a_request(engine, echo):
    started = engine(site(echo().port))
    with H2Client(started.address) as client:
        client.until(lambda: client.settings, "the settings")
    with H2Client(started.address) as client:
        client.request()
    access_line(started, proto="h2")
    assert started.stdout.count("\n") == 1


# ---- reload

def test_a_reload_disturbs_no_stream_and_counts_for_the_next(held, echo):
    here = held()
    answers = here.begin(3)
    assert "refused" not in here.engine.reload(site(echo().port))
    assert wait_until(lambda: here.client.request(path="/bytes/1000").body == pattern(1000), "the new target")
    here.end(answers)
    assert not here.client.goaways


def test_events_go_on_over_many_reloads(engine, echo):
    port = echo().port
    started = engine(site(port))
    with H2Client(started.address) as client:
        answer = client.open(path="/sse?n=0&every=5ms")
        for number in range(5):
            other = f'headers = {{ request = {{ set = {{ X-N = "{number}" }} }} }}'
            assert "refused" not in started.reload(site(port, other))
            seen = len(answer.body)
            client.until(lambda: len(answer.body) > seen, "the next event")
        assert not answer.over and not client.goaways


def test_a_reload_closes_none_of_500_tls_connections_and_200_streams(engine, echo):
    port = echo().port
    started = engine(site(port))
    ca = local_authority(started)
    plain, h2 = client_context(ca, "http/1.1"), client_context(ca, "h2")
    with contextlib.ExitStack() as open_ones:
        idle = [open_ones.enter_context(RawClient(started.address, tls=plain, server_name=HOST)) for _ in range(500)]
        busy = [open_ones.enter_context(H2Client(started.address, tls=h2)) for _ in range(4)]
        assert {client.request().status for client in idle} == {200}
        streams = {client: [client.open(path="/sse?n=0&every=100ms") for _ in range(50)] for client in busy}
        assert "refused" not in started.reload(site(port, 'timeout = { first_byte = "7s" }'))
        for client, answers in streams.items():
            seen = [len(each.body) for each in answers]
            client.until(lambda: all(len(each.body) > before for each, before in zip(answers, seen)), "the next events")
            assert not client.goaways
        assert {client.request().status for client in idle} == {200}


# ---- two protocols, one port

def test_settings_alone_are_answered_at_once(engine, echo):
    started = engine(site(echo().port))
    with H2Client(started.address) as client:
        client.until(lambda: client.settings and client.settings_acks == 1, "the settings and the acknowledgement")
        assert client.settings[SettingsFrame.ENABLE_CONNECT_PROTOCOL] == 1
        client.ping()


def test_a_request_for_pri_is_no_preface(engine, echo):
    started = engine(site(echo().port))
    with RawClient(started.address) as client:
        client.send(f"PRI /ok HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
        assert client.recv_response().version == "HTTP/1.1"
