# SPDX-License-Identifier: GPL-3.0-or-later
"""Each path of `engine echo` once: other tests rely on what it does, exactly."""

import base64
import hashlib
import json
import os
import re
import signal
import socket
import struct
import time

import pytest
from harness import RawClient, fnv1a, pattern, wait_until

BODY = b"some body \x00\xff" * 1000
CHUNKED = [("Transfer-Encoding", "chunked")]


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def client(echo):
    with echo().client() as connected:
        yield connected


def test_the_page_shows_the_request_escaped(client):
    page = client.request(target="/?q=<x>", headers=[("X-Tag", "<b>&\"'")])

    assert page.status == 200
    assert page.header("content-type").startswith("text/html")
    assert "&lt;b&gt;&amp;&quot;&#39;" in page.text
    assert "<b>" not in page.text and "test.localhost" in page.text


def test_the_page_is_json_for_programs(client):
    answer = client.request(target="/?a=1", headers=[("Accept", "application/json")])

    shown = json.loads(answer.body)
    assert (shown["method"], shown["target"], shown["host"]) == ("GET", "/?a=1", "test.localhost")


def test_ok_is_two_octets(client):
    answer = client.request(target="/ok")
    assert (answer.status, answer.body) == (200, b"ok")


def test_pipelined_requests_are_answered_in_order(client):
    client.send(b"".join(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path
                         for path in (b"ok", b"conn", b"bytes/9000", b"ok", b"chunked/2")))

    assert client.recv_response().body == b"ok"
    assert json.loads(client.recv_response().body)["request"] == 2
    assert client.recv_response().body == pattern(9000)
    assert client.recv_response().body == b"ok"
    assert client.recv_response().body == b"chunk 0\nchunk 1\n"


def test_a_head_may_arrive_octet_by_octet(client):
    for octet in b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n":
        client.send(bytes([octet]))
    assert client.recv_response().body == b"ok"


def test_thousands_of_pipelined_requests_lose_none(client):
    count = 3000
    client.send(b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n" * count)
    for _ in range(count):
        assert client.recv_response().body == b"ok"


@pytest.mark.parametrize("size,count", [("0", 0), ("1", 1), ("4096", 4096), ("4097", 4097),
                                        ("300k", 300 << 10), ("3m", 3 << 20)])
def test_bytes_sends_the_pattern(client, size, count):
    answer = client.request(target=f"/bytes/{size}")
    assert answer.header("content-length") == str(count)
    assert answer.body == pattern(count)


def test_bytes_can_be_chunked(client):
    answer = client.request(target="/bytes/300k?chunked=1")
    assert answer.header("transfer-encoding") == "chunked"
    assert answer.body == pattern(300 << 10)


def test_bytes_can_end_with_the_connection(client):
    answer = client.request(target="/bytes/300k?close=1")
    assert answer.header("content-length") is None and answer.header("connection") == "close"
    assert answer.body == pattern(300 << 10)


def test_bytes_can_come_in_pieces_with_gaps(client):
    start = time.monotonic()
    answer = client.request(target="/bytes/2500?gap=20ms&piece=1000&chunked=1")
    assert answer.body == pattern(2500)
    assert time.monotonic() - start >= 0.04


def test_bytes_can_be_limited_to_a_rate(client):
    start = time.monotonic()
    assert client.request(target="/bytes/10k?rate=50k").body == pattern(10 << 10)
    assert time.monotonic() - start >= 0.15


def test_delay_waits_and_answers_as_the_rest_of_the_path(client):
    start = time.monotonic()
    assert client.request(target="/delay/50ms/delay/50ms/status/503").status == 503
    assert time.monotonic() - start >= 0.1
    assert client.request(target="/ok").body == b"ok"


def test_a_delayed_request_keeps_its_body(client):
    answer = client.request("POST", "/delay/10ms/echo", body=BODY)
    assert answer.body == BODY


@pytest.mark.parametrize("status", [200, 204, 301, 304, 404, 429, 500, 599])
def test_status_answers_with_that_status(client, status):
    assert client.request(target=f"/status/{status}").status == status
    assert client.request(target="/ok").status == 200


def test_headers_reflects_all_fields_in_order(client):
    fields = [("X-B", "2"), ("x-a", "1"), ("X-B", "3"), ("X-Empty", "")]
    shown = json.loads(client.request("PUT", "/headers?x", headers=fields, body=b"").body)

    assert (shown["method"], shown["target"]) == ("PUT", "/headers?x")
    assert [tuple(pair) for pair in shown["headers"]] == [
        ("Host", "test.localhost"), *fields, ("Content-Length", "0")]


def test_echo_sends_back_a_body_with_a_length(client):
    answer = client.request("POST", "/echo", [("Content-Type", "x/y")], BODY)
    assert answer.header("content-length") == str(len(BODY))
    assert answer.header("content-type") == "x/y"
    assert answer.body == BODY


def test_echo_sends_back_chunks_before_the_body_is_complete(client):
    client.send_request("POST", "/echo", CHUNKED)
    assert client.recv_head().header("transfer-encoding") == "chunked"
    for piece in (b"one", b"two"):
        client.send(chunk(piece))
        assert client.recv_chunk() == piece

    client.send(b"0\r\nX-End: yes\r\n\r\n")
    assert client.recv_chunk() == b""
    assert client.recv_until(b"\r\n\r\n") == b"X-End: yes\r\n\r\n"


def test_echo_reads_no_further_than_its_output_is_taken(client):
    client.send_request("POST", "/echo", [("Content-Length", str(1 << 30))])
    client.recv_head()
    client.socket.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += client.socket.send(b"x" * 65536)
    assert sent < 64 << 20


def test_count_answers_with_length_and_checksum(client):
    for headers, body in (([], BODY), (CHUNKED, chunk(BODY[:7]) + chunk(BODY[7:]) + chunk(b""))):
        counted = json.loads(client.request("POST", "/count", headers, body).body)
        assert counted == {"bytes": len(BODY), "fnv": fnv1a(BODY)}


def test_chunked_sends_that_many_chunks(client):
    client.send_request(target="/chunked/3?gap=1ms")
    client.recv_head()
    assert [client.recv_chunk() for _ in range(4)] == [b"chunk 0\n", b"chunk 1\n", b"chunk 2\n",
                                                       b""]


def test_trailers_follow_the_chunks(client):
    answer = client.request(target="/trailers")
    assert answer.trailers == [("X-Checksum", "0123abcd"), ("X-Count", "18")]


def test_events_come_one_by_one(client):
    client.send_request(target="/sse?n=2&every=10ms")
    assert client.recv_head().header("content-type") == "text/event-stream"
    assert client.recv_chunk() == b"id: 0\ndata: event 0\n\n"
    assert client.recv_chunk() == b"id: 1\ndata: event 1\n\n"
    assert client.recv_chunk() == b""


def frame(opcode, payload, final=True, mask=b"\x01\x02\x03\x04"):
    head = bytes([(0x80 if final else 0) | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", len(payload))
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", len(payload))
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def recv_frame(client):
    first, length = client.recv_exactly(2)
    if length == 126:
        length = struct.unpack(">H", client.recv_exactly(2))[0]
    elif length == 127:
        length = struct.unpack(">Q", client.recv_exactly(8))[0]
    return first & 0x0F, bool(first & 0x80), client.recv_exactly(length)


@pytest.fixture
def websocket(client):
    key = base64.b64encode(os.urandom(16)).decode()
    client.send_request(target="/ws", headers=[
        ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key)])
    answer = client.recv_response()
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    assert answer.status == 101
    assert answer.header("sec-websocket-accept") == base64.b64encode(digest).decode()
    return client


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 300_000])
def test_websocket_messages_come_back(websocket, size):
    payload = pattern(size)
    websocket.send(frame(2, payload))
    assert recv_frame(websocket) == (2, True, payload)


def test_websocket_fragments_come_back_around_a_ping(websocket):
    websocket.send(frame(1, b"he", final=False) + frame(9, b"hi") + frame(0, b"llo"))

    assert recv_frame(websocket) == (1, False, b"he")
    assert recv_frame(websocket) == (10, True, b"hi")
    assert recv_frame(websocket) == (0, True, b"llo")


def test_websocket_close_is_answered_and_ends_the_connection(websocket):
    websocket.send(frame(8, struct.pack(">H", 1000) + b"bye"))
    assert recv_frame(websocket) == (8, True, struct.pack(">H", 1000) + b"bye")
    websocket.expect_closed()


@pytest.mark.parametrize("bad", [b"\x81\x01x", frame(3, b""), frame(0, b"x"), frame(9, b"x" * 126),
                                 b"\xc1" + frame(1, b"x")[1:]])
def test_a_broken_websocket_frame_is_a_protocol_error(websocket, bad):
    websocket.send(bad)
    assert recv_frame(websocket) == (8, True, struct.pack(">H", 1002))
    websocket.expect_closed()


def test_ws_without_a_handshake_is_426(client):
    assert client.request(target="/ws").status == 426


def test_a_raw_upgrade_echoes_bytes_until_half_close(client):
    client.send_request(target="/upgrade/raw",
                        headers=[("Connection", "Upgrade"), ("Upgrade", "anything/2")])
    client.send(b"early bytes")
    assert client.recv_head().header("upgrade") == "anything/2"
    assert client.recv_exactly(11) == b"early bytes"
    client.send(BODY)
    client.half_close()
    assert client.recv_eof() == BODY


def test_early_refuses_before_the_body_and_closes(client):
    client.send_request("POST", "/early", [("Content-Length", "1000000")])
    answer = client.recv_response()
    assert (answer.status, answer.header("connection")) == (413, "close")
    client.send(BODY)
    client.half_close()
    client.expect_closed()


def test_early_keep_answers_first_and_reads_the_body(client):
    client.send_request("POST", "/early/keep", [("Content-Length", str(len(BODY)))])
    assert client.recv_response().status == 200
    client.send(BODY)
    assert client.request(target="/ok").body == b"ok"


def test_other_paths_answer_after_the_body(client):
    client.send_request("POST", "/ok", [("Content-Length", "5")])
    client.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv_head()
    client.socket.settimeout(10)
    client.send(b"12345")
    assert client.recv_response().body == b"ok"


def test_die_head_closes_without_an_answer(client):
    client.send_request("POST", "/die/head", body=BODY)
    client.expect_closed()


def test_die_mid_head_closes_in_a_field(client):
    client.send_request(target="/die/mid-head")
    assert client.recv_eof().endswith(b"\r\nContent-Le")


def test_die_body_breaks_its_promise(client):
    client.send_request(target="/die/body?after=77")
    assert client.recv_head().header("content-length") == str(1 << 20)
    assert client.recv_eof() == pattern(77)


def test_die_chunk_ends_inside_a_chunk(client):
    client.send_request(target="/die/chunk")
    client.recv_head()
    assert client.recv_chunk() == b"hello"
    assert client.recv_eof() == b"10\r\nhalf"


def test_die_rst_resets(client):
    client.send_request(target="/die/rst")
    with pytest.raises(ConnectionResetError):
        client.recv_eof()


def test_hang_says_nothing(client):
    client.send_request(target="/hang")
    client.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv_eof()


def test_hang_body_stops_after_ten_octets(client):
    client.send_request(target="/hang/body")
    assert client.recv_head().header("content-length") == "100"
    assert client.recv_exactly(10) == b"ten octets"
    client.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv_exactly(1)


def test_a_hanging_connection_goes_with_its_peer(echo):
    server = echo()
    before = server.fd_count()
    with server.client() as client:
        client.send_request(target="/hang")
        wait_until(lambda: server.fd_count() > before, "the connection")
    wait_until(lambda: server.fd_count() == before, "its end")


def test_early_hints_come_before_the_answer(client):
    client.send_request(target="/interim/103?n=2")
    for _ in range(2):
        hint = client.recv_response(interim=True)
        assert (hint.status, hint.header("link") is not None) == (103, True)
    assert client.recv_response().status == 200


def test_continue_is_sent_when_asked_for(client):
    client.send_request("POST", "/continue",
                        [("Expect", "100-continue"), ("Content-Length", str(len(BODY)))])
    assert client.recv_response(interim=True).status == 100
    client.send(BODY)
    assert json.loads(client.recv_response().body)["bytes"] == len(BODY)


def test_garbage_is_not_http(client):
    client.send_request(target="/garbage")
    assert client.recv_eof() == b"this is not HTTP\r\n\r\n"


@pytest.mark.parametrize("path,status", [("/nobody/204", 204), ("/nobody/304", 304), ("/304", 304)])
def test_answers_without_a_body_leave_the_connection_usable(client, path, status):
    assert client.request(target=path).status == status
    assert client.request(target="/ok").body == b"ok"


def test_slow_read_takes_a_while(client):
    start = time.monotonic()
    answer = client.request("POST", "/slow-read?rate=4k", body=b"x" * 1500)
    assert json.loads(answer.body)["bytes"] == 1500
    assert time.monotonic() - start >= 0.2


def test_slow_read_holds_the_sender_back(client):
    client.send_request("POST", "/slow-read", [("Content-Length", str(1 << 30))])
    client.socket.settimeout(0.5)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += client.socket.send(b"x" * 65536)
    assert sent < 16 << 20


def test_conn_tells_connections_and_requests_apart(echo):
    server = echo()
    with server.client() as one, server.client() as two:
        seen = [json.loads(client.request(target="/conn").body) for client in (one, one, two)]

    assert [answer["request"] for answer in seen] == [1, 2, 1]
    assert seen[0]["connection"] == seen[1]["connection"] != seen[2]["connection"]


@pytest.mark.parametrize("path", ["/", "/ok", "/bytes/1k", "/bytes/1k?chunked=1", "/chunked/2",
                                  "/trailers", "/sse", "/echo", "/nowhere"])
def test_head_has_no_body(client, path):
    client.request("HEAD", path)
    assert client.request(target="/ok").body == b"ok"


def test_http_1_0_gets_no_chunks(client):
    client.send(b"GET /chunked/2 HTTP/1.0\r\n\r\n")
    answer = client.recv_response()
    assert answer.header("transfer-encoding") is None
    assert answer.body == b"chunk 0\nchunk 1\n"


def test_connection_close_is_kept(client):
    answer = client.request(target="/ok", headers=[("Connection", "close")])
    assert answer.header("connection") == "close"
    client.expect_closed()


@pytest.mark.parametrize("head,status", [(b"GET / HTTP/1.1\r\n\r\n", 400), (b"nonsense\r\n\r\n", 400),
                                         (b"GET / HTTP/1.1\r\nX: " + b"y" * 70000, 431)])
def test_a_broken_head_is_refused_and_the_connection_closed(client, head, status):
    client.send(head)
    assert client.recv_response().status == status
    client.half_close()
    client.expect_closed()


def test_unknown_paths_are_404_and_list_the_known(client):
    answer = client.request(target="/nowhere")
    assert answer.status == 404 and "/ok\n" in answer.text


def test_it_listens_on_both_loopback_addresses(echo):
    server = echo()
    try:
        with RawClient(("::1", server.port)) as client:
            assert client.request(target="/ok").body == b"ok"
    except OSError:
        pytest.skip("no ::1 here")


def test_it_serves_a_unix_socket(echo, tmp_path):
    path = str(tmp_path / "echo.sock")
    server = echo(unix_path=path)
    assert server.url == f"unix:{path}"
    with server.client() as client:
        assert client.request("POST", "/echo", body=BODY).body == BODY
        assert client.request(target="/bytes/3m").body == pattern(3 << 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_at_once_with_exit_code_0(echo, number):
    server = echo()
    with server.client() as client:
        client.send_request(target="/hang")
        server.signal(number)
        assert server.wait(2) == 0


def test_many_connections_at_once(echo):
    server = echo()
    clients = [server.client() for _ in range(200)]
    for client in clients:
        client.send_request(target="/delay/10ms/conn")
    ids = {json.loads(client.recv_response().body)["connection"] for client in clients}
    for client in clients:
        client.close()

    assert len(ids) == 200


@pytest.mark.release_only
def test_its_connections_are_small(echo):
    server = echo()
    before = server.rss_kb()
    clients = [server.client() for _ in range(200)]
    for client in clients:
        client.send_request(target="/conn")
        assert client.recv_response().status == 200

    assert server.rss_kb() - before < 200 * 100
    for client in clients:
        client.close()


def test_the_port_line_is_the_only_thing_on_stdout(echo):
    server = echo("--quiet")
    assert re.fullmatch(r"echo listening on http://127\.0\.0\.1:\d+\n", server.stdout)
    assert server.stderr == ""


def test_a_taken_port_is_one_clear_sentence(echo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match="ended with 8(.|\n)*cannot listen(.|\n)*--port 0"):
            echo("--port", str(taken.getsockname()[1]))
