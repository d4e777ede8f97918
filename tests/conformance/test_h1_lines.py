# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines and fields of a head: RFC 9112 sections 2.2 and 5, RFC 9110 section 5."""

import pytest

START = b"GET / HTTP/1.1\r\nHost: a.test\r\n"


def with_field(line):
    return START + line + b"\r\n\r\n"


@pytest.mark.parametrize("raw", [
    pytest.param(b"GET / HTTP/1.1\nHost: a.test\r\n\r\n", id="behind_the_request_line"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\n\r\n", id="behind_a_field"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n", id="between_two_fields"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\r\n\n", id="at_the_end_of_the_head"),
    pytest.param(b"GET / HTTP/1.1\nHost: a.test\n\n", id="everywhere"),
    pytest.param(b"\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n", id="before_the_request_line"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\r\nX: a\n b\r\n\r\n", id="before_a_fold"),
])
def test_a_bare_LF_is_refused(proxy, raw):
    proxy.refused(raw, 400)


@pytest.mark.parametrize("raw", [
    pytest.param(b"GET / HTTP/1.1\rHost: a.test\r\n\r\n", id="behind_the_request_line"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: a.test\rX: y\r\n\r\n", id="between_two_fields"),
    pytest.param(with_field(b"X: a\rb"), id="in_a_value"),
    pytest.param(with_field(b"X\r: a"), id="in_a_name"),
    pytest.param(with_field(b"X: a\r"), id="before_CRLF"),
    pytest.param(b"GET / HTTP/1.1\r\r\nHost: a.test\r\n\r\n", id="before_CRLF_of_the_request_line"),
    pytest.param(START + b"\r\r\n", id="before_the_last_CRLF"),
    pytest.param(b"\rGET / HTTP/1.1\r\nHost: a.test\r\n\r\n", id="before_the_request_line"),
])
def test_a_bare_CR_is_refused(proxy, raw):
    proxy.refused(raw, 400)


@pytest.mark.parametrize("octet", [0, 1, 7, 8, 11, 12, 14, 27, 31, 127], ids="0x{:02x}".format)
def test_a_control_character_in_a_value_is_refused(proxy, octet):
    proxy.refused(with_field(b"X: a" + bytes([octet]) + b"b"), 400)


@pytest.mark.parametrize("octet", [*b'\x00\x01\x7f\x80\xff"(),/;<=>?@[\\]{}'], ids="0x{:02x}".format)
def test_an_octet_that_is_no_token_in_a_name_is_refused(proxy, octet):
    proxy.refused(with_field(b"X" + bytes([octet]) + b"Y: a"), 400)


@pytest.mark.parametrize("line", [
    pytest.param(b"X : a", id="a_space_before_the_colon"),
    pytest.param(b"X\t: a", id="a_tab_before_the_colon"),
    pytest.param(b"X Y: a", id="a_space_in_the_name"),
    pytest.param(b": a", id="an_empty_name"),
    pytest.param(b"X", id="no_colon"),
    pytest.param(b"X a", id="a_space_for_a_colon"),
    pytest.param(b"X: a\r\n b", id="a_fold_with_a_space"),
    pytest.param(b"X: a\r\n\tb", id="a_fold_with_a_tab"),
    pytest.param(b"X: a\r\n ", id="an_empty_fold"),
    pytest.param(b"X:\r\n\r", id="a_CR_after_the_head"),
])
def test_a_malformed_field_is_refused(proxy, line):
    proxy.refused(with_field(line), 400)


@pytest.mark.parametrize("raw", [
    pytest.param(b"GET / HTTP/1.1\r\n Host: a.test\r\n\r\n", id="a_space"),
    pytest.param(b"GET / HTTP/1.1\r\n\tHost: a.test\r\n\r\n", id="a_tab"),
    pytest.param(b"GET / HTTP/1.1\r\n \r\nHost: a.test\r\n\r\n", id="a_line_of_one_space"),
])
def test_white_space_before_the_first_field_is_refused(proxy, raw):
    proxy.refused(raw, 400)


@pytest.mark.parametrize("line,name,value", [
    pytest.param(b"X-A:b", "x-a", "b", id="no_space_after_the_colon"),
    pytest.param(b"X-A: \t b \t ", "x-a", "b", id="white_space_around_a_value"),
    pytest.param(b"X-A: a\tb  c", "x-a", "a\tb  c", id="tabs_and_spaces_inside"),
    pytest.param(b"X-A: \xe9\xff", "x-a", "\xe9\xff", id="obs_text"),
    pytest.param(b"X-A:", "x-a", "", id="an_empty_value"),
    pytest.param(b"X-A: a:b", "x-a", "a:b", id="a_colon_in_the_value"),
    pytest.param(b"!#$%&'*+-.^`|~aZ9: v", "!#$%&'*+-.^`|~az9", "v", id="every_octet_of_a_token"),
])
def test_a_legal_field_is_forwarded(proxy, line, name, value):
    assert proxy.forwarded(with_field(line)).all(name) == [value]


def test_repeated_fields_keep_their_order(proxy):
    request = proxy.forwarded(with_field(b"X-A: 1\r\nX-B: 2\r\nx-a: 3\r\nX-A: 1"))
    assert request.all("x-a") == ["1", "3", "1"]


@pytest.mark.parametrize("raw", [
    pytest.param(b"POST /s HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc", id="with_a_length"),
    pytest.param(b"POST /s HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"1;x\r\na\r\n2\r\nbc\r\n0\r\nX: y\r\n\r\n", id="in_chunks"),
])
def test_any_split_of_the_bytes_gives_the_same_request(proxy, raw):
    with proxy.client() as client:
        for at in range(1, len(raw)):
            proxy.recorder.begin()
            client.send(raw[:at])
            client.send(raw[at:])
            assert client.recv_response().status == 200
            assert [request.body for request in proxy.recorder.requests] == [b"abc"]


def test_a_request_may_arrive_octet_by_octet(proxy):
    proxy.recorder.begin()
    with proxy.client() as client:
        for octet in b"PRI-LIKE /s HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nok":
            client.send(bytes([octet]))
        assert client.recv_response().status == 200
    assert proxy.recorder.requests[0].body == b"ok"
