# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that call a running engine, against a scripted API on a Unix socket: what they ask, what they say, and
their exit codes."""

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

import pytest
from harness import engine_binary, wait_until

OK, FAILED, USAGE, INVALID, UNREACHABLE, PERMISSION, NOT_FOUND, CONFLICT, TIMEOUT = 0, 1, 2, 3, 4, 5, 6, 7, 9
INTERRUPTED = 130

SERVICE = {"name": "web", "origin": "deploy", "sites": ["a.test"], "state": "running", "options": {"balance": "first"},
           "targets": [{"id": "web@b:1", "service": "web", "target": "b:1", "pool": "writers", "state": "up"}]}
NO_SERVICE = (404, {"title": "not found", "detail": "no service \"wbe\"", "known": ["api", "web"]})


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 16


class Api:
    """Answers `METHOD PATH` with (status, body): a dict is JSON, a list is events of (name, data), where None waits
    until release() is called."""

    def __init__(self, directory):
        self.path = str(directory / "admin.sock")
        self.answers, self.asked, self._released = {}, [], threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                api.asked.append((self.command, self.path, json.loads(body) if body else None))
                answer = api.answers.get(f"{self.command} {self.path}", (404, {"detail": "nothing is there"}))
                status, content = answer if isinstance(answer, tuple) else (200, answer)
                if isinstance(content, list):
                    return self.events(content)
                text = (content if isinstance(content, str) else json.dumps(content)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

            def events(self, events):
                assert self.headers["Accept"] == "text/event-stream"
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for event in events:
                    if event is None:
                        api._released.wait(30)
                        continue
                    text = f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n".encode()
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

        self._server = Server(self.path, Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def release(self):
        self._released.set()

    def close(self):
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def body_of(self, method, path):
        return next(body for m, p, body in self.asked if (m, p) == (method, path))


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="cli-") as path:  # short: sun_path has 107 bytes
        yield Path(path)


@pytest.fixture
def api(directory):
    api = Api(directory)
    yield api
    api.close()


def environment(directory):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ENGINE_")}
    return clean | {"ENGINE_SOCKET": str(directory / "admin.sock")}


@pytest.fixture
def cli(directory):
    def run(*arguments, **env):
        return subprocess.run([engine_binary(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=environment(directory) | env, cwd=directory, timeout=30)
    return run


def on_terminal(directory, *arguments, columns):
    """What a terminal of so many columns is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen([engine_binary(), *arguments], env=environment(directory) | {"TERM": "xterm"},
                             stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the last one has closed it
            piece = b""
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert child.wait(timeout=30) == OK
    return shown.decode().replace("\r\n", "\n")


# ---- the way to the engine ----------------------------------------------------------------------

@pytest.mark.parametrize("arguments", [["status"], ["routes"], ["deploy", "web", "--to", "b:1"], ["pause", "web"],
                                       ["events"], ["rollout", "stop", "web"], ["drain", "b:1"]])
def test_without_an_engine_the_exit_code_is_4_and_the_fix_starts_one(cli, directory, arguments):
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (UNREACHABLE, "")
    assert done.stderr.startswith(f"engine: error: no engine answers on {directory}/admin.sock\n")
    assert "  fix   : start it: engine --config proxy.toml" in done.stderr


def test_the_socket_of_the_flag_wins_over_the_variable(cli, api, directory):
    api.answers["GET /v1/routes"] = {"routes": []}
    assert cli("routes", ENGINE_SOCKET=str(directory / "none")).returncode == UNREACHABLE
    assert cli("routes", "--socket", api.path, ENGINE_SOCKET=str(directory / "none")).returncode == OK


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take its own rights away")
def test_a_forbidden_socket_is_exit_code_5_and_says_whose_it_is(api, directory):
    binary = directory / "engine"
    shutil.copy(engine_binary(), binary)
    os.chmod(directory, 0o755)
    os.chmod(api.path, 0o660)
    done = subprocess.run([binary, "status"], capture_output=True, text=True, env=environment(directory), user=65534,
                          group=65534, extra_groups=[], timeout=30)
    assert done.returncode == PERMISSION
    assert f"{api.path} is root's, group root, mode 0660" in done.stderr
    assert "become a member of group root" in done.stderr


@pytest.mark.parametrize("status,problem,code", [
    (400, {"detail": "is no site", "field": "sites"}, USAGE), (422, {"detail": "x"}, USAGE),
    (422, {"detail": "x", "diagnostics": []}, INVALID), (403, {"detail": "x"}, PERMISSION), (*NO_SERVICE, NOT_FOUND),
    (409, {"detail": "x", "owner": "proxy.toml:18"}, CONFLICT), (412, {"detail": "x"}, CONFLICT),
    (504, {"detail": "x"}, TIMEOUT), (500, {"detail": "x"}, FAILED)])
def test_each_refusal_has_its_exit_code(cli, api, status, problem, code):
    api.answers["POST /v1/services/wbe:pause"] = (status, problem)
    done = cli("pause", "wbe")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("engine: error: ")
    assert ("did you mean \"web\"?" in done.stderr) == (status == 404)
    assert ("it belongs to proxy.toml:18" in done.stderr) == (status == 409)


def test_an_engine_that_hangs_up_or_talks_nonsense_is_explained(cli, api):
    api.answers["GET /metrics"] = "# metrics\n"
    assert cli("metrics").stdout == "# metrics\n"
    api.answers["GET /v1/routes"] = "this is no JSON"
    done = cli("routes")
    assert (done.returncode, done.stdout) == (OK, "SITE  TARGET  STATE  FROM  TLS  REQUESTS\n")


def test_healthcheck_knows_0_and_1_only(cli, api, directory):
    api.answers["GET /healthz"] = {"status": "ok"}
    api.answers["GET /readyz"] = (503, {"status": "draining"})
    assert cli("healthcheck").returncode == OK
    assert cli("healthcheck", "--ready").returncode == FAILED
    assert cli("healthcheck", "--socket", str(directory / "none")).returncode == FAILED


# ---- deploy -------------------------------------------------------------------------------------

PROBE = {"target": "web-2:3000", "request": "GET /up", "result": "connection refused", "ok": False, "seconds": 1.0}
EVENTS = [("resolve", {"target": "web-2:3000", "addresses": ["172.18.0.6"]}), ("probe", PROBE),
          ("probe", PROBE | {"seconds": 2.0}), ("probe", PROBE | {"result": "200 in 12 ms", "ok": True, "seconds": 3.0}),
          ("healthy", {"target": "web-2:3000", "seconds": 3.0}),
          ("swapped", {"sites": ["a.test"], "from": ["web-1:3000"], "to": ["web-2:3000"], "inflight": 14, "tunnels": 3}),
          ("drained", {"left": 0, "cut": 0, "seconds": 2.1})]
DONE = ("done", {"service": "web", "generation": 42, "seconds": 10.3})


@pytest.fixture
def deployable(api):
    """deployable(*events): a deploy is taken, and goes like this."""
    def script(*events):
        api.answers["POST /v1/deploys"] = (202, {"id": "1", "service": "web", "events": "/v1/deploys/1"})
        api.answers["GET /v1/deploys/1"] = list(events)
        return api
    return script


def test_a_deploy_is_told_on_stderr_and_summed_up_on_stdout(cli, deployable):
    deployable(*EVENTS, DONE)
    done = cli("deploy", "web", "--target", "web-2:3000", "--host", "a.test")
    assert (done.returncode, done.stdout) == (OK, "deployed web (generation 42) in 10.3 s\n")
    lines = [re.sub("  +", "  ", line.strip()) for line in done.stderr.splitlines()]
    assert lines == ["web-2:3000  resolve 172.18.0.6  ok",
                     "web-2:3000  GET /up  connection refused  (1 s)",
                     "web-2:3000  GET /up  connection refused  (2 s)",
                     "web-2:3000  GET /up  200 in 12 ms  (3 s)  healthy",
                     "a.test: web-1:3000 → web-2:3000, draining 14 requests, 3 WebSockets",
                     "drained: 0 left (2.1 s)"]
    assert "\x1b" not in done.stderr


def test_a_terminal_has_one_line_for_equal_probes(api, deployable, directory):
    deployable(*[("probe", PROBE | {"seconds": float(n)}) for n in range(1, 7)], *EVENTS[3:], DONE)
    shown = on_terminal(directory, "deploy", "web", "--to", "web-2:3000", columns=100)
    screen = []
    for part in re.split(r"(\x1b\[\d+A\x1b\[J)", shown):
        if part.startswith("\x1b"):
            del screen[-int(re.search(r"\d+", part)[0]):]
        else:
            screen += part.splitlines()
    assert [re.sub("  +", "  ", line.strip()) for line in screen] == [
        "web-2:3000  GET /up  connection refused  (6 s) … ×6",
        "web-2:3000  GET /up  200 in 12 ms  (3 s)  healthy",
        "a.test: web-1:3000 → web-2:3000, draining 14 requests, 3 WebSockets … 0 left (2.1 s)",
        "deployed web (generation 42) in 10.3 s"]


def test_a_table_is_not_wider_than_its_terminal(api, directory):
    api.answers["GET /v1/routes"] = {"routes": [{"site": "a" * 60, "targets": ["b" * 60], "state": "up"}]}
    lines = on_terminal(directory, "routes", columns=70).splitlines()
    assert len(lines) == 2 and max(map(len, lines)) <= 70
    assert "…" in lines[1]


def test_a_deploy_as_json_is_a_line_for_each_event(cli, deployable):
    deployable(*EVENTS, DONE)
    done = cli("deploy", "web", "--target", "web-2:3000", "--json")
    assert (done.returncode, done.stderr) == (OK, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"event": name} | data for name, data in [*EVENTS, DONE]]


def test_a_first_deploy_sends_the_usual_probe_and_a_later_one_nothing(cli, deployable):
    api = deployable(DONE)
    cli("deploy", "web", "--target", "web-2:3000")
    assert api.body_of("POST", "/v1/deploys") == {
        "service": "web", "targets": ["web-2:3000"], "timeout": "30s", "drain": "30s",
        "options": {"health": {"path": "/up", "every": "1s", "timeout": "5s"}}}

    api.asked.clear()
    api.answers["GET /v1/services/web"] = SERVICE
    cli("deploy", "web", "--target", "web-2:3000")
    assert "options" not in api.body_of("POST", "/v1/deploys")


def test_every_flag_arrives(cli, deployable):
    api = deployable(DONE)
    done = cli("deploy", "web", "--target", "a,b:81", "--target=c", "--read-target", "r", "--host", "a.test,b.test",
               "--path-prefix", "api", "--no-strip-path-prefix", "--deploy-timeout", "1m", "--drain-timeout=5s",
               "--health-check-path", "/ready", "--health-check-interval", "2s", "--health-check-timeout", "3s",
               "--health-check-port", "9", "--health-check-host", "h.test", "--target-timeout", "4s", "--force", "--tls",
               "--tls-redirect", "false", "--error-pages", "/pages", "--max-request-body", "20MiB",
               "--buffer-requests", "--buffer-responses", "--buffer-memory=64KiB", "--max-response-body", "1048576",
               "--writer-affinity-timeout", "6s", "--read-target-websockets", "--set", "balance=first")
    assert done.returncode == OK
    assert api.body_of("POST", "/v1/deploys") == {
        "service": "web", "targets": ["a:80", "b:81", "c:80"], "read_targets": ["r:80"],
        "sites": ["a.test/api", "b.test/api"], "strip_prefix": False, "timeout": "1m", "drain": "5s", "force": True,
        "options": {"health": {"path": "/ready", "every": "2s", "timeout": "3s", "port": 9, "host": "h.test"},
                    "timeout": {"first_byte": "4s"}, "errors": "/pages",
                    "limit": {"body": "20MiB", "response": 1048576},
                    "buffer": {"requests": True, "responses": True, "memory": "64KiB"},
                    "readers": {"affinity": "6s", "websockets": True}, "tls": {"redirect": False}, "balance": "first"}}


@pytest.mark.parametrize("arguments,redirect", [
    (["--tls-redirect=false"], False), (["--tls-redirect"], True), (["--tls-redirect", "true"], True), (["--ssl"], True)])
def test_tls_redirect_is_written_as_elsewhere(cli, deployable, arguments, redirect):
    api = deployable(DONE)
    assert cli("deploy", "web", "--to", "b:1", *arguments).returncode == OK
    assert api.body_of("POST", "/v1/deploys")["options"]["tls"] == {"redirect": redirect}


def test_the_short_and_the_older_forms_mean_the_same(cli, deployable):
    api = deployable(DONE)
    assert cli("deploy", "web-1:3000", "--host", "a.test", "--ssl").returncode == OK
    body = api.body_of("POST", "/v1/deploys")
    assert (body["service"], body["targets"], body["sites"]) == ("a.test", ["web-1:3000"], ["a.test"])
    api.asked.clear()
    assert cli("deploy", "web", "--to", "b:1", "--site", "a.test", "--path", "/x", "--health-path", "/h", "--timeout",
               "9s", "--drain", "8s").returncode == OK
    body = api.body_of("POST", "/v1/deploys")
    assert (body["sites"], body["timeout"], body["drain"]) == (["a.test/x"], "9s", "8s")
    assert body["options"]["health"]["path"] == "/h"


@pytest.mark.parametrize("code", [FAILED, CONFLICT, TIMEOUT])
def test_a_deploy_that_fails_ends_with_the_code_of_its_last_event(cli, deployable, code):
    deployable(("failed", {"exit": code, "cause": "web-2 never answered", "hint": "look at it"}))
    done = cli("deploy", "web", "--to", "web-2:3000")
    assert (done.returncode, done.stdout) == (code, "")
    assert "engine: error: deploy failed: web-2 never answered\n  fix   : look at it\n" in done.stderr


def test_an_engine_that_ends_during_a_deploy_is_exit_code_4(cli, deployable):
    deployable(EVENTS[0])
    assert cli("deploy", "web", "--to", "web-2:3000").returncode == UNREACHABLE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_aborts_the_deploy_first(api, deployable, directory, number):
    deployable(EVENTS[0], None)
    api.answers["POST /v1/deploys/1:abort"] = {}
    child = subprocess.Popen([engine_binary(), "deploy", "web", "--to", "web-2:3000"], env=environment(directory),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: ("GET", "/v1/deploys/1", None) in api.asked, "the events are asked for")
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out) == (INTERRUPTED, "")
    assert ("POST", "/v1/deploys/1:abort", {}) in api.asked
    assert "the deploy is aborted" in err


def test_flags_of_kamal_proxy_without_a_key_are_refused_by_name_together(cli):
    done = cli("deploy", "web", "--target", "b:1", "--tls-staging", "--tls-acme-cache-path", "/x",
               "--tls-on-demand-url=/allow")
    assert done.returncode == USAGE
    for flag in ("--tls-staging", "--tls-acme-cache-path", "--tls-on-demand-url"):
        assert f"engine: error: engine has no {flag}\n  fix   : " in done.stderr


@pytest.mark.parametrize("arguments", [
    ["deploy"], ["deploy", "web"], ["deploy", "web", "--to", "b:1", "--drain", "30"], ["rollout", "set", "web"],
    ["rollout", "set", "web", "--percent", "101"], ["deploy", "web", "--to", "b:1", "--set", "balance"], ["rollout"],
    ["weight", "b:1", "1001"], ["deploy", "web", "--to", "b:1", "--health-check-port", "0"], ["add", "a.test", "b:x"],
    ["rollback", "0"]])
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(cli, api, arguments):
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith("engine: error: ") and "\n  fix   : " in done.stderr
    assert api.asked == []


@pytest.mark.parametrize("arguments,meant", [
    (["rollout", "stpo", "web"], "stop"), (["complettion", "bash"], "completion"), (["completion", "fisch"], "fish"),
    (["config", "shw"], "show"), (["routse"], "routes"), (["deploy", "web", "--tagret", "x"], "--target")])
def test_a_misspelt_nested_word_has_its_nearest(cli, arguments, meant):
    done = cli(*arguments)
    assert done.returncode == USAGE
    assert f"did you mean \"{meant}\"?" in done.stderr


# ---- services, routes, targets ------------------------------------------------------------------

CHANGED = {"service": SERVICE, "generation": 43, "drained": True, "cut": 0}


@pytest.mark.parametrize("arguments,call,body,said", [
    (["pause", "web"], "pause", {"max_pause": "30s", "drain": "30s"}, "paused web"),
    (["pause", "web", "--max-pause", "2m", "--drain-timeout", "5s"], "pause", {"max_pause": "2m", "drain": "5s"},
     "paused web"),
    (["resume", "web"], "resume", {}, "resumed web"),
    (["stop", "web", "--message", "at noon"], "stop", {"message": "at noon", "drain": "30s"}, "stopped web"),
    (["maintenance", "web"], "stop", {"message": "", "drain": "30s"}, "stopped web"),
    (["rollout", "set", "web", "--percent", "10", "--list", "a,b"], "rollout", {"percent": 10, "list": ["a", "b"]},
     "rolling out web"),
    (["rollout", "stop", "web"], "rollout-stop", {}, "rollout stopped for web"),
    (["rollout", "promote", "web"], "promote", {"drain": "30s"}, "promoted web"),
    (["rollout", "abort", "web"], "abort", {}, "rollout aborted for web")])
def test_a_verb_of_a_service_asks_for_it_and_says_that_it_is_done(cli, api, arguments, call, body, said):
    api.answers[f"POST /v1/services/web:{call}"] = CHANGED
    done = cli(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (OK, f"{said} (generation 43)\n", "")
    assert api.asked == [("POST", f"/v1/services/web:{call}", body)]


def test_requests_that_were_cut_are_said(cli, api):
    api.answers["POST /v1/services/web:pause"] = CHANGED | {"drained": False, "cut": 2}
    assert cli("pause", "web").stderr == "engine: 2 requests did not end in time and were cut\n"


def test_a_rollout_deploy_puts_targets_beside(cli, deployable):
    api = deployable(DONE)
    assert cli("rollout", "deploy", "web", "--target", "web-2:3000").returncode == OK
    assert api.asked[0] == ("POST", "/v1/deploys", {"service": "web", "targets": ["web-2:3000"], "timeout": "30s",
                                                    "drain": "30s", "rollout": True})


def test_rm_takes_the_service_and_else_the_site_and_says_which(cli, api):
    api.answers["DELETE /v1/services/web?drain=30s"] = {"generation": 2, "drained": True, "cut": 0}
    api.answers["DELETE /v1/routes/a.test%2Fx?drain=30s"] = {"generation": 3}
    assert cli("rm", "web").stdout == "removed service web\n"
    assert cli("remove", "a.test/x").stdout == "removed site a.test/x\n"
    api.answers["DELETE /v1/services/wbe?drain=30s"] = NO_SERVICE
    done = cli("rm", "wbe")
    assert done.returncode == NOT_FOUND
    assert "no service and no site is named \"wbe\"\n  fix   : did you mean \"web\"?" in done.stderr


def test_a_site_is_added_by_its_encoded_name(cli, api):
    api.answers["PUT /v1/routes/a.test%2Fx?force=1"] = {"generation": 5}
    done = cli("add", "a.test/x", "3000", "--force")
    assert (done.returncode, done.stdout) == (OK, "added a.test/x → 3000 (generation 5)\n")
    assert api.asked[0][2] == {"to": "3000"}


@pytest.mark.parametrize("arguments,body,said", [
    (["drain", "web@b:1"], {"drain": "30s"}, "drained and disabled"), (["enable", "web/b:1"], {"enabled": True}, "enabled"),
    (["disable", "b:1"], {"enabled": False}, "disabled"), (["weight", "b:1", "3"], {"weight": 3}, "weight 3")])
def test_a_target_is_changed_by_any_of_its_names(cli, api, arguments, body, said):
    api.answers["GET /v1/targets"] = {"targets": SERVICE["targets"]}
    api.answers["PATCH /v1/targets/web%40b%3A1"] = {}
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (OK, f"web@b:1: {said}\n")
    assert api.asked[-1] == ("PATCH", "/v1/targets/web%40b%3A1", body)


READS = {
    "routes": ("GET /v1/routes", {"routes": [{"site": "a.test", "targets": ["b:1"], "state": "up", "requests": 7}]}),
    "services": ("GET /v1/services", {"services": [SERVICE]}),
    "show web": ("GET /v1/services/web", SERVICE),
    "status": ("GET /v1/status", {"version": "1", "pid": 7, "services": {"total": 0}}),
    "history": ("GET /v1/config/history", {"generations": [{"generation": 2, "reason": "SIGHUP", "sites": 3}]}),
    "config show": ("GET /v1/config", {"path": "p.toml", "text": "listen = \":80\"\n", "generation": 2}),
    "diff": ("POST /v1/reload", {"generation": 2, "added": ["a.test"], "diagnostics": []}),
}


@pytest.mark.parametrize("verb", READS)
def test_every_read_is_text_and_json(cli, api, verb):
    call, answer = READS[verb]
    api.answers[call] = answer
    text, as_json = cli(*verb.split()), cli(*verb.split(), "--json")
    assert text.returncode == as_json.returncode == OK
    assert text.stderr == as_json.stderr == ""
    assert json.loads(as_json.stdout) == answer
    assert text.stdout.endswith("\n") and not text.stdout.startswith("{")


def test_list_and_ls_are_routes(cli, api):
    api.answers["GET /v1/routes"] = READS["routes"][1]
    assert cli("routes").stdout == cli("list").stdout == cli("ls").stdout == (
        "SITE    TARGET  STATE  FROM  TLS  REQUESTS\n"
        "a.test  b:1     up     -     -    7\n")


def test_a_watch_goes_on_until_it_is_interrupted(api, directory):
    api.answers["GET /v1/status"] = READS["status"][1]
    child = subprocess.Popen([engine_binary(), "status", "-w", "--json"], env=environment(directory),
                             stdout=subprocess.PIPE, text=True)
    wait_until(lambda: len(api.asked) >= 2, "a second look")
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=30)
    assert child.returncode == INTERRUPTED
    assert len(out.splitlines()) >= 2 and all(json.loads(line)["pid"] == 7 for line in out.splitlines())


# ---- configuration and events -------------------------------------------------------------------

def test_a_reload_says_what_changed(cli, api):
    api.answers["POST /v1/reload"] = {"generation": 9, "added": ["a.test"], "changed": [], "removed": ["b.test"],
                                      "diagnostics": [{"severity": "warning", "file": "p.toml", "line": 3, "column": 1,
                                                       "message": "is odd", "hint": ""}]}
    done = cli("reload")
    assert (done.returncode, done.stdout) == (OK, "+ a.test\n- b.test\nreloaded (generation 9)\n")
    assert "p.toml:3:1: warning: is odd" in done.stderr
    assert cli("diff").stdout == cli("reload", "--dry-run").stdout == "+ a.test\n- b.test\n"
    assert [body["dry_run"] for _, _, body in api.asked] == [False, True, True]


def test_a_refused_reload_is_exit_code_3_with_the_mistakes(cli, api):
    api.answers["POST /v1/reload"] = (422, {"detail": "the configuration is invalid", "diagnostics": [
        {"severity": "error", "file": "p.toml", "line": 3, "column": 1, "message": "unknown key \"retri\"",
         "hint": "did you mean \"retry\"?"}]})
    done = cli("reload")
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert "p.toml:3:1: error: unknown key" in done.stderr
    assert "engine: error: the configuration is invalid" in done.stderr


def test_rollback_takes_a_generation_or_the_one_before(cli, api):
    api.answers["POST /v1/rollback"] = {"generation": 10, "changed": ["a.test"]}
    assert cli("rollback").stdout == cli("rollback", "7").stdout == "~ a.test\nrolled back (generation 10)\n"
    assert [body for _, _, body in api.asked] == [{}, {"generation": 7}]


def test_events_are_the_last_ones_and_more_only_with_f(cli, api, directory):
    event = {"at": "2026-11-21T20:32:34Z", "event": "gate", "service": "web"}
    api.answers["GET /v1/events?replay=1"] = [("gate", event), None]
    assert cli("events").stdout == "2026-11-21T20:32:34Z gate service=web\n"
    assert json.loads(cli("events", "--json").stdout) == event

    child = subprocess.Popen([engine_binary(), "events", "-f"], env=environment(directory), stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "2026-11-21T20:32:34Z gate service=web\n"
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=30) == INTERRUPTED


# ---- what the tree of verbs says about itself ---------------------------------------------------

def every_verb(cli):
    listed = re.findall(r"^  (\w+)(?:, \w+)*  ", cli("help").stdout.split("\nServing:")[1], re.M)
    return [verb for verb in listed if verb not in ("rollout", "config", "completion")] + [
        "rollout deploy", "rollout set", "rollout stop", "rollout promote", "rollout abort", "config show",
        "completion bash", "completion zsh", "completion fish"]


def test_every_verb_has_examples_before_its_flags(cli):
    verbs = every_verb(cli)
    assert len(verbs) > 35
    for verb in verbs:
        done = cli("help", *verb.split())
        assert done.returncode == OK
        assert done.stdout == cli(*verb.split(), "--help").stdout
        assert 0 < done.stdout.index(f"\n  engine {verb}") < done.stdout.index("\nOptions:"), verb


def test_the_completion_of_bash_is_valid_and_knows_nested_verbs(cli, directory):
    script = directory / "engine.bash"
    script.write_text(cli("completion", "bash").stdout)
    assert subprocess.run(["bash", "-n", script], capture_output=True).returncode == 0

    def complete(*words):
        line = " ".join(["engine", *words])
        run = f'source {script}; COMP_WORDS=({line} ""); COMP_WORDS[-1]=""; COMP_CWORD={len(words) + 1}; ' \
              'COMP_WORDS=("${COMP_WORDS[@]:0:COMP_CWORD+1}"); _engine; printf "%s\\n" "${COMPREPLY[@]}"'
        return subprocess.run(["bash", "-c", run], capture_output=True, text=True).stdout.split()
    assert {"run", "deploy", "list", "ls", "--config"} <= set(complete())
    assert {"deploy", "set", "stop", "promote", "abort"} <= set(complete("rollout"))
    assert "--percent" in complete("rollout", "set") and "--percent" not in complete("rollout")
    assert "check" in complete("help")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_completion_of_other_shells_is_valid(cli, directory, shell):
    text = cli("completion", shell).stdout
    assert "rollout" in text and "promote" in text
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (directory / "script").write_text(text)
    assert subprocess.run([shell, "-n", directory / "script"], capture_output=True).returncode == 0


def test_the_manual_page_renders_without_a_warning_and_has_every_verb(cli):
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww"], input=cli("man").stdout, capture_output=True,
                          text=True)
    assert (done.returncode, done.stderr) == (0, "")
    page = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
    for verb in every_verb(cli):
        assert re.search(rf"^ +engine {verb}\b", page, re.M), verb
