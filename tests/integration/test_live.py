# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on at this moment: connections, taps, rates, and the log level of a running engine."""

import json
import os
import signal
import subprocess
import threading

import pytest
from certificates import client_context, local_authority
from control import Api
from h2 import H2Client
from harness import DEADLINE_SECONDS, RawClient, engine_binary, free_port, wait_until
from upstream import site

HOST = "test.localhost"
WEBSOCKET = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
             ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


@pytest.fixture
def proxied(engine, echo):
    """proxied(workers=1, more="", engine=()): an engine before an echo server, and its control API."""
    def start(workers=1, **options):
        started = engine(site(f"127.0.0.1:{echo().port}", workers=workers, **options))
        return started, Api(started)
    return start


def cli(started, *words, code=0, **options):
    env = {**os.environ, "ENGINE_SOCKET": started.control_socket, "NO_COLOR": "1"}
    done = subprocess.run([engine_binary(), *map(str, words)], env=env, capture_output=True, text=True,
                          timeout=DEADLINE_SECONDS, check=False, **options)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done


def connections(api, query=""):
    return api.get("/v1/connections" + query)["connections"]


def client_name(client):
    host, port = client.socket.getsockname()[:2]
    return f"{host}:{port}"


def of(api, client):
    """What is said of this client's connection; None when it is not there."""
    return next((each for each in connections(api) if each["client"] == client_name(client)), None)


class Tapped:
    """A tap in a thread: everything that it was sent."""

    def __init__(self, api, query=""):
        self.lines, self.lost = [], 0
        self._begun = threading.Event()
        self._stream = RawClient(api._path)
        self._stream.send_request("GET", "/v1/tap" + query, host="localhost")
        head = self._stream.recv_head()
        assert head.status == 200, head
        self._thread = threading.Thread(target=self._read, daemon=True)

    def read(self):
        """From now on it is read."""
        self._thread.start()
        return self

    def _read(self):
        text = self._stream.buffer
        while True:
            *events, text = text.split(b"\n\n")
            for event in events:
                parts = dict(line.split(b": ", 1) for line in event.split(b"\n") if not line.startswith(b":"))
                if not parts:
                    continue
                data = json.loads(parts[b"data"])
                if parts[b"event"] == b"lost":
                    self.lost += data["lines"]
                else:
                    self.lines.append(data)
            try:
                more = self._stream.socket.recv(1 << 16)
            except OSError:
                return
            if not more:
                return
            text += more

    def until(self, count):
        wait_until(lambda: len(self.lines) + self.lost >= count, f"{count} requests in the tap")
        return self.lines

    def close(self):
        self._stream.close()


# ---- Connections

def test_an_idle_connection_is_listed_with_what_it_has_done(proxied):
    started, api = proxied()
    with started.client() as client:
        for _ in range(3):
            client.request(target="/ok")
        one = wait_until(lambda: (of(api, client) or {}).get("state") == "idle" and of(api, client), "an idle one")
    assert (one["protocol"], one["requests"], one["streams"], one["site"]) == ("h1", 3, 0, "")
    assert (one["listener"], one["worker"], one["tls"]) == (f":{started.port}", 0, None)
    assert 0 <= one["idle_seconds"] <= one["age_seconds"] < DEADLINE_SECONDS
    wait_until(lambda: not connections(api), "its end")


def test_websockets_http_2_and_tls_are_told_apart(proxied):
    started, api = proxied()
    tls = client_context(local_authority(started), "h2", "http/1.1")
    with started.client() as websocket, H2Client(started.address, tls=tls) as h2, \
            RawClient(started.address, tls=client_context(local_authority(started)), server_name=HOST) as secure:
        assert websocket.request(target="/ws", headers=WEBSOCKET).status == 101
        exchange = h2.open(path="/delay/20s/ok")
        h2.open(path="/delay/20s/ok")
        assert secure.request(target="/ok").status == 200
        wait_until(lambda: (of(api, h2) or {}).get("streams") == 2, "two streams")

        tunnel, many, one = of(api, websocket), of(api, h2), of(api, secure)
        assert (tunnel["protocol"], tunnel["state"], tunnel["site"]) == ("tunnel", "active", HOST)
        assert (many["protocol"], many["state"], many["requests"]) == ("h2", "active", 2)
        assert many["tls"] == {"version": "1.3", "alpn": "h2", "server_name": HOST}
        assert many["target"] and many["service"]
        assert one["protocol"] == "h1" and one["tls"]["version"] == "1.3" and one["tls"]["alpn"] in ("", "http/1.1")
        h2.reset(exchange)
        wait_until(lambda: of(api, h2)["streams"] == 1, "one stream less")

        assert {each["state"] for each in connections(api, "?state=active")} == {"active"}
        assert len(connections(api, f"?site={HOST}")) == 2
        assert connections(api, "?site=other.localhost") == []


def test_a_connection_that_is_closed_by_its_id_is_closed(proxied):
    started, api = proxied()
    with started.client() as idle, started.client() as busy, started.client() as bystander:
        idle.request(target="/ok")
        bystander.request(target="/ok")
        busy.send_request(target="/delay/20s/ok")
        wait_until(lambda: (of(api, busy) or {}).get("state") == "active", "the running request")
        for client in (idle, busy):
            one = of(api, client)["id"]
            api.post(f"/v1/connections/{one}", method="DELETE")
            client.expect_gone()
            problem = api.refused(404, f"/v1/connections/{one}", method="DELETE")
            assert one in problem["detail"]
        assert bystander.request(target="/ok").status == 200
    audit = (started.directory / "state/audit.jsonl").read_text()
    assert [json.loads(line)["status"] for line in audit.splitlines() if "/v1/connections/" in line] == [200, 404] * 2


@pytest.mark.parametrize("id", ["7", "x-1", "0-", "9-1", "0-ffffffff", "-"])
def test_an_id_of_nothing_is_404(proxied, id):
    started, api = proxied()
    api.refused(404, f"/v1/connections/{id}", method="DELETE")


def test_a_filter_that_means_nothing_is_refused(proxied):
    started, api = proxied()
    assert api.call("GET", "/v1/connections?sate=idle").json["field"] == "sate"
    assert api.call("GET", "/v1/connections?state=busy").status == 400
    assert api.call("GET", "/v1/tap?status=many").json["field"] == "status"
    unknown = api.call("GET", "/v1/tap?site=tset.localhost")
    assert unknown.status == 404 and HOST in unknown.json["known"]


@pytest.mark.tsan
def test_the_connections_of_all_workers_are_listed_and_tapped_under_traffic(proxied):
    started, api = proxied(workers=2)
    tap = Tapped(api, "?path=/ok").read()
    clients = [started.client() for _ in range(40)]
    stopping = threading.Event()

    def ask():
        while not stopping.is_set():
            for client in clients[20:]:
                client.request(target="/bytes/20k")
    traffic = threading.Thread(target=ask)
    traffic.start()
    for client in clients[:20]:
        client.request(target="/ok")
    for _ in range(20):
        listed = api.get("/v1/connections")
        assert {each["worker"] for each in listed["connections"]} == {0, 1}
        assert {client_name(client) for client in clients} <= {each["client"] for each in listed["connections"]}
        assert (listed["truncated"], listed["silent_workers"]) == (False, 0)
    assert {line["worker"] for line in tap.until(20)} == {0, 1}
    one = of(api, clients[0])["id"]
    api.post(f"/v1/connections/{one}", method="DELETE")
    clients[0].expect_gone()
    tap.close()
    stopping.set()
    traffic.join()
    for client in clients:
        client.close()


def test_the_api_answers_while_the_workers_stop(proxied):
    started, api = proxied()
    with started.client() as client:
        client.send_request(target="/delay/1s/ok")
        wait_until(lambda: (of(api, client) or {}).get("state") == "active", "the running request")
        started.signal(signal.SIGTERM)
        started.wait_for_log("stopping")
        assert api.get("/v1/connections")["silent_workers"] == 0
        assert client.recv_response().status == 200
    assert started.wait() == 0


# ---- Taps

def test_a_tap_shows_the_requests_that_it_was_asked_for_and_no_others(proxied):
    started, api = proxied(more=f'[routes."down.localhost"]\nto = "127.0.0.1:{free_port()}"')
    taps = {query: Tapped(api, query).read() for query in (
        "", f"?site={HOST}", "?status=5xx", "?status=%3E%3D400", "?method=POST", "?path=/status", "?status=204")}
    with started.client() as client:
        client.request(target="/ok?secret=1")
        client.request("POST", "/ok", body=b"x")
        client.request(target="/status/404")
        client.request(target="/status/204")
        client.request(target="/ok", host="down.localhost")
        client.request(target="/last", host="down.localhost")
    ok, post, missing, empty = ("GET", "/ok", 200), ("POST", "/ok", 200), ("GET", "/status/404", 404), \
        ("GET", "/status/204", 204)
    down, last = ("GET", "/ok", 502), ("GET", "/last", 502)
    expected = {"": [ok, post, missing, empty, down, last], f"?site={HOST}": [ok, post, missing, empty],
                "?status=5xx": [down, last], "?status=%3E%3D400": [missing, down, last], "?method=POST": [post],
                "?path=/status": [missing, empty], "?status=204": [empty]}
    for query, tap in taps.items():
        tap.until(len(expected[query]))
    for query, tap in taps.items():
        assert [(line["method"], line["path"], line["status"]) for line in tap.lines] == expected[query], query
    assert {line["error"] for line in taps["?status=5xx"].lines} == {"connection_refused"}
    for tap in taps.values():
        tap.close()


def test_a_tap_has_the_lines_of_the_access_log_also_where_that_is_off(proxied):
    started, api = proxied(more='[log]\naccess = "off"')
    tap = Tapped(api).read()
    with started.client() as client:
        client.request(target="/ok?y=1", headers=[("User-Agent", "curl/8")])
    line = tap.until(1)[0]
    assert (line["msg"], line["query"], line["ua"], line["site"]) == ("request", "y=1", "curl/8", HOST)
    tap.close()


def test_a_tap_hides_what_the_log_hides_also_where_that_is_off(proxied):
    started, api = proxied(more='[log]\naccess = "off"')
    tap = Tapped(api).read()
    with started.client() as client:
        client.request(target="/ok?token=SECRET&y=1", headers=[("Referer", "http://a/?sig=SECRET")])
    line = tap.until(1)[0]
    assert (line["query"], line["referer"]) == ("token=REDACTED&y=1", "http://a/?sig=REDACTED")
    tap.close()


def test_a_reader_that_is_too_slow_is_told_what_it_lost_and_the_proxy_does_not_wait(proxied):
    started, api = proxied(more='[log]\naccess = "off"')
    tap = Tapped(api)  # and is not read
    count = 4000
    path = "/ok?" + "x" * 400
    with started.client() as client:
        for _ in range(count // 50):
            client.send(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() * 50)
            for _ in range(50):
                assert client.recv_response().status == 200
    tap.read().until(count)
    assert tap.lost > 0 and tap.lines
    assert len(tap.lines) + tap.lost == count
    tap.close()


def test_taps_that_have_ended_make_room_for_others(proxied):
    started, api = proxied()
    taps = [Tapped(api) for _ in range(16)]
    assert api.call("GET", "/v1/tap").status == 503
    taps.pop().close()
    wait_until(lambda: api.call("GET", "/v1/tap?status=none").status == 400, "an answer")

    def again():
        try:
            taps.append(Tapped(api))
            return True
        except AssertionError:
            return False
    wait_until(again, "room for another tap")
    for tap in taps:
        tap.close()


def test_over_tcp_a_tap_needs_the_token_even_on_loopback(engine):
    port = free_port()
    engine(f'[admin]\nhttp = "127.0.0.1:{port}"\ntoken = "secret"\n[routes]\n"a.localhost" = "status:204"\n')

    def status(path, *fields):
        with RawClient(("127.0.0.1", port)) as client:
            client.send_request("GET", path, list(fields), host="localhost")
            return client.recv_head().status
    assert status("/v1/connections") == 200
    assert status("/v1/tap") == status("/v1/%74ap") == status("/v1/tap", ("Authorization", "Bearer no")) == 401
    assert status("/v1/tap", ("Authorization", "Bearer secret")) == 200


# ---- The command line

def test_connections_by_verbs(proxied):
    started, api = proxied()
    with started.client() as client:
        client.request(target="/ok")
        one = wait_until(lambda: of(api, client), "the connection")["id"]
        page = cli(started, "conns").stdout
        assert page.startswith("ID ") and one in page and client_name(client) in page
        assert one not in cli(started, "conns", "--state", "active").stdout
        assert json.loads(cli(started, "conns", "--json").stdout)["connections"][0]["id"] == one
        assert cli(started, "conns", "close", one).stdout == f"{one}: closed\n"
        client.expect_gone()
        cli(started, "conns", "close", one, code=6)
    assert "state" in cli(started, "conns", "--state", "busy", code=2).stderr


def tapping(started, *words):
    env = {**os.environ, "ENGINE_SOCKET": started.control_socket, "NO_COLOR": "1"}
    return subprocess.Popen([engine_binary(), "tap", *words], env=env, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def request_until_it_ends(started, child, target="/ok"):
    """Requests, until the tap has seen what it waits for."""
    def ended():
        with started.client() as client:
            client.request(target=target)
        return child.poll() is not None
    wait_until(ended, "the end of the tap")


def test_a_tap_by_verb_ends_after_so_many_requests(proxied):
    started, api = proxied()
    child = tapping(started, HOST, "--path", "/status", "--count", "2")
    request_until_it_ends(started, child, "/status/404?x=1")
    out, err = child.communicate(timeout=DEADLINE_SECONDS)
    assert (child.returncode, err) == (0, "")
    assert len(out.splitlines()) == 2
    assert all(f"GET {HOST}/status/404?x=1 404 " in line for line in out.splitlines()), out

    child = tapping(started, "--json", "--count", "1")
    request_until_it_ends(started, child)
    assert json.loads(child.communicate(timeout=DEADLINE_SECONDS)[0])["path"] == "/ok"


def test_a_tap_by_verb_ends_on_an_interrupt_with_130(proxied):
    started, api = proxied()
    child = tapping(started)
    wait_until(lambda: len(os.listdir(f"/proc/{child.pid}/fd")) >= 5, "its connection")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=DEADLINE_SECONDS)
    assert child.returncode == 130


def test_top_shows_the_rate_of_each_site(proxied):
    started, api = proxied(more='[routes]\n"quiet.localhost" = "status:204"')
    stopping = threading.Event()

    def ask():
        with started.client() as client:
            while not stopping.is_set():
                client.request(target="/ok")
                client.request(target="/status/500")
    traffic = threading.Thread(target=ask)
    traffic.start()
    try:
        busy, quiet = json.loads(cli(started, "top", "--json").stdout)["sites"]
        table = cli(started, "top", "-n", "1").stdout.splitlines()
    finally:
        stopping.set()
        traffic.join()
    assert (busy["site"], quiet["site"]) == (HOST, "quiet.localhost")
    assert busy["requests_per_second"] > 10 and 40 < busy["errors_percent"] < 60
    assert 0 < busy["p50_seconds"] <= busy["p95_seconds"] < 5
    assert busy["bytes_per_second"] > 0 and busy["in_flight"] <= 1
    assert quiet["requests_per_second"] == 0 and quiet["p95_seconds"] is None
    assert table[0].split()[:2] == ["SITE", "REQ/S"] and len(table) == 2 and table[1].startswith(HOST)


# ---- The log level

def test_the_log_level_changes_what_is_logged_until_a_reload_changes_it(proxied):
    started, api = proxied(more='[log]\nlevel = "warn"')
    quiet = started.config_path.read_text()
    assert api.get("/v1/log/level") == {"level": "warn"}
    api.post("/v1/reload")
    assert " info reloaded" not in started.stderr

    assert api.post("/v1/log/level", {"level": "info"}, method="PUT") == {"level": "info"}
    api.post("/v1/reload")  # of the same configuration
    started.wait_for_log(" info reloaded")
    assert cli(started, "log-level").stdout == "info\n"

    started.config_path.write_text(quiet.replace('level = "warn"', 'level = "error"'))
    wait_until(lambda: api.get("/v1/log/level")["level"] == "error", "the level of the file")
    assert cli(started, "log-level", "debug").stdout == "debug\n"
    assert "debug" in cli(started, "log-level", "loud", code=2).stderr
    assert api.refused(400, "/v1/log/level", {"level": 7}, method="PUT")["field"] == "level"
    assert api.get("/v1/log/level")["level"] == "debug"
