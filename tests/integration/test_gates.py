# SPDX-License-Identifier: GPL-3.0-or-later
"""Pause, stop, resume, rollouts, and targets taken out by hand."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from control import last
from harness import DEADLINE_SECONDS, wait_until
from test_deploy import EMPTY, HOST, app, ask, running  # noqa: F401
from test_live import Tapped
from upstream import access_line


@pytest.fixture
def web(running, app):
    """An engine, its API, and a deployed service "web" with its application."""
    engine, api = running
    v1 = app("v1")
    assert last(api.deploy("web", [v1.target], sites=[HOST]))[0] == "done"
    return engine, api, v1


@pytest.mark.tsan
def test_requests_wait_while_paused_and_none_is_lost(web):
    engine, api, v1 = web
    api.post("/v1/services/web:pause", {"max_pause": "10s"})
    seen = len(v1.requests)
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(ask, engine, f"/{number}") for number in range(20)]
        wait_until(lambda: api.get("/v1/status")["waiting"] == 20, "the requests to arrive")
        assert len(v1.requests) == seen
        api.post("/v1/services/web:resume")
        assert {answer.result(DEADLINE_SECONDS).text for answer in answers} == {"v1"}


def test_a_pause_that_lasts_too_long_is_answered_504(web):
    engine, api, _ = web
    api.post("/v1/services/web:pause", {"max_pause": "100ms"})
    assert ask(engine).status == 504


def test_what_was_deployed_during_a_pause_gets_the_waiting_requests(web, app):
    engine, api, _ = web
    api.post("/v1/services/web:pause", {"max_pause": "10s"})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, engine)
        wait_until(lambda: api.get("/v1/status")["waiting"] == 1, "the request to arrive")
        api.deploy("web", [app("v2").target])
        assert not answer.done()
        api.post("/v1/services/web:resume")
        assert answer.result(DEADLINE_SECONDS).text == "v2"


def test_the_log_and_a_tap_say_how_long_a_request_was_held_by_the_pause(web):
    engine, api, _ = web
    tap = Tapped(api).read()
    api.post("/v1/services/web:pause", {"max_pause": "10s"})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, engine, "/held")
        wait_until(lambda: api.get("/v1/status")["waiting"] == 1, "the request to arrive")
        api.post("/v1/services/web:resume")
        assert answer.result(DEADLINE_SECONDS).status == 200
    ask(engine, "/after")
    held, after = access_line(engine, path="/held"), access_line(engine, path="/after")
    assert 0 < held["gate_wait"] <= held["t_total"] and "queue" not in held
    assert "gate_wait" not in after and "queue" not in after
    assert [line.get("gate_wait") for line in tap.until(2)] == [held["gate_wait"], None]
    tap.close()


def test_a_stopped_service_answers_503_with_the_message_and_goes_on_after_resume(web):
    engine, api, _ = web
    api.post("/v1/services/web:stop", {"message": "Back at <noon>"})
    answer = ask(engine, headers=[("Accept", "text/html")])
    assert answer.status == 503 and "Back at &lt;noon&gt;" in answer.text
    assert answer.header("retry-after")
    api.post("/v1/services/web:resume")
    assert ask(engine).text == "v1"


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_the_health_path_answers_200_meanwhile(web, verb):
    engine, api, v1 = web
    api.post(f"/v1/services/web:{verb}")
    answer = ask(engine, "/up")
    assert (answer.status, answer.body) == (200, b"")


def test_a_deploy_of_a_stopped_service_does_not_start_it(web, app):
    engine, api, _ = web
    api.post("/v1/services/web:stop")
    api.deploy("web", [app("v2").target])
    assert ask(engine).status == 503
    api.post("/v1/services/web:resume")
    assert ask(engine).text == "v2"


def test_a_pause_returns_when_what_was_in_flight_has_ended(web):
    engine, api, v1 = web
    with engine.client() as client:
        client.send_request("GET", "/hold", host=HOST)
        v1.holding.wait(DEADLINE_SECONDS)
        with ThreadPoolExecutor(1) as pool:
            pause = pool.submit(api.post, "/v1/services/web:pause", {"max_pause": "10s"})
            wait_until(lambda: api.get("/v1/services/web")["state"] == "paused", "the gate")
            assert not pause.done()
            v1.release.set()
            assert client.recv_response().text == "v1"
            assert pause.result(DEADLINE_SECONDS)["drained"]
    api.post("/v1/services/web:resume")
    assert ask(engine).text == "v1"


def test_a_rollout_gets_its_share_by_the_cookie_and_keeps_it(web, app):
    engine, api, _ = web
    v2 = app("v2")
    api.deploy("web", [v2.target], rollout=True)
    assert {ask(engine, headers=[("Cookie", f"kamal-rollout={n}")]).text for n in range(20)} == {"v1"}
    api.post("/v1/services/web:rollout", {"percent": 10, "list": ["vip"]})

    with engine.client() as client:
        def who(value):
            return client.request(headers=[("Cookie", f"kamal-rollout={value}")], host=HOST).text
        answers = [who(f"user-{number}") for number in range(600)]

        assert 30 <= answers.count("v2") <= 95
        assert answers[:50] == [who(f"user-{number}") for number in range(50)]
        assert who("vip") == "v2"
        assert ask(engine).text == "v1"
        api.post("/v1/services/web:rollout-stop")
        assert who("vip") == "v1"


def test_a_rollout_is_promoted_or_aborted(web, app):
    engine, api, _ = web
    v2, v3 = app("v2"), app("v3")
    api.deploy("web", [v2.target], rollout=True)
    api.post("/v1/services/web:promote")
    assert ask(engine).text == "v2"
    api.deploy("web", [v3.target], rollout=True)
    api.post("/v1/services/web:rollout", {"percent": 100})
    assert ask(engine, headers=[("Cookie", "kamal-rollout=a")]).text == "v3"
    api.post("/v1/services/web:abort")
    assert ask(engine, headers=[("Cookie", "kamal-rollout=a")]).text == "v2"
    assert api.refused(409, "/v1/services/web:promote")["hint"]


def test_remove_lets_what_is_in_flight_end(web):
    engine, api, v1 = web
    with engine.client() as client:
        client.send_request("GET", "/hold", host=HOST)
        v1.holding.wait(DEADLINE_SECONDS)
        with ThreadPoolExecutor(1) as pool:
            removal = pool.submit(api.post, "/v1/services/web", None, 200, "DELETE")
            wait_until(lambda: ask(engine).status == 404, "the site to be gone")
            v1.release.set()
            assert client.recv_response().text == "v1"
            assert removal.result(DEADLINE_SECONDS)["drained"]
    assert api.get("/v1/services")["services"] == []


def test_a_target_is_taken_out_and_put_back_by_hand(running, app):
    engine, api = running
    one, two = app("one"), app("two")
    api.deploy("web", [one.target, two.target], sites=[HOST])
    path = f"/v1/targets/web@{one.target}"
    api.post(path, {"enabled": False}, method="PATCH")
    assert {ask(engine).text for _ in range(10)} == {"two"}
    assert api.target(one.target)["state"] == "disabled"
    api.post(path, {"enabled": True}, method="PATCH")
    wait_until(lambda: ask(engine).text == "one", "the target to be chosen again")
    api.post(path, {"weight": 0}, method="PATCH")
    assert {ask(engine).text for _ in range(10)} == {"two"}
    assert api.refused(404, "/v1/targets/web@nowhere:1", {"enabled": True}, method="PATCH")["known"]


def test_a_drained_target_keeps_what_it_has_and_gets_nothing_new(running, app):
    engine, api = running
    one, two = app("one"), app("two")
    api.deploy("web", [one.target, two.target], sites=[HOST])
    with engine.client() as client:
        while not one.holding.is_set():
            client.send_request("GET", "/hold", host=HOST)
            wait_until(lambda: one.holding.is_set() or two.holding.is_set(), "a target to have it")
            if two.holding.is_set():
                two.release.set()
                client.recv_response()
                two.holding.clear()
        with ThreadPoolExecutor(1) as pool:
            drain = pool.submit(api.post, f"/v1/targets/web@{one.target}", {"drain": "10s"}, 200, "PATCH")
            wait_until(lambda: api.target(one.target)["state"] == "disabled", "the target to be out")
            assert {ask(engine).text for _ in range(10)} == {"two"}
            one.release.set()
            assert client.recv_response().text == "one"
            assert drain.result(DEADLINE_SECONDS)["drained"]


def test_a_site_is_added_and_removed_at_run_time(running, app):
    engine, api = running
    v1 = app("v1")
    api.post(f"/v1/routes/{HOST}", {"to": v1.port}, method="PUT")
    assert ask(engine).text == "v1"
    assert api.get("/v1/routes")["routes"][0]["origin"] == "added"
    api.post(f"/v1/routes/{HOST}", None, method="DELETE")
    assert ask(engine).status == 404
    problem = api.refused(422, f"/v1/routes/{HOST}", {"to": v1.port, "blance": "p2c"}, method="PUT")
    assert "blance" in problem["detail"]


def test_events_tell_what_happens(web):
    engine, api, _ = web
    stream = api.events("/v1/events?replay=1")
    kinds = {next(stream)[0] for _ in range(2)}
    assert kinds == {"deploy"}
    threading.Thread(target=api.post, args=("/v1/services/web:stop",), daemon=True).start()
    name, data = next(stream)
    assert name == "gate" and data["what"] == "stopped"
