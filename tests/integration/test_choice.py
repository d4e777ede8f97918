# SPDX-License-Identifier: GPL-3.0-or-later
"""Which target gets a request, through the real binary: sticky clients, readers and writers, targets left alone."""

from collections import Counter

import pytest
from harness import wait_until
from upstream import always, site


def answer(name, status=200, more=""):
    return f"HTTP/1.1 {status} X\r\nContent-Length: 1\r\n{more}\r\n{name}".encode()


def cookies(response):
    """Those that a response sets: name → (value, attributes)."""
    found = {}
    for line in response.all("set-cookie"):
        (name, value), *attributes = [part.strip().split("=", 1) for part in line.split(";")]
        found[name] = (value, {part[0]: part[1] if len(part) > 1 else True for part in attributes})
    return found


@pytest.fixture
def pair(engine, upstream):
    """pair(*wishes): an engine with the targets a and b; `peers` has them by name."""
    def start(*wishes, workers=1):
        peers = {name: upstream(always(answer(name))) for name in "ab"}
        started = engine(site([peer.port for peer in peers.values()], *wishes, workers=workers))
        started.peers = peers
        return started
    return start


def test_a_sticky_client_stays_with_its_target_on_every_worker(pair):
    started = pair('sticky = { cookie = "lb", ttl = "90s" }', workers=2)
    served = set()
    for _ in range(10):
        with started.client() as client:
            first = client.request()
        value, attributes = cookies(first)["lb"]
        assert len(value) == 16 and int(value, 16) >= 0
        assert attributes == {"Path": "/", "HttpOnly": True, "SameSite": "Lax", "Max-Age": "90"}
        for _ in range(4):
            with started.client() as client:
                again = client.request(headers=[("Cookie", f"theme=dark; lb={value}")])
            assert again.text == first.text and not cookies(again)
        served.add(first.text)
    assert served == {"a", "b"}


def test_a_sticky_client_moves_when_its_target_dies(pair):
    started = pair('sticky = { cookie = "lb" }')
    with started.client() as client:
        first = client.request()
        started.peers[first.text].close()
        moved = client.request(headers=[("Cookie", f"lb={cookies(first)['lb'][0]}")])
        assert moved.text in "ab" and moved.text != first.text
        value = cookies(moved)["lb"][0]
        assert value != cookies(first)["lb"][0]
        assert client.request(headers=[("Cookie", f"lb={value}")]).text == moved.text


def test_a_cookie_always_gets_the_same_target(pair):
    started = pair('balance = "hash:cookie:session"', workers=2)
    chosen = {}
    for user in range(30):
        names = set()
        for _ in range(3):
            with started.client() as client:
                names.add(client.request(headers=[("Cookie", f"x=1; session={user}")]).text)
        assert len(names) == 1
        chosen[user] = names.pop()
    assert min(Counter(chosen.values()).values()) > 4


@pytest.fixture
def split(engine, upstream):
    """split(affinity, more): a writer w and a reader r; the answers of w carry the fields in `more`."""
    def start(affinity="30s", more=""):
        writer, reader = upstream(always(answer("w", more=more))), upstream(always(answer("r")))
        return engine(site(writer.port,
                           f'readers = {{ to = {reader.port}, affinity = "{affinity}" }}'))
    return start


def test_readers_get_reads_and_writers_writes(split):
    with split().client() as client:
        for method, wanted in (("GET", "r"), ("POST", "w"), ("PUT", "w"), ("GET", "r")):
            body = None if method == "GET" else b"x"
            assert client.request(method, body=body).text == wanted


def test_who_wrote_reads_from_the_writer_for_a_while(split):
    with split(affinity="600ms").client() as client:
        wrote = client.request("POST", body=b"x")
        value, attributes = cookies(wrote)["engine-writer"]
        assert attributes == {"Path": "/", "HttpOnly": True, "SameSite": "Lax", "Max-Age": "1"}
        field = [("Cookie", f"engine-writer={value}")]
        assert client.request(headers=field).text == "w"
        wait_until(lambda: client.request(headers=field).text == "r", "the end of the affinity")


def test_a_target_says_that_its_answer_was_no_write(split):
    with split(more="X-Writer-Affinity: false\r\n").client() as client:
        wrote = client.request("POST", body=b"x")
    assert wrote.text == "w"
    assert wrote.header("x-writer-affinity") is None and not cookies(wrote)


@pytest.fixture
def failing(engine, upstream):
    """failing(errors): `bad` answers 500 until it is told to be good; it is tried first."""
    def start(errors, others=1):
        state = {"status": 500}

        def script(peer, _):
            while peer.recv_request() is not None:
                peer.send(answer("x", state["status"]))
        bad = upstream(script)
        peers = [bad, *(upstream(always(answer("g"))) for _ in range(others))]
        wishes = f'outlier = {{ errors = {errors}, window = "10s", eject = "400ms" }}'
        started = engine(site([peer.port for peer in peers], 'balance = "first"', wishes))
        started.bad, started.state = bad, state
        return started
    return start


def test_a_failing_target_is_left_alone_and_comes_back(failing):
    started = failing(errors=3)
    with started.client() as client:
        assert [client.request().text for _ in range(5)] == ["x", "x", "x", "g", "g"]
        started.state["status"] = 200
        wait_until(lambda: client.request().text == "x", "the return of the target")
        assert [client.request().text for _ in range(5)] == ["x"] * 5
    assert "a target is left alone" in started.stderr
    assert f"target=localhost:{started.bad.port}" in started.stderr
    assert "status 500" in started.stderr


def test_a_success_starts_the_count_anew(failing):
    started = failing(errors=2)
    with started.client() as client:
        for _ in range(4):
            started.state["status"] = 500
            assert client.request().status == 500
            started.state["status"] = 200
            assert client.request().text == "x"
    assert "left alone" not in started.stderr


def test_the_last_target_is_never_left_alone(failing):
    started = failing(errors=1, others=0)
    with started.client() as client:
        assert [client.request().status for _ in range(5)] == [500] * 5
    assert len(started.bad.requests) == 5
    assert "left alone" not in started.stderr


def test_what_a_reload_changes_is_in_force_at_once(pair):
    started = pair('balance = "first"')
    with started.client() as client:
        assert not cookies(client.request())
        ports = [peer.port for peer in started.peers.values()]
        started.write_config(site(ports, 'balance = "first"', 'sticky = { cookie = "lb" }'))
        wait_until(lambda: "lb" in cookies(client.request()), "the cookie")
