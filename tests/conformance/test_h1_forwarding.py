# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fields travel on, which end here, and which are written here: RFC 9110 section 7.6."""

import re

import pytest
from recorder import Answer

PEER = "127.0.0.1"


def get(*lines, version=b"1.1"):
    fields = b"".join(line + b"\r\n" for line in lines)
    return b"GET / HTTP/" + version + b"\r\nHost: a.test\r\n" + fields + b"\r\n"


def response_with(*lines):
    return Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\nok")


@pytest.mark.parametrize("line", [b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive",
                                  b"Proxy-Authorization: Basic eDp5", b"Proxy-Foo: x", b"HTTP2-Settings: AAMAAABk",
                                  b"TE: gzip", b"Upgrade: h2c", b"Transfer_Encoding: chunked",
                                  b"Forwarded: for=6.6.6.6"])
def test_a_field_of_this_connection_ends_here(proxy, line):
    name = line.split(b":")[0].decode()
    assert proxy.forwarded(get(line)).all(name) == []


@pytest.mark.parametrize("connection", [b"X-Secret", b"x-secret", b"close-not, X-SECRET",
                                        b"X-Other\r\nConnection: X-Secret"])
def test_what_connection_names_ends_here(proxy, connection):
    request = proxy.forwarded(get(b"Connection: " + connection, b"X-Secret: 1", b"X-Kept: 2"))
    assert request.all("x-secret") == request.all("connection") == []
    assert request.all("x-kept") == ["2"]


@pytest.mark.parametrize("name,value", [("Host", "a.test"), ("X-Forwarded-For", PEER), ("X-Forwarded-Proto", "http"),
                                        ("X-Real-IP", PEER), ("X-Forwarded-Host", "a.test")])
def test_connection_cannot_name_what_the_proxy_says(proxy, name, value):
    request = proxy.forwarded(get(f"Connection: {name}".encode()))
    assert request.all(name) == [value]


@pytest.mark.parametrize("line", [b"Authorization: Bearer x", b"Cookie: a=b", b"Content-Type: text/plain",
                                  b"Cache-Control: no-cache", b"Date: x"])
def test_connection_cannot_name_an_end_to_end_field(proxy, line):
    name, value = line.decode().split(": ")
    response = proxy.forwarded(get(b"Connection: " + name.encode(), line))
    assert response.all(name) in ([value], [])
    if name in ("Authorization", "Cookie"):
        assert response.all(name) == [value]


def test_connection_cannot_name_the_length(proxy):
    request = proxy.forwarded(b"POST / HTTP/1.1\r\nHost: a.test\r\nConnection: Content-Length\r\n"
                              b"Content-Length: 5\r\n\r\nhello")
    assert request.body == b"hello"


@pytest.mark.parametrize("te", [b"trailers", b"gzip, trailers", b"trailers;q=0.5, deflate"])
def test_te_keeps_nothing_but_trailers(proxy, te):
    request = proxy.forwarded(get(b"Connection: TE", b"TE: " + te))
    assert request.all("te") in (["trailers"], [])


def test_te_is_named_in_connection(proxy):
    request = proxy.forwarded(get(b"Connection: TE", b"TE: trailers"))
    assert (request.all("te"), request.all("connection")) == (["trailers"], ["TE"])


@pytest.mark.parametrize("name,value", [("X-Forwarded-For", PEER), ("X-Forwarded-Proto", "http"), ("X-Real-IP", PEER),
                                        ("X-Forwarded-Host", "a.test")])
def test_what_nobody_trusted_says_about_the_client_is_replaced(proxy, name, value):
    request = proxy.forwarded(get(f"{name}: 6.6.6.6".encode(), f"{name.lower()}: 7.7.7.7".encode()))
    assert request.all(name) == [value]


@pytest.mark.parametrize("name", ["X-Forwarded-User", "X-Forwarded-Prefix", "X-Forwarded-Server", "X_Forwarded_For",
                                  "X-Forwarded-Scheme"])
def test_other_words_about_the_client_of_nobody_trusted_are_dropped(proxy, name):
    assert proxy.forwarded(get(f"{name}: admin".encode())).all(name) == []


def test_the_port_is_the_one_the_client_came_to(proxy):
    request = proxy.forwarded(get(b"X-Forwarded-Port: 1"))
    assert request.all("x-forwarded-port") == [str(proxy.engine.port)]


@pytest.mark.parametrize("version,incoming,via", [
    (b"1.1", [], r"1\.1 \S+"),
    (b"1.1", [b"Via: 1.0 fred", b"Via: 1.1 p.test"], r"1\.0 fred, 1\.1 p\.test, 1\.1 \S+"),
    (b"1.0", [], r"1\.0 \S+"),
], ids=["first", "behind_others", "for_http_1_0"])
def test_via_says_which_way_the_request_came(proxy, version, incoming, via):
    response, request = proxy.answered(get(*incoming, version=version), stays=version == b"1.1")
    assert re.fullmatch(via, request.header("via"))


def test_every_request_has_an_id_of_its_own(proxy):
    first, second = (proxy.forwarded(get(b"X-Request-ID: forged")).header("x-request-id") for _ in range(2))
    assert first and second and first != second and "forged" not in (first, second)


def test_h2c_is_not_performed(proxy):
    response, request = proxy.answered(get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                                           b"HTTP2-Settings: AAMAAABk"))
    assert response.status == 200 and request.all("upgrade") == []


def test_end_to_end_fields_are_forwarded_as_they_are(proxy):
    lines = [b"Accept: a, b;q=0.1", b"Cookie: a=b; c=d", b"Authorization: Basic eDp5", b"Range: bytes=0-1",
             b"User-Agent: x (y; z)", b"If-None-Match: \"a\", W/\"b\""]
    request = proxy.forwarded(get(*lines))
    for line in lines:
        name, _, value = line.decode().partition(": ")
        assert request.all(name) == [value]


@pytest.mark.parametrize("line", [b"Keep-Alive: timeout=5", b"Proxy-Connection: close", b"Proxy-Authenticate: Basic",
                                  b"Upgrade: h2c", b"TE: trailers", b"X-Accel-Redirect: /etc/passwd",
                                  b"X-Accel-Buffering: no", b"X-Engine-Hops: 3"])
def test_a_field_of_the_upstreams_connection_ends_here(proxy, line):
    response, _ = proxy.answered(get(), response_with(line))
    assert response.all(line.split(b":")[0].decode()) == []
    assert response.body == b"ok"


def test_what_the_upstreams_connection_names_ends_here(proxy):
    response, _ = proxy.answered(get(), response_with(b"Connection: X-Secret", b"X-Secret: 1", b"X-Kept: 2"))
    assert response.all("x-secret") == [] and response.all("x-kept") == ["2"]


@pytest.mark.parametrize("line", [b"X-Sendfile: /etc/passwd", b"X-Lighttpd-Send-File: /etc/passwd"])
def test_no_field_of_an_upstream_chooses_the_body(proxy, line):
    response, _ = proxy.answered(get(), response_with(line))
    assert response.body == b"ok"


def test_set_cookie_lines_stay_apart_and_in_order(proxy):
    cookies = ["a=1; Path=/, x", "b=2", "a=3; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
    response, _ = proxy.answered(get(), response_with(*[b"Set-Cookie: " + cookie.encode() for cookie in cookies]))
    assert response.all("set-cookie") == cookies


def test_a_response_says_which_way_it_came(proxy):
    response, _ = proxy.answered(get(), response_with(b"Via: 1.1 inner"))
    assert re.fullmatch(r"1\.1 inner, 1\.1 \S+", response.header("via"))


def test_end_to_end_fields_of_a_response_are_forwarded_as_they_are(proxy):
    lines = [b"ETag: W/\"x\"", b"Date: Tue, 15 Nov 1994 08:12:31 GMT", b"Server: mine", b"Location: /a?b#c",
             b"WWW-Authenticate: Basic realm=\"x\"", b"Vary: *", b"X-Obs: \xe9"]
    response, _ = proxy.answered(get(), response_with(*lines))
    for line in lines:
        name, _, value = line.decode("latin-1").partition(": ")
        assert response.all(name) == [value]
