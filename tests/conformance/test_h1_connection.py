# SPDX-License-Identifier: GPL-3.0-or-later
"""Order, persistence and the end of client connections: RFC 9112 section 9."""

import pytest
from exchange import in_step
from recorder import OK, Answer

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"


def get(target, *lines, version=b"1.1"):
    fields = b"".join(line + b"\r\n" for line in lines)
    return b"GET " + target + b" HTTP/" + version + b"\r\nHost: a.test\r\n" + fields + b"\r\n"


def numbered(count):
    return [Answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d" % (len(str(i)), i)) for i in range(count)]


@pytest.mark.parametrize("count", [2, 20, 200])
def test_pipelined_requests_are_answered_in_order(proxy, count):
    proxy.recorder.begin(*numbered(count))
    with proxy.client() as client:
        client.send(GET * count)
        assert [int(client.recv_response().body) for _ in range(count)] == list(range(count))
        in_step(client)


def test_pipelined_requests_with_bodies_are_answered_in_order(proxy):
    proxy.recorder.begin(*numbered(4))
    post = b"POST / HTTP/1.1\r\nHost: a.test\r\n"
    with proxy.client() as client:
        client.send(post + b"Content-Length: 3\r\n\r\nabc" + GET +
                    post + b"Transfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n" + GET)
        assert [client.recv_response().body for _ in range(4)] == [b"0", b"1", b"2", b"3"]
    assert [request.body for request in proxy.recorder.requests] == [b"abc", b"", b"def", b""]


@pytest.mark.parametrize("line", [b"Connection: close", b"connection: x, Close", b"Connection: x\r\nConnection: close"])
def test_nothing_behind_connection_close_is_processed(proxy, line):
    proxy.recorder.begin()
    with proxy.client() as client:
        client.send(get(b"/first", line) + get(b"/second"))
        response = client.recv_response()
        client.expect_closed()
    assert (response.status, response.header("connection")) == (200, "close")
    assert [request.target for request in proxy.recorder.requests] == ["/first"]


@pytest.mark.parametrize("bad", [
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no_host"),
    pytest.param(b"\x80\x2e\x01\x00\x02\x00\x15", id="another_protocol"),
    pytest.param(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: x\r\n\r\n", id="a_bad_length"),
])
def test_nothing_behind_an_error_is_processed(proxy, bad):
    proxy.refused(bad + b"\r\n\r\n" + GET, 400)


def test_garbage_behind_a_request_does_not_harm_its_answer(proxy):
    proxy.recorder.begin()
    with proxy.client() as client:
        client.send(GET + b"\x00\x01\x02 garbage\r\n\r\n")
        assert client.recv_response().status == 200
        assert client.recv_response().status == 400
        client.expect_closed()
    assert len(proxy.recorder.requests) == 1


@pytest.mark.parametrize("bytes_sent", [
    pytest.param(b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\xaa" * 37 + b"\r\n", id="an_sslv2_hello"),
    pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="ssh"),
    pytest.param(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET, id="a_proxy_header_of_nobody_trusted"),
    pytest.param(bytes(range(256)) * 8 + b"\n", id="every_octet"),
    pytest.param(b"EHLO a.test\r\n", id="smtp"),
])
def test_another_protocol_is_refused(proxy, bytes_sent):
    proxy.refused(bytes_sent, 400, 505)


def test_http_1_0_is_closed_behind_its_answer(proxy):
    response, _ = proxy.answered(get(b"/", version=b"1.0"), stays=False)
    assert response.header("connection") == "close"


def test_http_1_0_stays_where_it_asks(proxy):
    response, _ = proxy.answered(get(b"/", b"Connection: keep-alive", version=b"1.0"))
    assert response.header("connection").lower() == "keep-alive"


def test_an_unknown_connection_option_is_ignored(proxy):
    proxy.forwarded(get(b"/", b"Connection: fancy"))


@pytest.mark.parametrize("raw", [GET, get(b"/", b"Connection: close")], ids=["kept_alive", "with_close"])
def test_a_client_that_half_closed_gets_its_answer(proxy, raw):
    proxy.recorder.begin()
    with proxy.client() as client:
        client.send(raw)
        client.half_close()
        assert client.recv_response().body == b"ok"
        client.expect_closed()


def test_a_client_that_half_closed_gets_an_answer_that_comes_late(proxy):
    with proxy.client() as client:
        def answer_after_the_fin(peer):
            client.half_close()
            # A later request of somebody else is done: the FIN was seen by then.
            with proxy.client() as other:
                in_step(other)
            peer.send(OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            peer.recv_eof()
        proxy.recorder.begin(Answer(at_head=b"HTTP/1.1 102 Processing\r\n\r\n", then=answer_after_the_fin))
        client.send(GET)
        assert client.recv_response().body == b"ok"
        client.expect_closed()


def test_pipelined_requests_before_a_half_close_are_all_answered(proxy):
    proxy.recorder.begin(*numbered(5))
    with proxy.client() as client:
        client.send(GET * 5)
        client.half_close()
        assert [client.recv_response().body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
        client.expect_closed()


@pytest.mark.parametrize("raw", [
    pytest.param(b"POST / HTTP/1.1\r\nHost: a b\r\nContent-Length: 1000000\r\n\r\n", id="a_bad_head"),
    pytest.param(b"POST /private HTTP/1.1\r\nHost: guarded.test\r\nContent-Length: 1000000\r\n\r\n",
                 id="a_fixed_answer"),
    pytest.param(b"POST / HTTP/1.1\r\nHost: small.test\r\nContent-Length: 1000000\r\n\r\n", id="a_body_past_its_limit"),
])
def test_the_answer_to_an_unread_body_is_not_lost_to_a_reset(proxy, raw):
    with proxy.client() as client:
        client.send(raw + b"x" * 1_000_000)
        assert client.recv_response().status in (400, 403, 413)
        client.expect_closed()


@pytest.mark.parametrize("lines", [[], [b"Connection: close"]], ids=["kept_alive", "with_close"])
def test_an_answer_of_the_proxy_itself_keeps_what_was_asked(proxy, lines):
    with proxy.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: gone.test\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
        assert client.recv_response().status == 410
        client.expect_closed() if lines else in_step(client)


def test_an_answer_of_the_proxy_itself_to_head_has_no_body(proxy):
    with proxy.client() as client:
        answer = client.request("HEAD", "/", host="gone.test")
        assert answer.status == 410 and int(answer.header("content-length")) > 0
        in_step(client)
