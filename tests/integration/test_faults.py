# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that die at each phase of an exchange: the right status or a visibly broken response,
never one that looks complete; and the next request works."""

import threading

import pytest
from descriptors import LISTENERS, sockets
from harness import FramingError, free_port, wait_until
from upstream import OK, access_line, site

JSON = [("Accept", "application/json")]
BROKEN = (FramingError, ConnectionResetError)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def dying(engine, upstream):
    """dying(script): an engine whose target's first connection does that, and later ones answer."""
    def start(script, *wishes):
        def first_dies(peer, number):
            request = peer.recv_request()
            if request is None:
                return
            if number == 1:
                return script(peer)
            while request is not None:
                peer.send(OK)
                request = peer.recv_request()
        peer = upstream(first_dies)
        started = engine(site(peer.port, *wishes))
        started.upstream = peer
        return started
    return start


def next_works(started):
    with started.client() as client:
        assert client.request().body == b"ok"


def fails_with(started, status, name, details=""):
    """A 5xx of the engine's own on a connection that lives on, and its line in the log."""
    with started.client() as client:
        answer = client.request(headers=JSON)
        assert answer.status == status
        assert answer.header("proxy-status").startswith(
            f'engine; error={name}; next-hop="localhost:{started.upstream.port}"')
        assert details in answer.text
        assert client.request().body == b"ok"
    assert access_line(started, status=status)["error"] == name


def breaks(started, target="/", version="1.1", name="http_response_incomplete"):
    """What came of a response that broke off visibly."""
    with started.client() as client:
        client.send(f"GET {target} HTTP/{version}\r\nHost: test.localhost\r\n\r\n")
        head = client.recv_head()
        assert head.status == 200
        with pytest.raises(BROKEN):
            client._recv_body(head, "GET")
    next_works(started)
    assert access_line(started, error=name)["status"] == 200
    return head


def test_death_before_the_head_is_502(dying):
    fails_with(dying(lambda peer: None), 502, "connection_terminated")


def test_a_reset_before_the_head_is_502(dying):
    fails_with(dying(lambda peer: peer.reset()), 502, "connection_terminated", "reset")


def test_death_inside_the_head_is_502(dying):
    started = dying(lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nContent-Le"))
    fails_with(started, 502, "http_response_incomplete")


def test_a_reset_inside_the_head_is_502(dying):
    def script(peer):
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        peer.upstream.wait_for_requests(1)
        peer.reset()
    started = dying(script)
    with started.client() as client:
        assert client.request().status == 502
    next_works(started)


def test_death_after_an_interim_head_is_502(dying):
    def script(peer):
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    started = dying(script)
    with started.client() as client:
        client.send_request()
        assert client.recv_head().status == 103
        assert client.recv_response().status == 502
    next_works(started)


def test_death_right_after_the_head_breaks_the_response(dying):
    breaks(dying(lambda peer: peer.send(LENGTH % 100)))


def test_death_inside_a_body_of_known_length_breaks_the_response(dying):
    breaks(dying(lambda peer: peer.send(LENGTH % 100 + b"x" * 99)))


def test_death_inside_a_large_body_breaks_the_response(dying):
    breaks(dying(lambda peer: peer.send(LENGTH % 5000000 + b"x" * 4000000)))


def test_death_inside_a_chunk_breaks_the_response(dying):
    breaks(dying(lambda peer: peer.send(CHUNKED + b"10\r\nhalf")))


def test_death_between_chunks_breaks_the_response(dying):
    breaks(dying(lambda peer: peer.send(CHUNKED + b"4\r\nfull\r\n")))


def test_death_before_the_end_of_the_trailers_breaks_the_response(dying):
    breaks(dying(lambda peer: peer.send(CHUNKED + b"0\r\nX-Sum: 1\r\n")))


def test_bad_chunks_break_the_response(dying):
    breaks(dying(lambda peer: peer.send(CHUNKED + b"nonsense\r\n")),
           name="http_protocol_error")


def reset_without_framing(peer):
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nsome of it")
    peer.upstream.seen.wait(10)
    peer.reset()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_reset_of_an_endless_body_breaks_the_response(dying, version):
    started = dying(reset_without_framing)
    started.upstream.seen = threading.Event()
    with started.client() as client:
        client.send(f"GET / HTTP/{version}\r\nHost: test.localhost\r\n\r\n")
        head = client.recv_head()
        client.recv_until(b"some of it")
        started.upstream.seen.set()
        with pytest.raises(BROKEN):
            client._recv_body(head, "GET")
    next_works(started)


def test_a_client_of_http_1_0_sees_a_broken_chunk_as_a_reset(dying):
    breaks(dying(lambda peer: peer.send(CHUNKED + b"10\r\nhalf")),
           version="1.0")


def test_an_orderly_end_of_an_endless_body_is_complete(dying):
    started = dying(lambda peer: peer.send(b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    with started.client() as client:
        assert client.request().body == b"all of it"
    assert "error" not in access_line(started, status=200)


def test_a_target_that_talks_no_http_is_502(dying):
    started = dying(lambda peer: peer.send(b"220 smtp.example.com ESMTP\r\n"))
    fails_with(started, 502, "http_protocol_error")


def test_a_response_with_two_framings_is_502(dying):
    fails_with(dying(lambda peer: peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                                            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
               502, "http_protocol_error")


def test_endless_interim_responses_are_502(dying):
    def script(peer):
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
        peer.recv_eof()
    started = dying(script)
    with started.client() as client:
        client.send_request()
        assert client.recv_response().status == 502
    next_works(started)


def test_a_target_that_is_not_there_is_502_and_named(engine):
    port = free_port()
    started = engine(site(port))
    with started.client() as client:
        for _ in range(2):
            answer = client.request(headers=JSON)
            assert answer.status == 502
            assert answer.header("proxy-status").startswith(
                f'engine; error=connection_refused; next-hop="localhost:{port}"; '
                'details="Connection refused"')
            assert f"localhost:{port}" in answer.text and "Connection refused" in answer.text
    assert access_line(started)["error"] == "connection_refused"


def test_a_unix_socket_that_is_not_there_is_502(engine, tmp_path):
    with engine(site(f"unix:{tmp_path}/none")).client() as client:
        answer = client.request()
        assert answer.status == 502 and str(tmp_path) in answer.text


def test_death_while_the_body_uploads_is_502(engine, upstream):
    def script(peer, number):
        peer.recv_request_head()
        if number == 1:
            return peer.reset()
        return peer.send(OK)
    started = engine(site(upstream(script).port))
    with started.client() as client:
        client.send_request("POST", headers=[("Content-Length", "1000000")])
        client.send(b"x" * 1000)
        assert client.recv_response().status == 502
    next_works(started)


def test_a_client_that_resets_ends_its_exchange_at_the_target(engine, upstream):
    ends = []

    def script(peer, _):
        peer.recv_request()
        try:
            ends.append(peer.recv_eof())
        except ConnectionResetError:
            ends.append("reset")
    peer = upstream(script)
    started = engine(site(peer.port))
    client = started.client()
    client.send_request(target="/gone")
    peer.wait_for_requests(1)
    client.reset()
    assert wait_until(lambda: ends, "the end at the target") == ["reset"]
    assert access_line(started, path="/gone")["error"] == "client_closed"


def test_a_client_that_resets_inside_a_download_frees_everything(engine, echo):
    started = engine(site(echo().port))
    client = started.client()
    client.send_request(target="/bytes/1g")
    client.recv_head()
    client.reset()
    wait_until(lambda: sockets(started) == LISTENERS, "every socket closed")
    assert access_line(started)["error"] == "client_closed"


def test_after_many_faults_nothing_is_left_open(engine, echo):
    started = engine(site(echo().port, engine=['upstream = { max_idle = 0 }']))
    with started.client() as client:
        client.request(target="/ok")
    for _ in range(5):
        for path in ("/die/head", "/die/mid-head", "/die/body", "/die/chunk", "/die/rst",
                     "/die/rst?after=10", "/garbage", "/early"):
            with started.client() as client:
                client.send_request(target=path)
                try:
                    client.recv_response()
                except BROKEN:
                    pass
    wait_until(lambda: sockets(started) == LISTENERS, "every socket closed")
