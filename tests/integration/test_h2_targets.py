# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that speak HTTP/2: connections that many clients share, requests and answers both ways, and windows."""

import re

import pytest
from h2 import HOST, H2Client
from h2_target import serving
from harness import GROWTH_KB, RawClient, pattern
from hyperframe.frame import SettingsFrame
from upstream import site

MIB = 1 << 20
SIZES = [0, 1, 16383, 16384, 16385, 65535, 65536, 3 * MIB + 1]
INITIAL_WINDOW = SettingsFrame.INITIAL_WINDOW_SIZE
STREAMS_MAX = SettingsFrame.MAX_CONCURRENT_STREAMS


@pytest.fixture
def served(engine, upstream):
    """served(serve): an engine before a target of HTTP/2 whose script serves each request."""
    def start(serve):
        peer = upstream(serving(serve))
        started = engine(site(f"h2c://{peer.address}"))
        started.upstream = peer
        return started
    return start


def chunked(body, trailers=""):
    pieces = [body[at:at + 40000] for at in range(0, len(body), 40000)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + f"0\r\n{trailers}\r\n".encode()


# ---- connections

def test_requests_of_many_clients_share_one_connection(served):
    started = served(lambda peer, request: peer.respond(request))
    for _ in range(10):
        with RawClient(started.address) as one, H2Client(started.address) as two:
            assert one.request().body == two.request().body == b"ok"
    assert (started.upstream.connections, len(started.upstream.requests)) == (1, 20)


def test_many_first_requests_at_once_open_one_connection(scene):
    here = scene()
    calls = {f"/{number}": here.call(1 + number % 2, path=f"/{number}") for number in range(50)}
    peer = here.target.accept()
    requests = peer.next_requests(50)
    here.target.expect_no_connection()
    for request in reversed(requests):
        peer.respond(request, request.path.encode())
    assert all(call.answer().body == path.encode() for path, call in calls.items())


def test_no_more_streams_are_opened_than_the_target_allows(scene):
    here = scene(options={"settings": {STREAMS_MAX: 2}})
    calls = [here.call() for _ in range(3)]
    first = here.target.accept()
    requests = first.next_requests(2)
    second = here.target.accept()
    second.respond(second.next_request())
    first.ping()
    assert len(first.exchanges) == 2
    for request in requests:
        first.respond(request)
    assert [call.answer().body for call in calls] == [b"ok"] * 3


def test_the_place_of_a_stream_that_ended_is_used_again(scene):
    here = scene(options={"settings": {STREAMS_MAX: 1}})
    call, peer, request = here.begin()
    for _ in range(5):
        peer.respond(request)
        assert call.answer().body == b"ok"
        call = here.call()
        request = peer.next_request()
    here.target.expect_no_connection()


def test_an_idle_connection_is_closed_after_its_time(scene):
    here = scene(engine=['upstream = { keepalive = "150ms" }'])
    call, peer, request = here.begin()
    peer.respond(request)
    assert call.answer().body == b"ok"
    peer.until_closed()


def test_a_connection_with_a_stream_is_not_idle(scene):
    """Its time began before that of another connection, and would have passed first."""
    here = scene(engine=['upstream = { keepalive = "150ms" }'], options={"settings": {STREAMS_MAX: 1}})
    call, busy, request = here.begin()
    busy.respond(request)
    call.answer()
    held = here.call()
    request = busy.next_request()
    call, idle, other = here.begin()
    idle.respond(other)
    call.answer()
    idle.until_closed()
    busy.respond(request)
    assert held.answer().body == b"ok"


def test_a_target_that_a_reload_takes_away_is_left_with_its_last_stream(scene):
    here = scene()
    call, peer, request = here.begin()
    peer.send_head(request)
    here.engine.reload(f'[routes]\n"{HOST}" = "status:200"\n')
    peer.ping()
    peer.send_body(request, b"finished")
    assert call.answer().body == b"finished"
    peer.until_closed()


# ---- heads

def test_a_request_of_http_1_becomes_one_of_http_2(scene):
    here = scene()
    _, _, request = here.begin(1, "GET", "/a%2fb?c=%00&d", [
        ("Accept", "text/html"), ("TE", "trailers, deflate"), ("Cookie", "a=1; b=2"), ("Keep-Alive", "timeout=5"),
        ("Connection", "TE, X-Hop, Keep-Alive"), ("X-Hop", "1"), ("Proxy-Connection", "keep-alive")])
    assert request.pseudo == {":method": "GET", ":scheme": "http", ":authority": HOST, ":path": "/a%2fb?c=%00&d"}
    assert (request.header("accept"), request.header("te")) == ("text/html", "trailers")
    assert "; ".join(request.all("cookie")) == "a=1; b=2"
    assert re.match(r"1\.1 ", request.header("via")) and request.header("x-forwarded-proto") == "http"
    names = {name for name, _ in request.headers}
    assert not names & {"host", "connection", "keep-alive", "x-hop", "proxy-connection", "transfer-encoding"}


def test_a_request_of_http_2_stays_one(scene):
    here = scene()
    _, _, request = here.begin(2, "GET", "/a?b", [("te", "trailers"), ("cookie", "a=1"), ("cookie", "b=2")])
    assert request.pseudo == {":method": "GET", ":scheme": "http", ":authority": HOST, ":path": "/a?b"}
    assert request.header("te") == "trailers" and "; ".join(request.all("cookie")) == "a=1; b=2"
    assert re.match(r"2(\.0)? ", request.header("via"))


def test_options_of_the_whole_site_reaches_the_target(scene, version):
    _, _, request = scene().begin(version, "OPTIONS", "*")
    assert (request.method, request.path) == ("OPTIONS", "*")


def test_the_answer_says_how_the_target_spoke(scene, version):
    call, peer, request = scene().begin(version)
    peer.respond(request, status=203, headers=[("x-name", "Value"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    answer = call.answer()
    assert (answer.status, answer.header("x-name"), answer.all("set-cookie")) == (203, "Value", ["a=1", "b=2"])
    assert answer.header("via") == "2 engine"


# ---- bodies

@pytest.mark.parametrize("framing", ["length", "unknown"])
def test_uploads_of_many_sizes_arrive_exact(served, version, framing):
    started = served(lambda peer, request: peer.respond(request))
    client = RawClient(started.address) if version == 1 else H2Client(started.address)
    with client:
        for size in SIZES:
            body, headers = pattern(size, size), [("content-length", str(size))]
            if framing == "unknown":
                headers = [("transfer-encoding", "chunked")] if version == 1 else []
            coded = chunked(body) if (version, framing) == (1, "unknown") else body
            assert client.request("POST", "/", headers, coded).status == 200
            request = started.upstream.requests[-1]
            assert request.body == body, size
            assert request.header("content-length") == (str(size) if framing == "length" else None)
    assert started.upstream.connections == 1


@pytest.mark.parametrize("framing", ["length", "unknown"])
def test_downloads_of_many_sizes_are_exact(served, version, framing):
    def serve(peer, request):
        size = int(request.path[1:])
        peer.respond(request, pattern(size), headers=[("content-length", str(size))] * (framing == "length"))
    started = served(serve)
    client = RawClient(started.address) if version == 1 else H2Client(started.address)
    with client:
        for size in SIZES:
            answer = client.request("GET", f"/{size}")
            assert answer.body == pattern(size), size
            assert answer.header("content-length") == (str(size) if framing == "length" else None)
    assert started.upstream.connections == 1


def test_both_directions_flow_at_once(scene, version):
    here = scene()
    call = here.call(version, "POST", headers=[("content-length", "6")], ends=False)
    peer = here.target.accept()
    request = peer.next_request(whole=False)
    peer.send_head(request)
    peer.send_data(request, b"first ")
    if version == 1:
        assert call.client.recv_head().status == 200 and call.client.recv_chunk() == b"first "
    else:
        call.client.until(lambda: call.exchange.body == b"first ", "the first half")
    call.send_rest(b"second")
    assert peer.finish(request).body == b"second"
    peer.send_data(request, b"", end=True)


def test_trailers_of_a_request_reach_the_target(scene, version):
    here = scene()
    if version == 1:
        here.call(1, "POST", "/", [("Transfer-Encoding", "chunked")], chunked(b"hello", "X-Sum: 42\r\n"))
    else:
        call = here.call(2, "POST", ends=False)
        call.client.send_body(call.exchange, b"hello", trailers=[("x-sum", "42")])
    request = here.target.accept().next_request()
    assert (request.body, request.trailers) == (b"hello", [("x-sum", "42")])


def test_trailers_of_an_answer_reach_the_client(scene, version):
    call, peer, request = scene().begin(version)
    peer.respond(request, b"hello", trailers=[("x-sum", "42")])
    answer = call.answer()
    assert answer.body == b"hello" and [(name.lower(), value) for name, value in answer.trailers] == [("x-sum", "42")]


@pytest.mark.parametrize("ends", ["with_the_head", "with_an_empty_frame"])
@pytest.mark.parametrize("method, status", [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_what_has_no_body_stays_so(scene, version, method, status, ends):
    call, peer, request = scene().begin(version, method)
    peer.send_head(request, status, [("x-tag", "1")], ends=ends == "with_the_head")
    if ends == "with_an_empty_frame":
        peer.send_data(request, b"", end=True)
    answer = call.answer()
    assert (answer.status, answer.header("x-tag"), answer.body) == (status, "1", b"")


def test_head_tells_the_length_of_what_get_would_send(scene, version):
    call, peer, request = scene().begin(version, "HEAD")
    peer.send_head(request, headers=[("content-length", "1000")], ends=True)
    assert call.answer().header("content-length") == "1000"


def test_a_client_of_http_1_goes_on_after_an_answer_that_ends_with_its_head(scene):
    call, peer, request = scene().begin(1)
    peer.send_head(request, ends=True)
    assert call.answer().header("content-length") == "0"
    call.client.send_request()
    peer.respond(peer.next_request())
    assert call.answer().body == b"ok"


def test_expect_100_continue_waits_for_the_targets_word(scene, version):
    here = scene()
    call = here.call(version, "POST", headers=[("expect", "100-continue"), ("content-length", "5")], ends=False)
    peer = here.target.accept()
    request = peer.next_request(whole=False)
    assert request.header("expect") == "100-continue" and not request.over
    peer.send_head(request, 100)
    assert call.interim().status == 100
    call.send_rest(b"hello")
    assert peer.finish(request).body == b"hello"
    peer.respond(request)
    assert call.answer().body == b"ok"


def test_early_hints_are_passed_on(scene, version):
    call, peer, request = scene().begin(version)
    peer.send_head(request, 103, [("link", "</style.css>; rel=preload")])
    hint = call.interim()
    assert (hint.status, hint.header("link")) == (103, "</style.css>; rel=preload")
    peer.respond(request)
    assert call.answer().body == b"ok"


def test_a_client_of_http_1_0_gets_what_it_understands(scene):
    here = scene()
    with here.engine.client() as client:
        client.send(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n")
        peer = here.target.accept()
        request = peer.next_request()
        peer.send_head(request, 103)
        peer.respond(request, pattern(100000), trailers=[("x-sum", "42")])
        answer = client.recv_response()
    assert (answer.status, answer.body, answer.header("transfer-encoding")) == (200, pattern(100000), None)


# ---- windows

def serve_another(here, peer):
    other = here.call()
    peer.respond(peer.next_request(), bytes(1000))
    assert other.answer().body == bytes(1000)
    other.close()


def fill(here, peer, request):
    """Sends as much as the windows allow, until they stay shut while others are served; how much."""
    sent = others = 0
    while others < 20:
        peer.poll()
        if (room := min(peer.send_window, request.send_window, 16000)) > 0:
            peer.send_data(request, pattern(room, sent))
            sent, others = sent + room, 0
            assert sent < 60 * MIB, "the windows stay open"
        else:
            serve_another(here, peer)
            others += 1
    return sent


def test_a_slow_client_shuts_the_window_of_its_stream_alone(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    peer.send_head(request)
    serve_another(here, peer)
    before = here.engine.rss_kb()
    sent = fill(here, peer, request)
    assert here.engine.rss_kb() - before < GROWTH_KB
    peer.send_data(request, b"", end=True)
    assert call.answer().body == pattern(sent)


def test_slow_clients_however_many_do_not_stop_the_others(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    calls, requests = [call], [request]
    for _ in range(9):
        calls.append(here.call(version))
        requests.append(peer.next_request())
    for request in requests:
        peer.send_head(request)
        fill(here, peer, request)
    serve_another(here, peer)


def test_a_target_that_never_opens_its_window_stops_the_client(scene, version):
    here = scene(options={"settings": {INITIAL_WINDOW: 0}, "reading": False})
    call = here.call(version, "POST", headers=[("content-length", str(60 * MIB))], ends=False)
    peer = here.target.accept()
    request = peer.next_request(whole=False)
    serve_another(here, peer)
    before = here.engine.rss_kb()
    sent = others = 0
    while others < 20:
        if (count := send_some(call)) > 0:
            sent, others = sent + count, 0
            assert sent < 50 * MIB, "the client is not stopped"
        else:
            serve_another(here, peer)
            others += 1
    assert here.engine.rss_kb() - before < GROWTH_KB and not request.body


def send_some(call):
    """What the client can send now without waiting."""
    if call.version == 1:
        call.client.socket.setblocking(False)
        try:
            return call.client.socket.send(bytes(64 << 10))
        except BlockingIOError:
            return 0
    call.client.poll()
    room = min(call.client.send_window, call.exchange.send_window, 16000)
    if room > 0:
        call.client.send_data(call.exchange, bytes(room))
    return max(room, 0)


def test_an_upload_goes_on_when_the_target_opens_its_window(scene, version):
    here = scene(options={"settings": {INITIAL_WINDOW: 0}, "reading": False})
    call = here.call(version, "POST", headers=[("content-length", "50")], ends=False)
    call.send_rest(pattern(50))
    peer = here.target.accept()
    request = peer.next_request(whole=False)
    for count in range(1, 51):
        peer.widen(request)
        peer.until(lambda: len(request.body) == count, f"octet {count}")
    assert request.body == pattern(50)
    peer.respond(request)
    assert call.answer().body == b"ok"
