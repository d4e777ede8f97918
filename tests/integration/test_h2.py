# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/2 towards clients: what a request and its answer become, and that a faulty one harms only itself."""

import re
import threading

import pytest
from certificates import Authority, client_context, local_authority
from h2 import CANCEL, HOST, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, H2Client
from harness import FramingError, RawClient, fnv1a, pattern, wait_until
from hyperframe.frame import DataFrame, HeadersFrame
from upstream import OK, access_line, always, site

MIB = 1 << 20
SIZES = [0, 1, 16383, 16384, 16385, 65535, 65536, MIB + 1]
HELD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome"


@pytest.fixture
def proxied(engine, echo):
    """A client of the engine, behind which an echo server answers test.localhost."""
    started = engine(site(echo().port))
    with H2Client(started.address) as client:
        client.engine = started
        yield client


@pytest.fixture
def scripted(engine, upstream):
    """scripted(script): a client of the engine, behind which that upstream answers test.localhost."""
    clients = []

    def start(script=always(OK), *wishes, **options):
        peer = upstream(script)
        started = engine(site(peer.port, *wishes, **options))
        client = H2Client(started.address)
        client.engine, client.upstream = started, peer
        clients.append(client)
        return client
    yield start
    for each in clients:
        each.close()


def until_its_end(ends):
    """A script that reads a request and waits for the end of its connection, however it ends."""
    def script(peer, _):
        peer.recv_request()
        try:
            peer.recv_eof()
        finally:
            ends.append("over")
    return script


def is_refused(exchange):
    return exchange.status == 400 or exchange.reset == PROTOCOL_ERROR


# ---- requests

def test_every_method_is_passed_on(scripted):
    client = scripted()
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get"]
    for method in methods:
        assert client.request(method).status == 200
    assert [request.method for request in client.upstream.requests] == methods


def test_a_request_becomes_one_of_http_1_1(scripted):
    client = scripted()
    client.request(path="/a%2fb/../c?d=%00&e", headers=[("accept", "text/html"), ("x-two", "1"), ("x-two", "2")])
    request = client.upstream.requests[0]
    assert (request.target, request.version) == ("/a%2fb/../c?d=%00&e", "HTTP/1.1")
    assert (request.header("host"), request.header("accept"), request.all("x-two")) == (HOST, "text/html", ["1", "2"])
    assert request.header("x-forwarded-proto") == "http"
    assert re.match(r"2(\.0)? ", request.header("via"))
    assert not [name for name, _ in request.fields if name.startswith(":")]
    assert request.header("transfer-encoding") is None and request.header("content-length") is None


def test_the_answer_of_http_1_1_becomes_one_of_http_2(scripted):
    client = scripted(always(b"HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX-Name: Value\r\nSet-Cookie: a=1\r\n"
                             b"Set-Cookie: b=2\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
                             b"\r\nok"))
    answer = client.request()
    assert (answer.status, answer.body, answer.header("x-name")) == (200, b"ok", "Value")
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert not {"connection", "keep-alive", "x-hop"} & {name for name, _ in answer.headers}


def test_options_of_the_whole_site_reaches_the_target(scripted):
    client = scripted()
    assert client.request("OPTIONS", "*").status == 200
    assert (client.upstream.requests[0].method, client.upstream.requests[0].target) == ("OPTIONS", "*")


def test_cookie_crumbs_are_joined(scripted):
    client = scripted()
    client.request(headers=[("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2"), ("cookie", "c=3")])
    assert client.upstream.requests[0].all("cookie") == ["a=1; b=2; c=3"]


def test_host_may_stand_in_for_authority(scripted):
    client = scripted()
    fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", HOST)]
    assert client.finish(client.open_fields(fields)).status == 200
    assert client.upstream.requests[0].header("host") == HOST


def test_a_name_without_a_site_is_404(proxied):
    assert proxied.request(authority="other.localhost").status == 404


def test_the_log_says_which_protocol_it_was(proxied):
    proxied.request("POST", "/echo", body=b"hello")
    line = access_line(proxied.engine, path="/echo")
    assert (line["proto"], line["status"], line["bytes_in"], line["bytes_out"]) == ("h2", 200, 5, 5)


# ---- answers without a body, and before the answer

@pytest.mark.parametrize("target", ["/bytes/100000", "/chunked/5", "/bytes/10?close=1"])
def test_head_has_no_body(proxied, target):
    answer = proxied.request("HEAD", target)
    assert (answer.status, answer.body, answer.ended) == (200, b"", True)
    assert proxied.request().body == b"ok"


def test_head_tells_the_length_of_what_get_would_send(proxied):
    assert proxied.request("HEAD", "/bytes/100000").header("content-length") == "100000"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(proxied, status):
    answer = proxied.request(path=f"/nobody/{status}")
    assert (answer.status, answer.body, answer.ended) == (status, b"", True)


def test_early_hints_are_passed_on(proxied):
    answer = proxied.request(path="/interim/103?n=2")
    assert [(hint.status, hint.header("link")) for hint in answer.interim] == \
        [(103, "</style.css>; rel=preload; as=style")] * 2
    assert answer.body == b"after the hints\n"


def test_expect_100_continue_waits_for_the_targets_word(scripted):
    def script(peer, _):
        request = peer.recv_request_head()
        assert request.header("expect") == "100-continue" and peer.buffer == b""
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert peer.recv_body_of(request) == b"hello"
        peer.send(OK)
    client = scripted(script)
    answer = client.open("POST", headers=[("expect", "100-continue"), ("content-length", "5")], ends=False)
    client.until(lambda: answer.interim, "100")
    client.send_body(answer, b"hello")
    assert client.finish(answer).body == b"ok" and [hint.status for hint in answer.interim] == [100]


# ---- bodies

@pytest.mark.parametrize("framing", ["", "?chunked=1", "?close=1"])
def test_downloads_of_many_sizes_are_exact(proxied, framing):
    for size in SIZES:
        answer = proxied.request(path=f"/bytes/{size}{framing}")
        assert answer.ended and answer.body == pattern(size), size
        assert answer.header("content-length") == (None if framing else str(size))


@pytest.mark.parametrize("framing", ["length", "unknown"])
def test_uploads_of_many_sizes_come_back_exact(proxied, framing):
    for size in SIZES:
        headers = [("content-length", str(size))] if framing == "length" else []
        answer = proxied.request("POST", "/echo", headers, body=pattern(size, size))
        assert answer.ended and answer.body == pattern(size, size), size


def test_the_target_counts_what_was_uploaded(proxied):
    body = pattern(300000)
    assert f'"bytes":300000,"fnv":"{fnv1a(body)}"' in proxied.request("POST", "/count", body=body).text


def test_a_large_body_is_exact_both_ways(proxied):
    assert proxied.request(path="/bytes/20m").body == pattern(20 * MIB)
    assert f'"bytes":{20 * MIB}' in proxied.request("POST", "/count", body=pattern(20 * MIB)).text


def test_the_length_of_an_upload_reaches_the_target(scripted):
    client = scripted()
    client.request("POST", headers=[("content-length", "5")], body=b"hello")
    client.request("POST", body=b"hello")
    known, unknown = client.upstream.requests
    assert (known.header("content-length"), known.header("transfer-encoding"), known.body) == ("5", None, b"hello")
    assert (unknown.header("content-length"), unknown.header("transfer-encoding"), unknown.body) == \
        (None, "chunked", b"hello")


@pytest.mark.parametrize("sent", [b"hell", b"hello!"])
def test_a_body_that_contradicts_its_length_is_never_passed_on_as_complete(scripted, sent):
    seen = []

    def script(peer, _):
        try:
            seen.append(peer.recv_request().body)
            peer.recv_eof()
        except (FramingError, OSError):
            seen.append("broken")
    client = scripted(script)
    answer = client.open("POST", headers=[("content-length", "5")], ends=False)
    client.send_body(answer, sent)
    assert is_refused(client.finish(answer))
    wait_until(lambda: client.upstream.connections == len(seen), "the end at the upstream")
    assert seen in ([], ["broken"])  # it may be refused before a target is asked


def test_padding_is_taken_off(proxied):
    answer = proxied.open("POST", "/echo", ends=False)
    for piece, padding in ((b"one ", 1), (b"", 200), (b"two ", 255), (b"three", 100)):
        proxied.send_data(answer, piece, padding=padding)
    proxied.send_data(answer, b"", end=True, padding=9)
    assert proxied.finish(answer).body == b"one two three"


def test_padding_and_priority_of_a_head_are_taken_off(proxied):
    frame = proxied.head(proxied.fields())[0]
    frame.flags |= {"PADDED", "PRIORITY"}
    frame.pad_length, frame.depends_on, frame.stream_weight, frame.exclusive = 30, 0, 255, True
    proxied.send_frames(frame)
    assert proxied.finish(proxied.exchanges[frame.stream_id]).body == b"ok"


def test_padding_counts_against_the_window_and_is_given_back(proxied):
    answer = proxied.open("POST", "/count", ends=False)
    for _ in range(5000):
        frame = DataFrame(answer.stream, b"x", pad_length=255, flags=["PADDED"])
        proxied.until(lambda: min(proxied.send_window, answer.send_window) >= frame.flow_controlled_length, "room")
        proxied.send_data(answer, b"x", padding=255)
    proxied.send_data(answer, b"", end=True)
    assert '"bytes":5000' in proxied.finish(answer).text


def test_an_upload_may_go_on_while_its_answer_streams(proxied):
    answer = proxied.open("POST", "/echo", ends=False)
    for number in range(5):
        proxied.send_data(answer, b"%d" % number)
        proxied.until(lambda: answer.body.endswith(b"%d" % number), "the echo")
    proxied.send_data(answer, b"", end=True)
    assert proxied.finish(answer).body == b"01234"


def test_an_answer_while_the_body_still_uploads_reaches_the_client(proxied):
    answer = proxied.open("POST", "/early", headers=[("content-length", str(4 * MIB))], ends=False)
    proxied.send_body(answer, pattern(4 * MIB))
    proxied.finish(answer)
    assert (answer.status, answer.body) == (413, b"refused before the body was read\n")
    proxied.ping()
    assert answer.reset in (None, NO_ERROR)
    assert proxied.request().body == b"ok"


def test_events_are_passed_on_one_by_one(scripted):
    seen = threading.Semaphore(0)

    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(5):
            peer.send(b"9\r\ndata: %d\n\n\r\n" % number)
            assert seen.acquire(timeout=10)
        peer.send(b"0\r\n\r\n")
    client = scripted(script)
    answer = client.open()
    for number in range(5):
        client.until(lambda: answer.body == b"".join(b"data: %d\n\n" % each for each in range(number + 1)), "an event")
        seen.release()
    assert client.finish(answer).ended


# ---- trailers and large heads

def test_trailers_of_a_response_are_passed_on(proxied):
    answer = proxied.request(path="/trailers", headers=[("te", "trailers")])
    assert answer.body == b"two fields follow\n"
    assert answer.trailers == [("x-checksum", "0123abcd"), ("x-count", "18")]


def test_trailers_of_a_request_are_passed_on(scripted):
    client = scripted()
    announced = [("te", "trailers"), ("trailer", "x-sum")]
    client.request("POST", headers=announced, body=b"body", trailers=[("x-sum", "1234")])
    request = client.upstream.requests[0]
    assert [(name.lower(), value) for name, value in request.trailers] == [("x-sum", "1234")]
    assert (request.body, request.header("te")) == (b"body", "trailers")


def test_trailers_never_become_what_frames_or_routes(scripted):
    client = scripted()
    client.request("POST", body=b"body", trailers=[("x-sum", "1"), ("host", "evil"), ("authorization", "no")])
    assert [name.lower() for name, _ in client.upstream.requests[0].trailers] == ["x-sum"]


def test_a_large_head_in_many_frames_reaches_the_target(scripted):
    client = scripted()
    fields = [(f"x-field-{number}", f"{number}" + "x" * 600) for number in range(80)]
    assert client.finish(client.open(headers=fields, size=4000)).status == 200
    got = [(name.lower(), value) for name, value in client.upstream.requests[0].fields]
    assert [each for each in got if each[0].startswith("x-field")] == fields


def test_a_head_past_its_limit_is_431_and_the_connection_lives_on(proxied):
    fields = [(f"x-field-{number}", "~" * 4000) for number in range(20)]
    assert proxied.request(headers=fields).status == 431
    assert proxied.request().body == b"ok"


def test_a_path_past_its_limit_is_414(proxied):
    assert proxied.request(path="/" + "x" * 17000).status == 414


def test_a_large_head_of_the_target_reaches_the_client(scripted):
    fields = [(f"x-field-{number}", f"{number}" + "x" * 600) for number in range(80)]
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    answer = scripted(always(b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 2\r\n\r\nok")).request()
    assert [each for each in answer.headers if each[0].startswith("x-field")] == fields and answer.body == b"ok"


# ---- many at once

def test_a_hundred_streams_at_once_do_not_mix(proxied):
    answers = [proxied.open("POST", "/echo", ends=False) for _ in range(100)]
    for number, answer in enumerate(answers):
        proxied.send_data(answer, pattern(500, number * 4096), end=True)
    proxied.finish(*answers)
    assert [answer.body for answer in answers] == [pattern(500, number * 4096) for number in range(100)]


def test_streams_past_the_announced_limit_are_refused_and_the_others_served(scripted):
    released = threading.Event()

    def script(peer, _):
        while peer.recv_request() is not None:
            released.wait(10)
            peer.send(OK)
    client = scripted(script)
    client.until(lambda: client.settings, "the settings")
    limit = client.settings[3]  # SETTINGS_MAX_CONCURRENT_STREAMS
    answers = [client.open() for _ in range(limit + 5)]
    client.finish(*answers[limit:])
    assert {answer.reset for answer in answers[limit:]} == {REFUSED_STREAM}
    released.set()
    client.finish(*answers)
    assert {answer.status for answer in answers[:limit]} == {200}


def test_hundreds_of_requests_follow_one_another(proxied):
    for _ in range(300):
        assert proxied.request().body == b"ok"


# ---- what is refused

def changed(**pseudo):
    """A GET's fields with other values; without those that are None."""
    usual = {"method": "GET", "scheme": "http", "authority": HOST, "path": "/ok"} | pseudo
    return [(f":{name}", value) for name, value in usual.items() if value is not None]


MALFORMED = {
    "no method": changed(method=None),
    "no scheme": changed(scheme=None),
    "no path": changed(path=None),
    "an empty path": changed(path=""),
    "a path without its slash": changed(path="ok"),
    "a blank in the path": changed(path="/ok HTTP/1.1"),
    "a line end in the path": changed(path="/ok\r\nX-Injected: 1"),
    "a fragment in the path": changed(path="/ok#part"),
    "a blank in the method": changed(method="GET /admin"),
    "two paths": changed() + [(":path", "/other")],
    "an unknown pseudo-header field": changed() + [(":other", "1")],
    "a pseudo-header field of responses": changed() + [(":status", "200")],
    "a pseudo-header field behind others": changed(path=None) + [("accept", "*/*"), (":path", "/ok")],
    "a protocol without CONNECT": changed(protocol="websocket"),
    "a user in the authority": changed(authority=f"user@{HOST}"),
    "an authority that is none": changed(authority="a b"),
    "a Host that differs": changed() + [("host", "other.localhost")],
    "two Hosts": changed(authority=None) + [("host", HOST), ("host", HOST)],
    "a name in capitals": changed() + [("X-Name", "1")],
    "a name with a colon": changed() + [("x:name", "1")],
    "an empty name": changed() + [("", "1")],
    "a line end in a value": changed() + [("x-name", "1\r\nX-Injected: 1")],
    "a NUL in a value": changed() + [("x-name", "1\0")],
    "a blank before a value": changed() + [("x-name", " 1")],
    "a length that is none": changed() + [("content-length", "-1")],
    "two lengths": changed() + [("content-length", "0"), ("content-length", "1")],
    "a length without content": changed() + [("content-length", "5")],
    "Connection": changed() + [("connection", "keep-alive")],
    "Keep-Alive": changed() + [("keep-alive", "timeout=5")],
    "Proxy-Connection": changed() + [("proxy-connection", "close")],
    "Transfer-Encoding": changed() + [("transfer-encoding", "chunked")],
    "Upgrade": changed() + [("upgrade", "h2c")],
    "TE that is not trailers": changed() + [("te", "gzip")],
}


def test_malformed_requests_are_refused_and_their_neighbours_are_not(scripted):
    client = scripted()
    refused = {what: client.finish(client.open_fields(fields)) for what, fields in MALFORMED.items()}
    assert [what for what, answer in refused.items() if not is_refused(answer)] == []
    assert client.request().status == 200
    assert [request.target for request in client.upstream.requests] == ["/ok"]


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_methods_that_are_not_served_are_refused(scripted, method):
    client = scripted()
    fields = changed(method="CONNECT", scheme=None, path=None) if method == "CONNECT" else changed(method=method)
    answer = client.finish(client.open_fields(fields))
    assert answer.status in (405, 501) or answer.reset == PROTOCOL_ERROR
    assert client.upstream.requests == []


# ---- ends that come too early

def test_a_reset_of_the_client_cancels_the_targets_work(scripted):
    ends = []
    client = scripted(until_its_end(ends))
    answer = client.open()
    client.upstream.wait_for_requests(1)
    client.reset(answer)
    wait_until(lambda: ends, "the end at the target")
    client.ping()


def test_a_reset_in_the_middle_of_an_upload_cancels_it(scripted):
    seen = []

    def script(peer, _):
        try:
            seen.append(peer.recv_request())
        except (FramingError, OSError):
            seen.append("broken")
    client = scripted(script)
    answer = client.open("POST", ends=False)
    client.send_data(answer, pattern(10000))
    client.upstream.wait_for_requests(1)
    client.reset(answer)
    assert wait_until(lambda: seen, "the end at the target") == ["broken"]


def test_a_reset_in_the_middle_of_a_download_frees_the_connection_for_others(proxied):
    answers = [proxied.open(path="/bytes/50m") for _ in range(10)]
    proxied.until(lambda: all(answer.body for answer in answers), "the beginnings")
    for answer in answers:
        proxied.reset(answer)
    assert proxied.request().body == b"ok"


def test_a_client_that_is_gone_cancels_all_its_requests(scripted):
    ends = []
    client = scripted(until_its_end(ends))
    for _ in range(5):
        client.open()
    client.upstream.wait_for_requests(5)
    client.close()
    wait_until(lambda: len(ends) == 5, "the ends at the target")


@pytest.mark.parametrize("death", ["/die/body", "/die/chunk", "/die/rst?after=1000"])
def test_a_response_that_breaks_off_is_reset_and_never_ended(proxied, death):
    answer = proxied.request(path=death)
    assert not answer.ended and answer.reset not in (None, NO_ERROR)
    assert proxied.request().body == b"ok"


@pytest.mark.parametrize("death", ["/die/head", "/die/mid-head", "/die/rst", "/garbage"])
def test_a_target_that_dies_before_its_head_is_502(proxied, death):
    answer = proxied.request(path=death)
    assert (answer.status, answer.ended) == (502, True)


def test_the_end_of_one_stream_leaves_its_neighbours_alone(scripted):
    released = threading.Event()

    def script(peer, _):
        request = peer.recv_request()
        if request.target == "/dies":
            return peer.send(HELD)
        peer.send(HELD)
        released.wait(10)
        peer.send(b"x" * 996)
        peer.recv_eof()
    client = scripted(script)
    neighbours = [client.open() for _ in range(5)]
    client.until(lambda: all(each.body == b"some" for each in neighbours), "the neighbours' beginnings")
    broken, cancelled = client.open(path="/dies"), client.open()
    client.reset(cancelled, CANCEL)
    client.finish(broken)
    released.set()
    client.finish(*neighbours)
    assert broken.reset and all(each.ended and len(each.body) == 1000 for each in neighbours)


# ---- TLS

def test_a_client_that_offers_h2_over_tls_gets_it(engine, echo):
    started = engine(site(echo().port))
    with H2Client(started.address, tls=client_context(local_authority(started), "h2", "http/1.1")) as client:
        assert client.socket.selected_alpn_protocol() == "h2"
        assert '["X-Forwarded-Proto","https"]' in client.request(path="/headers").text
        assert client.request(path="/bytes/5m").body == pattern(5 * MIB)
        assert client.request("POST", "/echo", body=pattern(MIB)).body == pattern(MIB)
    line = access_line(started, path="/headers")
    assert (line["proto"], line["tls"]) == ("h2", "1.3")


def test_a_client_that_offers_only_http_1_1_gets_it(engine, echo):
    started = engine(site(echo().port))
    context = client_context(local_authority(started), "http/1.1")
    with RawClient(started.address, tls=context, server_name=HOST) as client:
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        assert client.request(target="/ok").body == b"ok"


def test_a_name_that_the_connections_certificate_does_not_cover_is_421(engine, echo, tmp_path):
    authority = Authority(tmp_path)
    covers, other = authority.issue("a.example.com", "b.example.com"), authority.issue("c.example.com")
    started = engine(site(echo().port, host="*") + f"[tls]\nfiles = [{covers.entry()}, {other.entry()}]\n")
    with H2Client(started.address, tls=authority.client("h2"), name="a.example.com") as client:
        assert client.request(authority="a.example.com").body == b"ok"
        assert client.request(authority="b.example.com").body == b"ok"
        assert client.request(authority="c.example.com").status == 421
        assert client.request(authority="a.example.com").body == b"ok"


# ---- the beginning of a connection

def beginning(client):
    """All that a client may send before it hears anything."""
    return b"".join(frame.serialize() for frame in client.head(client.fields()))


def test_the_preface_may_arrive_octet_by_octet(proxied, engine):
    with H2Client(proxied.engine.address, preface=False) as client:
        for octet in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0" + beginning(client):
            client.send(bytes([octet]))
        assert client.finish(client.exchanges[1]).body == b"ok"


def test_preface_settings_and_request_may_come_in_one_write(proxied):
    with H2Client(proxied.engine.address, preface=False) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0" + beginning(client))
        assert client.finish(client.exchanges[1]).body == b"ok"
        client.until(lambda: client.settings_acks == 1, "the acknowledgement of our settings")


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: test.localhost\r\n\r\n", bytes(100), b"\xff" * 100])
def test_garbage_after_the_preface_ends_the_connection_with_goaway(proxied, garbage):
    with H2Client(proxied.engine.address, preface=False) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + garbage)
        client.until_closed()
        assert client.goaways and client.goaways[-1][1] != NO_ERROR


def test_half_a_preface_that_goes_on_otherwise_is_refused(proxied):
    with RawClient(proxied.engine.address) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX" + b"x" * 20)
        answer = client.recv_eof()
        assert b" 200 " not in answer


def test_http_1_1_on_the_same_port_still_works(proxied):
    with RawClient(proxied.engine.address) as client:
        assert client.request(target="/ok").body == b"ok"


@pytest.mark.parametrize("frames,codes", [
    ([DataFrame(1, b"x")], (PROTOCOL_ERROR,)),
    ([HeadersFrame(2, b"\x82\x86\x84", flags=["END_HEADERS", "END_STREAM"])], (PROTOCOL_ERROR,)),
    ([HeadersFrame(1, b"\xff\xff\xff\xff\xff\xff\xff\xff", flags=["END_HEADERS", "END_STREAM"])], (9,)),
], ids=["DATA of no stream", "a stream of even number", "HPACK that is none"])
def test_frames_that_break_the_protocol_end_the_connection(proxied, frames, codes):
    proxied.send_frames(*frames)
    proxied.expect_failure(*codes)
