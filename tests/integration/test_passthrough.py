# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS that ends at the target: routed by the name in the hello, never decrypted here."""

import socket
import threading

import pytest
from certificates import Authority, client_context, openssl
from harness import RawClient, free_port, pattern
from upstream import access_line, site

NAMES = ("one.example.com", "two.example.com")


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def behind(engine, echo, authority):
    """A port that speaks TLS itself, as one of NAMES."""
    def start(name):
        return engine(site(echo().port, host="*") + f"[tls]\nfiles = [{authority.issue(name).entry(True)}]\n"
                      "local_ca = false\n").port
    return start


@pytest.fixture
def passing(engine, behind):
    """Routes each name to a target of its own."""
    routes = "".join(f'"{name}" = "tls-passthrough:127.0.0.1:{behind(name)}"\n' for name in NAMES)
    return engine(f"[engine]\nworkers = 1\n[routes]\n{routes}")


def test_the_name_chooses_the_target_and_its_certificate_arrives(passing, authority):
    for name in NAMES:
        with RawClient(passing.address, tls=authority.client(), server_name=name) as client:
            subject = dict(pair[0] for pair in client.socket.getpeercert()["subject"])
            assert subject["commonName"] == name
            assert client.request(target="/ok", host=name).body == b"ok"
    line = access_line(passing, site=NAMES[1])
    assert line["host"] == NAMES[1] and line["status"] == 0 and line["bytes_out"] > 500


def test_large_bodies_pass_both_ways(passing, authority):
    with RawClient(passing.address, tls=authority.client(), server_name=NAMES[0]) as client:
        assert client.request(target="/bytes/5m", host=NAMES[0]).body == pattern(5 << 20)
        answer = client.request("POST", "/count", body=pattern(5 << 20), host=NAMES[0])
        assert f'"bytes":{5 << 20}' in answer.text


def test_a_hello_in_pieces_passes_whole(passing):
    """Octet by octet; the target answers only if it got every one."""
    with socket.socket() as recorder:
        recorder.bind(("127.0.0.1", 0))
        recorder.listen()
        def connect():
            openssl("s_client", "-connect", f"127.0.0.1:{recorder.getsockname()[1]}", "-servername", NAMES[0],
                    check=False)
        thread = threading.Thread(target=connect)
        thread.start()
        peer, _ = recorder.accept()
        hello = peer.recv(65536)
        peer.close()
        thread.join()
    with passing.client() as client:
        for octet in hello:
            client.send(bytes([octet]))
        assert client.recv_exactly(1) == b"\x16"  # its ServerHello


def test_a_dead_target_is_an_alert_and_a_line_in_the_log(engine):
    port = free_port()
    started = engine(f'[engine]\nworkers = 1\n[routes]\n"one.example.com" = "tls-passthrough:127.0.0.1:{port}"\n')
    said = openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", NAMES[0], check=False)
    assert "internal error" in said
    assert access_line(started)["error"] == "connection_refused"


def test_other_names_are_served_here(engine, echo, behind, authority):
    started = engine(site(echo().port, host="app.localhost")
                     + f'[routes."{NAMES[0]}"]\nto = "tls-passthrough:127.0.0.1:{behind(NAMES[0])}"\n')
    said = openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", "app.localhost", check=False)
    assert "engine local" in said


def test_plain_requests_are_redirected_to_https(passing):
    with passing.client() as client:
        answer = client.request(target="/a?b", host=f"{NAMES[0]}:8443")
        assert (answer.status, answer.header("location")) == (308, f"https://{NAMES[0]}:8443/a?b")


def test_a_request_inside_our_own_tls_is_misdirected(engine, echo, behind):
    started = engine(site(echo().port, host="app.localhost")
                     + f'[routes."{NAMES[0]}"]\nto = "tls-passthrough:127.0.0.1:{behind(NAMES[0])}"\n')
    openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", "app.localhost", check=False)
    context = client_context(started.directory / "state/tls/ca.pem")
    with RawClient(started.address, tls=context, server_name="app.localhost") as client:
        assert client.request(host=NAMES[0]).status == 421


def test_a_reload_closes_no_passage(passing, authority):
    with RawClient(passing.address, tls=authority.client(), server_name=NAMES[0]) as client:
        assert client.request(target="/ok", host=NAMES[0]).body == b"ok"
        assert "refused" not in passing.reload('[engine]\nworkers = 1\n[routes]\n"x.localhost" = 1\n')
        assert client.request(target="/ok", host=NAMES[0]).body == b"ok"
