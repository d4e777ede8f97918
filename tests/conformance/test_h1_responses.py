# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstreams answer: RFC 9112 sections 4 and 6. A violation before the head went out is 502, later the client's
answer is visibly broken; an incomplete answer never looks complete."""

import pytest
from exchange import in_step, is_cut
from recorder import OK, Answer

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
GET_1_0 = b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n"
START = b"HTTP/1.1 200 OK\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"


def with_line(line):
    return line + b"\r\nContent-Length: 2\r\n\r\nok"


def with_field(line, body=b""):
    return START + line + b"\r\n\r\n" + body


def is_502(proxy, response, then="close"):
    answer, _ = proxy.answered(GET, Answer(response, then=then))
    assert answer.status == 502


@pytest.mark.parametrize("line", [
    pytest.param(b"HTTP/1.1 20 OK", id="two_digits"),
    pytest.param(b"HTTP/1.1 2000 OK", id="four_digits"),
    pytest.param(b"HTTP/1.1 099 OK", id="below_100"),
    pytest.param(b"HTTP/1.1 000 OK", id="zero"),
    pytest.param(b"HTTP/1.1 -20 OK", id="negative"),
    pytest.param(b"HTTP/1.1 2x0 OK", id="a_letter"),
    pytest.param(b"HTTP/1.1  200 OK", id="two_spaces"),
    pytest.param(b"HTTP/1.1\t200 OK", id="a_tab"),
    pytest.param(b"HTTP/1.1 ", id="no_status"),
    pytest.param(b"HTTP/1.1", id="the_version_alone"),
    pytest.param(b"HTTP/2.0 200 OK", id="http_2_0"),
    pytest.param(b"HTTP/0.9 200 OK", id="http_0_9"),
    pytest.param(b"HTTP/1.x 200 OK", id="a_version_with_a_letter"),
    pytest.param(b"http/1.1 200 OK", id="lower_case"),
    pytest.param(b"ICY 200 OK", id="another_protocol"),
    pytest.param(b"SSH-2.0-x", id="ssh"),
    pytest.param(b" HTTP/1.1 200 OK", id="a_space_before_it"),
    pytest.param(b"HTTP/1.1 200 O\x00K", id="a_NUL_in_the_reason"),
    pytest.param(b"HTTP/1.1 200 O\rK", id="a_CR_in_the_reason"),
    pytest.param(b"HTTP/1.1 200 O\x07K", id="a_control_character_in_the_reason"),
    pytest.param(b"<html>hello</html>", id="a_page_without_a_head"),
])
def test_a_malformed_status_line_is_502(proxy, line):
    is_502(proxy, with_line(line))


@pytest.mark.parametrize("line", [
    pytest.param(b"X : a", id="a_space_before_the_colon"),
    pytest.param(b"X Y: a", id="a_space_in_the_name"),
    pytest.param(b"X(: a", id="a_delimiter_in_the_name"),
    pytest.param(b": a", id="an_empty_name"),
    pytest.param(b"X", id="no_colon"),
    pytest.param(b" X: a", id="white_space_before_the_first"),
    pytest.param(b"X: a\r\n b", id="a_fold"),
    pytest.param(b"X: a\x00b", id="a_NUL"),
    pytest.param(b"X: a\x01b", id="a_control_character"),
    pytest.param(b"X: a\rb", id="a_bare_CR"),
    pytest.param(b"X: a\nY: b", id="a_bare_LF"),
    pytest.param(b"\xe9: a", id="obs_text_in_the_name"),
])
def test_a_malformed_field_is_502(proxy, line):
    is_502(proxy, with_field(line + b"\r\nContent-Length: 2", b"ok"))


@pytest.mark.parametrize("lines", [
    pytest.param(b"Content-Length: x", id="a_length_of_letters"),
    pytest.param(b"Content-Length: -2", id="a_negative_length"),
    pytest.param(b"Content-Length: +2", id="a_length_with_a_sign"),
    pytest.param(b"Content-Length: 0x2", id="a_length_in_hex"),
    pytest.param(b"Content-Length: 18446744073709551618", id="a_length_of_two_to_the_64_and_2"),
    pytest.param(b"Content-Length: 2\r\nContent-Length: 3", id="two_lengths"),
    pytest.param(b"Content-Length: 2, 3", id="a_list_of_lengths"),
    pytest.param(b"Content-Length:", id="an_empty_length"),
    pytest.param(b"Transfer-Encoding: chunked, chunked", id="chunked_twice"),
    pytest.param(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", id="chunked_in_two_lines"),
    pytest.param(b"Transfer-Encoding: chunked, gzip", id="chunked_before_gzip"),
    pytest.param(b"Transfer-Encoding: xchunked", id="a_name_that_ends_alike"),
    pytest.param(b"Transfer-Encoding:", id="an_empty_coding"),
    pytest.param(b"Transfer-Encoding: gzip", id="an_unknown_coding"),
])
def test_malformed_framing_is_502(proxy, lines):
    is_502(proxy, with_field(lines, b"2\r\nok\r\n0\r\n\r\n"))


def test_a_length_beside_chunks_never_reaches_the_client(proxy):
    lines = b"Content-Length: 2\r\nTransfer-Encoding: chunked"
    response, _ = proxy.answered(GET, Answer(with_field(lines, b"2\r\nok\r\n0\r\n\r\n"), then="close"))
    assert response.status == 502 or (response.all("content-length"), response.body) == ([], b"ok")


@pytest.mark.parametrize("response", [
    pytest.param(START + b"X: " + b"v" * 200_000 + b"\r\n\r\n", id="of_200_kB"),
    pytest.param(START + b"X: v\r\n" * 8000 + b"\r\n", id="of_8000_fields"),
    pytest.param(START + b"X: " + b"v" * 200_000, id="without_end"),
    pytest.param(b"HTTP/1.1 200 " + b"O" * 200_000 + b"\r\n\r\n", id="with_a_reason_of_200_kB"),
])
def test_a_head_past_its_limits_is_502(proxy, response):
    is_502(proxy, response)


@pytest.mark.parametrize("answer", [
    pytest.param(Answer(b"", then="close"), id="nothing_and_a_FIN"),
    pytest.param(Answer(b"", then="reset"), id="nothing_and_a_RST"),
    pytest.param(Answer(b"HTTP/1.1 200 OK\r\nContent-", then="close"), id="half_a_head_and_a_FIN"),
    pytest.param(Answer(b"HTTP/1.1 200 OK\r\nContent-", then="reset"), id="half_a_head_and_a_RST"),
    pytest.param(Answer(b"HTTP/1.1 100 Continue\r\n\r\n", then="close"), id="an_interim_head_alone"),
    pytest.param(Answer(b"\r\n", then="close"), id="an_empty_line"),
])
def test_an_answer_that_ends_inside_its_head_is_502(proxy, answer):
    response, _ = proxy.answered(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi", answer)
    assert response.status == 502


@pytest.mark.parametrize("response", [
    pytest.param(START + b"Content-Length: 10\r\n\r\nhello", id="inside_its_length"),
    pytest.param(START + b"Content-Length: 10\r\n\r\n", id="before_its_first_octet"),
    pytest.param(CHUNKED + b"a\r\nhello", id="inside_a_chunk"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n", id="before_the_last_chunk"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n", id="before_the_last_line_end"),
    pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\nX: y", id="inside_the_trailers"),
    pytest.param(CHUNKED, id="before_the_first_chunk"),
])
@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("request_head", [GET, GET_1_0], ids=["1.1", "1.0"])
def test_a_body_that_ends_early_is_visibly_broken(proxy, response, then, request_head):
    proxy.recorder.begin(Answer(response, then=then))
    with proxy.client() as client:
        client.send(request_head)
        assert is_cut(client)


@pytest.mark.parametrize("body", [
    pytest.param(b"x\r\nhello\r\n0\r\n\r\n", id="no_hex_digit"),
    pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", id="a_sign"),
    pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="a_prefix"),
    pytest.param(b"5\nhello\r\n0\r\n\r\n", id="a_bare_LF_behind_the_size"),
    pytest.param(b"5\r\nhello\n0\r\n\r\n", id="a_bare_LF_behind_the_data"),
    pytest.param(b"5\r\nhello!\r\n0\r\n\r\n", id="more_data_than_the_size"),
    pytest.param(b"5;\x00\r\nhello\r\n0\r\n\r\n", id="a_NUL_in_an_extension"),
    pytest.param(b"10000000000000005\r\nhello\r\n0\r\n\r\n", id="a_size_of_two_to_the_64_and_5"),
    pytest.param(b"5\r\nhello\r\n0\r\nX : y\r\n\r\n", id="a_malformed_trailer"),
])
def test_malformed_chunks_are_502_or_visibly_broken(proxy, body):
    proxy.recorder.begin(Answer(CHUNKED + body, then="close"))
    with proxy.client() as client:
        client.send(GET)
        try:
            assert client.recv_response().status == 502
        except (AssertionError, ConnectionResetError) as error:
            assert "502" not in str(error), "complete, though it is malformed"
            client.expect_gone()


def test_an_answer_until_the_end_of_the_connection_completes_with_a_FIN(proxy):
    response, _ = proxy.answered(GET, Answer(START + b"\r\nhello", then="close"))
    assert response.body == b"hello"


@pytest.mark.parametrize("request_head", [GET, GET_1_0], ids=["1.1", "1.0"])
def test_an_answer_until_the_end_of_the_connection_is_broken_by_a_RST(proxy, request_head):
    proxy.recorder.begin(Answer(START + b"\r\nhello", then="reset"))
    with proxy.client() as client:
        client.send(request_head)
        assert is_cut(client)


@pytest.mark.parametrize("response", [
    pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", id="in_chunks"),
    pytest.param(CHUNKED + b"5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", id="in_chunks_with_extensions_and_trailers"),
    pytest.param(START + b"\r\nhello", id="until_the_end_of_the_connection"),
    pytest.param(START + b"Content-Length: 5\r\n\r\nhello", id="with_a_length"),
    pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", id="of_http_1_0"),
])
def test_a_client_of_http_1_0_never_gets_chunks(proxy, response):
    answer, _ = proxy.answered(GET_1_0, Answer(response, then="close"), stays=False)
    assert answer.all("transfer-encoding") == [] and answer.body == b"hello"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(proxy, status):
    response, _ = proxy.answered(GET, Answer(b"HTTP/1.1 %d X\r\nETag: \"x\"\r\n\r\n" % status))
    assert (response.status, response.body) == (status, b"")


@pytest.mark.parametrize("answer", [
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="behind_204"),
    pytest.param(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", id="behind_304"),
    pytest.param(OK, id="behind_a_length"),
    pytest.param(CHUNKED + b"2\r\nok\r\n0\r\n\r\n", id="behind_the_last_chunk"),
])
@pytest.mark.parametrize("extra", [OK, b"garbage", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"],
                         ids=["an_answer", "garbage", "poison"])
def test_bytes_behind_an_answer_never_reach_the_next(proxy, answer, extra):
    proxy.recorder.begin(Answer(answer + extra))
    with proxy.client() as client:
        client.send(GET)
        assert client.recv_response().status in (200, 204, 304)
        in_step(client)
    assert proxy.recorder.wait_until_ended(), "a connection with left-over bytes was used again"


@pytest.mark.parametrize("extra", [b"", b"a body to HEAD"], ids=["without_a_body", "with_a_body"])
@pytest.mark.parametrize("framing", [b"Content-Length: 14", b"Transfer-Encoding: chunked"])
def test_an_answer_to_head_has_no_body(proxy, framing, extra):
    response, _ = proxy.answered(HEAD, Answer(with_field(framing, extra)), method="HEAD")
    assert response.status == 200
    if b"Length" in framing:
        assert response.header("content-length") == "14"


def test_an_answer_that_nobody_asked_for_is_thrown_away(proxy):
    def send_two(peer):
        peer.send(OK)
        peer.recv_eof()
    proxy.recorder.begin(Answer(OK, then=send_two))
    with proxy.client() as client:
        client.send(GET)
        assert client.recv_response().status == 200
        proxy.recorder.wait_until_ended()
        in_step(client)


def test_interim_heads_are_forwarded_in_order(proxy):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3
    proxy.recorder.begin(Answer(OK, at_head=b"HTTP/1.1 102 Processing\r\n\r\n" + hints))
    with proxy.client() as client:
        client.send(GET)
        assert [client.recv_response(interim=True).status for _ in range(5)] == [102, 103, 103, 103, 200]
        in_step(client)


def test_interim_heads_never_go_to_http_1_0(proxy):
    proxy.recorder.begin(Answer(OK, at_head=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))
    with proxy.client() as client:
        client.send(GET_1_0)
        assert client.recv_response(interim=True).status == 200


def test_a_flood_of_interim_heads_is_bounded(proxy):
    proxy.recorder.begin(Answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000 + OK, then="close"))
    with proxy.client() as client:
        client.send(GET)
        assert client.recv_response().status == 502


@pytest.mark.parametrize("line", [b"Connection: close", b"Connection: Close, x"])
def test_close_from_the_upstream_does_not_close_the_client(proxy, line):
    response, _ = proxy.answered(GET, Answer(with_field(line + b"\r\nContent-Length: 2", b"ok"), then="close"))
    assert response.body == b"ok" and response.header("connection") is None


def test_an_upstream_of_http_1_0_is_not_used_again(proxy):
    proxy.answered(GET, Answer(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", then=lambda peer: peer.recv_eof()))
    assert all(request.ended for request in proxy.recorder.wait_until_ended())


@pytest.mark.parametrize("status", [b"200 OK", b"413 Content Too Large", b"401 Unauthorized"])
@pytest.mark.parametrize("then", ["close", "keep"])
def test_an_early_final_answer_is_delivered_and_the_rest_of_the_body_is_no_request(proxy, status, then):
    early = b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nno"
    answer = Answer(at_head=early, then=then if then == "close" else (lambda peer: peer.recv_eof()))
    proxy.recorder.begin(answer)
    with proxy.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nhello")
        response = client.recv_response()
        assert (response.status, response.body) == (int(status[:3]), b"no")
        client.send(b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.expect_gone()
    assert len(proxy.recorder.wait_until_ended()) == 1


@pytest.mark.parametrize("trailers", [b"X-Sum: 1\r\nX-More: 2\r\n", b""])
def test_trailers_stay_trailers(proxy, trailers):
    response, _ = proxy.answered(GET, Answer(CHUNKED + b"2\r\nok\r\n0\r\n" + trailers + b"\r\n"))
    assert response.all("x-sum") == [] and response.body == b"ok"
    assert [name for name, _ in response.trailers] in ([], ["X-Sum", "X-More"])


@pytest.mark.parametrize("name", [b"Content-Length", b"Set-Cookie", b"Transfer-Encoding", b"Connection", b"Host"])
def test_a_forbidden_name_in_the_trailers_is_dropped(proxy, name):
    response, _ = proxy.answered(GET, Answer(CHUNKED + b"2\r\nok\r\n0\r\n" + name + b": 5\r\n\r\n"))
    assert response.trailers == []


@pytest.mark.parametrize("line,status", [(b"HTTP/1.1 599 Odd", 599), (b"HTTP/1.1 200 ", 200), (b"HTTP/1.1 200", 200),
                                         (b"HTTP/1.1 418 I'm\ta teapot \xe9", 418), (b"HTTP/1.0 200 OK", 200),
                                         (b"HTTP/1.1 205 Reset Content", 205)])
def test_a_legal_status_line_is_forwarded(proxy, line, status):
    response, _ = proxy.answered(GET, Answer(with_line(line), then="close"))
    assert response.status == status


def test_an_answer_may_arrive_octet_by_octet(proxy):
    def octets(peer):
        for octet in CHUNKED + b"3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-T: 1\r\n\r\n":
            peer.send(bytes([octet]))
    proxy.recorder.begin(Answer(at_head=b"HTTP/1.1 102 Processing\r\n\r\n", then=octets))
    with proxy.client() as client:
        client.send(GET)
        assert client.recv_response().body == b"abcde"
