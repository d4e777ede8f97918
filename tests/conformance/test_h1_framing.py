# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a request's body ends: RFC 9112 section 6. In doubt: 400, closed, and nothing behind it is a request."""

import pytest

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"


def post(*lines, body=b"", method=b"POST", version=b"1.1"):
    head = b"\r\n".join([method + b" / HTTP/" + version, b"Host: a.test", *lines])
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize("value", [
    pytest.param(b"+5", id="a_plus_sign"),
    pytest.param(b"-5", id="a_minus_sign"),
    pytest.param(b"0x5", id="hex"),
    pytest.param(b"5e0", id="an_exponent"),
    pytest.param(b"5.0", id="a_fraction"),
    pytest.param(b"5 5", id="a_space_inside"),
    pytest.param(b"5;a", id="a_parameter"),
    pytest.param(b'"5"', id="quotes"),
    pytest.param(b"", id="empty"),
    pytest.param(b" ", id="blank"),
    pytest.param(b"five", id="letters"),
    pytest.param(b"5\xa0", id="a_no_break_space"),
    pytest.param(b"\xef\xbc\x95", id="a_digit_of_another_script"),
    pytest.param(b"5,6", id="a_list_of_two_lengths"),
    pytest.param(b"5,", id="a_list_with_an_empty_member"),
    pytest.param(b",5", id="a_list_that_starts_empty"),
    pytest.param(b"18446744073709551621", id="two_to_the_64_and_5"),
    pytest.param(b"9" * 100, id="a_hundred_digits"),
    pytest.param(b"5\r\n 5", id="a_fold"),
    pytest.param(b"1_0", id="an_underscore"),
])
def test_a_malformed_content_length_is_refused(proxy, value):
    proxy.refused(post(b"Content-Length: " + value, body=b"hello" + SMUGGLED), 400)


@pytest.mark.parametrize("lines", [
    pytest.param([b"Content-Length: 5", b"Content-Length: 6"], id="in_two_lines"),
    pytest.param([b"Content-Length: 0", b"Content-Length: 5"], id="first_zero"),
    pytest.param([b"Content-Length: 5", b"X: y", b"content-length: 0"], id="last_zero_in_lower_case"),
    pytest.param([b"Content-Length: 5", b"Content-Length:"], id="one_of_them_empty"),
])
def test_two_different_lengths_are_refused(proxy, lines):
    proxy.refused(post(*lines, body=b"hello" + SMUGGLED), 400)


def test_two_equal_lengths_are_refused(proxy):
    proxy.refused(post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello" + SMUGGLED), 400)


@pytest.mark.parametrize("value", [
    pytest.param(b"gzip", id="gzip"),
    pytest.param(b"identity", id="identity"),
    pytest.param(b"gzip, chunked", id="gzip_before_chunked"),
    pytest.param(b"chunked, gzip", id="gzip_behind_chunked"),
    pytest.param(b"xchunked", id="a_name_that_ends_alike"),
    pytest.param(b"chunkedx", id="a_name_that_starts_alike"),
    pytest.param(b"chunked, identity", id="identity_behind_chunked"),
    pytest.param(b"chunked, chunked", id="chunked_twice"),
    pytest.param(b"chunked,chunked", id="chunked_twice_without_a_space"),
    pytest.param(b"chunked;q=1", id="a_parameter"),
    pytest.param(b"chunked, ", id="an_empty_member_behind_it"),
    pytest.param(b",chunked", id="an_empty_member_before_it"),
    pytest.param(b"\x0bchunked", id="a_vertical_tab_before_it"),
    pytest.param(b"chunked\x00", id="a_NUL_behind_it"),
    pytest.param(b'"chunked"', id="quotes"),
    pytest.param(b"chun ked", id="a_space_inside"),
    pytest.param(b"", id="empty"),
    pytest.param(b"\r\n chunked", id="a_fold"),
    pytest.param(b"chunked\xa0", id="a_no_break_space"),
    pytest.param(b"\xc5\xbfchunked", id="obs_text_before_it"),
])
def test_any_other_transfer_coding_is_refused(proxy, value):
    proxy.refused(post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n" + SMUGGLED), 400, 501)


def test_an_unknown_coding_is_answered_with_501(proxy):
    proxy.refused(post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501)


@pytest.mark.parametrize("lines", [
    pytest.param([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], id="chunked_in_two_lines"),
    pytest.param([b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"], id="identity_first"),
    pytest.param([b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"], id="an_unknown_last"),
    pytest.param([b"Transfer-Encoding : chunked"], id="a_space_before_the_colon"),
    pytest.param([b"Transfer-Encoding\t: chunked"], id="a_tab_before_the_colon"),
    pytest.param([b" Transfer-Encoding: chunked"], id="a_space_before_the_name"),
])
def test_a_doubtful_transfer_encoding_is_refused(proxy, lines):
    proxy.refused(post(*lines, body=b"0\r\n\r\n" + SMUGGLED), 400, 501)


@pytest.mark.parametrize("lines", [
    pytest.param([b"Content-Length: 5", b"Transfer-Encoding: chunked"], id="the_length_first"),
    pytest.param([b"Transfer-Encoding: chunked", b"Content-Length: 5"], id="the_coding_first"),
    pytest.param([b"TRANSFER-ENCODING: CHUNKED", b"content-length: 0"], id="in_other_cases"),
    pytest.param([b"Connection: content-length", b"Content-Length: 5", b"Transfer-Encoding: chunked"],
                 id="the_length_named_in_connection"),
])
@pytest.mark.parametrize("method", [b"POST", b"GET", b"HEAD"])
def test_both_a_length_and_chunks_are_refused(proxy, method, lines):
    proxy.refused(post(*lines, body=b"0\r\n\r\n" + SMUGGLED, method=method), 400)


def test_chunks_in_http_1_0_are_refused(proxy):
    proxy.refused(post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0"), 400)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("framing,body", [
    pytest.param(b"Content-Length: %d" % len(SMUGGLED), SMUGGLED, id="with_a_length"),
    pytest.param(b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
                 id="in_chunks"),
])
def test_a_body_belongs_to_its_request_whatever_the_method(proxy, method, framing, body):
    request = proxy.forwarded(post(framing, body=body, method=method.encode()), method=method)
    assert (request.method, request.body) == (method, SMUGGLED)


@pytest.mark.parametrize("line,body", [
    pytest.param(b"Content-Length: 5", b"hello", id="a_length"),
    pytest.param(b"Content-Length: 0", b"", id="a_length_of_zero"),
    pytest.param(b"content-length:\t5  ", b"hello", id="white_space_around_a_length"),
    pytest.param(b"Content-Length: 0000000005", b"hello", id="leading_zeros"),
])
def test_a_legal_length_is_forwarded(proxy, line, body):
    request = proxy.forwarded(post(line, body=body))
    assert (request.header("content-length"), request.body) == (str(len(body)), body)


@pytest.mark.parametrize("line", [b"Transfer-Encoding: chunked", b"transfer-encoding:chunked",
                                  b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding: \tchunked \t"])
def test_a_legal_transfer_encoding_is_forwarded(proxy, line):
    request = proxy.forwarded(post(line, body=b"5\r\nhello\r\n0\r\n\r\n"))
    assert (request.all("transfer-encoding"), request.body) == (["chunked"], b"hello")


@pytest.mark.parametrize("line", [b"Content_Length: 40", b"Transfer_Encoding: chunked", b"X-Content-Length: 9"])
def test_a_name_that_only_looks_alike_does_not_frame(proxy, line):
    request = proxy.forwarded(post(line))
    assert request.body == b"" and request.all("content_length") == request.all("transfer_encoding") == []


def test_a_request_without_framing_has_no_body(proxy):
    request = proxy.forwarded(post())
    assert request.body == b"" and request.header("transfer-encoding") is None


@pytest.mark.parametrize("raw", [
    pytest.param(post(b"Content-Length: 10", body=b"hello"), id="shorter_than_its_length"),
    pytest.param(post(b"Content-Length: 10"), id="none_of_its_length"),
    pytest.param(post(b"Transfer-Encoding: chunked", body=b"5\r\nhel"), id="in_the_middle_of_a_chunk"),
    pytest.param(post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"), id="before_the_last_chunk"),
    pytest.param(post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n"), id="before_the_last_line_end"),
    pytest.param(post(b"Transfer-Encoding: chunked", body=b"0\r\nX: y\r\n"), id="in_the_trailers"),
])
@pytest.mark.parametrize("end", ["half_close", "reset"])
def test_a_body_that_ends_early_never_looks_complete(proxy, raw, end):
    proxy.recorder.begin()
    with proxy.client() as client:
        client.send(raw)
        proxy.recorder.wait_for(1)
        getattr(client, end)()
        if end == "half_close":
            assert client.recv_response().status == 400
            client.expect_closed()
    [request] = proxy.recorder.wait_until_ended()
    assert not request.complete
