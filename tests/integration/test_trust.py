# SPDX-License-Identifier: GPL-3.0-or-later
"""`engine trust` and `engine untrust` on the real list of a Debian system, which is put back as it was."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from certificates import openssl
from harness import engine_binary, pattern
from system_list import BUNDLE, JAVA_LIST, LISTS, OURS
from upstream import site

HOST = "test.localhost"


def java_list():
    """What Java believes; empty where there is no Java."""
    if not shutil.which("keytool") or not JAVA_LIST.exists():
        return ""
    return subprocess.run(["keytool", "-list", "-keystore", JAVA_LIST, "-storepass", "changeit"],
                          capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def run(tmp_path):
    """run(words, **env): a program without what would change whom it believes, in an empty home."""
    def start(*words, **env):
        known = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.run([str(word) for word in words], env=known | {"HOME": str(tmp_path)} | env,
                              capture_output=True, text=True, timeout=60)
    return start


def test_curl_believes_the_local_authority_between_trust_and_untrust(system, run, engine, echo):
    started = engine(site(echo().port))
    openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", HOST, check=False)
    state = started.directory / "state"

    def curl():
        return run("curl", "-sS", "--resolve", f"{HOST}:{started.port}:127.0.0.1",
                   f"https://{HOST}:{started.port}/bytes/10")

    def verb(word):
        return run(engine_binary(), word, ENGINE_STATE_DIR=str(state))
    assert curl().returncode == 60  # CURLE_PEER_FAILED_VERIFICATION

    trusted = verb("trust")
    assert f"engine: trusted now by the system ({OURS})\n" in trusted.stderr
    assert OURS.read_bytes() == (state / "tls/ca.pem").read_bytes()
    assert curl().stdout == pattern(10).decode(), curl().stderr
    assert f"engine: trusted already by the system ({OURS})\n" in verb("trust").stderr

    untrusted = verb("untrust")
    assert f"engine: no longer trusted by the system ({OURS})\n" in untrusted.stderr
    assert (trusted.returncode, untrusted.returncode) == (0, 0)
    assert curl().returncode == 60
    assert BUNDLE.read_bytes() == system
    assert OURS.stem not in java_list()
    assert not [entry for entry in os.scandir(LISTS) if not Path(entry.path).exists()], "dangling links"


def test_another_authority_takes_the_place_of_the_first(system, run, tmp_path):
    for state in ("first", "second"):
        done = run(engine_binary(), "trust", ENGINE_STATE_DIR=str(tmp_path / state))
        assert done.returncode == 0, done.stderr

    first, second = ((tmp_path / state / "tls/ca.pem").read_bytes() for state in ("first", "second"))
    assert OURS.read_bytes() == second
    assert second in BUNDLE.read_bytes() and first not in BUNDLE.read_bytes()
    # By the links too, whose names come from the subject.
    verified = openssl("verify", "-no-CAfile", "-CApath", LISTS, tmp_path / "second/tls/ca.pem", check=False)
    assert verified.endswith(": OK\n"), verified

    assert run(engine_binary(), "untrust").returncode == 0
    assert not OURS.exists()
