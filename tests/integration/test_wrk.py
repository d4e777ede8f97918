# SPDX-License-Identifier: GPL-3.0-or-later
"""wrk, which keeps 50 connections busy without a pause, sees no error: through reloads, through targets that come and
go, over many short connections and over pipelines."""

import re
import subprocess

import pytest
from harness import DEADLINE_SECONDS
from upstream import site

REQUESTS = re.compile(r"(\d+) requests in ")
PIPELINE = """
init = function()
  local each = {}
  for i = 1, 16 do each[i] = wrk.format("GET", "/bytes/" .. i * 100) end
  all = table.concat(each)
end
request = function() return all end
"""


@pytest.fixture
def wrk(tmp_path):
    """wrk(engine, path, *options, script="", meanwhile=None): runs it for 2 s; returns its number of requests."""
    def run(started, path, *options, script="", meanwhile=None):
        command = ["wrk", "-t2", "-c50", "-d2s", *options]
        if script:
            (tmp_path / "script.lua").write_text(script)
            command += ["-s", tmp_path / "script.lua"]
        command += ["-H", "Host: test.localhost", f"http://127.0.0.1:{started.port}{path}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            while meanwhile and process.poll() is None:
                meanwhile()
            said, _ = process.communicate(timeout=DEADLINE_SECONDS)
        # wrk has a line for either only when there is something to say.
        assert process.returncode == 0 and "Socket errors" not in said and "Non-2xx" not in said, said
        return int(REQUESTS.search(said).group(1))
    return run


@pytest.mark.parametrize("path", ["/bytes/100", "/bytes/64k", "/bytes/1m", "/bytes/10k?chunked=1"])
def test_kept_alive_connections_see_no_error(engine, echo, wrk, path):
    assert wrk(engine(site(echo().port, workers=2)), path) > 100


def test_a_connection_for_each_request_sees_no_error(engine, echo, wrk):
    assert wrk(engine(site(echo().port, workers=2)), "/bytes/1k", "-H", "Connection: close") > 100


def test_pipelines_see_no_error(engine, echo, wrk):
    assert wrk(engine(site(echo().port, workers=2)), "/", script=PIPELINE) > 100


def test_connections_that_end_by_a_limit_see_no_error(engine, echo, wrk):
    started = engine(site(echo().port, workers=2, engine=["limits = { requests = 7 }"]))
    assert wrk(started, "/bytes/20k") > 100


def test_reloads_between_two_targets_are_not_noticed(engine, echo, wrk):
    ports = [echo().port, echo().port]
    started = engine(site(ports[0], workers=2))

    def swap():
        ports.reverse()
        assert "refused" not in started.reload(site(ports[0], workers=2))
    assert wrk(started, "/bytes/5k", meanwhile=swap) > 100
