# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that speak HTTP/2, when something ends early: what is tried again, what is not, and that one stream's fault
harms that stream alone."""

import signal
import socket

import pytest
from h2 import CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM
from harness import pattern
from hyperframe.frame import HeadersFrame, SettingsFrame
from upstream import access_line, site


def complete(call, peer, request):
    """The stream goes on to its end."""
    peer.respond(request)
    assert call.answer().body == b"ok"


def expect_502(call, *details):
    answer = call.answer()
    assert answer.status == 502
    assert all(words in answer.header("proxy-status") for words in details), answer.header("proxy-status")


# ---- a client that goes away

@pytest.mark.parametrize("when", ["before_the_answer", "in_the_answer"])
def test_a_client_that_goes_away_cancels_its_stream_alone(scene, version, when):
    here = scene()
    call, peer, request = here.begin(version)
    other = here.call(version)
    other_request = peer.next_request()
    if when == "in_the_answer":
        peer.send_head(request)
        peer.send_data(request, b"some")
    call.leave()
    peer.until(lambda: request.reset is not None, "the reset")
    assert request.reset == CANCEL
    complete(other, peer, other_request)


def test_a_connection_of_http_2_that_ends_cancels_all_its_streams(scene):
    here = scene()
    call, peer, request = here.begin(2)
    call.client.open()
    requests = [request, peer.next_request()]
    call.close()
    peer.until(lambda: all(each.reset == CANCEL for each in requests), "the resets")


# ---- a target that ends a stream

@pytest.mark.parametrize("length", [[], [("content-length", "1000")]], ids=["unknown", "length"])
@pytest.mark.parametrize("code", [NO_ERROR, INTERNAL_ERROR])
def test_a_reset_in_the_body_is_no_end_of_it(scene, version, length, code):
    here = scene()
    call, peer, request = here.begin(version)
    peer.send_head(request, headers=length)
    peer.send_data(request, b"some")
    peer.reset(request, code)
    call.expect_broken()
    complete(here.call(version), peer, peer.next_request())


def test_a_reset_before_the_answer_is_502(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    peer.reset(request, INTERNAL_ERROR)
    expect_502(call, "error=connection_terminated")
    complete(here.call(version), peer, peer.next_request())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_request_without_content_is_tried_again(scene, version, method):
    here = scene()
    call, peer, request = here.begin(version, method, "/again")
    peer.reset(request, REFUSED_STREAM)
    second = here.target.accept()
    again = second.next_request()
    assert (again.method, again.path) == (method, "/again")
    complete(call, second, again)
    assert access_line(here.engine)["tries"] == 2


def test_a_request_that_is_refused_twice_is_502(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    peer.reset(request, REFUSED_STREAM)
    second = here.target.accept()
    second.reset(second.next_request(), REFUSED_STREAM)
    expect_502(call)
    here.target.expect_no_connection()


def test_a_refused_request_with_content_is_502(scene, version):
    here = scene()
    call, peer, request = here.begin(version, "POST", body=b"order")
    peer.reset(request, REFUSED_STREAM)
    expect_502(call)
    here.target.expect_no_connection()


def test_content_past_the_announced_length_never_looks_complete(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    peer.send_head(request, headers=[("content-length", "3")])
    peer.send_data(request, b"four", end=True)
    peer.until(lambda: request.reset == PROTOCOL_ERROR, "the reset")
    call.expect_broken()


def test_content_short_of_the_announced_length_never_looks_complete(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    peer.send_head(request, headers=[("content-length", "5")])
    peer.send_data(request, b"four", end=True)
    call.expect_broken()


def test_an_answer_may_come_before_the_request_is_complete(scene, version):
    """With a reset that is no error, the target says that it wants no more of the request (RFC 9113 section 8.1)."""
    here = scene()
    call = here.call(version, "POST", headers=[("content-length", "1000")], ends=False)
    peer = here.target.accept()
    request = peer.next_request(whole=False)
    peer.respond(request, b"too much", 413)
    peer.reset(request, NO_ERROR)
    answer = call.answer()
    assert (answer.status, answer.body) == (413, b"too much")
    complete(here.call(version), peer, peer.next_request())


# ---- the engine ends a stream

def test_a_stream_without_an_answer_in_time_is_cancelled_alone(scene, version):
    here = scene('timeout = { first_byte = "150ms" }')
    call, peer, request = here.begin(version)
    answer = call.answer()
    assert answer.status == 504 and "error=http_response_timeout" in answer.header("proxy-status")
    peer.until(lambda: request.reset == CANCEL, "the reset")
    complete(here.call(version), peer, peer.next_request())


def test_a_stream_finishes_before_the_engine_stops(scene, version):
    here = scene(engine=['grace = "20s"'])
    call, peer, request = here.begin(version)
    peer.send_head(request)
    here.engine.signal(signal.SIGTERM)
    peer.ping()
    peer.send_body(request, b"finished")
    assert call.answer().body == b"finished"
    call.close()
    peer.until_closed()
    assert here.engine.wait() == 0


# ---- a target that ends the connection

def test_what_a_goaway_leaves_out_is_tried_again_and_the_rest_finishes(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    others = [here.call(version, "POST", path=f"/{number}") for number in range(3)]
    peer.next_requests(3)
    peer.go_away(request.stream)
    second = here.target.accept()
    again = second.next_requests(3)
    assert sorted(each.path for each in again) == ["/0", "/1", "/2"]
    for each in again:
        second.respond(each)
    assert [other.answer().body for other in others] == [b"ok"] * 3
    complete(call, peer, request)
    peer.until_closed()


def test_after_a_goaway_new_requests_go_to_a_new_connection(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    peer.go_away(request.stream)
    peer.ping()
    complete(*here.begin(version))
    complete(call, peer, request)
    peer.until_closed()


def test_an_idempotent_request_on_a_used_connection_that_ends_is_tried_again(scene, version):
    here = scene()
    complete(*(first := here.begin(version)))
    call = here.call(version, path="/again")
    first[1].next_request()
    first[1].close()
    second = here.target.accept()
    request = second.next_request()
    assert request.path == "/again"
    complete(call, second, request)


@pytest.mark.parametrize("method, body", [("POST", None), ("PUT", b"state")])
def test_what_may_have_been_done_is_not_done_twice(scene, version, method, body):
    here = scene()
    complete(*(first := here.begin(version)))
    call = here.call(version, method, body=body)
    first[1].next_request()
    first[1].close()
    expect_502(call, "error=connection_terminated")
    here.target.expect_no_connection()


def test_a_first_request_whose_connection_ends_is_502(scene, version):
    here = scene()
    call, peer, _ = here.begin(version)
    peer.close()
    expect_502(call, "error=connection_terminated")
    here.target.expect_no_connection()


def test_a_connection_that_ends_in_an_answer_breaks_it(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    peer.send_head(request)
    peer.send_data(request, b"some")
    peer.close()
    call.expect_broken()
    complete(*here.begin(version))


def test_an_answer_that_is_complete_survives_the_end_of_its_connection(scene, version):
    """More than the window of a client that begins to read when the connection is known to have ended."""
    here = scene()
    call, peer, request = here.begin(version)
    peer.respond(request, pattern(200000))
    peer.socket.shutdown(socket.SHUT_WR)
    complete(*here.begin(version))
    assert call.answer().body == pattern(200000)
    peer.until_closed()


# ---- targets that are none

def speak_http_1(accepted):
    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("say", [speak_http_1, lambda accepted: None], ids=["http_1", "nothing"])
def test_a_target_that_speaks_no_http_2_is_502_and_said_so(scene, version, say):
    here = scene()
    calls = [here.call(version) for _ in range(3)]
    peer = here.target.accept(greets=False)
    say(peer.socket)
    peer.close()
    for call in calls:
        expect_502(call, "HTTP/2")


def test_nginx_without_http_2_is_said_so(engine, nginx):
    with engine(site(f"h2c://127.0.0.1:{nginx().port}")).client() as client:
        answer = client.request()
    assert answer.status == 502 and "the target does not speak HTTP/2" in answer.header("proxy-status")


def test_a_target_that_says_nothing_is_504_after_the_connect_limit(scene, version):
    here = scene('timeout = { connect = "150ms" }')
    calls = [here.call(version) for _ in range(3)]
    here.target.accept(greets=False)
    for call in calls:
        answer = call.answer()
        assert answer.status == 504 and "error=connection_timeout" in answer.header("proxy-status")


def test_a_target_that_takes_no_streams_is_502_and_said_so(scene, version):
    here = scene(options={"settings": {SettingsFrame.MAX_CONCURRENT_STREAMS: 0}})
    calls = [here.call(version) for _ in range(3)]
    here.target.accept()
    for call in calls:
        expect_502(call, "takes no streams")
    here.target.expect_no_connection()


@pytest.mark.parametrize("fields", [
    pytest.param([(":status", "abc")], id="no_number"),
    pytest.param([(":status", "99")], id="two_digits"),
    pytest.param([(":status", "600")], id="past_599"),
    pytest.param([(":status", "101")], id="101"),
    pytest.param([(":status", "200"), (":status", "200")], id="two_of_them"),
    pytest.param([("x-name", "value")], id="none"),
    pytest.param([("x-name", "value"), (":status", "200")], id="late"),
    pytest.param([(":status", "200"), (":path", "/")], id="of_a_request"),
    pytest.param([(":status", "200"), ("connection", "close")], id="connection"),
    pytest.param([(":status", "200"), ("transfer-encoding", "chunked")], id="transfer_encoding"),
    pytest.param([(":status", "200"), ("X-Name", "value")], id="upper_case"),
    pytest.param([(":status", "200"), ("x-name", "a\r\nb: c")], id="line_end"),
    pytest.param([(":status", "200"), ("content-length", "1"), ("content-length", "2")], id="two_lengths"),
])
def test_a_malformed_answer_is_502_for_its_stream_alone(scene, fields):
    here = scene()
    call, peer, request = here.begin(1)
    other = here.call(1)
    other_request = peer.next_request()
    peer.send_fields(request, fields, ends=True)
    expect_502(call)
    peer.until(lambda: request.reset == PROTOCOL_ERROR, "the reset")
    complete(other, peer, other_request)


def test_a_broken_connection_is_502_for_all_its_streams_and_replaced(scene, version):
    here = scene()
    call, peer, request = here.begin(version)
    other = here.call(version, "POST")
    peer.next_request()
    peer.send_frames(HeadersFrame(request.stream, b"\xff\xff\xff\xff\xff", flags=["END_HEADERS"]))
    expect_502(call)
    expect_502(other)
    peer.until_closed()
    complete(*here.begin(version))
