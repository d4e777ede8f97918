# SPDX-License-Identifier: GPL-3.0-or-later
"""Which HTTP a target is spoken to in, and connections that change their protocol: WebSocket over HTTP/2 (RFC 8441)."""

import pytest
from certificates import Authority
from h2 import CANCEL, HOST, INTERNAL_ERROR, H2Client
from h2_target import CONNECT_PROTOCOL, Call, H2Peer, over_tls, serving
from harness import pattern
from test_h2_tunnel import open_tunnel, switch
from upstream import OK, always, site

# RFC 6455 section 1.3.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", KEY)]


class WebSocket(Call):
    """A client that asks for a WebSocket."""

    def __init__(self, address, version):
        if version == 1:
            super().__init__(address, 1, "GET", "/ws", UPGRADE)
        else:
            self.version, self._method, self.client = 2, "CONNECT", H2Client(address)
            self.exchange = open_tunnel(self.client)

    def opened(self):
        """The head that says so."""
        if self.version == 1:
            head = self.client.recv_head()
            assert (head.status, head.header("upgrade"), head.header("sec-websocket-accept")) == \
                (101, "websocket", ACCEPT)
            return head
        self.client.until(lambda: self.exchange.status or self.exchange.over, "the tunnel")
        assert self.exchange.status == 200 and self.exchange.reset is None
        assert not {"upgrade", "connection", "sec-websocket-accept"} & {name for name, _ in self.exchange.headers}
        return self.exchange

    def say(self, data, end=False):
        if self.version == 2:
            self.client.send_body(self.exchange, data, end)
        else:
            self.client.send(data)
            if end:
                self.client.half_close()

    def hear(self, count):
        if self.version == 1:
            return self.client.recv_exactly(count)
        self.client.until(lambda: len(self.exchange.body) >= count, f"{count} octets")
        heard, self.exchange.body = bytes(self.exchange.body[:count]), self.exchange.body[count:]
        return heard

    def hear_the_end(self):
        if self.version == 1:
            assert self.client.recv_eof() == b""
        else:
            assert self.client.finish(self.exchange).ended


@pytest.fixture
def tunnel(scene):
    """tunnel(version): the scene, a client's WebSocket, the target's connection and the request for it there."""
    def start(version, settings=CONNECT_PROTOCOL):
        here = scene(options={"settings": settings})
        call = here.keep(WebSocket(here.engine.address, version))
        peer = here.target.accept()
        return here, call, peer, peer.next_request(whole=False)
    return start


@pytest.fixture
def secure(engine, upstream, tmp_path):
    """secure(scripts): an engine before a target of TLS that offers these protocols, the one it likes best first."""
    authority = Authority(tmp_path / "authority")

    def start(scripts):
        peer = upstream(over_tls(authority.issue("inner.test"), scripts))
        started = engine(site(f"https://{peer.address}",
                              f'upstream_tls = {{ ca = "{authority.ca.cert}", server_name = "inner.test" }}'))
        started.upstream = peer
        return started
    return start


def respond(peer, request):
    peer.respond(request, b"in http/2")


def shake_hands(accepted, _):
    switch(accepted)
    accepted.send(accepted.recv_eof())
    accepted.socket.unwrap()


IN_HTTP_1 = always(OK.replace(b": 2", b": 9").replace(b"ok", b"in http/1"))


# ---- ALPN

def test_a_target_of_http_1_alone_is_spoken_to_in_it(secure, version):
    started = secure({"http/1.1": IN_HTTP_1})
    for _ in range(3):
        call = Call(started.address, version)
        assert call.answer().body == b"in http/1"
        call.close()
    assert started.upstream.connections == 1


@pytest.mark.parametrize("offers", [["h2"], ["h2", "http/1.1"]], ids="_".join)
def test_a_target_that_offers_http_2_is_spoken_to_in_it(secure, version, offers):
    started = secure({name: {"h2": serving(respond), "http/1.1": IN_HTTP_1}[name] for name in offers})
    for _ in range(3):
        call = Call(started.address, version)
        assert call.answer().body == b"in http/2"
        call.close()
    assert started.upstream.connections == 1
    assert started.upstream.requests[0].pseudo == {
        ":method": "GET", ":scheme": "https", ":authority": HOST, ":path": "/"}


def test_large_bodies_pass_over_tls_both_ways(secure, version):
    started = secure({"h2": serving(lambda peer, request: peer.respond(request, bytes(request.body)))})
    call = Call(started.address, version, "POST", body=pattern(3 << 20))
    assert call.answer().body == pattern(3 << 20)
    call.close()


def test_a_websocket_to_a_target_that_offers_both_goes_over_http_1(secure, version):
    started = secure({"h2": serving(respond), "http/1.1": shake_hands})
    call = WebSocket(started.address, version)
    call.opened()
    call.say(b"hello", end=True)
    assert call.hear(5) == b"hello"
    call.hear_the_end()
    call.close()


def test_a_connection_of_http_2_without_extended_connect_is_not_asked_for_a_websocket(secure, version):
    started = secure({"h2": serving(respond), "http/1.1": shake_hands})
    first, call = Call(started.address), WebSocket(started.address, version)
    assert first.answer().body == b"in http/2"
    call.opened()
    assert started.upstream.connections == 2
    call.say(b"", end=True)
    for each in (first, call):
        each.close()


def test_a_connection_of_http_2_that_is_there_takes_a_websocket_where_it_can(secure, version):
    def serve(peer, request):
        if request.method != "CONNECT":
            return respond(peer, request)
        peer.send_head(request)
        peer.send_data(request, b"welcome", end=True)
    started = secure({"h2": serving(serve, settings=CONNECT_PROTOCOL, whole=False), "http/1.1": shake_hands})
    first = Call(started.address)
    assert first.answer().body == b"in http/2"
    call = WebSocket(started.address, version)
    call.opened()
    assert call.hear(7) == b"welcome"
    call.hear_the_end()
    assert started.upstream.connections == 1
    for each in (first, call):
        each.close()


# ---- WebSocket to h2c://

def test_a_websocket_becomes_an_extended_connect(tunnel, version):
    _, call, peer, request = tunnel(version)
    assert request.pseudo == {":method": "CONNECT", ":protocol": "websocket", ":scheme": "http", ":authority": HOST,
                              ":path": "/ws"}
    assert request.header("sec-websocket-version") == "13"
    assert not {"upgrade", "connection", "sec-websocket-key", "content-length"} & {name for name, _ in request.headers}
    peer.send_head(request, headers=[("sec-websocket-protocol", "chat.2")])
    assert call.opened().header("sec-websocket-protocol") == "chat.2"


def test_any_bytes_pass_through_a_tunnel_until_both_have_ended_it(tunnel, version):
    _, call, peer, request = tunnel(version)
    peer.send_head(request)
    call.opened()
    for size in (1, 100, 30000):
        call.say(pattern(size, size))
        peer.until(lambda: len(request.body) == size, f"{size} octets")
        assert request.body == pattern(size, size)
        request.body.clear()
        peer.send_body(request, pattern(size), end=False)
        assert call.hear(size) == pattern(size)
    call.say(b"bye", end=True)
    assert peer.finish(request).body == b"bye"
    peer.send_data(request, b"good", end=True)
    assert call.hear(4) == b"good"
    call.hear_the_end()


def test_a_refused_websocket_is_an_ordinary_answer(tunnel, version):
    _, call, peer, request = tunnel(version)
    peer.respond(request, b"not for you", 403)
    answer = call.answer()
    assert (answer.status, answer.body) == (403, b"not for you")
    peer.until(lambda: request.over, "the end of the request")


def test_a_client_that_leaves_a_tunnel_cancels_its_stream(tunnel, version):
    _, call, peer, request = tunnel(version)
    peer.send_head(request)
    call.opened()
    call.leave()
    peer.until(lambda: request.reset == CANCEL, "the reset")
    peer.ping()


def test_a_target_that_resets_a_tunnel_breaks_it(tunnel, version):
    _, call, peer, request = tunnel(version)
    peer.send_head(request)
    call.opened()
    peer.reset(request, INTERNAL_ERROR)
    if version == 1:
        with pytest.raises(ConnectionResetError):
            call.client.recv_eof()
    else:
        assert not call.client.finish(call.exchange).ended


def test_tunnels_and_requests_share_a_connection(tunnel, version):
    here, call, peer, request = tunnel(version)
    peer.send_head(request)
    call.opened()
    second, other = here.keep(WebSocket(here.engine.address, version)), here.call(version)
    both = [peer.next_request(whole=False), peer.next_request(whole=False)]
    asked, tunnelled = sorted(both, key=lambda each: ":protocol" in each.pseudo)
    peer.respond(asked)
    peer.send_head(tunnelled)
    second.opened()
    assert other.answer().body == b"ok"
    here.target.expect_no_connection()


def test_a_websocket_to_a_target_without_extended_connect_is_502_and_said_so(scene, version):
    here = scene()
    call = here.keep(WebSocket(here.engine.address, version))
    peer = here.target.accept()
    answer = call.answer()
    assert answer.status == 502 and "error=http_upgrade_failed" in answer.header("proxy-status")
    assert "RFC 8441" in answer.header("proxy-status")
    peer.until_closed()
    here.target.expect_no_connection()


def test_what_a_websocket_needed_says_nothing_about_the_next_connection(secure):
    """It went over HTTP/1.1, and many requests at once still open one connection of HTTP/2."""
    def serve_once(accepted, _):
        peer = H2Peer(accepted.socket)
        peer.respond(peer.next_request())
    scripts = iter([serve_once, serving(respond)])
    started = secure({"h2": lambda *all: next(scripts)(*all), "http/1.1": shake_hands})
    first = Call(started.address)
    assert first.answer().body == b"ok"
    call = WebSocket(started.address, 1)
    call.opened()
    calls = [Call(started.address) for _ in range(10)]
    assert [each.answer().body for each in calls] == [b"in http/2"] * 10
    assert started.upstream.connections == 3
    for each in (first, call, *calls):
        each.close()
