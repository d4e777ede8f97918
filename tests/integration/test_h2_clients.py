# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's clients of HTTP/2: curl, nghttp, h2load and Node."""

import re
import subprocess
from pathlib import Path

import pytest
from certificates import local_authority
from h2 import HOST
from harness import pattern, wait_until
from upstream import access_lines, site

MIB = 1 << 20
NODE_CLIENT = Path(__file__).with_name("h2_client.js")


@pytest.fixture
def started(engine, echo):
    return engine(site(echo().port, workers=2))


def run(*words):
    """What a program wrote; it must end well."""
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode() + done.stdout[-2000:].decode(errors="replace")
    return done.stdout


def curl(started, scheme, *words):
    """The body, and what curl says of the protocol."""
    trust = ["--cacert", local_authority(started)] if scheme == "https" else []
    url = f"{scheme}://{HOST}:{started.port}"
    said = run("curl", "-sS", "--noproxy", "*", "--resolve", f"{HOST}:{started.port}:127.0.0.1", *trust,
               "--write-out", "\n%{http_version} %{response_code}", *words[:-1], url + words[-1])
    body, _, last = said.rpartition(b"\n")
    return body, last.decode()


# ---- curl

@pytest.mark.parametrize("scheme,flag,version", [
    ("https", "--http2", "2"), ("https", "--http1.1", "1.1"), ("https", "--http2-prior-knowledge", "2"),
    ("http", "--http2-prior-knowledge", "2"), ("http", "--http1.1", "1.1"),
])
def test_curl_gets_the_protocol_it_asks_for(started, scheme, flag, version):
    assert curl(started, scheme, flag, "/bytes/5m") == (pattern(5 * MIB), f"{version} 200")


def test_curl_that_wants_to_upgrade_to_h2c_is_served_as_it_is(started):
    assert curl(started, "http", "--http2", "/ok") == (b"ok", "1.1 200")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_uploads(started, tmp_path, scheme):
    upload = tmp_path / "upload"
    upload.write_bytes(pattern(3 * MIB))
    assert curl(started, scheme, "--http2-prior-knowledge", "--data-binary", f"@{upload}", "/echo") == \
        (pattern(3 * MIB), "2 200")


def test_curl_sees_trailers_and_early_hints(started):
    said, _ = curl(started, "http", "--http2-prior-knowledge", "--include", "/interim/103")
    assert said.startswith(b"HTTP/2 103") and b"\r\n\r\nHTTP/2 200" in said
    said, _ = curl(started, "http", "--http2-prior-knowledge", "--include", "/trailers")
    assert b"x-checksum: 0123abcd" in said


def test_curl_sees_that_a_response_broke_off(started):
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "-H", f"Host: {HOST}",
                           f"http://127.0.0.1:{started.port}/die/body"], capture_output=True, timeout=20)
    assert done.returncode == 92, done.stderr  # CURLE_HTTP2_STREAM


def test_curl_asks_for_many_at_once_over_one_connection(started, tmp_path):
    said, _ = curl(started, "https", "--parallel", "--output", tmp_path / "#1", "/bytes/[1000-1029]")
    assert said.decode().split("\n").count("2 200") == 29  # and the last line
    wait_until(lambda: len(access_lines(started.stdout, proto="h2")) == 30, "30 lines in the log")
    assert len({line["port"] for line in access_lines(started.stdout, proto="h2")}) == 1


# ---- nghttp and h2load

def test_nghttp_fetches_several_files_over_one_connection(started):
    url = f"http://127.0.0.1:{started.port}"
    said = run("nghttp", "--null-out", "--stat", "-H", f":authority: {HOST}", url + "/bytes/1m", url + "/bytes/10",
               url + "/chunked/3").decode()
    assert len(re.findall(r"\b200\b", said)) == 3, said


def test_nghttp_uploads_with_padding(started, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(pattern(MIB))
    assert run("nghttp", "--padding=200", "--data", upload, "-H", f":authority: {HOST}",
               f"http://127.0.0.1:{started.port}/echo") == pattern(MIB)


@pytest.mark.parametrize("path,count", [("/ok", 5000), ("/bytes/100k", 500)])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_h2load_sees_no_error(started, scheme, path, count):
    said = run("h2load", "-n", count, "-c", 10, "-m", 20, f"--connect-to=127.0.0.1:{started.port}",
               f"{scheme}://{HOST}:{started.port}{path}").decode()
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert f"status codes: {count} 2xx, 0 3xx, 0 4xx, 0 5xx" in said, said


# ---- Node

@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nodes_client_is_at_home(started, scheme):
    trust = [local_authority(started)] if scheme == "https" else []
    said = run("node", NODE_CLIENT, f"{scheme}://127.0.0.1:{started.port}", HOST, *trust).decode()
    protocol = "h2" if scheme == "https" else "h2c"
    assert said.splitlines() == ["echoed true", "at once true", "trailers 0123abcd", f"protocol {protocol}", "closed"]
    wait_until(lambda: len(access_lines(started.stdout, proto="h2")) == 52, "52 lines in the log")
