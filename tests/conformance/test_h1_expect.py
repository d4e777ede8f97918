# SPDX-License-Identifier: GPL-3.0-or-later
"""Expect: RFC 9110 section 10.1.1."""

import pytest
from exchange import in_step
from recorder import CONTINUE, OK, Answer


def head(*lines, version=b"1.1"):
    fields = b"".join(line + b"\r\n" for line in lines)
    return b"POST / HTTP/" + version + b"\r\nHost: a.test\r\nContent-Length: 5\r\n" + fields + b"\r\n"


EXPECT = b"Expect: 100-continue"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
FINAL = b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\nno"


@pytest.mark.parametrize("line", [b"Expect: 100-continue", b"expect:100-Continue", b"EXPECT: \t100-CONTINUE "])
def test_the_client_is_asked_for_its_body_by_the_upstream(proxy, line):
    proxy.recorder.begin(Answer(OK, at_head=CONTINUE))
    with proxy.client() as client:
        client.send(head(line))
        assert client.recv_response(interim=True).status == 100
        client.send(b"hello")
        assert client.recv_response().status == 200
        in_step(client)
    [request] = proxy.recorder.requests
    assert (request.header("expect").lower(), request.body) == ("100-continue", b"hello")


def test_a_body_that_is_sent_without_waiting_is_forwarded(proxy):
    response, request = proxy.answered(head(EXPECT) + b"hello", Answer(OK, at_head=CONTINUE))
    assert (response.status, request.body) == (200, b"hello")


def test_no_100_goes_to_http_1_0(proxy):
    proxy.recorder.begin(Answer(OK, at_head=CONTINUE))
    with proxy.client() as client:
        client.send(head(EXPECT, version=b"1.0") + b"hello")
        assert client.recv_response(interim=True).status == 200
        client.expect_closed()


@pytest.mark.parametrize("status", [401, 413, 417, 200])
def test_after_a_final_answer_the_unsent_body_is_not_taken_for_a_request(proxy, status):
    proxy.recorder.begin(Answer(at_head=FINAL % status, then="close"))
    with proxy.client() as client:
        client.send(head(EXPECT))
        assert client.recv_response().status == status
        client.send(SMUGGLED)
        client.expect_gone()
    assert len(proxy.recorder.requests) == 1


def test_a_final_answer_behind_a_100_is_the_answer(proxy):
    response, _ = proxy.answered(head(EXPECT) + b"hello", Answer(FINAL % 403, at_head=CONTINUE))
    assert response.status == 403


@pytest.mark.parametrize("line", [
    pytest.param(b"Expect: 200-maybe", id="an_unknown_one"),
    pytest.param(b"Expect: 100-continue, x", id="a_second_in_the_list"),
    pytest.param(b"Expect: 100-continue\r\nExpect: 100-continue", id="two_lines"),
    pytest.param(b'Expect: "100-continue"', id="quotes"),
    pytest.param(b"Expect: 100-continue=1", id="a_value"),
    pytest.param(b"Expect: 100", id="the_status_alone"),
    pytest.param(b"Expect: 100-continuex", id="a_longer_word"),
    pytest.param(b"Expect:", id="an_empty_one"),
])
def test_another_expectation_is_refused_or_ignored_and_nothing_gets_out_of_step(proxy, line):
    proxy.recorder.begin()
    with proxy.client() as client:
        client.send(head(line) + b"hello")
        response = client.recv_response()
        assert response.status in (200, 417)
        if response.status == 200:
            in_step(client)
        else:
            client.expect_closed()
    assert [request.body for request in proxy.recorder.requests] == [b"hello"] * (response.status == 200)


@pytest.mark.parametrize("line", [b"Expect : 100-continue", b"Expect: 100-\r\n continue", b"Expect: 100-continue\x00"])
def test_a_malformed_expectation_is_refused(proxy, line):
    proxy.refused(head(line) + b"hello", 400)


def test_an_expectation_without_a_body_is_forwarded_as_a_plain_request(proxy):
    assert proxy.forwarded(b"GET / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\n\r\n").body == b""


def test_a_body_past_its_limit_is_refused_before_it_is_sent(proxy):
    raw = b"POST / HTTP/1.1\r\nHost: small.test\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n"
    proxy.refused(raw, 413)
