# SPDX-License-Identifier: GPL-3.0-or-later
"""The request line: RFC 9112 section 3, and what of it reaches the upstream."""

import pytest
from exchange import in_step

FIELDS = b"Host: a.test\r\n\r\n"


def with_line(line):
    return line + b"\r\n" + FIELDS


@pytest.mark.parametrize("line", [
    pytest.param(b"GET  / HTTP/1.1", id="two_spaces_before_the_target"),
    pytest.param(b"GET /  HTTP/1.1", id="two_spaces_before_the_version"),
    pytest.param(b"GET\t/ HTTP/1.1", id="a_tab_before_the_target"),
    pytest.param(b"GET /\tHTTP/1.1", id="a_tab_before_the_version"),
    pytest.param(b"GET / HTTP/1.1 ", id="a_space_at_the_end"),
    pytest.param(b" GET / HTTP/1.1", id="a_space_at_the_start"),
    pytest.param(b"GET /a b HTTP/1.1", id="a_space_in_the_target"),
    pytest.param(b"GET HTTP/1.1", id="no_target"),
    pytest.param(b"GET", id="a_method_alone"),
    pytest.param(b"GET /", id="a_request_of_http_0_9"),
    pytest.param(b" / HTTP/1.1", id="an_empty_method"),
    pytest.param(b"G\xe9T / HTTP/1.1", id="obs_text_in_the_method"),
    pytest.param(b"G(T / HTTP/1.1", id="a_delimiter_in_the_method"),
    pytest.param(b"G\x01T / HTTP/1.1", id="a_control_character_in_the_method"),
    pytest.param(b"GET: / HTTP/1.1", id="a_colon_behind_the_method"),
    pytest.param(b'"GET" / HTTP/1.1', id="a_method_in_quotes"),
    pytest.param(b"GET / http/1.1", id="a_version_in_lower_case"),
    pytest.param(b"GET / HTTP/1", id="a_version_without_minor"),
    pytest.param(b"GET / HTTP/1.", id="a_version_with_empty_minor"),
    pytest.param(b"GET / HTTP/11", id="a_version_without_dot"),
    pytest.param(b"GET / HTTP/1.1x", id="junk_behind_the_version"),
    pytest.param(b"GET / HTTP/01.1", id="a_version_with_a_leading_zero"),
    pytest.param(b"GET / HTTPS/1.1", id="another_protocol"),
    pytest.param(b"GET / HTTP /1.1", id="a_space_in_the_version"),
    pytest.param(b"GET / HTTP/+1.1", id="a_sign_in_the_version"),
])
def test_a_malformed_line_is_refused(proxy, line):
    proxy.refused(with_line(line), 400, 505)


@pytest.mark.parametrize("line", [
    pytest.param(b"GET / HTTP/2.0", id="http_2_0_as_text"),
    pytest.param(b"GET / HTTP/3.0", id="http_3_0_as_text"),
    pytest.param(b"GET / HTTP/0.9", id="http_0_9_with_its_version"),
    pytest.param(b"GET / HTTP/9.9", id="http_9_9"),
])
def test_another_version_is_refused(proxy, line):
    proxy.refused(with_line(line), 400, 505)


@pytest.mark.parametrize("target", [
    pytest.param(b"*", id="an_asterisk_for_get"),
    pytest.param(b"/a#part", id="a_fragment"),
    pytest.param(b"/a\x00", id="a_NUL"),
    pytest.param(b"/a\x0bb", id="a_vertical_tab"),
    pytest.param(b"/a\x7f", id="a_DEL"),
    pytest.param(b"/a\rb", id="a_bare_CR"),
    pytest.param(b"\\a", id="a_backslash_at_the_start"),
    pytest.param(b"a", id="no_slash_at_the_start"),
    pytest.param(b"@b.test/", id="an_at_sign_at_the_start"),
    pytest.param(b".a.test/", id="a_dot_at_the_start"),
    pytest.param(b":80/", id="a_port_at_the_start"),
    pytest.param(b"?a", id="a_query_alone"),
    pytest.param(b"a.test:80", id="an_authority_alone"),
    pytest.param(b"http://u@a.test/", id="a_user_in_absolute_form"),
    pytest.param(b"http://u:p@a.test/", id="a_password_in_absolute_form"),
    pytest.param(b"http://a.test:99999/", id="a_port_out_of_range"),
    pytest.param(b"http://a.test:8x/", id="a_port_with_letters"),
    pytest.param(b"http:///", id="an_empty_authority"),
    pytest.param(b"http:/a.test/", id="one_slash_behind_the_scheme"),
    pytest.param(b"http://a.test/#x", id="a_fragment_in_absolute_form"),
    pytest.param(b"ftp://a.test/", id="a_scheme_not_spoken_here"),
    pytest.param(b"file:///etc/passwd", id="a_file_url"),
    pytest.param(b"javascript:x", id="a_scheme_without_authority"),
    pytest.param(b"/%", id="a_percent_sign_alone"),
    pytest.param(b"/%4", id="a_percent_sign_with_one_digit"),
    pytest.param(b"/%zz", id="a_percent_sign_without_hex_digits"),
])
def test_a_malformed_target_is_refused(proxy, target):
    proxy.refused(with_line(b"GET " + target + b" HTTP/1.1"), 400)


@pytest.mark.parametrize("line", [
    pytest.param(b"CONNECT a.test:443 HTTP/1.1", id="connect"),
    pytest.param(b"CONNECT / HTTP/1.1", id="connect_in_origin_form"),
    pytest.param(b"TRACE / HTTP/1.1", id="trace"),
    pytest.param(b"PRI * HTTP/1.1", id="pri"),
])
def test_a_method_that_is_not_offered_is_refused(proxy, line):
    proxy.refused(with_line(line), 400, 405, 501)


@pytest.mark.parametrize("line", [
    pytest.param(b"GET /" + b"a" * 17_000 + b" HTTP/1.1", id="a_target_of_17_000_octets"),
    pytest.param(b"GET /" + b"a" * 200_000 + b" HTTP/1.1", id="a_target_of_200_000_octets"),
    pytest.param(b"M" * 20_000 + b" / HTTP/1.1", id="a_method_of_20_000_octets"),
])
def test_a_line_past_its_limit_is_answered_with_414(proxy, line):
    proxy.refused(with_line(line), 414)


def test_a_line_of_8000_octets_is_forwarded(proxy):
    target = "/" + "a" * (8000 - len("GET / HTTP/1.1"))
    assert proxy.forwarded(with_line(f"GET {target} HTTP/1.1".encode())).target == target


def test_a_long_path_with_escapes_is_forwarded(proxy):
    target = "/" + "%c3%a4" * 1200
    assert proxy.forwarded(with_line(f"GET {target} HTTP/1.1".encode())).target == target


@pytest.mark.parametrize("method", ["get", "PROPFIND", "M-SEARCH", "PURGE", "X", "DELETE", "PATCH"])
def test_a_method_is_forwarded_as_it_is(proxy, method):
    assert proxy.forwarded(with_line(f"{method} / HTTP/1.1".encode())).method == method


def test_a_later_minor_version_is_treated_as_1_1(proxy):
    proxy.forwarded(with_line(b"GET / HTTP/1.2"))


@pytest.mark.parametrize("target", [
    pytest.param("/a%2fb", id="an_encoded_slash"),
    pytest.param("/a%00b", id="an_encoded_NUL"),
    pytest.param("/a%0d%0aX:b", id="an_encoded_line_end"),
    pytest.param("/%41%7e%7E", id="encoded_letters"),
    pytest.param("/a/./b/../c", id="dot_segments"),
    pytest.param("/a//b///", id="several_slashes"),
    pytest.param("//b.test/x", id="two_slashes_at_the_start_are_a_path"),
    pytest.param("/a;p=1,2!$&'()*+", id="sub_delimiters"),
    pytest.param("/a?b=%0a&c=//?&d=[]{}|^`\\\"<>", id="the_query_octet_by_octet"),
    pytest.param("/a?", id="an_empty_query"),
    pytest.param("/?http://b.test/", id="a_url_in_the_query"),
])
def test_the_target_reaches_the_upstream_unchanged(proxy, target):
    assert proxy.forwarded(with_line(f"GET {target} HTTP/1.1".encode())).target == target


@pytest.mark.parametrize("target,path,host", [
    pytest.param("http://b.test/x?y", "/x?y", "b.test", id="its_authority_wins_over_host"),
    pytest.param("http://b.test", "/", "b.test", id="an_empty_path_is_a_slash"),
    pytest.param("http://b.test?y", "/?y", "b.test", id="an_empty_path_before_a_query_is_a_slash"),
    pytest.param("https://b.test:8443/", "/", "b.test:8443", id="the_port_stays"),
    pytest.param("HTTP://b.test/", "/", "b.test", id="the_scheme_in_upper_case"),
    pytest.param("http://[2001:db8::1]/", "/", "[2001:db8::1]", id="an_ipv6_literal"),
])
def test_absolute_form_becomes_origin_form(proxy, target, path, host):
    request = proxy.forwarded(with_line(f"GET {target} HTTP/1.1".encode()))
    assert (request.target, request.header("host")) == (path, host)


def test_options_with_an_asterisk_is_forwarded(proxy):
    request = proxy.forwarded(with_line(b"OPTIONS * HTTP/1.1"))
    assert (request.method, request.target) == ("OPTIONS", "*")


def test_options_that_may_travel_no_further_is_answered_here(proxy):
    with proxy.client() as client:
        answer = client.request("OPTIONS", "/", headers=[("Max-Forwards", "0")])
        assert answer.status in (200, 204) and "GET" in answer.header("allow")
        in_step(client)
    assert proxy.recorder.requests == []


def test_max_forwards_is_counted_down_for_options(proxy):
    request = proxy.forwarded(b"OPTIONS / HTTP/1.1\r\nMax-Forwards: 3\r\n" + FIELDS)
    assert request.header("max-forwards") == "2"


@pytest.mark.parametrize("empty", [b"\r\n", b"\r\n\r\n"])
def test_empty_lines_before_the_request_line_are_skipped(proxy, empty):
    proxy.forwarded(empty + with_line(b"GET / HTTP/1.1"))


def test_endless_empty_lines_are_refused(proxy):
    proxy.refused(b"\r\n" * 500, 400)


@pytest.mark.parametrize("target", ["/private", "/private/x", "/x/../private", "/./private", "/%70rivate",
                                    "/a/%2e%2e/private", "/a/b/../../private", "/private/./x"])
def test_no_spelling_of_a_path_escapes_its_route(proxy, target):
    with proxy.client() as client:
        assert client.request(target=target, host="guarded.test").status == 403
    assert proxy.recorder.requests == []


@pytest.mark.parametrize("target", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc", "/private/../x", "/privateer"])
def test_dot_segments_end_at_the_root(proxy, target):
    assert proxy.forwarded(f"GET {target} HTTP/1.1\r\nHost: guarded.test\r\n\r\n".encode()).target == target
