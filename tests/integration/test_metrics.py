# SPDX-License-Identifier: GPL-3.0-or-later
"""GET /metrics on the control socket: what Prometheus' own checker says of it, and that it counts what happened."""

import re
import shutil
import socket
import subprocess

import pytest
from harness import wait_until
from upstream import site


SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


@pytest.fixture
def measured(engine, echo, tmp_path):
    """measured(workers=1) starts an engine in front of an echo server; scrape() reads its metrics."""
    def start(workers=1):
        target, path = echo().port, str(tmp_path / "admin.sock")
        started = engine(site(target, workers=workers), env={"ENGINE_SOCKET": path})
        started.admin_socket, started.target = path, target
        return started
    return start


def scrape(started):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(started.admin_socket)
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    head, _, text = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ")
    assert "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8" in head.lower()
    return text


def value(text, name, **labels):
    """The sample that has all these labels; 0 where there is none."""
    wanted = {f'{key}="{label}"' for key, label in labels.items()}
    found = [float(match[3]) for match in map(SAMPLE.match, text.splitlines())
             if match and match[1] == name and wanted <= set((match[2] or "").split(","))]
    assert len(found) <= 1, (name, labels, found)
    return found[0] if found else 0


def test_the_checker_of_prometheus_has_nothing_to_say(measured):
    assert shutil.which("promtool"), "promtool is missing: run scripts/setup"
    started = measured()
    with started.client() as client:
        client.request("GET", "/echo")
        client.request("BREW", "/echo")
    checked = subprocess.run(["promtool", "check", "metrics"], input=scrape(started), text=True, capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_requests_are_counted_by_site_method_status_and_protocol(measured):
    started = measured()
    with started.client() as client:
        for _ in range(3):
            client.request("GET", "/bytes/100")
        client.request("POST", "/status/503", body=b"x" * 50)
        client.request("GET", "/", host="unknown.example")
    text = scrape(started)

    requests, here = "engine_http_requests_total", {"site": "test.localhost", "proto": "http/1.1"}
    assert value(text, requests, method="GET", status_class="2xx", **here) == 3
    assert value(text, requests, method="POST", status_class="5xx", **here) == 1
    assert value(text, requests, site="", status_class="4xx") == 1
    assert value(text, "engine_http_responses_total", site="test.localhost", status="503") == 1
    assert value(text, "engine_http_request_bytes_total", site="test.localhost") == 50
    assert value(text, "engine_http_request_duration_seconds_count", site="test.localhost") == 4
    assert value(text, "engine_http_requests_in_flight", site="test.localhost") == 0


def test_every_worker_adds_to_the_same_sum(measured):
    started = measured(workers=2)
    for _ in range(40):
        with started.client() as client:
            client.request("GET", "/echo")
    text = scrape(started)

    assert value(text, "engine_http_responses_total", site="test.localhost", status="200") == 40
    assert value(text, "engine_connections_total") >= 40
    assert value(text, "engine_uring_enters_total", worker="1") > 0


def test_counters_survive_a_reload_that_changes_the_site(measured):
    started = measured()
    with started.client() as client:
        client.request("GET", "/echo")
    before = scrape(started)
    started.reload(site(started.target, "limit = { inflight = 7 }"))
    with started.client() as client:
        client.request("GET", "/echo")
    after = scrape(started)

    assert value(after, "engine_http_responses_total", site="test.localhost", status="200") == 2
    assert value(after, "engine_config_generation") > value(before, "engine_config_generation")
    assert value(after, "engine_config_reloads_total", result="ok") == 1


def open_streams(started):
    """How many of each kind."""
    text = scrape(started)
    return {kind: value(text, "engine_streams_open", site="test.localhost", kind=kind)
            for kind in ("websocket", "tunnel", "sse", "grpc")}


def test_streams_that_are_open_are_counted_by_their_kind(measured):
    started = measured()
    nothing = {"websocket": 0, "tunnel": 0, "sse": 0, "grpc": 0}
    with started.client() as events, started.client() as socket_, started.client() as tunnel:
        events.send_request(target="/sse?n=0&every=10ms")
        assert events.recv_head().header("content-type") == "text/event-stream"
        for client, protocol in ((socket_, "websocket"), (tunnel, "raw")):
            client.send_request(target="/ws" if client is socket_ else "/upgrade/raw", headers=[
                ("Connection", "Upgrade"), ("Upgrade", protocol), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])
            assert client.recv_head().status == 101
        assert open_streams(started) == {**nothing, "websocket": 1, "tunnel": 1, "sse": 1}
        events.reset()
        wait_until(lambda: open_streams(started) == {**nothing, "websocket": 1, "tunnel": 1}, "the events to end")
    wait_until(lambda: open_streams(started) == nothing, "all to end")
    text = scrape(started)
    assert value(text, "engine_upstream_duration_seconds_count", site="test.localhost") == 0
    assert value(text, "engine_upstream_connect_seconds_count", site="test.localhost") == 3


def test_events_that_end_by_themselves_are_open_no_more(measured):
    started = measured()
    with started.client() as client:
        assert client.request(target="/sse?n=2&every=1ms").status == 200
    wait_until(lambda: open_streams(started)["sse"] == 0, "the events to end")
    assert value(scrape(started), "engine_upstream_duration_seconds_count", site="test.localhost") == 1


def test_how_long_targets_take_is_within_the_time_of_the_requests(measured):
    started = measured(workers=2)
    for _ in range(10):
        with started.client() as client:
            assert client.request(target="/delay/20ms/bytes/20?piece=10&gap=20ms").status == 200
    with started.client() as client:
        assert client.request(host="nobody.example").status == 404
    text = scrape(started)

    def of(name, part):
        return value(text, f"engine_{name}_seconds_{part}", site="test.localhost")
    assert of("upstream_duration", "count") == of("http_request_duration", "count") == 10
    assert 0.4 <= of("upstream_duration", "sum") <= of("http_request_duration", "sum")
    assert 0.2 <= of("http_time_to_first_byte", "sum") < of("upstream_duration", "sum")
    assert value(text, "engine_upstream_duration_seconds_bucket", site="test.localhost", le="+Inf") == 10
    assert value(text, "engine_upstream_duration_seconds_bucket", site="test.localhost", le="0.025") == 0
    assert value(text, "engine_proxy_overhead_seconds_count") == 10
    assert value(text, "engine_upstream_duration_seconds_count", site="") == 0
