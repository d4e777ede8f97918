# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS towards clients: which certificate they get, what is refused, and that a reload disturbs nobody."""

import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
from certificates import Authority, client_context, local_authority, openssl
from harness import (DEADLINE_SECONDS, GROWTH_KB, EngineProcess, FramingError, RawClient, engine_binary, fnv1a,
                     free_port, pattern, wait_until)
from upstream import access_line, site

HOST = "test.localhost"
ALERT = b"\x15\x03"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


def local(started):
    """A client's context that trusts the engine's own authority."""
    return client_context(local_authority(started))


def secure(started, name=HOST, context=None):
    return RawClient(started.address, tls=context or local(started), server_name=name)


def tls(*pairs, more=""):
    return f"[tls]\nfiles = [{', '.join(pairs)}]\n{more}\n"


def certificate(started, name, context):
    """The subject's common name of what a client with this SNI gets."""
    with secure(started, name, context) as client:
        return dict(pair[0] for pair in client.socket.getpeercert()["subject"])["commonName"]


def s_client(started, *arguments, stdin=b"", name=HOST):
    return openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", name, *arguments,
                   stdin=stdin, check=False)


# ---- one port for both

def test_a_local_name_needs_no_configuration(engine, echo):
    started = engine(site(echo().port))
    with secure(started) as client:
        assert client.socket.version() == "TLSv1.3" and client.socket.selected_alpn_protocol() == "http/1.1"
        assert '["X-Forwarded-Proto","https"]' in client.request(target="/headers").text
    with started.client() as client:
        assert '["X-Forwarded-Proto","http"]' in client.request(target="/headers").text
    assert access_line(started, tls="1.3")["status"] == 200


def test_curl_accepts_the_local_authority(engine, echo):
    started = engine(site(echo().port))
    local(started)
    said = subprocess.run(
        ["curl", "-sS", "--cacert", started.directory / "state/tls/ca.pem", "--resolve",
         f"{HOST}:{started.port}:127.0.0.1", f"https://{HOST}:{started.port}/bytes/10"],
        capture_output=True, timeout=20)
    assert said.stdout == pattern(10), said.stderr


def test_the_local_authority_is_private_and_outlives_a_restart(engine, echo):
    port = echo().port
    first = engine(site(port))
    context = local(first)
    directory = first.directory / "state/tls"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "ca-key.pem").stat().st_mode & 0o777 == 0o600
    again = engine(site(port), env={"ENGINE_STATE_DIR": str(first.directory / "state")})
    with secure(again, context=context) as client:
        assert client.request(target="/ok").body == b"ok"


def test_a_client_that_asks_for_no_name_gets_a_certificate_of_the_address(engine, echo):
    started = engine(site(echo().port))
    with secure(started, "127.0.0.1", local(started)) as client:
        assert client.request(target="/ok").body == b"ok"


def test_a_name_that_is_not_ours_is_refused(engine, echo):
    started = engine(site(echo().port))
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized_name|unrecognized name"):
        secure(started, "www.example.com")
    assert access_line(started, error="tls_protocol_error")["details"] == 'no certificate for "www.example.com"'


def test_without_the_local_authority_local_names_are_refused(engine, echo):
    started = engine(site(echo().port) + "[tls]\nlocal_ca = false\n")
    assert "unrecognized name" in s_client(started)
    assert not (started.directory / "state").exists()


def test_a_hello_that_comes_in_pieces_is_understood(engine, echo):
    started = engine(site(echo().port))
    context = local(started)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with started.client() as client:
        while True:
            try:
                talk.do_handshake()
                break
            except ssl.SSLWantReadError:
                for octet in outgoing.read():
                    client.send(bytes([octet]))
                incoming.write(client.socket.recv(65536))
        client.send(outgoing.read())
        talk.write(b"GET /ok HTTP/1.1\r\nHost: test.localhost\r\n\r\n")
        client.send(outgoing.read())
        plaintext = b""
        while not plaintext.endswith(b"ok"):
            try:
                plaintext += talk.read(65536)
            except ssl.SSLWantReadError:
                incoming.write(client.socket.recv(65536))


@pytest.mark.parametrize("garbage", [b"\x16hello", b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + b"x" * 200])
def test_garbage_is_answered_with_an_alert_and_logged_once(engine, echo, garbage):
    started = engine(site(echo().port))
    with started.client() as client:
        client.send(garbage)
        assert client.recv_eof().startswith(ALERT)
    access_line(started, error="tls_protocol_error")
    assert started.stdout.count("tls_protocol_error") == 1


def test_half_a_hello_is_closed_in_time(engine, echo):
    started = engine(site(echo().port, engine=['limits = { head = "200ms" }']))
    with started.client() as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00")
        client.expect_closed()


# ---- versions and ciphers

@pytest.mark.parametrize("version,works", [("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_versions(engine, echo, version, works):
    said = s_client(engine(site(echo().port)), version, "-cipher", "DEFAULT@SECLEVEL=0")
    assert ("Cipher is (NONE)" not in said) == works, said


def test_the_lowest_version_can_be_raised(engine, echo):
    started = engine(site(echo().port) + '[tls]\nmin = "1.3"\n')
    assert "Cipher is (NONE)" in s_client(started, "-tls1_2")
    assert "TLSv1.3" in s_client(started, "-tls1_3")


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA", "NULL", "aNULL", "RC4"])
def test_weak_ciphers_are_refused(engine, echo, cipher):
    said = s_client(engine(site(echo().port)), "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said or "no cipher match" in said, said


def test_a_protocol_nobody_speaks_is_refused(engine, echo):
    assert "no application protocol" in s_client(engine(site(echo().port)), "-alpn", "spdy/3")


def test_renegotiation_is_refused(engine, echo):
    started = engine(site(echo().port))
    said = s_client(started, "-tls1_2", stdin=b"R\n")
    assert "Secure Renegotiation IS supported" in said and "Compression: NONE" in said


# ---- certificates of files

def test_the_name_chooses_the_certificate(engine, echo, authority):
    pairs = [authority.issue("a.example.com"), authority.issue("*.example.com"), authority.issue("rsa.test", rsa=True),
             authority.issue("fallback.example.net")]
    started = engine(site(echo().port, host="*") + tls(*(pair.entry() for pair in pairs[:3]), pairs[3].entry(True)))
    context = authority.client()
    assert certificate(started, "a.example.com", context) == "a.example.com"
    assert certificate(started, "b.example.com", context) == "*.example.com"
    assert certificate(started, "rsa.test", context) == "rsa.test"
    context.check_hostname = False
    assert certificate(started, "b.c.example.com", context) == "fallback.example.net"


def test_a_new_file_is_seen_by_the_next_handshake(engine, echo, authority):
    pair = authority.issue("a.example.com", days=10)
    started = engine(site(echo().port, host="*") + tls(pair.entry()))
    context = authority.client()
    with secure(started, "a.example.com", context) as before:
        serial = before.socket.getpeercert()["serialNumber"]
        authority.issue("a.example.com", days=20)

        def is_new():
            with secure(started, "a.example.com", context) as client:
                return client.socket.getpeercert()["serialNumber"] != serial
        begin = time.monotonic()
        wait_until(is_new, "the new certificate")
        assert time.monotonic() - begin < 2
        assert before.request(target="/ok").body == b"ok"


def test_a_broken_new_file_keeps_the_old_certificate(engine, echo, authority):
    pair, other = authority.issue("a.example.com"), authority.issue("b.example.com")
    started = engine(site(echo().port, host="*") + tls(pair.entry()))
    assert certificate(started, "a.example.com", authority.client()) == "a.example.com"
    pair.key.write_bytes(other.key.read_bytes())
    wait_until(lambda: "is still served" in started.stderr, "the warning")
    assert str(pair.cert) in started.stderr
    assert certificate(started, "a.example.com", authority.client()) == "a.example.com"


@pytest.mark.parametrize("breaking,says", [
    (lambda pair: pair.key.unlink(), "No such file"),
    (lambda pair: pair.cert.write_text("nothing"), "certificate"),
    (lambda pair: pair.key.write_text(""), "key"),
])
def test_a_pair_that_never_worked_is_an_error_with_its_file(authority, breaking, says, echo):
    pair = authority.issue("a.example.com")
    breaking(pair)
    started = EngineProcess(site(echo().port) + tls(pair.entry()), wait=False)
    try:
        assert started.wait() == 3
        assert str(authority.directory) in started.stderr and says in started.stderr and "fix" in started.stderr
    finally:
        started.kill()


def own(pair):
    return f'tls = {{ cert = "{pair.cert}", key = "{pair.key}" }}'


def test_a_site_has_its_own_certificate_before_others_of_its_name(engine, echo, authority):
    everybody = authority.issue("*.example.com")
    mine = authority.issue("a.example.com", "c.example.com")
    started = engine(site(echo().port, own(mine), host="a.example.com") + '[routes]\n"*.example.com" = "status:204"\n'
                     + tls(everybody.entry()))
    context = authority.client()
    assert certificate(started, "a.example.com", context) == "a.example.com"
    assert certificate(started, "b.example.com", context) == "*.example.com"
    authority.issue("a.example.com", "d.example.com")
    with secure(started, "a.example.com", context):
        wait_until(lambda: "d.example.com" in names(started, "a.example.com", context), "the new file is seen")


def names(started, name, context):
    with secure(started, name, context) as client:
        return [pair[1] for pair in client.socket.getpeercert()["subjectAltName"]]


def test_a_certificate_that_does_not_name_its_site_is_an_error(authority, echo):
    pair = authority.issue("b.example.com")
    started = EngineProcess(site(echo().port, own(pair), host="a.example.com"), wait=False)
    try:
        assert started.wait() == 3
        assert f"{pair.cert}: does not name a.example.com, but b.example.com" in started.stderr
    finally:
        started.kill()


def test_a_service_is_deployed_with_its_certificate(engine, echo, authority):
    pair, wrong = authority.issue("shop.example.com"), authority.issue("other.example.com")
    started, echo_address = engine("[routes]\n"), echo().address

    def deploy(files, code=0):
        done = subprocess.run(
            [engine_binary(), "deploy", "shop", "--target", "%s:%d" % echo_address, "--host", "shop.example.com",
             "--health-check-path", "/ok", "--tls", "--tls-certificate-path", files.cert.name,
             "--tls-private-key-path", files.key.name],
            env={**os.environ, "ENGINE_SOCKET": started.control_socket}, cwd=authority.directory, text=True,
            capture_output=True, timeout=DEADLINE_SECONDS)
        assert done.returncode == code, done.stderr
        return done.stderr
    assert "does not name shop.example.com" in deploy(wrong, 1)
    deploy(pair)
    assert certificate(started, "shop.example.com", authority.client()) == "shop.example.com"
    with secure(started, "shop.example.com", authority.client()) as client:
        assert client.request(target="/ok", host="shop.example.com").body == b"ok"


def test_an_expired_certificate_is_served_with_a_warning(engine, echo, authority):
    pair = authority.issue("a.example.com", days=-1)
    started = engine(site(echo().port) + tls(pair.entry()))
    wait_until(lambda: "expired on 20" in started.stderr, "the warning")


# ---- sessions

def session_file(started, path):
    s_client(started, "-sess_out", path, "-tls1_2")
    return path


def test_a_session_is_resumed_on_another_worker_and_after_a_reload(engine, echo, tmp_path):
    started = engine(site(echo().port, workers=2))
    path = session_file(started, tmp_path / "session")
    for _ in range(2):
        for _ in range(6):  # the kernel spreads connections over the workers
            assert "Reused, TLSv1.2" in s_client(started, "-sess_in", path, "-tls1_2")
        assert "refused" not in started.reload(site(echo().port, workers=2))


def test_tls_1_3_is_resumed(engine, echo):
    started = engine(site(echo().port))
    context = local(started)
    with secure(started, context=context) as client:
        client.request(target="/ok")
        session = client.socket.session
    with socket.create_connection(started.address) as plain:
        with context.wrap_socket(plain, server_hostname=HOST, session=session) as client:
            assert client.session_reused


def test_a_ticket_of_another_certificate_is_not_taken(engine, echo, tmp_path):
    started = engine(site(echo().port, host="*"))
    path = session_file(started, tmp_path / "session")
    assert "New, TLSv1.2" in s_client(started, "-sess_in", path, "-tls1_2", name="other.localhost")


# ---- what travels inside

def test_large_bodies_arrive_unchanged_both_ways(engine, echo):
    started = engine(site(echo().port))
    with secure(started) as client:
        body = pattern(20 << 20)
        assert client.request(target=f"/bytes/{20}m").body == body
        answer = client.request("POST", "/count", body=body)
        assert fnv1a(body[:1000]) != "" and f'"bytes":{len(body)}' in answer.text


@pytest.mark.parametrize("target", ["/bytes/50m", "/bytes/5m?rate=1m", "/delay/200ms/ok"])
def test_a_record_that_is_none_ends_its_connection_alone(engine, echo, target):
    """In the middle of an answer: there is something to be written when the session fails."""
    started = engine(site(echo().port))
    for _ in range(5):
        with secure(started) as client:
            client.send_request(target=target)
            if target != "/delay/200ms/ok":
                client.recv_head()
            os.write(client.socket.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
            with pytest.raises((OSError, FramingError)):
                client.recv_exactly(100 << 20)
    with secure(started) as client:
        assert client.request(target="/ok").body == b"ok"


def test_a_record_that_is_none_right_behind_a_request_harms_nobody(engine):
    """Our own answer waits to be written when the session fails, within one turn of the loop."""
    started = engine(site("status:200 here"))
    context = local(started)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with started.client() as client:
        with pytest.raises(ssl.SSLWantReadError):
            talk.do_handshake()
        client.send(outgoing.read())
        incoming.write(client.socket.recv(65536))
        talk.do_handshake()
        talk.write(b"GET / HTTP/1.1\r\nHost: test.localhost\r\n\r\n")
        client.send(outgoing.read() + b"\x17\x03\x03\x00\x20" + b"x" * 32)
        try:
            client.recv_eof()
        except ConnectionResetError:
            pass
    with secure(started, context=context) as client:
        assert client.request().status == 200


def test_a_slow_reader_does_not_make_memory_grow(engine, echo):
    started = engine(site(echo().port))
    with secure(started) as client:
        before = started.rss_kb()
        client.send_request(target="/bytes/300m")
        client.recv_head()
        client.recv_exactly(1 << 20)
        wait_until(lambda: client.recv_exactly(100_000), "some of the body")
        assert started.rss_kb() - before < GROWTH_KB
        client.reset()


def test_a_websocket_travels_inside(engine, echo):
    started = engine(site(echo().port))
    with secure(started) as client:
        client.send_request(target="/upgrade/raw", headers=[("Connection", "Upgrade"), ("Upgrade", "raw")])
        assert client.recv_head().status == 101
        for size in (1, 1000, 100_000):
            client.send(b"x" * size)
            assert client.recv_exactly(size) == b"x" * size


def test_the_end_is_told_with_close_notify(engine, echo):
    started = engine(site(echo().port))
    context = local(started)
    with socket.create_connection(started.address) as plain:
        client = context.wrap_socket(plain, server_hostname=HOST, suppress_ragged_eofs=False)
        client.sendall(b"GET /ok HTTP/1.1\r\nHost: test.localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while data := client.recv(65536):  # without close_notify this raises
            answer += data
        assert answer.endswith(b"ok")


def test_a_reload_closes_no_connection(engine, echo):
    port = echo().port
    started = engine(site(port, workers=2))
    context = local(started)
    clients = [secure(started, context=context) for _ in range(300)]
    for client in clients:
        client.request(target="/ok")
    for _ in range(3):
        assert "refused" not in started.reload(site(port, "limit.inflight = 1000", workers=2))
    for client in clients:
        assert client.request(target="/ok").body == b"ok"
        client.close()


def test_a_stop_ends_tls_connections_in_order(engine, echo):
    started = engine(site(echo().port))
    with secure(started) as idle, secure(started) as busy:
        idle.request(target="/ok")
        busy.send_request(target="/bytes/30?piece=1&gap=10ms")
        busy.recv_head()
        started.signal(signal.SIGTERM)
        idle.expect_closed()
        assert busy.recv_exactly(30) == pattern(30)
        busy.expect_closed()
    assert started.wait() == 0


# ---- redirects and HSTS

def test_http_is_redirected_where_it_is_wished(engine, echo):
    started = engine(site(echo().port, "tls = { redirect = true, hsts = \"365d\" }"))
    with started.client() as client:
        answer = client.request(target="/a?b=c", host=f"{HOST}:{started.port}")
        assert answer.status == 308
        assert answer.header("location") == f"https://{HOST}:{started.port}/a?b=c"
        assert answer.header("strict-transport-security") is None
        assert client.request(target="/a", host=f"{HOST}:80").header("location") == f"https://{HOST}/a"
        assert client.request(target="/.well-known/acme-challenge/x").status != 308
    with secure(started) as client:
        answer = client.request(target="/ok")
        assert answer.status == 200
        assert answer.header("strict-transport-security") == "max-age=31536000"


def test_a_trusted_proxy_in_front_may_speak_tls_for_us(engine, echo):
    started = engine(site(echo().port, "tls.redirect = true") + '[trust]\nproxies = ["127.0.0.1"]\n')
    with started.client() as client:
        assert client.request(target="/ok", headers=[("X-Forwarded-Proto", "https")]).status == 200
        assert client.request(target="/ok").status == 308


# ---- https:// targets

@pytest.fixture
def behind(engine, echo, authority):
    """An engine that serves an echo server over TLS under the name inner.test, as a target."""
    pair = authority.issue("inner.test")
    return engine(site(echo().port, host="*") + tls(pair.entry(True), more="local_ca = false"))


def outer(behind, wishes, **options):
    return site(f"https://127.0.0.1:{behind.port}", f"upstream_tls = {{ {wishes} }}", **options)


def test_a_target_over_tls_is_verified(engine, behind, authority):
    started = engine(outer(behind, f'ca = "{authority.ca.cert}", server_name = "inner.test"'))
    with started.client() as client:
        for _ in range(3):
            assert client.request(target="/bytes/1m").body == pattern(1 << 20)
        body = pattern(3 << 20)
        assert f'"bytes":{len(body)}' in client.request("POST", "/count", body=body).text
    line = access_line(started, path="/count")
    assert line["target"] == f"https://127.0.0.1:{behind.port}"
    wait_until(lambda: behind.stdout.count('"tls":"1.3"') == 4, "four lines")


def test_connections_over_tls_are_used_again(engine, behind, authority):
    started = engine(outer(behind, f'ca = "{authority.ca.cert}", server_name = "inner.test"'))
    ports = set()
    with started.client() as client:
        for _ in range(5):
            client.request(target="/ok")
    wait_until(lambda: behind.stdout.count('"path":"/ok"') == 5, "five lines")
    ports = set(re.findall(r'"port":(\d+)', behind.stdout))
    assert len(ports) == 1


@pytest.mark.parametrize("wishes,says", [
    ('server_name = "inner.test"', "unknown authority"),
    ('ca = "{ca}", server_name = "other.test"', "not for this name"),
    ('ca = "{ca}"', "not for this name"),
])
def test_a_target_that_cannot_be_verified_is_502(engine, behind, authority, wishes, says):
    started = engine(outer(behind, wishes.format(ca=authority.ca.cert)))
    with started.client() as client:
        answer = client.request(target="/ok")
        assert answer.status == 502
        assert "error=tls_protocol_error" in answer.header("proxy-status")
        assert says in access_line(started)["details"]


def test_the_address_of_a_target_is_verified_where_it_has_no_name(engine, echo, authority):
    for address, status in ("127.0.0.1", 200), ("127.0.0.2", 502):
        pair = authority.issue(address)
        inner = engine(site(echo().port, host="*") + tls(pair.entry(True), more="local_ca = false"))
        started = engine(outer(inner, f'ca = "{authority.ca.cert}"'))
        with started.client() as client:
            assert client.request(target="/ok").status == status


def test_insecure_takes_any_certificate_and_warns(engine, behind):
    started = engine(outer(behind, "insecure = true"))
    with started.client() as client:
        assert client.request(target="/ok").body == b"ok"
    assert "insecure" in started.stderr


def test_a_plaintext_target_behind_https_is_502(engine, echo):
    started = engine(site(f"https://127.0.0.1:{echo().port}", "upstream_tls.insecure = true"))
    with started.client() as client:
        assert client.request(target="/ok").status == 502


def test_a_missing_ca_file_is_an_error_with_its_name(echo):
    started = EngineProcess(site("https://127.0.0.1:1", 'upstream_tls.ca = "/nowhere/ca.pem"'), wait=False)
    try:
        assert started.wait() == 3 and "/nowhere/ca.pem" in started.stderr
    finally:
        started.kill()


def test_a_client_certificate_is_shown_to_the_target(engine, authority, tmp_path):
    server, client_pair = authority.issue("inner.test"), authority.issue("the engine", client=True, file="client")
    port = free_port()
    target = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", server.cert, "-key", server.key, "-www",
         "-CAfile", authority.ca.cert, "-Verify", "1", "-quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(listens, "openssl s_server")
        started = engine(site(
            f"https://127.0.0.1:{port}", f'upstream_tls = {{ ca = "{authority.ca.cert}", server_name = "inner.test", '
            f'cert = "{client_pair.cert}", key = "{client_pair.key}" }}'))
        with started.client() as client:
            answer = client.request(target="/")
            assert answer.status == 200 and "the engine" in answer.text
    finally:
        target.kill()
        target.wait()


class Stranger:
    """A TLS server of Python that answers one request per connection and notes how each was secured."""

    def __init__(self, pair, version):
        self.resumed = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.renew(pair, version)
        threading.Thread(target=self._serve, daemon=True).start()

    def renew(self, pair, version):
        """With new ticket keys: what was issued before is refused."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(pair.cert, pair.key)
        self.context = context

    def _serve(self):
        while True:
            try:
                accepted, _ = self.listener.accept()
                with self.context.wrap_socket(accepted, server_side=True) as peer:
                    while b"\r\n\r\n" not in (data := peer.recv(65536)):
                        assert data
                    self.resumed.append(peer.session_reused)
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:
                if self.listener.fileno() < 0:
                    return


@pytest.fixture
def stranger(authority):
    started = []

    def start(version):
        started.append(Stranger(authority.issue("inner.test"), version))
        return started[-1]
    yield start
    for each in started:
        each.listener.close()


TARGET_VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@TARGET_VERSIONS
def test_sessions_with_targets_are_resumed_and_may_be_refused(engine, stranger, authority, version):
    target = stranger(version)
    started = engine(site(f"https://127.0.0.1:{target.port}",
                          f'upstream_tls = {{ ca = "{authority.ca.cert}", server_name = "inner.test" }}'))
    with started.client() as client:
        for _ in range(4):
            assert client.request(target="/").body == b"ok"
        target.renew(authority.issue("inner.test"), version)
        for _ in range(3):
            assert client.request(target="/").body == b"ok"
    assert target.resumed == [False, True, True, True, False, True, True]


@TARGET_VERSIONS
def test_a_session_is_not_resumed_under_other_wishes(engine, stranger, authority, version):
    target = stranger(version)
    to = f"https://127.0.0.1:{target.port}"
    shown = authority.issue("the engine", client=True, file="client")
    trusts = f'ca = "{authority.ca.cert}", server_name = "inner.test"'
    strict = site(to, f"upstream_tls = {{ {trusts} }}", host="strict.test")
    shows = f'{trusts}, cert = "{shown.cert}", key = "{shown.key}"'
    started = engine(strict + "".join(
        f'[routes."{name}.test"]\nto = "{to}"\nupstream_tls = {{ {wishes} }}\n'
        for name, wishes in (("careless", "insecure = true"), ("shows", shows))))
    with started.client() as client:
        for name in "careless", "strict", "shows", "careless", "strict", "shows":
            assert client.request(target="/", host=f"{name}.test").body == b"ok"
    assert target.resumed == [False] * 3 + [True] * 3


def test_another_version_at_the_target_is_no_error(engine, stranger, authority):
    target = stranger(ssl.TLSVersion.TLSv1_3)
    started = engine(site(f"https://127.0.0.1:{target.port}",
                          f'upstream_tls = {{ ca = "{authority.ca.cert}", server_name = "inner.test" }}'))
    with started.client() as client:
        for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            target.renew(authority.issue("inner.test"), version)
            for _ in range(3):
                assert client.request(target="/").body == b"ok"


def test_a_session_without_tickets_is_resumed_by_its_id(engine, authority):
    pair, port = authority.issue("inner.test"), free_port()
    target = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", pair.cert, "-key", pair.key, "-www",
         "-tls1_2", "-no_ticket"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(listens, "openssl s_server")
        started = engine(site(f"https://127.0.0.1:{port}",
                              f'upstream_tls = {{ ca = "{authority.ca.cert}", server_name = "inner.test" }}'))
        with started.client() as client:
            kinds = ["Reused" if "Reused, TLS" in client.request(target="/").text else "New" for _ in range(3)]
        assert kinds == ["New", "Reused", "Reused"]
    finally:
        target.kill()
        target.wait()


def test_many_new_names_at_once_all_get_their_certificate(engine, echo):
    started = engine(site(echo().port, host="*", workers=2))
    context = local(started)
    bios = []
    clients = [started.client() for _ in range(40)]
    for number, client in enumerate(clients):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        talk = context.wrap_bio(incoming, outgoing, server_hostname=f"app{number}.localhost")
        with pytest.raises(ssl.SSLWantReadError):
            talk.do_handshake()
        client.send(outgoing.read())
        bios.append((talk, incoming))
    for client, (talk, incoming) in zip(clients, bios):
        incoming.write(client.socket.recv(65536))
        talk.do_handshake()
        client.close()
    assert len(list((started.directory / "state/tls/leaves").glob("app*-key.pem"))) == 40
