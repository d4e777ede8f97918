# SPDX-License-Identifier: GPL-3.0-or-later
"""Client certificates per site: who is let in, what the target hears of it, and that nothing goes around it."""

import ssl

import pytest
from certificates import Authority, client_context, openssl
from harness import EngineProcess, RawClient, wait_until
from upstream import access_line, site

HOST = "secret.test"
OPEN = "open.test"
NAME = "X-Client-Cert-Name"


@pytest.fixture
def servers(tmp_path):
    return Authority(tmp_path / "servers")


@pytest.fixture
def clients(tmp_path):
    return Authority(tmp_path / "clients")


@pytest.fixture
def guarded(engine, echo, servers, clients):
    """guarded(more="", extra="") starts an engine with a site that asks for certificates, and an open one."""
    port, pair = echo().port, servers.issue(HOST, OPEN)
    return lambda more="", extra="": engine(toml(port, clients, pair, more, extra))


def toml(port, clients, pair, more="", extra="", hosts=()):
    sites = "".join(f'[routes."{name}"]\nto = {port}\n' for name in (OPEN, *hosts))
    return (site(port, f'tls = {{ client_ca = "{clients.ca.cert}"{more} }}', host=HOST)
            + sites + f"[tls]\nfiles = [{pair.entry(True)}]\n" + extra)


def shows(servers, pair=None, version=None):
    context = client_context(servers.ca.cert)
    context.check_hostname = False
    if pair:
        context.load_cert_chain(pair.cert, pair.key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def ask(started, context, name=HOST, host=None, target="/headers", headers=()):
    """One request on a connection of its own; in TLS 1.3 a refusal comes behind the handshake."""
    with RawClient(started.address, tls=context, server_name=name) as client:
        return client.request(target=target, host=host or name, headers=headers)


def refused(started, context, alert):
    with pytest.raises(ssl.SSLError, match=f"(?i){alert}"):
        with RawClient(started.address, tls=context, server_name=HOST) as client:
            client.send_request(host=HOST)
            client.socket.recv(1)


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


# ---- who is let in

@VERSIONS
def test_the_target_hears_the_name_of_the_client(guarded, servers, clients, version):
    started = guarded()
    context = shows(servers, clients.issue("alice", client=True), version)
    for _ in range(2):
        answer = ask(started, context)
        assert answer.status == 200 and f'["{NAME}","alice"]' in answer.text
    answer = ask(started, shows(servers), OPEN)
    assert answer.status == 200 and NAME not in answer.text


@VERSIONS
def test_a_client_without_a_certificate_is_refused(guarded, servers, version):
    started = guarded()
    refused(started, shows(servers, version=version),
            "certificate.required" if version == ssl.TLSVersion.TLSv1_3 else "handshake.failure")
    line = access_line(started, error="tls_protocol_error")
    assert line["details"] == f"{HOST} asks its clients for a certificate: there is no certificate"


@pytest.mark.parametrize("days,issuer,use,alert,says", [
    (30, "servers", True, "unknown.ca", "of an unknown authority"),
    (-1, "clients", True, "certificate.expired", "has expired"),
    (30, "clients", False, "", "not for this use"),
])
@VERSIONS
def test_a_certificate_that_does_not_verify_is_refused(guarded, servers, clients, days, issuer, use, alert, says, version):
    started = guarded()
    pair = {"servers": servers, "clients": clients}[issuer].issue("mallory", days=days, client=use)
    refused(started, shows(servers, pair, version), alert)
    assert says in access_line(started, error="tls_protocol_error")["details"]


def test_openssl_hears_the_alert(guarded):
    started = guarded()
    said = openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", HOST, "-ign_eof",
                   stdin=b"GET / HTTP/1.1\r\n\r\n", check=False)
    assert "alert certificate required" in said or "alert number 116" in said, said


def test_a_local_certificate_asks_too(engine, echo, clients):
    started = engine(site(echo().port, f'tls.client_ca = "{clients.ca.cert}"', host="*.localhost"))
    openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", "a.localhost", check=False)
    context = client_context(started.directory / "state/tls/ca.pem")
    with pytest.raises(ssl.SSLError):
        ask(started, context, "a.localhost")
    pair = clients.issue("alice", client=True)
    context.load_cert_chain(pair.cert, pair.key)
    assert f'["{NAME}","alice"]' in ask(started, context, "a.localhost").text
    assert f'["{NAME}","alice"]' in ask(started, context, "a.b.localhost").text


def test_a_host_of_its_own_hides_a_wildcard_that_asks(engine, echo, servers, clients):
    port, pair = echo().port, servers.issue("*.example.test")
    started = engine(toml(port, clients, pair, hosts=["open.example.test"]).replace(HOST, "*.example.test"))
    assert ask(started, shows(servers), "open.example.test").status == 200
    with pytest.raises(ssl.SSLError):
        ask(started, shows(servers), "other.example.test")


# ---- nothing goes around it

def test_a_connection_for_another_name_gets_421(guarded, servers, clients):
    started = guarded()
    for context in shows(servers), shows(servers, clients.issue("alice", client=True)):
        answer = ask(started, context, OPEN, HOST)
        assert answer.status == 421 and "client certificate" in answer.text
    answer = ask(started, shows(servers, clients.issue("alice", client=True)), HOST, OPEN)
    assert answer.status == 200 and NAME not in answer.text


def test_authorities_of_another_site_do_not_count(engine, echo, servers, clients, tmp_path):
    others = Authority(tmp_path / "others")
    pair = servers.issue(HOST, "other.test")
    started = engine(toml(echo().port, clients, pair).replace("[tls]\n", (
        f'[routes."other.test"]\nto = "status:200 other"\ntls.client_ca = "{others.ca.cert}"\n[tls]\n')))
    alice = shows(servers, clients.issue("alice", client=True))
    assert ask(started, alice).status == 200
    assert ask(started, alice, HOST, "other.test").status == 421
    with pytest.raises(ssl.SSLError):
        ask(started, alice, "other.test")


@pytest.mark.parametrize("answer", ['"status:200 secret"', '"redirect:http://secret{uri}"'])
def test_answers_of_our_own_are_guarded_too(engine, servers, clients, answer):
    started = engine(site(1, f'tls.client_ca = "{clients.ca.cert}"', host="*").replace("to = 1\n", f"to = {answer}\n"))
    with started.client() as client:
        answer = client.request()
        assert answer.status == 403 and "secret" not in answer.text


def test_plain_http_is_403_or_redirected(guarded):
    with guarded().client() as client:
        assert client.request(host=HOST).status == 403
        assert client.request(host=HOST, headers=[("X-Forwarded-Proto", "https")]).status == 403
    with guarded(", redirect = true").client() as client:
        assert client.request(host=HOST).status == 308
        assert client.request(host=HOST, target="/.well-known/acme-challenge/x").status == 403


def test_not_even_a_trusted_proxy_goes_around(guarded, servers):
    started = guarded(extra='[trust]\nproxies = ["127.0.0.1"]\n')
    with started.client() as client:
        answer = client.request(host=HOST, headers=[("X-Forwarded-Proto", "https"), (NAME, "alice")])
        assert answer.status == 403
    refused(started, shows(servers), "certificate.required")


@pytest.mark.parametrize("name", [NAME, NAME.lower(), NAME.upper(), NAME.replace("-", "_")])
def test_the_name_cannot_be_forged(guarded, servers, clients, name):
    started = guarded()
    forged = [(name, "admin"), (name, "root")]
    with started.client() as client:
        answer = client.request(target="/headers", host=OPEN, headers=forged)
        assert answer.status == 200 and "admin" not in answer.text and "root" not in answer.text
    text = ask(started, shows(servers, clients.issue("alice", client=True)), headers=[*forged, ("Connection", NAME)]).text
    assert f'["{NAME}","alice"]' in text and "admin" not in text and "root" not in text


def test_the_word_of_a_trusted_proxy_stands_where_nobody_was_verified(guarded, servers, clients):
    started = guarded(extra='[trust]\nproxies = ["127.0.0.1"]\n')
    claims = [(NAME, "bob")]
    with started.client() as client:
        assert f'["{NAME}","bob"]' in client.request(target="/headers", host=OPEN, headers=claims).text
    text = ask(started, shows(servers, clients.issue("alice", client=True)), headers=claims).text
    assert f'["{NAME}","alice"]' in text and "bob" not in text


@VERSIONS
def test_no_session_is_resumed(guarded, servers, clients, version):
    """Neither the site's own nor one of a name that asks for nothing: every connection is verified."""
    started = guarded()
    context = shows(servers, clients.issue("alice", client=True), version)
    for first in OPEN, HOST:
        with RawClient(started.address, tls=context, server_name=first) as client:
            client.request(target="/ok", host=first)
            session = client.socket.session
        with RawClient(started.address) as plain:
            with context.wrap_socket(plain.socket, server_hostname=HOST, session=session) as secured:
                assert not secured.session_reused
                secured.sendall(f"GET /headers HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while data := secured.recv(65536):
                    answer += data
                assert f'["{NAME}","alice"]'.encode() in answer


# ---- its file

def test_new_authorities_are_in_force_for_the_next_handshake_and_request(guarded, servers, clients, tmp_path):
    started = guarded()
    others = Authority(tmp_path / "others")
    alice, bob = shows(servers, clients.issue("alice", client=True)), shows(servers, others.issue("bob", client=True))
    with RawClient(started.address, tls=alice, server_name=HOST) as before:
        assert before.request(target="/ok", host=HOST).status == 200
        clients.ca.cert.write_bytes(others.ca.cert.read_bytes())

        def is_new():
            try:
                return ask(started, bob).status == 200
            except ssl.SSLError:
                return False
        wait_until(is_new, "the new authorities")
        assert before.request(target="/ok", host=HOST).status == 421
    refused(started, alice, "unknown.ca")


def test_a_broken_file_keeps_the_authorities_of_before(guarded, servers, clients):
    started = guarded()
    alice = shows(servers, clients.issue("alice", client=True))
    clients.ca.cert.write_text("nothing")
    wait_until(lambda: "still verify clients" in started.stderr, "the warning")
    assert ask(started, alice).status == 200
    refused(started, shows(servers), "certificate.required")


@pytest.mark.parametrize("breaking,says", [
    (lambda pair: pair.cert.unlink(), "No such file"),
    (lambda pair: pair.cert.write_text("nothing"), "there is no certificate in it"),
    (lambda pair: pair.cert.write_bytes(pair.key.read_bytes()), "but a private key"),
])
def test_a_file_that_never_worked_is_an_error(echo, clients, breaking, says):
    breaking(clients.ca)
    started = EngineProcess(site(echo().port, f'tls.client_ca = "{clients.ca.cert}"'), wait=False)
    try:
        assert started.wait() == 3
        assert str(clients.ca.cert) in started.stderr and says in started.stderr and "fix" in started.stderr
    finally:
        started.kill()
