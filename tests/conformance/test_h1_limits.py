# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client may send, and how slowly. The engine of these tests waits two seconds for a head or a body."""

import pytest

START = b"GET / HTTP/1.1\r\nHost: a.test\r\n"


def fields(count, size=4):
    return b"".join(b"X-%d: %s\r\n" % (i, b"v" * size) for i in range(count))


@pytest.mark.parametrize("more", [
    pytest.param(fields(90), id="of_90_fields"),
    pytest.param(fields(10, 1400), id="of_14_kB"),
    pytest.param(b"Cookie: " + b"c" * 14_000 + b"\r\n", id="with_a_cookie_of_14_kB"),
    pytest.param(fields(60, 1000), id="of_60_kB"),
])
def test_a_large_head_is_forwarded(proxy, more):
    request = proxy.forwarded(START + more + b"\r\n")
    assert len(request.fields) > more.count(b"\r\n")


@pytest.mark.parametrize("more", [
    pytest.param(fields(130), id="of_130_fields"),
    pytest.param(fields(5000), id="of_5000_fields"),
    pytest.param(fields(70, 1000), id="of_70_kB"),
    pytest.param(b"X: " + b"v" * 70_000 + b"\r\n", id="with_a_field_of_70_kB"),
    pytest.param(b"X" * 70_000 + b": v\r\n", id="with_a_name_of_70_kB"),
    pytest.param(fields(2000, 1000), id="of_2_MB"),
])
def test_a_head_past_its_limits_is_answered_with_431(proxy, more):
    proxy.refused(START + more + b"\r\n", 431)


def test_a_head_without_end_is_answered_with_431(proxy):
    proxy.refused(START + b"X: " + b"v" * 100_000, 431)


@pytest.mark.parametrize("raw", [
    pytest.param(b"G", id="one_octet"),
    pytest.param(START, id="no_empty_line"),
    pytest.param(b"\r\n", id="an_empty_line"),
])
def test_a_head_that_does_not_arrive_is_answered_with_408(proxy, raw):
    proxy.refused(raw, 408)


def test_a_connection_without_a_request_is_closed_without_an_answer(proxy):
    with proxy.client() as client:
        client.expect_closed()


@pytest.mark.parametrize("raw", [
    pytest.param(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhel", id="with_a_length"),
    pytest.param(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", id="in_chunks"),
])
def test_a_body_that_stands_still_is_answered_with_408(proxy, raw):
    proxy.refused_in_body(raw, 408)


@pytest.mark.parametrize("size", [
    pytest.param(b"Content-Length: 1000\r\n\r\n" + b"x" * 1000, id="with_a_length"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n", id="in_chunks"),
])
def test_a_body_at_its_limit_is_forwarded(proxy, size):
    assert proxy.forwarded(b"POST / HTTP/1.1\r\nHost: small.test\r\n" + size).body == b"x" * 1000


@pytest.mark.parametrize("size", [
    pytest.param(b"Content-Length: 1001\r\n\r\n" + b"x" * 1001, id="with_a_length"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", id="in_one_chunk"),
    pytest.param(b"Transfer-Encoding: chunked\r\n\r\n" + (b"64\r\n" + b"x" * 100 + b"\r\n") * 11 + b"0\r\n\r\n",
                 id="in_many_chunks"),
])
def test_a_body_past_its_limit_is_answered_with_413(proxy, size):
    proxy.refused_in_body(b"POST / HTTP/1.1\r\nHost: small.test\r\n" + size, 413)
