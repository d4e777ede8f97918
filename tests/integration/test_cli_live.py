# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the command line against a running engine: what they print, and their exit codes."""

import json
import os
import subprocess

import pytest
from harness import DEADLINE_SECONDS, engine_binary, free_port, wait_until
from test_deploy import EMPTY, HOST, app, ask, running  # noqa: F401


@pytest.fixture
def cli(running):
    """cli(words…): the finished process of `engine words…` on the running engine."""
    engine, _ = running

    def run(*words, code=0):
        env = {**os.environ, "ENGINE_SOCKET": engine.control_socket, "NO_COLOR": "1"}
        done = subprocess.run([engine_binary(), *map(str, words)], env=env, capture_output=True, text=True,
                              timeout=DEADLINE_SECONDS, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done
    return run


def deploy(cli, target, *more, code=0):
    return cli("deploy", "web", "--target", target, "--health-check-interval", "50ms", *more, code=code)


def test_a_service_from_its_first_deploy_to_its_end(running, cli, app):
    engine, _ = running
    v1, v2 = app("v1"), app("v2")
    assert "healthy" in deploy(cli, v1.target, "--host", HOST).stderr
    assert ask(engine).text == "v1"
    deploy(cli, v2.target)
    assert ask(engine).text == "v2"
    assert HOST in cli("list").stdout and v2.target in cli("show", "web").stdout
    cli("stop", "web", "--message", "back at noon")
    assert "back at noon" in ask(engine).text
    cli("resume", "web")
    cli("pause", "web", "--max-pause", "50ms")
    assert ask(engine).status == 504
    cli("resume", "web")
    cli("remove", "web")
    assert ask(engine).status == 404


def test_an_unhealthy_deploy_ends_with_1_and_the_cause(running, cli, app):
    engine, _ = running
    deploy(cli, app("v1").target, "--host", HOST)
    done = deploy(cli, app("v2", up=500).target, "--deploy-timeout", "300ms", code=1)
    assert "500" in done.stderr
    assert ask(engine).text == "v1"


def test_the_older_form_names_the_target_first(running, cli, app):
    engine, _ = running
    cli("deploy", app("v1").target, "--host", HOST)
    assert ask(engine).text == "v1"


def test_a_rollout_by_verbs(running, cli, app):
    engine, _ = running
    deploy(cli, app("v1").target, "--host", HOST)
    cli("rollout", "deploy", "web", "--target", app("v2").target)
    cli("rollout", "set", "web", "--percent", "100")
    cookie = [("Cookie", "kamal-rollout=x")]
    assert ask(engine, headers=cookie).text == "v2"
    cli("rollout", "stop", "web")
    assert ask(engine, headers=cookie).text == "v1"
    cli("rollout", "promote", "web")
    assert ask(engine).text == "v2"


def test_targets_by_verbs(running, cli, app):
    engine, api = running
    one, two = app("one"), app("two")
    deploy(cli, one.target, "--target", two.target, "--host", HOST)
    cli("disable", f"web@{one.target}")
    assert {ask(engine).text for _ in range(6)} == {"two"}
    cli("enable", f"web@{one.target}")
    cli("weight", f"web@{two.target}", "0")
    wait_until(lambda: ask(engine).text == "one", "the other target")
    cli("drain", f"web@{two.target}")
    assert api.target(two.target)["state"] == "disabled"


def test_routes_are_added_and_removed(running, cli, app):
    engine, _ = running
    cli("add", HOST, app("v1").port)
    assert ask(engine).text == "v1"
    assert json.loads(cli("routes", "--json").stdout)["routes"][0]["origin"] == "added"
    cli("rm", HOST)
    assert ask(engine).status == 404


def test_configurations_by_verbs(running, cli):
    engine, _ = running
    engine.write_config('[routes]\n"a.localhost" = "status:204"\n')
    assert "a.localhost" in cli("diff").stdout
    cli("reload")
    assert ask(engine, host="a.localhost").status == 204
    assert "start" in cli("history").stdout
    cli("rollback", "1")
    assert ask(engine, host="a.localhost").status == 404
    engine.write_config("[routes\n")
    assert "proxy.toml" in cli("reload", code=3).stderr


def test_what_is_can_be_read(running, cli, app):
    deploy(cli, app("v1").target, "--host", HOST)
    status = json.loads(cli("status", "--json").stdout)
    assert status["services"]["total"] == 1 and status["config"]["ok"]
    assert "engine_build_info" in cli("metrics").stdout
    assert "deploy" in cli("events").stdout
    cli("healthcheck")
    cli("healthcheck", "--ready")


def test_exit_codes_tell_what_is_wrong(running, cli, app):
    deploy(cli, app("v1").target, "--host", HOST)
    assert "web" in cli("pause", "wob", code=6).stderr
    assert "web" in cli("deploy", "other", "--target", app("v2").target, "--host", HOST, code=7).stderr
    cli("deploy", "web", code=2)
    cli("pasue", "web", code=2)
    assert running[1].get("/v1/services/web")["state"] == "running"


def test_without_an_engine_it_says_how_to_start_one(tmp_path):
    env = {**os.environ, "ENGINE_SOCKET": str(tmp_path / "none.sock")}
    done = subprocess.run([engine_binary(), "status"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 4 and "engine --config" in done.stderr


def test_a_target_that_is_not_there_is_a_refused_connection(cli):
    done = deploy(cli, f"127.0.0.1:{free_port()}", "--host", HOST, "--deploy-timeout", "300ms", code=1)
    assert "refused" in done.stderr
