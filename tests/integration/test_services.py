# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests a deployed service gets: hosts and paths that come, change and go, and what it inherits."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from control import Api, last
from harness import DEADLINE_SECONDS, EngineProcess, wait_until
from test_deploy import EMPTY, HOST, app, ask, running  # noqa: F401

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
ECHO_HEALTH = {"health": {"path": "/", "every": "50ms", "timeout": "2s"}}


def texts(engine, *hosts, path="/"):
    """What each host's request is answered with: the application's name, or the status of a refusal."""
    answers = [ask(engine, path, host=host) for host in hosts]
    return [answer.text if answer.status == 200 else answer.status for answer in answers]


# ---- hosts --------------------------------------------------------------------------------------
def test_an_engine_without_a_service_answers_404(running):
    engine, _ = running
    assert ask(engine).status == 404


def test_a_service_has_several_hosts_and_no_other(running, app):
    engine, api = running
    api.deploy("web", [app("v1").target], sites=["a.localhost", "b.localhost"])
    assert texts(engine, "a.localhost", "b.localhost", "c.localhost") == ["v1", "v1", 404]


def test_a_host_is_compared_without_its_port_case_and_trailing_dot(running, app):
    engine, api = running
    api.deploy("web", [app("v1").target], sites=[HOST])
    assert texts(engine, f"{HOST}:8443", "SHOP.Localhost", f"{HOST}.") == ["v1"] * 3


def test_a_request_without_a_host_is_refused(running, app):
    engine, api = running
    api.deploy("web", [app("v1").target])
    with engine.client() as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv_response().status == 400


def test_hosts_of_an_active_service_change_with_its_next_deploy(running, app):
    engine, api = running
    v1, v2 = app("v1"), app("v2")
    api.deploy("web", [v1.target], sites=["a.localhost", "b.localhost"])
    api.deploy("web", [v2.target], sites=["b.localhost", "c.localhost"])
    assert texts(engine, "a.localhost", "b.localhost", "c.localhost") == [404, "v2", "v2"]


def test_a_host_that_a_service_gave_up_is_free_for_another(running, app):
    engine, api = running
    one, two = app("one"), app("two")
    api.deploy("one", [one.target], sites=["a.localhost"])
    api.deploy("one", [one.target], sites=["b.localhost"])
    api.deploy("two", [two.target], sites=["a.localhost"])
    assert texts(engine, "a.localhost", "b.localhost") == ["two", "one"]
    api.post("/v1/services/one", None, 200, "DELETE")
    api.deploy("two", [two.target], sites=["a.localhost", "b.localhost"])
    assert texts(engine, "b.localhost") == ["two"]


def test_a_service_without_hosts_gets_what_no_other_one_has(running, app):
    engine, api = running
    api.deploy("any", [app("any").target])
    api.deploy("web", [app("web").target], sites=[HOST])
    assert texts(engine, HOST, "nobody.localhost") == ["web", "any"]
    assert api.refused(409, "/v1/deploys", {"service": "more", "targets": ["127.0.0.1:1"]})["owner"] == "any"


def test_an_exact_host_wins_over_a_wildcard_and_that_over_the_rest(running, app):
    engine, api = running
    for name, site in (("all", "*"), ("tenants", "*.shop.localhost"), ("admin", "admin.shop.localhost")):
        api.deploy(name, [app(name).target], sites=[site])
    assert texts(engine, "admin.shop.localhost", "x.shop.localhost", "shop.localhost") == \
        ["admin", "tenants", "all"]


# ---- paths --------------------------------------------------------------------------------------
def test_the_longest_path_of_a_host_wins_on_whole_segments(running, app):
    engine, api = running
    api.deploy("web", [app("web").target], sites=[HOST])
    api.deploy("api", [app("api").target], sites=[f"{HOST}/api"])
    api.deploy("new", [app("new").target], sites=[f"{HOST}/api/v2"])
    found = [texts(engine, HOST, path=path)[0] for path in ("/", "/apix", "/api", "/api/x", "/api/v2/x")]
    assert found == ["web", "web", "api", "api", "new"]


def test_paths_of_every_host_and_of_one_go_together(running, app):
    engine, api = running
    api.deploy("any", [app("any").target], sites=["*/api"])
    api.deploy("web", [app("web").target], sites=[f"{HOST}/web"])
    assert texts(engine, "other.localhost", path="/api/x") == ["any"]
    assert texts(engine, HOST, path="/web") == ["web"]
    assert texts(engine, HOST, path="/api") == [404]  # a host that is known has its own paths only


def test_the_health_path_answers_200_while_paused_also_below_a_path(running, app):
    engine, api = running
    api.deploy("web", [app("v1").target], sites=[f"{HOST}/app"], strip_prefix=True)
    api.post("/v1/services/web:stop", {})
    assert ask(engine, "/app/up").status == 200
    assert ask(engine, "/app/other").status == 503


# ---- what happens to what is open ---------------------------------------------------------------
@pytest.mark.parametrize("after", ["ends by itself", "is ended in time"])
def test_a_websocket_keeps_its_target_for_the_time_of_a_drain(running, app, echo, after):
    engine, api = running
    old, v2 = echo(), app("v2")
    api.deploy("web", [f"127.0.0.1:{old.port}"], sites=[HOST], options=ECHO_HEALTH)
    with engine.client() as client:
        client.send_request(target="/ws", headers=UPGRADE, host=HOST)
        assert client.recv_head().status == 101
        wishes = {} if after == "ends by itself" else {"tunnel_drain": "300ms"}
        deploy = api.start_deploy("web", [v2.target], drain="20s", **wishes)
        wait_until(lambda: texts(engine, HOST) == ["v2"], "the swap")

        client.send(b"\x81\x82\0\0\0\0hi")  # the target of before still answers
        assert client.recv_exactly(4) == b"\x81\x02hi"

        if after == "ends by itself":
            client.close()
        else:
            client.recv_eof()
    outcome = dict(list(api.events(f"/v1/deploys/{deploy}")))
    assert outcome["drained"]["cut"] == (0 if after == "ends by itself" else 1)
    assert "done" in outcome


def test_a_long_download_goes_on_through_a_deploy_to_its_last_byte(running, app, upstream):
    engine, api = running
    v2 = app("v2")

    def in_two_halves(peer, _):
        while request := peer.recv_request():
            if request.target == "/up":
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100_000)
            wait_until(lambda: texts(engine, HOST) == ["v2"], "the swap")
            peer.send(b"b" * 100_000)
    api.deploy("web", [f"127.0.0.1:{upstream(in_two_halves).port}"], sites=[HOST])
    with engine.client() as client:
        client.send_request("GET", "/big", host=HOST)
        client.recv_until(b"aaaa")
        assert dict(api.deploy("web", [v2.target]))["drained"]["cut"] == 0
        rest = client.recv_exactly(199_996)
    assert rest.count(b"a") == 99_996 and rest.endswith(b"b" * 100_000)


def test_a_service_is_removed_under_load_without_a_broken_answer(running, app):
    engine, api = running
    v1 = app("v1")
    api.deploy("web", [v1.target], sites=[HOST])
    command = ["wrk", "-t1", "-c10", "-d2s", "-H", f"Host: {HOST}", f"http://127.0.0.1:{engine.port}/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        wait_until(lambda: len(v1.requests) > 50, "the load")
        assert api.post("/v1/services/web", None, 200, "DELETE")["drained"]
        said, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0 and "Socket errors" not in said, said
    assert int(re.search(r"Non-2xx or 3xx responses: (\d+)", said).group(1)) > 0  # 404 from then on
    assert ask(engine).status == 404


def test_a_client_that_leaves_while_it_waits_is_forgotten(running, app):
    engine, api = running
    v1 = app("v1")
    api.deploy("web", [v1.target], sites=[HOST])
    api.post("/v1/services/web:pause", {"max_pause": "20s"})
    with engine.client() as client:
        client.send_request("GET", "/gone", host=HOST)
        wait_until(lambda: api.get("/v1/status")["waiting"] == 1, "the request to wait")
    wait_until(lambda: api.get("/v1/status")["waiting"] == 0, "the request to be forgotten")
    api.post("/v1/services/web:resume")
    assert ask(engine).text == "v1"
    assert "/gone" not in [path for _, path, _ in v1.requests]


def test_a_stop_ends_the_wait_of_those_that_a_pause_held(running, app):
    engine, api = running
    api.deploy("web", [app("v1").target], sites=[HOST])
    api.post("/v1/services/web:pause", {"max_pause": "20s"})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, engine)
        wait_until(lambda: api.get("/v1/status")["waiting"] == 1, "the request to wait")
        api.post("/v1/services/web:stop", {"message": "later"})
        assert answer.result(DEADLINE_SECONDS).status == 503


# ---- what it inherits ---------------------------------------------------------------------------
DEFAULTS = '[defaults]\nheaders.response.set = { X-House = "%s" }\nlimit.body = "1KiB"\n' + EMPTY


def test_defaults_of_proxy_toml_hold_for_deployed_services_and_change_with_it(engine, app):
    started = engine(DEFAULTS % "one")
    api = Api(started)
    api.deploy("web", [app("v1").target], sites=[HOST])
    assert ask(started).header("x-house") == "one"
    started.reload(DEFAULTS % "two")
    assert ask(started).header("x-house") == "two"
    started.reload(EMPTY)
    assert ask(started).header("x-house") is None


def test_a_service_wins_over_the_defaults_key_by_key(engine, app, tmp_path):
    where = {"ENGINE_STATE_DIR": str(tmp_path / "state")}
    first = EngineProcess(DEFAULTS % "one", env=where)
    options = {"health": {"path": "/up", "every": "50ms"}, "limit": {"body": "4KiB"}}
    assert last(Api(first).deploy("web", [app("v1").target], sites=[HOST], options=options))[0] == "done"
    first.kill()

    second = engine(DEFAULTS % "one", env=where)

    with second.client() as client:
        answer = client.request("POST", "/", body=b"x" * 3000, host=HOST)
    assert (answer.status, answer.header("x-house")) == (200, "one")
