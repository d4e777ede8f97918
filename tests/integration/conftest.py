# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all integration tests: processes that are stopped, and looked through, after each test."""

import socket
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import system_list  # noqa: E402
from build import MARKS, leave_out  # noqa: E402
from h2_target import H2Target, Scene  # noqa: E402
from harness import EchoProcess, EngineProcess  # noqa: E402
from upstream import OK, Nginx, ScriptedUpstream, always, site  # noqa: E402


def pytest_configure(config):
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_collection_modifyitems(config, items):
    leave_out(config, items)


def _stop_all(processes):
    failures = []
    for process in reversed(processes):
        try:
            process.stop()
        except Exception as error:  # the others must be stopped too
            failures.append(str(error))
            process.kill()
    assert not failures, "\n".join(failures)


@pytest.fixture
def echo():
    """echo(*arguments, unix_path=None) starts an echo server on a free port."""
    started = []

    def start(*arguments, **options):
        started.append(EchoProcess(*arguments, **options))
        return started[-1]
    yield start
    _stop_all(started)


@pytest.fixture
def engine():
    """engine(toml, *arguments) starts the engine with that proxy.toml on a free port."""
    started = []

    def start(toml, *arguments, **options):
        started.append(EngineProcess(toml, *arguments, **options))
        return started[-1]
    yield start
    _stop_all(started)


@pytest.fixture
def upstream():
    """upstream(script, host="127.0.0.1", unix_path=None) starts a scripted upstream."""
    started = []

    def start(script=always(OK), **options):
        started.append(ScriptedUpstream(script, **options))
        return started[-1]
    yield start
    for each in started:
        each.close()


@pytest.fixture
def scene(engine):
    """scene(*wishes, options={}, **of_site): an engine before a target of HTTP/2 that the test plays; `options` are the
    target's."""
    started = []

    def start(*wishes, options=None, **of_site):
        target = H2Target(**(options or {}))
        started.append(Scene(engine(site(target.url, *wishes, **of_site)), target))
        return started[-1]
    yield start
    for each in started:
        each.close()
        each.target.close()


@pytest.fixture(params=[1, 2], ids=["http_1", "http_2"])
def version(request):
    """Of HTTP, which the client speaks."""
    return request.param


@pytest.fixture
def nginx():
    """nginx(directives) starts nginx with these directives in its server block."""
    started = []

    def start(directives=""):
        started.append(Nginx(directives))
        return started[-1]
    yield start
    for each in started:
        each.close()


@pytest.fixture
def silent_port():
    """A port of 127.0.0.1 that answers no SYN: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


@pytest.fixture
def system():
    """What the system's list of authorities holds; afterwards it holds it again."""
    if why := system_list.why_it_may_not_change():
        pytest.skip(why)
    yield system_list.BUNDLE.read_bytes()
    system_list.put_back()
