# SPDX-License-Identifier: GPL-3.0-or-later
"""Which site a request belongs to."""

import pytest
from harness import RawClient
from upstream import always


def named(name):
    return always(f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode())


@pytest.fixture
def asked(engine, upstream):
    """asked(sites)(host, path): the name of the site that answers, or the engine's own status."""
    def start(*sites):
        lines = [f'"{each}" = {upstream(named(each)).port}' for each in sites]
        started = engine("\n".join(["[engine]", "workers = 1", 'grace = "2s"', "[routes]", *lines]))

        def ask(host, path="/"):
            with started.client() as client:
                answer = client.request(target=path, host=host)
            return answer.text if answer.status == 200 else answer.status
        return ask
    return start


def test_an_exact_host_beats_a_wildcard_beats_every_host(asked):
    ask = asked("*", "*.shop.localhost", "a.shop.localhost", "shop.localhost")
    assert ask("a.shop.localhost") == "a.shop.localhost"
    assert ask("b.shop.localhost") == "*.shop.localhost"
    assert ask("shop.localhost") == "shop.localhost"
    assert ask("other.localhost") == "*"


def test_a_longer_wildcard_beats_a_shorter_one(asked):
    ask = asked("*.localhost", "*.shop.localhost")
    assert ask("x.shop.localhost") == "*.shop.localhost"
    assert ask("y.x.shop.localhost") == "*.shop.localhost"
    assert ask("x.localhost") == "*.localhost"


def test_a_wildcard_does_not_match_the_bare_name(asked):
    assert asked("*.shop.localhost")("shop.localhost") == 404


@pytest.mark.parametrize("path,site", [
    ("/", "app.localhost"), ("/apix", "app.localhost"), ("/docs", "app.localhost"),
    ("/api", "app.localhost/api"), ("/api/", "app.localhost/api"), ("/api?x", "app.localhost/api"),
    ("/api/users", "app.localhost/api"), ("/api/v10", "app.localhost/api"),
    ("/api/v1", "app.localhost/api/v1"), ("/api/v1/x?q=/api", "app.localhost/api/v1"),
    ("/docs/a", "app.localhost/docs/")])
def test_the_longest_prefix_wins_on_a_segment_boundary(asked, path, site):
    ask = asked("app.localhost", "app.localhost/api", "app.localhost/api/v1", "app.localhost/docs/")
    assert ask("app.localhost", path) == site


@pytest.mark.parametrize("path,site", [
    ("/%61pi/x", "app.localhost/api"), ("/x/../api", "app.localhost/api"),
    ("/x/%2e%2E/api/", "app.localhost/api"), ("/api/..", "app.localhost")])
def test_a_disguised_path_is_routed_as_what_it_means(asked, path, site):
    assert asked("app.localhost", "app.localhost/api")("app.localhost", path) == site


@pytest.mark.parametrize("host", ["app.localhost", "APP.LocalHost", "app.localhost:8080",
                                  "app.localhost.", "App.localhost.:1"])
def test_case_port_and_a_trailing_dot_do_not_matter(asked, host):
    assert asked("app.localhost")(host) == "app.localhost"


def test_a_known_host_with_an_unknown_path_is_404(asked):
    ask = asked("app.localhost/api", "*")
    assert ask("app.localhost", "/other") == 404
    assert ask("app.localhost", "/api") == "app.localhost/api"


def test_an_unknown_host_is_404(asked):
    assert asked("app.localhost")("other.example.com") == 404


def test_an_address_can_be_a_site(asked):
    ask = asked("127.0.0.1", "[::1]")
    assert (ask("127.0.0.1:80"), ask("[::1]:80"), ask("[::1]")) == ("127.0.0.1", "[::1]", "[::1]")


def test_prefixes_work_under_wildcards_and_every_host(asked):
    ask = asked("*/health", "*.shop.localhost/api", "*.shop.localhost")
    assert ask("anything.example.com", "/health") == "*/health"
    assert ask("a.shop.localhost", "/api/x") == "*.shop.localhost/api"
    assert ask("a.shop.localhost", "/health") == "*.shop.localhost"


def test_a_thousand_sites_are_told_apart(engine, echo):
    port = echo().port
    routes = "\n".join(f'"s{number}.localhost" = "status:{200 + number % 300}"'
                       for number in range(1000))
    started = engine(f'[engine]\nworkers = 1\n[routes]\n{routes}\n"echo.localhost" = {port}\n')
    with RawClient(started.address) as client:
        for number in (0, 1, 99, 217, 999):
            assert client.request(host=f"s{number}.localhost").status == 200 + number % 300
        assert client.request(target="/ok", host="echo.localhost").body == b"ok"
