# SPDX-License-Identifier: GPL-3.0-or-later
"""The chunked coding of requests: RFC 9112 section 7.1."""

import pytest

HEAD = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"


@pytest.mark.parametrize("size", [
    pytest.param(b"", id="empty"),
    pytest.param(b"0x5", id="a_prefix"),
    pytest.param(b"+5", id="a_plus_sign"),
    pytest.param(b"-5", id="a_minus_sign"),
    pytest.param(b"5 ", id="a_space_behind_it"),
    pytest.param(b"5\t", id="a_tab_behind_it"),
    pytest.param(b" 5", id="a_space_before_it"),
    pytest.param(b"5_", id="an_underscore"),
    pytest.param(b"5g", id="junk_behind_it"),
    pytest.param(b"g", id="no_hex_digit"),
    pytest.param(b"5.0", id="a_fraction"),
    pytest.param(b"5\x0b", id="a_vertical_tab"),
    pytest.param(b"5\x00", id="a_NUL"),
    pytest.param(b"5\xa0", id="a_no_break_space"),
    pytest.param(b"10000000000000005", id="two_to_the_64_and_5"),
    pytest.param(b"f" * 16, id="two_to_the_64_less_1"),
    pytest.param(b"0" * 64 + b"5", id="64_leading_zeros"),
    pytest.param(b"5\r", id="a_bare_CR"),
    pytest.param(b"5,5", id="a_list"),
])
def test_a_malformed_size_is_refused(proxy, size):
    proxy.refused_in_body(HEAD + size + b"\r\nhello\r\n" + END + SMUGGLED, 400, 413)


@pytest.mark.parametrize("body", [
    pytest.param(b"5\nhello\r\n" + END, id="behind_the_size"),
    pytest.param(b"5\r\nhello\n" + END, id="behind_the_data"),
    pytest.param(b"0\n\r\n", id="behind_the_last_size"),
    pytest.param(b"0\r\n\n", id="at_the_end"),
    pytest.param(b"5;a\nhello\r\n" + END, id="behind_an_extension"),
    pytest.param(b"0\r\nX: y\n\r\n", id="behind_a_trailer"),
])
def test_a_bare_LF_is_refused(proxy, body):
    proxy.refused_in_body(HEAD + body + SMUGGLED, 400)


@pytest.mark.parametrize("body", [
    pytest.param(b"5\r\nhello!\r\n" + END, id="longer_than_its_size"),
    pytest.param(b"5\r\nhell\r\n" + END, id="shorter_than_its_size"),
    pytest.param(b"5\r\nhello" + END, id="no_line_end_behind_it"),
    pytest.param(b"5\r\nhello\r" + END, id="a_CR_alone_behind_it"),
    pytest.param(b"5\r\nhello\r\r\n" + END, id="CR_CR_LF_behind_it"),
    pytest.param(b"5\r\nhello \r\n" + END, id="a_space_behind_it"),
])
def test_data_that_does_not_fit_its_size_is_refused(proxy, body):
    proxy.refused_in_body(HEAD + body + SMUGGLED, 400)


@pytest.mark.parametrize("extension", [
    pytest.param(b";a", id="a_name"),
    pytest.param(b";a=b", id="a_value"),
    pytest.param(b';a="b c;d"', id="a_quoted_value"),
    pytest.param(b";a;b=c;d", id="several"),
    pytest.param(b';a="\\""', id="a_quoted_pair"),
])
def test_a_legal_extension_is_dropped(proxy, extension):
    body = b"5" + extension + b"\r\nhello\r\n0" + extension + b"\r\n\r\n"
    assert proxy.forwarded(HEAD + body).body == b"hello"


@pytest.mark.parametrize("extension", [
    pytest.param(b";a\rb", id="a_CR"),
    pytest.param(b";a\nb", id="a_LF"),
    pytest.param(b";a\x00b", id="a_NUL"),
    pytest.param(b";a=\x7f", id="a_DEL"),
    pytest.param(b';a="b\r\nc"', id="a_line_end_in_quotes"),
    pytest.param(b';a="\r', id="a_CR_in_quotes"),
    pytest.param(b";" + b"a" * 65_536, id="64_KiB"),
])
def test_an_illegal_extension_is_refused(proxy, extension):
    proxy.refused_in_body(HEAD + b"5" + extension + b"\r\nhello\r\n" + END + SMUGGLED, 400)


def test_extensions_are_bounded_in_total(proxy):
    chunk = b"1;" + b"a" * 60 + b"\r\nx\r\n"
    proxy.refused_in_body(HEAD + chunk * 20_000 + END, 400)


@pytest.mark.parametrize("body,data", [
    pytest.param(b"5\r\nhello\r\n" + END, b"hello", id="one_chunk"),
    pytest.param(b"1\r\na\r\n1\r\nb\r\n" + END, b"ab", id="two_chunks"),
    pytest.param(END, b"", id="none"),
    pytest.param(b"A\r\n0123456789\r\na\r\n0123456789\r\n" + END, b"0123456789" * 2, id="digits_of_either_case"),
    pytest.param(b"0005\r\nhello\r\n000\r\n\r\n", b"hello", id="leading_zeros"),
    pytest.param(b"6\r\n\r\n0\r\n\r\r\n" + END, b"\r\n0\r\n\r", id="data_that_looks_like_an_end"),
    pytest.param(b"1\r\nx\r\n" * 3000 + END, b"x" * 3000, id="3000_chunks_of_one_octet"),
])
def test_the_data_reaches_the_upstream_whole(proxy, body, data):
    assert proxy.forwarded(HEAD + body).body == data


@pytest.mark.parametrize("trailer", [
    pytest.param(b"X: a\r\n b", id="a_fold"),
    pytest.param(b"X : a", id="a_space_before_the_colon"),
    pytest.param(b"X", id="no_colon"),
    pytest.param(b": a", id="an_empty_name"),
    pytest.param(b"X: a\rb", id="a_CR"),
    pytest.param(b"X: a\x00", id="a_NUL"),
    pytest.param(b"X: " + b"a" * 100_000, id="100_kB"),
])
def test_a_malformed_trailer_is_refused(proxy, trailer):
    proxy.refused_in_body(HEAD + b"0\r\n" + trailer + b"\r\n\r\n" + SMUGGLED, 400, 431)


@pytest.mark.parametrize("name", [b"Content-Length", b"Transfer-Encoding", b"Host", b"Authorization", b"Connection",
                                  b"X-Forwarded-For", b"Cookie", b"TE", b"Trailer", b"Content-Encoding"])
def test_a_forbidden_name_in_the_trailers_is_dropped(proxy, name):
    request = proxy.forwarded(HEAD + b"5\r\nhello\r\n0\r\n" + name + b": 3\r\nX-Sum: 1\r\n\r\n")
    assert {trailer.lower() for trailer, _ in request.trailers} <= {"x-sum"}


def test_a_trailer_never_becomes_a_field_of_the_head(proxy):
    request = proxy.forwarded(HEAD + b"0\r\nX-Sum: 1\r\n\r\n")
    assert request.header("x-sum") is None
