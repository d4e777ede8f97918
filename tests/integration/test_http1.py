# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of HTTP/1.1: framing, persistence, interim responses, request targets."""

import json
import subprocess
import threading

import pytest
from harness import FramingError, RawClient, free_port, pattern, wait_until
from upstream import OK, always, site

CHUNKED = [("Transfer-Encoding", "chunked")]


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def proxied(engine, echo):
    """A client of the engine, behind which an echo server answers test.localhost."""
    started = engine(site(echo().port))
    with started.client() as client:
        yield client


def test_a_connection_serves_one_request_after_the_other(proxied):
    for _ in range(100):
        assert proxied.request(target="/ok").body == b"ok"


def test_pipelined_requests_are_answered_in_order(proxied):
    paths = ["/bytes/1", "/delay/30ms/bytes/2", "/bytes/20000", "/chunked/3", "/bytes/5"]
    for path in paths:
        proxied.send_request(target=path)

    bodies = [proxied.recv_response().body for _ in paths]
    assert bodies == [pattern(1), pattern(2), pattern(20000),
                      b"chunk 0\nchunk 1\nchunk 2\n", pattern(5)]


def test_pipelined_requests_with_bodies_are_kept_apart(proxied):
    for number in range(50):
        if number % 2:
            proxied.send_request("POST", "/echo", CHUNKED, chunk(b"%d" % number) + chunk(b""))
        else:
            proxied.send_request("POST", "/echo", body=b"x" * number)
    for number in range(50):
        assert proxied.recv_response().body == (b"%d" % number if number % 2 else b"x" * number)


def test_a_head_may_arrive_octet_by_octet(proxied):
    for octet in b"GET /ok HTTP/1.1\r\nHost: test.localhost\r\n\r\n":
        proxied.send(bytes([octet]))
    assert proxied.recv_response().body == b"ok"


def test_connection_close_is_answered_and_then_closed(proxied):
    answer = proxied.request(target="/ok", headers=[("Connection", "close")])
    assert (answer.body, answer.header("connection")) == (b"ok", "close")
    proxied.expect_closed()


def test_http_1_0_closes_after_the_answer(proxied):
    proxied.send("GET /ok HTTP/1.0\r\nHost: test.localhost\r\n\r\n")
    answer = proxied.recv_response()
    assert (answer.status, answer.body) == (200, b"ok")
    proxied.expect_closed()


def test_http_1_0_stays_open_where_it_is_asked_to(proxied):
    for _ in range(3):
        proxied.send("GET /ok HTTP/1.0\r\nHost: test.localhost\r\nConnection: keep-alive\r\n\r\n")
        answer = proxied.recv_response()
        assert (answer.body, answer.header("connection").lower()) == (b"ok", "keep-alive")


def test_http_1_0_is_never_sent_chunks(proxied):
    proxied.send("GET /chunked/3 HTTP/1.0\r\nHost: test.localhost\r\n"
                 "Connection: keep-alive\r\n\r\n")
    answer = proxied.recv_response()
    assert answer.header("transfer-encoding") is None
    assert answer.body == b"chunk 0\nchunk 1\nchunk 2\n"


def test_http_1_0_without_a_host_gets_the_site_for_every_host(engine, echo):
    with engine(site(echo().port, host="*")).client() as client:
        client.send("GET /ok HTTP/1.0\r\n\r\n")
        assert client.recv_response().body == b"ok"


def test_a_chunked_request_reaches_the_target_complete(proxied):
    body = b"".join(chunk(pattern(size, size)) for size in (1, 10, 5000, 70000)) + chunk(b"")
    answer = proxied.request("POST", "/echo", CHUNKED, body)
    assert answer.body == b"".join(pattern(size, size) for size in (1, 10, 5000, 70000))


def test_chunk_extensions_are_taken_off(engine, upstream):
    peer = upstream()
    with engine(site(peer.port)).client() as client:
        client.request("POST", "/", CHUNKED, b'5;name="va;lue"\r\nhello\r\n0;last\r\n\r\n')
    assert peer.requests[0].body == b"hello"


def test_a_chunked_response_reaches_the_client_chunked(proxied):
    answer = proxied.request(target="/bytes/300k?chunked=1")
    assert answer.header("transfer-encoding") == "chunked"
    assert answer.body == pattern(300 << 10)


def test_pieces_of_a_chunked_response_are_passed_on_as_they_come(engine, upstream):
    def script(peer, _):
        peer.recv_request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"one"))
        peer.upstream.first_was_seen.wait(10)
        peer.send(chunk(b"two") + chunk(b""))
    peer = upstream(script)
    peer.first_was_seen = threading.Event()
    with engine(site(peer.port)).client() as client:
        client.send_request()
        client.recv_head()
        assert client.recv_chunk() == b"one"
        peer.first_was_seen.set()
        assert client.recv_chunk() == b"two"


def test_a_response_that_ends_with_its_connection_is_passed_on(proxied):
    answer = proxied.request(target="/bytes/300k?close=1")
    assert answer.body == pattern(300 << 10)
    assert proxied.request(target="/ok").body == b"ok"  # chunks let the connection live on


def test_trailers_of_a_response_are_passed_on(proxied):
    answer = proxied.request(target="/trailers", headers=[("TE", "trailers")])
    assert answer.trailers == [("X-Checksum", "0123abcd"), ("X-Count", "18")]


def test_trailers_of_a_request_are_passed_on(engine, upstream):
    peer = upstream()
    with engine(site(peer.port)).client() as client:
        client.request("POST", "/", CHUNKED + [("Trailer", "X-Sum")],
                       chunk(b"body") + b"0\r\nX-Sum: 1234\r\n\r\n")
    assert peer.requests[0].trailers == [("X-Sum", "1234")]


@pytest.mark.parametrize("target", ["/bytes/100000", "/chunked/5", "/bytes/10?close=1"])
def test_head_has_no_body(proxied, target):
    answer = proxied.request("HEAD", target)
    assert (answer.status, answer.body) == (200, b"")
    assert proxied.request(target="/ok").body == b"ok"


def test_head_tells_the_length_of_what_get_would_send(proxied):
    assert proxied.request("HEAD", "/bytes/100000").header("content-length") == "100000"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(proxied, status):
    assert proxied.request(target=f"/nobody/{status}").status == status
    assert proxied.request(target="/ok").body == b"ok"


def test_the_length_in_a_304_is_not_waited_for(engine, upstream):
    peer = upstream(always(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"))
    with engine(site(peer.port)).client() as client:
        for _ in range(2):
            assert client.request().status == 304


def test_expect_100_continue_waits_for_the_targets_word(engine, upstream):
    def script(peer, _):
        request = peer.recv_request_head()
        assert request.header("expect") == "100-continue" and peer.buffer == b""
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert peer.recv_body_of(request) == b"hello"
        peer.send(OK)
    with engine(site(upstream(script).port)).client() as client:
        client.send_request("POST", headers=[("Expect", "100-continue"), ("Content-Length", "5")])
        assert client.recv_head().status == 100
        client.send("hello")
        assert client.recv_response().body == b"ok"


def test_a_final_answer_instead_of_100_reaches_the_client_without_the_body(engine, upstream):
    def script(peer, _):
        peer.recv_request_head()
        peer.send(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
    with engine(site(upstream(script).port)).client() as client:
        headers = [("Expect", "100-continue"), ("Content-Length", "5")]
        answer = client.request("POST", headers=headers)
        assert answer.status == 417


def test_curl_uploads_with_expect(engine, echo, tmp_path):
    started = engine(site(echo().port))
    upload = tmp_path / "upload"
    upload.write_bytes(pattern(3 << 20))
    done = subprocess.run(
        ["curl", "-sS", "-H", "Expect: 100-continue", "-H", "Host: test.localhost", "--data-binary",
         f"@{upload}", "--noproxy", "*", f"http://127.0.0.1:{started.port}/echo"],
        capture_output=True, timeout=20)
    assert done.stdout == pattern(3 << 20), done.stderr


def test_early_hints_are_passed_on(proxied):
    proxied.send_request(target="/interim/103?n=2")
    hints = [proxied.recv_head() for _ in range(2)]
    assert [hint.status for hint in hints] == [103, 103]
    assert hints[0].header("link") == "</style.css>; rel=preload; as=style"
    assert proxied.recv_response().body == b"after the hints\n"


def test_http_1_0_gets_no_interim_response(proxied):
    proxied.send("GET /interim/103 HTTP/1.0\r\nHost: test.localhost\r\n\r\n")
    assert proxied.recv_head().status == 200


def test_the_absolute_form_is_routed_by_its_authority(engine, upstream):
    peer = upstream()
    with engine(site(peer.port)).client() as client:
        client.request(target="http://test.localhost/path?query", host="other.localhost")

    assert peer.requests[0].target == "/path?query"
    assert peer.requests[0].header("host") == "test.localhost"


def test_options_of_the_whole_site_reaches_the_target(engine, upstream):
    peer = upstream()
    with engine(site(peer.port)).client() as client:
        assert client.request("OPTIONS", "*").status == 200
    assert (peer.requests[0].method, peer.requests[0].target) == ("OPTIONS", "*")


def test_options_with_max_forwards_0_is_answered_here(engine, upstream):
    peer = upstream()
    with engine(site(peer.port)).client() as client:
        answer = client.request("OPTIONS", "*", [("Max-Forwards", "0")])
        assert answer.status == 204 and "GET" in answer.header("allow")
        assert client.request("OPTIONS", "/", [("Max-Forwards", "5")]).status == 200
    assert [request.header("max-forwards") for request in peer.requests] == ["4"]


def test_an_answer_while_the_body_still_uploads_reaches_the_client(engine, upstream):
    def script(peer, _):
        peer.recv_request_head()
        peer.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        peer.recv_eof()
    with engine(site(upstream(script).port)).client() as client:
        client.send_request("POST", headers=[("Content-Length", "1000000")])
        client.send(b"x" * 1000)
        answer = client.recv_response()
        assert (answer.status, answer.body) == (403, b"no")
        assert answer.header("connection") == "close"


def test_an_upload_may_go_on_while_its_answer_streams(proxied):
    pieces = [pattern(10000, at * 10000) for at in range(10)]
    proxied.send_request("POST", "/echo", CHUNKED)
    for piece in pieces:
        proxied.send(chunk(piece))
    proxied.recv_head()
    got = b""
    while len(got) < 100000:
        got += proxied.recv_chunk()
    proxied.send(chunk(b"the end") + chunk(b""))
    assert got == b"".join(pieces)
    assert proxied.recv_chunk() == b"the end" and proxied.recv_chunk() == b""


def test_an_early_answer_survives_an_upload_that_goes_on(proxied):
    proxied.send_request("POST", "/early", headers=[("Content-Length", str(4 << 20))])
    sent = 0
    try:
        for _ in range(64):
            proxied.send(b"x" * (64 << 10))
            sent += 1
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert proxied.recv_head().status == 413, sent


def test_a_client_that_closed_its_half_gets_its_answer(proxied):
    proxied.send_request(target="/delay/100ms/bytes/100000")
    proxied.half_close()
    assert proxied.recv_response().body == pattern(100000)
    proxied.expect_closed()


def test_pipelined_requests_before_a_half_close_are_all_answered(proxied):
    for size in (10, 20000, 30):
        proxied.send_request(target=f"/bytes/{size}")
    proxied.half_close()
    assert [len(proxied.recv_response().body) for _ in range(3)] == [10, 20000, 30]
    proxied.expect_closed()


def test_a_half_request_behind_a_whole_one_is_refused_at_the_end(proxied):
    proxied.send_request(target="/delay/50ms/ok")
    proxied.send_request("POST", "/count", headers=[("Content-Length", "100")])
    proxied.send("half")
    proxied.half_close()
    assert proxied.recv_response().body == b"ok"
    assert proxied.recv_response().status == 400
    proxied.expect_closed()


def test_a_body_that_ends_too_early_is_never_passed_on_as_complete(engine, upstream):
    seen = []

    def script(peer, _):
        try:
            seen.append(peer.recv_request())
        except (FramingError, OSError):
            seen.append("broken")
    with engine(site(upstream(script).port)).client() as client:
        client.send_request("POST", headers=[("Content-Length", "100")])
        client.send("half")
        client.half_close()
        assert client.recv_response().status == 400
    wait_until(lambda: seen, "the end at the upstream")
    assert seen == ["broken"]


def test_every_method_is_passed_on(engine, upstream):
    peer = upstream()
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get"]
    with engine(site(peer.port)).client() as client:
        for method in methods:
            assert client.request(method).status == 200
    assert [request.method for request in peer.requests] == methods


def test_many_connections_are_served_at_once(engine, echo):
    started = engine(site(echo().port, workers=2))
    clients = [started.client() for _ in range(200)]
    for client in clients:
        client.send_request(target="/delay/50ms/ok")
    assert all(client.recv_response().body == b"ok" for client in clients)
    for client in clients:
        client.close()


def test_a_listener_on_every_address_serves_both_families(engine, echo):
    started = engine(f'listen = ":{free_port()}"\n' + site(echo().port, host="*"))
    for host in ("127.0.0.1", "::1"):
        with RawClient((host, started.port)) as client:
            assert client.request(target="/ok").body == b"ok"
            shown = json.loads(client.request(target="/headers").body)
            assert ["X-Forwarded-For", host] in shown["headers"]
