# SPDX-License-Identifier: GPL-3.0-or-later
"""Host: RFC 9112 section 3.2, RFC 9110 section 7.2."""

import pytest
from exchange import in_step


def with_host(*values, version=b"1.1"):
    lines = b"".join(b"Host: " + value + b"\r\n" for value in values)
    return b"GET / HTTP/" + version + b"\r\n" + lines + b"\r\n"


@pytest.mark.parametrize("values", [
    pytest.param([], id="none"),
    pytest.param([b"a.test", b"b.test"], id="two"),
    pytest.param([b"a.test", b"a.test"], id="two_that_are_equal"),
    pytest.param([b"a.test, b.test"], id="a_list"),
    pytest.param([b"a.test,a.test"], id="a_list_of_equals"),
    pytest.param([b"a.test b.test"], id="a_space"),
    pytest.param([b"a.test\tb"], id="a_tab"),
    pytest.param([b"a.test/"], id="a_slash"),
    pytest.param([b"a.test\\b"], id="a_backslash"),
    pytest.param([b"a.test#b"], id="a_hash"),
    pytest.param([b"a.test?b"], id="a_question_mark"),
    pytest.param([b"u@a.test"], id="a_user"),
    pytest.param([b"http://a.test"], id="a_url"),
    pytest.param([b"a.test:x"], id="a_port_of_letters"),
    pytest.param([b"a.test:80x"], id="letters_behind_a_port"),
    pytest.param([b"a.test:-1"], id="a_negative_port"),
    pytest.param([b"a.test:65536"], id="a_port_out_of_range"),
    pytest.param([b"a.test:80:80"], id="two_ports"),
    pytest.param([b"a.test\x00"], id="a_NUL"),
    pytest.param([b"\xe4.test"], id="obs_text"),
    pytest.param([b"[::1"], id="an_open_bracket"),
    pytest.param([b"::1"], id="ipv6_without_brackets"),
    pytest.param([b"[::1]x"], id="junk_behind_a_bracket"),
    pytest.param([b"[a.test]"], id="a_name_in_brackets"),
    pytest.param([b"[1::2::3]"], id="ipv6_with_two_gaps"),
    pytest.param([b"a..test"], id="an_empty_label"),
    pytest.param([b'"a.test"'], id="quotes"),
    pytest.param([b"<a>"], id="angle_brackets"),
])
def test_a_malformed_host_is_refused(proxy, values):
    proxy.refused(with_host(*values), 400)


@pytest.mark.parametrize("host", [
    pytest.param(b"guarded.test", id="exactly"),
    pytest.param(b"GUARDED.Test", id="in_another_case"),
    pytest.param(b"guarded.test:8080", id="with_a_port"),
    pytest.param(b"guarded.test.", id="with_a_dot_at_the_end"),
    pytest.param(b"guarded.test.:81", id="with_a_dot_and_a_port"),
])
def test_a_site_is_found_by_its_name(proxy, host):
    with proxy.client() as client:
        client.send(b"GET /private HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert client.recv_response().status == 403
        in_step(client)


@pytest.mark.parametrize("host", [b"a.test", b"a.test:81", b"[2001:db8::1]", b"[2001:DB8::1]:81", b"10.0.0.1",
                                  b"xn--bcher-kva.test", b"a_b.test", b"A.test"])
def test_a_host_is_forwarded_as_it_is(proxy, host):
    assert proxy.forwarded(with_host(host)).header("host") == host.decode()


def test_http_1_0_may_come_without_a_host(proxy):
    proxy.answered(with_host(version=b"1.0"), stays=False)


def test_http_1_0_may_not_come_with_two(proxy):
    proxy.refused(with_host(b"a.test", b"a.test", version=b"1.0"), 400)


@pytest.mark.parametrize("field", [b"X-Forwarded-Host", b"X-Host", b"Forwarded", b"X-Original-Host", b"Host_"])
def test_no_other_field_routes(proxy, field):
    value = b"host=gone.test" if field == b"Forwarded" else b"gone.test"
    request = proxy.forwarded(b"GET / HTTP/1.1\r\n" + field + b": " + value + b"\r\nHost: a.test\r\n\r\n")
    assert request.header("host") == "a.test"


def test_the_host_of_the_route_is_the_one_the_upstream_sees(proxy):
    request = proxy.forwarded(b"GET http://guarded.test/ HTTP/1.1\r\nHost: gone.test\r\n\r\n")
    assert request.header("host") == request.header("x-forwarded-host") == "guarded.test"
