# SPDX-License-Identifier: GPL-3.0-or-later
"""engine upgrade: a new process takes the listening sockets over, under load, and nobody is refused."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from control import Api
from harness import DEADLINE_SECONDS, engine_binary, wait_until
from test_deploy import EMPTY, HOST, app, ask, running  # noqa: F401

TARGET = '[routes]\n"{host}" = {port}\n'


def gone(pid):
    """Ended, also where nobody has asked for its exit code yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


@pytest.fixture
def successors():
    """Processes that took over, for their end."""
    pids = []
    yield pids
    for pid in pids:
        if not gone(pid):
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: all(map(gone, pids)), "the end of the new processes")


def upgrade(engine, successors):
    pid = Api(engine).post("/v1/upgrade")["pid"]
    successors.append(pid)
    return pid


def test_a_new_process_serves_after_an_upgrade_and_the_old_one_ends(engine, echo, successors):
    started = engine(TARGET.format(host=HOST, port=echo().port))
    pid = upgrade(started, successors)
    assert started.wait() == 0
    assert pid != started.pid and ask(started, "/ok").status == 200
    assert Api(started).get("/v1/status")["pid"] == pid


def test_the_signal_does_the_same(engine, echo, successors):
    started = engine(TARGET.format(host=HOST, port=echo().port))
    started.signal(signal.SIGUSR2)
    assert started.wait() == 0
    successors.append(Api(started).get("/v1/status")["pid"])
    assert ask(started, "/ok").status == 200


def test_wrk_sees_no_error_during_an_upgrade(engine, echo, successors):
    started = engine(TARGET.format(host=HOST, port=echo().port))
    for close in (False, True):
        command = ["wrk", "-t2", "-c30", "-d3s", *(["-H", "Connection: close"] if close else []),
                   "-H", f"Host: {HOST}", f"http://127.0.0.1:{started.port}/ok"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            wait_until(lambda: Api(started).get("/v1/status")["connections_open"] > 10, "the load")
            upgrade(started, successors)
            said, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert "Socket errors" not in said and "Non-2xx" not in said, said
        assert int(re.search(r"(\d+) requests in ", said).group(1)) > 100


def test_new_connections_are_never_refused(engine, echo, successors):
    started = engine(TARGET.format(host=HOST, port=echo().port))
    problems, enough = [], threading.Event()

    def connect():
        while not enough.is_set():
            try:
                with socket.create_connection(started.address, 5) as client:
                    client.sendall(b"GET /ok HTTP/1.0\r\nHost: shop.localhost\r\n\r\n")
                    data = b""
                    while piece := client.recv(65536):
                        data += piece
                assert data.startswith(b"HTTP/1.1 200")
            except (OSError, AssertionError) as error:
                problems.append(error)
    threads = [threading.Thread(target=connect) for _ in range(4)]
    for thread in threads:
        thread.start()
    upgrade(started, successors)
    started.wait()
    upgrade(started, successors)
    enough.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_request_in_flight_ends_on_the_old_process(engine, app, successors):
    v1 = app("v1")
    started = engine(TARGET.format(host=HOST, port=v1.port))
    with started.client() as client:
        client.send_request("GET", "/hold", host=HOST)
        v1.holding.wait(DEADLINE_SECONDS)
        upgrade(started, successors)
        assert ask(started).text == "v1"
        v1.release.set()
        assert client.recv_response().text == "v1"
    assert started.wait() == 0


def test_what_was_deployed_is_deployed_after_it(running, app, successors):
    engine, api = running
    api.deploy("web", [app("v1").target], sites=[HOST])
    upgrade(engine, successors)
    engine.wait()
    assert ask(engine).text == "v1"
    assert api.get("/v1/services/web")["origin"] == "deploy"


def test_a_binary_that_does_not_start_leaves_the_old_one_serving(engine, echo, tmp_path, monkeypatch):
    binary = tmp_path / "engine"
    shutil.copy(engine_binary(), binary)
    monkeypatch.setenv("ENGINE_BIN", str(binary))
    started = engine(TARGET.format(host=HOST, port=echo().port))
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    broken.rename(binary)

    problem = Api(started).refused(500, "/v1/upgrade")

    assert "exit code 3" in problem["detail"]
    assert ask(started, "/ok").status == 200
    assert Api(started).get("/v1/status")["draining"] is False


def test_a_configuration_that_is_broken_meanwhile_leaves_the_old_one_serving(engine, echo):
    started = engine(TARGET.format(host=HOST, port=echo().port))
    started.write_config("[routes\n")
    problem = Api(started).refused(500, "/v1/upgrade")
    assert "exit code 3" in problem["detail"]
    assert ask(started, "/ok").status == 200
