# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a deploy: new targets prove themselves, take over at once, and the old ones drain."""

import os
import re
import subprocess
import threading

import pytest
from control import Api, App, last, wait_for_state
from harness import DEADLINE_SECONDS, EngineProcess, free_port, wait_until

EMPTY = "[routes]\n"
HOST = "shop.localhost"


@pytest.fixture
def app():
    """app(name, …): a small application that ends with the test."""
    apps = []

    def start(*arguments, **options):
        apps.append(App(*arguments, **options))
        return apps[-1]
    yield start
    for each in apps:
        each.stop()


@pytest.fixture
def running(engine):
    """An engine with no site of its own, and its control API."""
    started = engine(EMPTY)
    return started, Api(started)


def ask(engine, path="/", host=HOST, headers=(), **options):
    with engine.client() as client:
        return client.request("GET", path, headers, host=host, **options)


def test_a_deploy_serves_its_site_once_its_target_is_healthy(running, app):
    engine, api = running
    v1 = app("v1")

    events = api.deploy("web", [v1.target], sites=[HOST])

    assert [name for name, _ in events] == ["probe", "healthy", "swapped", "drained", "done"]
    assert ask(engine).text == "v1"


def test_the_next_deploy_takes_over_and_the_old_target_gets_nothing_more(running, app):
    engine, api = running
    v1, v2 = app("v1"), app("v2")
    api.deploy("web", [v1.target], sites=[HOST])

    events = api.deploy("web", [v2.target])

    swapped = dict(events)["swapped"]
    assert (swapped["from"], swapped["to"]) == ([v1.target], [v2.target])
    seen = len(v1.requests)
    assert {ask(engine).text for _ in range(10)} == {"v2"}
    assert len(v1.requests) == seen


def test_an_unhealthy_target_changes_nothing_and_says_why(running, app):
    engine, api = running
    v1, v2 = app("v1"), app("v2", up=500)
    api.deploy("web", [v1.target], sites=[HOST])

    name, outcome = last(api.deploy("web", [v2.target], timeout="400ms"))

    assert (name, outcome["exit"]) == ("failed", 1)
    assert "500" in outcome["cause"] and v2.target in outcome["cause"]
    assert ask(engine).text == "v1"
    assert [each["target"] for each in api.get("/v1/services/web")["targets"]] == [v1.target]


def test_a_target_that_nobody_listens_on_is_refused_by_name(running):
    _, api = running
    name, outcome = last(api.deploy("web", [f"127.0.0.1:{free_port()}"], sites=[HOST], timeout="300ms"))
    assert name == "failed" and "refused" in outcome["cause"] and outcome["hint"]
    assert api.get("/v1/services")["services"] == []


def test_a_target_that_never_answers_ends_with_the_exit_code_of_a_timeout(running, app):
    _, api = running
    with_no_answer = app("slow")
    with_no_answer.serve = lambda request: threading.Event().wait(DEADLINE_SECONDS)
    name, outcome = last(api.deploy("web", [with_no_answer.target], sites=[HOST], timeout="300ms",
                                    options={"health": {"path": "/up", "every": "50ms", "timeout": "100ms"}}))
    assert (name, outcome["exit"]) == ("failed", 9)


def test_an_application_that_forces_https_is_asked_again_as_its_proxy_would(running, app):
    engine, api = running
    v1 = app("v1", up=301)
    v1.location = f"https://{HOST}/up"
    answer = v1.answer

    def serve(request):
        secure = request.headers.get("X-Forwarded-Proto") == "https"
        answer(request, 200 if secure or not request.path.startswith("/up") else 301, "v1")
    v1.serve = serve

    events = api.deploy("web", [v1.target], sites=[HOST])

    probes = [data for name, data in events if name == "probe"]
    assert [probe["ok"] for probe in probes] == [False, True]
    assert "https" in probes[0]["hint"]
    assert last(events)[0] == "done"


def test_all_targets_must_be_healthy(running, app):
    engine, api = running
    good, bad = app("good"), app("bad", up=404)
    name, outcome = last(api.deploy("web", [good.target, bad.target], sites=[HOST], timeout="300ms"))
    assert name == "failed" and "404" in outcome["cause"]
    assert ask(engine).status == 404


def test_a_forced_deploy_waits_for_nobody_and_serves_after_the_first_good_probe(running, app):
    engine, api = running
    v1 = app("v1", up=503)
    assert last(api.deploy("web", [v1.target], sites=[HOST], force=True))[0] == "done"
    assert ask(engine).status == 503
    v1.up = 200
    wait_until(lambda: ask(engine).status == 200, "the target to be up")


@pytest.mark.tsan
def test_wrk_sees_no_failed_request_through_ten_deploys(running, app):
    engine, api = running
    versions = [app(f"v{number}") for number in range(3)]
    api.deploy("web", [versions[0].target], sites=[HOST])
    command = ["wrk", "-t2", "-c20", "-d4s", "-H", f"Host: {HOST}", f"http://127.0.0.1:{engine.port}/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for number in range(1, 11):
            assert last(api.deploy("web", [versions[number % 3].target]))[0] == "done"
        said, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0 and "Socket errors" not in said and "Non-2xx" not in said, said
    assert int(re.search(r"(\d+) requests in ", said).group(1)) > 100


def test_a_request_in_flight_on_the_old_target_gets_its_time(running, app):
    engine, api = running
    v1, v2 = app("v1"), app("v2")
    api.deploy("web", [v1.target], sites=[HOST])
    with engine.client() as client:
        client.send_request("GET", "/hold", host=HOST)
        v1.holding.wait(DEADLINE_SECONDS)
        deploy = api.start_deploy("web", [v2.target])
        wait_until(lambda: ask(engine).text == "v2", "the swap")
        assert api.get(f"/v1/deploys/{deploy}")["state"] == "draining"

        v1.release.set()

        assert client.recv_response().text == "v1"
    name, outcome = last(list(api.events(f"/v1/deploys/{deploy}")))
    assert name == "done"


def test_what_is_not_finished_at_the_end_of_a_drain_is_answered_504(running, app):
    engine, api = running
    v1, v2 = app("v1"), app("v2")
    api.deploy("web", [v1.target], sites=[HOST])
    with engine.client() as client:
        client.send_request("GET", "/hold", host=HOST)
        v1.holding.wait(DEADLINE_SECONDS)

        events = api.deploy("web", [v2.target], drain="200ms")

        assert dict(events)["drained"]["cut"] == 1
        assert client.recv_response().status == 504


def test_two_deploys_of_one_service_at_once_are_one_too_many(running, app):
    _, api = running
    v1, v2 = app("v1", up=503), app("v2")
    first = api.start_deploy("web", [v1.target], sites=[HOST], timeout="5s")

    problem = api.refused(409, "/v1/deploys", {"service": "web", "targets": [v2.target]})

    assert problem["owner"] == f"deploy {first}"
    api.post(f"/v1/deploys/{first}:abort", status=202)
    assert last(list(api.events(f"/v1/deploys/{first}")))[0] == "aborted"
    assert last(api.deploy("web", [v2.target], sites=[HOST]))[0] == "done"


def test_a_site_belongs_to_one_service(running, app):
    _, api = running
    v1 = app("v1")
    api.deploy("web", [v1.target], sites=[HOST])
    problem = api.refused(409, "/v1/deploys", {"service": "other", "targets": [v1.target], "sites": [HOST]})
    assert problem["owner"] == "web" and HOST in problem["detail"]


def test_a_site_of_proxy_toml_is_not_taken_by_a_deploy(engine, app):
    v1 = app("v1")
    started = engine(f'[routes]\n"{HOST}" = {v1.port}\n')
    problem = Api(started).refused(409, "/v1/deploys",
                                   {"service": "web", "targets": [v1.target], "sites": [HOST]})
    assert "proxy.toml" in problem["detail"]


def test_a_reload_that_takes_a_deployed_site_is_refused_and_names_its_owner(running, app):
    engine, api = running
    v1 = app("v1")
    api.deploy("web", [v1.target], sites=[HOST])
    line = engine.reload(f'[routes]\n"{HOST}" = {v1.port}\n')
    assert "refused" in line and "web" in line
    assert ask(engine).text == "v1"


def test_a_reload_leaves_what_was_deployed(running, app):
    engine, api = running
    v1 = app("v1")
    api.deploy("web", [v1.target], sites=[HOST])
    engine.reload('[routes]\n"other.localhost" = "status:204"\n')
    assert ask(engine).text == "v1"
    origins = {route["site"]: route["origin"] for route in api.get("/v1/routes")["routes"]}
    assert origins == {HOST: "deploy", "other.localhost": f"{engine.config_path}:3"}


def test_each_path_of_a_service_is_taken_off_where_that_is_asked_for(running, app):
    engine, api = running
    v1 = app("v1")
    api.deploy("web", [v1.target], sites=[HOST, f"{HOST}/docs"], strip_prefix=True)
    ask(engine, "/docs/a%2Fb?x=1")
    ask(engine, "/docsx")
    assert [path for _, path, _ in v1.requests[-2:]] == ["/a%2Fb?x=1", "/docsx"]


@pytest.mark.parametrize("state", ["running", "paused", "stopped", "rollout"])
def test_after_kill_9_everything_is_as_it_was(engine, app, tmp_path, state):
    v1, v2 = app("v1"), app("v2")
    where = {"ENGINE_STATE_DIR": str(tmp_path / "state")}
    first = EngineProcess(EMPTY, env=where)
    api = Api(first)
    api.deploy("web", [v1.target], sites=[HOST])
    if state == "paused":
        api.post("/v1/services/web:pause", {"max_pause": "200ms"})
    if state == "stopped":
        api.post("/v1/services/web:stop", {"message": "back at noon"})
    if state == "rollout":
        api.deploy("web", [v2.target], rollout=True)
        api.post("/v1/services/web:rollout", {"percent": 100})
    before = api.get("/v1/services/web")
    first.kill()

    second = engine(EMPTY, env=where)

    after = Api(second).get("/v1/services/web")
    keys = ("sites", "state", "message", "options", "rollout", "origin")
    assert {key: after[key] for key in keys} == {key: before[key] for key in keys}
    expected = {"running": (200, "v1"), "paused": (504, None), "stopped": (503, None), "rollout": (200, "v2")}
    status, text = expected[state]
    answer = ask(second, headers=[("Cookie", "kamal-rollout=me")])
    assert answer.status == status and (text is None or answer.text == text)
    if state == "stopped":
        assert "back at noon" in answer.text


def test_a_broken_state_is_set_aside_and_said_aloud(engine, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.json").write_text("{")
    started = engine(EMPTY, env={"ENGINE_STATE_DIR": str(state)})
    started.wait_for_log("state.json is broken")
    assert any(each.name.startswith("state.json.broken-") for each in state.iterdir())


def test_a_change_that_cannot_be_kept_is_not_made(running, app):
    engine, api = running
    v1, v2 = app("v1"), app("v2")
    api.deploy("web", [v1.target], sites=[HOST])
    blocked = engine.directory / "state" / "state.json.new"
    blocked.mkdir()

    name, outcome = last(api.deploy("web", [v2.target]))

    assert name == "failed" and "state.json.new" in outcome["cause"]
    assert ask(engine).text == "v1"
    blocked.rmdir()


def test_every_change_is_in_the_audit_log_with_who_made_it(running, app):
    engine, api = running
    v1 = app("v1")
    api.deploy("web", [v1.target], sites=[HOST])
    api.refused(404, "/v1/services/nobody:pause")
    lines = (engine.directory / "state" / "audit.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"path":"/v1/deploys"' in lines[0] and f'"uid":{os.getuid()}' in lines[0]
    assert '"status":404' in lines[1]


def test_health_is_asked_for_ever_also_of_a_single_target(running, app):
    engine, api = running
    v1 = app("v1")
    options = {"health": {"path": "/up", "every": "30ms", "timeout": "1s", "fall": 2, "rise": 2}}
    api.deploy("web", [v1.target], sites=[HOST], options=options)
    v1.up = 500
    wait_for_state(api, v1.target, "down")
    assert ask(engine).status == 503
    assert "500" in api.target(v1.target)["last_probe"]["result"]
    v1.up = 200
    wait_for_state(api, v1.target, "up")
    assert ask(engine).status == 200
    assert engine.stderr.count("target down") == 1 and engine.stderr.count("target up") == 1


def test_health_of_proxy_toml_takes_a_target_out_and_back(engine, app):
    good, bad = app("good"), app("bad", up=500)
    started = engine(f'''[routes."{HOST}"]
to = ["{good.target}", "{bad.target}"]
health = {{ path = "/up", every = "30ms", timeout = "1s", fall = 1, rise = 1 }}
''')
    api = Api(started)
    wait_for_state(api, bad.target, "down")
    assert {ask(started).text for _ in range(10)} == {"good"}
    bad.up = 200
    wait_for_state(api, bad.target, "up")
    wait_until(lambda: ask(started).text == "bad", "the target to be chosen again")


def test_what_is_wrong_with_a_request_names_the_field_and_changes_nothing(running):
    _, api = running
    cases = [({"targets": "x"}, 400, "targets"), ({"targets": ["a:1"], "timeout": 5}, 400, "timeout"),
             ({"targets": ["a:1"], "tragets": []}, 400, "tragets"), ({"targets": []}, 400, "targets"),
             ({"targets": ["a:1"], "service": "a b"}, 400, "service"),
             ({"targets": ["a:1"], "service": "web", "sites": ["a b"]}, 422, "sites")]
    for body, status, field in cases:
        problem = api.refused(status, "/v1/deploys", body)
        assert problem["field"] == field, problem
    assert api.call("POST", "/v1/deploys", b"{").status == 400
    assert api.get("/v1/services")["services"] == []


def test_an_unknown_service_lists_those_that_there_are(running, app):
    _, api = running
    api.deploy("web", [app("v1").target], sites=[HOST])
    assert api.refused(404, "/v1/services/wob:pause")["known"] == ["web"]


def test_a_stale_generation_is_refused(running, app):
    _, api = running
    api.deploy("web", [app("v1").target], sites=[HOST])
    tag = api.call("GET", "/v1/services/web").header("etag")
    assert api.call("POST", "/v1/services/web:stop", {}, [("If-Match", '"0"')]).status == 412
    assert api.call("POST", "/v1/services/web:stop", {}, [("If-Match", tag)]).status == 200
