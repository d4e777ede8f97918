# SPDX-License-Identifier: GPL-3.0-or-later
"""How requests spread over the targets of a site, through the real binary."""

from collections import Counter

import pytest
from harness import RawClient, free_port, wait_until
from upstream import always


def answer(name):
    return always(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name.encode())


@pytest.fixture
def balanced(engine, upstream):
    """balanced(kind, weights): an engine with targets a, b, c… of these weights."""
    def start(kind, weights=(1, 1), workers=1, script=answer):
        peers = [upstream(script("abcdef"[index])) for index in range(len(weights))]
        targets = ", ".join(f'{{ url = "127.0.0.1:{peer.port}", weight = {weight} }}'
                            for peer, weight in zip(peers, weights))
        started = engine(f'[engine]\nworkers = {workers}\ngrace = "2s"\n[routes."test.localhost"]\n'
                         f'to = [{targets}]\nbalance = "{kind}"\n')
        started.peers = peers
        return started
    return start


def spread(started, count, **options):
    with started.client() as client:
        return Counter(client.request(**options).text for _ in range(count))


def test_round_robin_takes_turns(balanced):
    started = balanced("round-robin", (1, 1, 1))
    with started.client() as client:
        names = [client.request().text for _ in range(9)]
    assert names[:3] == names[3:6] == names[6:] and sorted(names[:3]) == ["a", "b", "c"]


def test_round_robin_follows_the_weights_exactly(balanced):
    assert spread(balanced("round-robin", (1, 2, 5)), 80) == {"a": 10, "b": 20, "c": 50}


@pytest.mark.parametrize("kind", ["p2c", "least-conn"])
def test_idle_targets_get_their_share(balanced, kind):
    counts = spread(balanced(kind, (1, 1)), 400)
    assert min(counts["a"], counts["b"]) > 120


@pytest.mark.parametrize("kind", ["p2c", "least-conn"])
def test_a_heavier_target_gets_more(balanced, kind):
    counts = spread(balanced(kind, (1, 1, 8)), 400)
    assert counts["c"] > counts["a"] + counts["b"]
    assert counts["a"] and counts["b"]


def test_a_target_of_weight_0_gets_nothing(balanced):
    for kind in ("p2c", "round-robin", "least-conn", "hash:client-ip", "first"):
        assert spread(balanced(kind, (0, 1)), 20) == {"b": 20}


def hanging(name):
    """Answers, except for /hang."""
    def script(peer, _):
        while (request := peer.recv_request()) is not None:
            if request.target == "/hang":
                return peer.recv_eof()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name.encode())
    return script


@pytest.mark.parametrize("kind", ["p2c", "least-conn"])
def test_a_busy_target_is_avoided(balanced, kind):
    started = balanced(kind, (1, 1), script=hanging)
    stuck = started.client()
    stuck.send_request(target="/hang")
    wait_until(lambda: any(peer.requests for peer in started.peers), "the stuck request")
    free = "b" if started.peers[0].requests else "a"
    assert spread(started, 50) == {free: 50}
    stuck.close()


def test_least_conn_spreads_requests_that_last(balanced):
    started = balanced("least-conn", (1, 1, 1), script=hanging)
    stuck = [started.client() for _ in range(9)]
    for number, client in enumerate(stuck):
        client.send_request(target="/hang")
        wait_until(lambda: sum(len(peer.requests) for peer in started.peers) > number,
                   "the stuck request")
    assert [len(peer.requests) for peer in started.peers] == [3, 3, 3]
    for client in stuck:
        client.close()


def test_first_uses_the_others_only_when_it_must(balanced):
    started = balanced("first", (1, 1))
    assert spread(started, 10) == {"a": 10}
    started.peers[0].close()
    assert spread(started, 10) == {"b": 10}


def test_a_client_address_always_gets_the_same_target(balanced):
    started = balanced("hash:client-ip", (1, 1, 1))
    seen = {}
    for number in range(2, 32):
        with RawClient(started.address, source=(f"127.0.0.{number}", 0)) as client:
            seen[number] = {client.request().text for _ in range(3)}
    assert all(len(names) == 1 for names in seen.values())
    assert len(set.union(*seen.values())) == 3


def test_a_header_always_gets_the_same_target(balanced):
    started = balanced("hash:header:X-User", (1, 1, 1), workers=2)
    chosen = {}
    for user in range(60):
        names = set()
        for _ in range(3):
            with started.client() as client:
                names.add(client.request(headers=[("x-user", f"user-{user}")]).text)
        assert len(names) == 1
        chosen[user] = names.pop()
    assert min(Counter(chosen.values()).values()) > 5


def test_hashing_follows_the_weights(balanced):
    started = balanced("hash:header:X-User", (1, 3))
    with started.client() as client:
        counts = Counter(client.request(headers=[("X-User", str(user))]).text
                         for user in range(400))
    assert 60 < counts["a"] < 140


def test_without_the_header_requests_spread(balanced):
    assert len(spread(balanced("hash:header:X-User", (1, 1)), 100)) == 2


def test_a_dead_target_moves_only_its_own_keys(balanced):
    started = balanced("hash:header:X-User", (1, 1, 1))

    def choices():
        with started.client() as client:
            return [client.request(headers=[("X-User", str(user))]).text for user in range(90)]
    before = choices()
    started.peers[0].close()
    after = choices()
    assert all(was == "a" or was == now for was, now in zip(before, after))
    assert "a" not in after


def test_no_target_is_left_out_while_another_is_dead(engine, upstream):
    peers = [upstream(answer(name)) for name in "ab"]
    started = engine('[engine]\nworkers = 1\n[routes."test.localhost"]\nbalance = "round-robin"\n'
                     f'to = [{peers[0].port}, {free_port()}, {peers[1].port}]\n')
    counts = spread(started, 60)
    assert sum(counts.values()) == 60 and min(counts["a"], counts["b"]) >= 10
