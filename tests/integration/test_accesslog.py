# SPDX-License-Identifier: GPL-3.0-or-later
"""The access log: one line per exchange, what it says, and which exchanges it leaves out."""

import json
import re
import signal

import pytest
from harness import free_port, wait_until
from upstream import access_line, access_lines, site

FIELDS = {"ts", "level", "msg", "id", "site", "method", "host", "path", "proto", "client", "port",
          "status", "target", "tries", "t_total", "t_connect", "t_first", "bytes_in", "bytes_out",
          "worker", "gen"}


@pytest.fixture
def logged(engine, echo):
    """logged(access, *wishes): an engine in front of an echo server, with this [log] access."""
    def start(access='{ to = "stdout", format = "json" }', *wishes):
        return engine(site(echo().port, *wishes, more=f"[log]\naccess = {access}"))
    return start


def run(started, *targets, method="GET", headers=()):
    with started.client() as client:
        return [client.request(method, target, headers).status for target in targets]


def test_a_json_line_says_all_about_an_exchange(logged):
    started = logged()
    with started.client() as client:
        fields = [("User-Agent", "tester"), ("Referer", "http://from/")]
        client.request("POST", "/echo?a=b", fields, body=b"x" * 500)
        port = client.socket.getsockname()[1]
    line = access_line(started)

    assert set(line) == FIELDS | {"query", "ua", "referer"}
    assert (line["msg"], line["level"], line["proto"]) == ("request", "info", "http/1.1")
    assert (line["site"], line["host"]) == ("test.localhost", "test.localhost")
    assert (line["method"], line["path"], line["query"]) == ("POST", "/echo", "a=b")
    assert (line["client"], line["port"], line["status"]) == ("127.0.0.1", port, 200)
    assert (line["ua"], line["referer"]) == ("tester", "http://from/")
    assert (line["bytes_in"], line["bytes_out"], line["tries"], line["worker"]) == (500, 500, 1, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["ts"])
    assert line["target"].startswith("localhost:") and line["gen"] >= 1


def test_the_times_of_an_exchange_are_in_seconds_and_in_order(logged):
    started = logged()
    run(started, "/delay/100ms/bytes/20?piece=10&gap=100ms")
    line = access_line(started)
    assert 0 <= line["t_connect"] < line["t_first"] < line["t_total"]
    assert 0.1 <= line["t_first"] < 1 and 0.2 <= line["t_total"] < 2


def test_every_exchange_has_exactly_one_line(logged):
    started = logged()
    paths = [f"/bytes/{number}" for number in range(300)]
    run(started, *paths)
    assert [line["path"] for line in access_lines(ended(started))] == paths


def ended(started):
    """Ends the engine; what is on its stdout then."""
    started.signal(signal.SIGTERM)
    assert started.wait() == 0
    return started.stdout


def test_a_text_line_is_for_people(logged):
    started = logged('{ to = "stdout", format = "text" }')
    run(started, "/ok?x=1")
    line = wait_until(lambda: started.stdout, "the line")
    assert re.fullmatch(r"\S+Z 127\.0\.0\.1 GET test\.localhost/ok\?x=1 200 2B \d+\.\d+ms "
                        r"-> localhost:\d+\n", line)


def test_a_text_line_names_the_cause_of_a_failure(logged):
    started = logged('{ to = "stdout", format = "text" }')
    run(started, "/garbage")
    assert " 502 " in wait_until(lambda: started.stdout, "the line")
    assert "error=http_protocol_error" in started.stdout


@pytest.mark.parametrize("path,status,error", [
    ("/die/head", 502, "connection_terminated"), ("/die/mid-head", 502, "http_response_incomplete"),
    ("/die/body", 200, "http_response_incomplete"), ("/die/chunk", 200, "http_response_incomplete"),
    ("/garbage", 502, "http_protocol_error"), ("/hang", 504, "http_response_timeout"),
    ("/hang/body", 200, "connection_read_timeout")])
def test_the_cause_of_a_failure_has_its_rfc_9209_name(logged, path, status, error):
    started = logged('{ to = "stdout" }', 'timeout = { first_byte = "150ms", idle = "150ms" }')
    with started.client() as client:
        client.send_request(target=path)
        try:
            client.recv_response()
        except (AssertionError, ConnectionResetError):
            pass
    assert access_line(started, path=path)["status"] == status
    assert access_line(started, path=path)["error"] == error


def test_a_refused_connection_is_logged_with_target_and_details(engine):
    port = free_port()
    started = engine(site(port))
    run(started, "/")
    line = access_line(started)
    assert (line["error"], line["target"]) == ("connection_refused", f"localhost:{port}")
    assert line["details"] == "Connection refused" and line["bytes_out"] > 0


def test_a_request_that_was_none_has_a_line(logged):
    started = logged()
    with started.client() as client:
        client.send("nonsense\r\n\r\n")
        assert client.recv_response().status == 400
    line = access_line(started)
    assert (line["status"], line["error"]) == (400, "http_request_error")
    assert line["client"] == "127.0.0.1"


def test_an_unknown_site_and_own_answers_have_lines(engine):
    started = engine(site("redirect:https://example.com{uri}"))
    with started.client() as client:
        client.request(target="/a")
        client.request(target="/b", host="other.example.com")
    assert access_line(started, path="/a")["status"] == 308
    line = access_line(started, path="/b")
    assert (line["status"], line["error"], "site" in line) == (404, "destination_not_found", False)


def test_nothing_a_client_sends_breaks_a_line(logged):
    started = logged()
    run(started, "/ok?\"}\\u0000", headers=[("User-Agent", 'a"b\\c\tdé\xff')])
    line = access_line(started, path="/ok")
    assert line["query"] == "\"}\\u0000" and line["ua"].startswith('a"b\\c\td')


def test_nothing_a_client_sends_breaks_a_text_line(logged):
    started = logged('{ to = "stdout", format = "text" }')
    run(started, "/ok?\"\x80\x9b31m")
    wait_until(lambda: started.stdout.endswith("\n"), "the line")
    assert started.stdout.count("\n") == 1 and "\x9b" not in started.stdout


@pytest.fixture
def redacting(engine, echo):
    """redacting(key, format): an engine with this log.redact, whose site logs Referer and Location."""
    def start(key="", form="json"):
        shown = 'log = { request_headers = ["Referer"], response_headers = ["Location"] }'
        return engine(site(echo().port, shown, more=f'[log]\n{key}\naccess = {{ to = "stdout", format = "{form}" }}'))
    return start


SECRETS = "/ok?a=1&Token=SECRET&x=&sig=SECRET&token=SECRET"
REFERER = [("Referer", "http://a.test/?password=SECRET&b=2")]


def test_values_of_secret_parameters_are_hidden_in_a_json_line(redacting):
    started = redacting()
    run(started, SECRETS, headers=REFERER)
    line = access_line(started)
    assert line["query"] == "a=1&Token=REDACTED&x=&sig=REDACTED&token=REDACTED"
    assert line["referer"] == "http://a.test/?password=REDACTED&b=2"
    assert line["request_headers"] == {"Referer": "http://a.test/?password=REDACTED&b=2"}
    assert "SECRET" not in ended(started)


def test_values_of_secret_parameters_are_hidden_in_a_text_line(redacting):
    started = redacting(form="text")
    run(started, SECRETS, headers=REFERER)
    line = wait_until(lambda: started.stdout, "the line")
    assert "/ok?a=1&Token=REDACTED&x=&sig=REDACTED&token=REDACTED 200" in line and "SECRET" not in line


def test_the_target_still_gets_what_the_log_hides(engine, upstream):
    target = upstream()
    started = engine(site(target.port))
    run(started, "/?token=SECRET")
    assert target.requests[0].target == "/?token=SECRET"


def test_what_is_hidden_can_be_chosen_and_a_reload_changes_it(redacting):
    started = redacting('redact = ["code"]')
    run(started, "/ok?token=a&code=b")
    assert access_line(started)["query"] == "token=a&code=REDACTED"
    started.reload(started.config_path.read_text().split("\n", 1)[1].replace('redact = ["code"]', "redact = []"))
    run(started, "/bytes/1?token=a&code=b")
    assert access_line(started, path="/bytes/1")["query"] == "token=a&code=b"


def test_skipped_paths_have_no_line(logged):
    started = logged('{ to = "stdout", skip = ["/status", "/nobody/"] }')
    run(started, "/status/200", "/nobody/204", "/ok", "/status/404")
    access_line(started, path="/ok")
    run(started, "/bytes/1")
    access_line(started, path="/bytes/1")
    assert [line["path"] for line in access_lines(started.stdout)] == ["/ok", "/bytes/1"]


def test_only_slow_exchanges_and_errors_are_logged_where_that_is_wanted(logged):
    started = logged('{ to = "stdout", slow = "100ms" }')
    run(started, "/ok", "/delay/150ms/ok", "/status/404", "/status/500", "/garbage")
    access_line(started, path="/garbage")
    paths = [line["path"] for line in access_lines(started.stdout)]
    assert paths == ["/delay/150ms/ok", "/status/500", "/garbage"]


def test_a_sample_is_a_share_of_the_requests_and_all_errors(logged):
    started = logged('{ to = "stdout", sample = 0.2 }')
    run(started, *["/ok"] * 1000, *["/status/503"] * 20)
    wait_until(lambda: len(access_lines(started.stdout, path="/status/503")) == 20, "the errors")
    assert 100 < len(access_lines(started.stdout, path="/ok")) < 320


def test_a_sample_of_nothing_still_has_the_errors(logged):
    started = logged('{ to = "stdout", sample = 0.0 }')
    run(started, *["/ok"] * 20, "/status/500")
    access_line(started, path="/status/500")
    assert access_lines(started.stdout, path="/ok") == []


def test_the_log_can_be_off(logged):
    started = logged('"off"')
    run(started, "/ok", "/garbage")
    assert ended(started) == ""


def test_the_log_can_go_to_stderr(logged):
    started = logged('{ to = "stderr", format = "json" }')
    run(started, "/ok")
    started.wait_for_log('"path":"/ok"')
    assert started.stdout == ""


@pytest.fixture
def filed(logged, tmp_path):
    path = tmp_path / "access.log"
    started = logged(f'{{ to = "{path}", format = "json" }}')
    started.log = path
    return started


def lines_of(path):
    return wait_until(lambda: path.exists() and path.read_text().splitlines(), f"lines in {path}")


def test_the_log_can_go_to_a_file(filed):
    run(filed, "/ok")
    assert json.loads(lines_of(filed.log)[0])["path"] == "/ok"
    assert filed.stdout == ""


def test_a_rotated_file_is_opened_anew(filed):
    run(filed, "/ok")
    lines_of(filed.log)
    rotated = filed.log.rename(filed.log.with_suffix(".1"))
    filed.signal(signal.SIGUSR1)
    filed.wait_for_log("access log reopened")
    run(filed, "/bytes/1")
    assert json.loads(lines_of(filed.log)[0])["path"] == "/bytes/1"
    assert len(rotated.read_text().splitlines()) == 1


def test_a_log_that_cannot_be_opened_stops_the_start(engine, echo):
    more = '[log]\naccess = { to = "/nowhere/at/all.log" }'
    started = engine(site(echo().port, more=more), wait=False)
    assert started.wait() == 8
    assert "/nowhere/at/all.log" in started.stderr
    started.stop = started.kill


def test_lines_of_the_last_exchanges_are_written_before_the_end(logged):
    started = logged()
    run(started, *["/ok"] * 50)
    assert len(access_lines(ended(started))) == 50


def test_a_line_is_written_when_the_client_leaves(logged):
    started = logged()
    client = started.client()
    client.send_request(target="/bytes/1g")
    client.recv_head()
    client.reset()
    line = access_line(started)
    assert (line["status"], line["error"]) == (200, "client_closed")
