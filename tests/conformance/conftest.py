# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine and one recording upstream for each file of tests; a test sends raw bytes and is judged on the answer,
on whether the connection is closed, and on what the upstream saw."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from exchange import Proxy  # noqa: E402


@pytest.fixture(scope="module")
def running():
    proxy = Proxy()
    yield proxy
    proxy.close()


@pytest.fixture
def proxy(running):
    yield running
    assert running.recorder.complaints == [], "what the upstream saw is not strict HTTP/1.1"
    running.engine.ensure_running()
    running.recorder.begin()
