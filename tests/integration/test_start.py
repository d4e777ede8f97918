# SPDX-License-Identifier: GPL-3.0-or-later
"""How the engine starts, how it refuses to, and how it stops."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest

from harness import EngineProcess, RawClient, engine_binary, free_port, wait_until

OK = '[routes]\n"*" = "status:204"\n'
SLOW = '[routes]\n"*" = {port}\n'


def status_of(engine, **options):
    with engine.client() as client:
        return client.request(**options).status


def start_that_fails(toml, **options):
    engine = EngineProcess(toml, wait=False, **options)
    try:
        code = engine.wait()
        engine.check_stderr()
        return code, engine.stderr
    finally:
        engine.kill()


def test_the_log_says_what_was_started(engine):
    process = engine(OK + "[engine]\nworkers = 1\n")
    process.wait_for_log("ready sites=1 workers=1 generation=1")
    assert " info ring capabilities=" in process.stderr
    assert f" info listening address=127.0.0.1:{process.port}" in process.stderr


def test_it_answers_and_ends_with_exit_code_0(engine):
    process = engine(OK)
    assert status_of(process) == 204
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


def test_a_stop_is_logged_with_totals(engine):
    process = engine(OK)
    assert status_of(process) == 204
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert re.search(r" info stopped requests=1 connections=\d+ ", process.stderr)


def test_a_port_of_another_program_is_named_with_its_holder():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, log = start_that_fails(f'listen = ["127.0.0.1:{port}"]\n' + OK)
    assert code == 8
    assert f"127.0.0.1:{port} is already in use by " in log and f"pid {os.getpid()}" in log
    assert "fix" in log


def test_a_second_engine_on_the_same_port_does_not_share_it(engine):
    process = engine(OK)
    code, log = start_that_fails(f'listen = ["127.0.0.1:{process.port}"]\n' + OK)
    assert code == 8
    assert f"is already in use by engine, pid {process.pid}" in log
    assert status_of(process) == 204


def test_every_address_is_taken_when_one_of_them_is(engine):
    process = engine(OK)
    code, log = start_that_fails(f'listen = [":{process.port}"]\n' + OK)
    assert code == 8
    assert "is already in use" in log


def test_an_address_of_another_machine_is_refused():
    code, log = start_that_fails('listen = ["192.0.2.1:8080"]\n' + OK)
    assert code == 8
    assert "this machine has no such address" in log


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up root")
def test_a_privileged_port_is_explained():
    if int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read()) <= 1:
        pytest.skip("no port is privileged here")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ENGINE_")}
    binary = os.environ.get("ENGINE_BIN", "build/release/engine")
    result = subprocess.run([binary, "run", "--config", "-"], input='listen = ["127.0.0.1:1"]\n' + OK,
                            text=True, capture_output=True, env=environment, user=65534, timeout=10)
    assert result.returncode == 8, result.stderr
    assert "privileged" in result.stderr and "cap_net_bind_service" in result.stderr


def test_an_invalid_configuration_is_exit_code_3():
    code, log = start_that_fails('[routes]\n"a.localhost" = "nowhere:99999"\n')
    assert code == 3
    assert re.search(r"proxy\.toml:3:\d+: error:", log)


def test_it_starts_right_after_it_was_killed(engine):
    toml = f'listen = ["127.0.0.1:{free_port()}"]\n' + OK
    for _ in range(3):
        process = EngineProcess(toml, wait=False)
        process.wait_for_log("ready ")  # a connection may still reach the sockets of the killed one
        assert status_of(process) == 204
        process.kill()
    process = engine(toml, wait=False)
    process.wait_for_log("ready ")
    assert status_of(process) == 204


def test_a_port_alone_means_both_families(engine):
    process = engine(f'listen = [":{free_port()}"]\n' + OK)
    process.wait_for_log(f"listening address=0.0.0.0:{process.port}")
    assert status_of(process) == 204
    if "[::]" in process.stderr:
        with socket.create_connection(("::1", process.port)) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(64).startswith(b"HTTP/1.1 204")


def test_a_stop_waits_for_a_request_and_a_second_signal_does_not():
    with socket.create_server(("127.0.0.1", 0)) as backend:
        process = EngineProcess(SLOW.format(port=backend.getsockname()[1]))
        with process.client() as client:
            client.send_request()
            connection, _ = backend.accept()
            process.signal(signal.SIGTERM)
            process.wait_for_log("stopping reason=SIGTERM")
            assert process.running()
            process.signal(signal.SIGINT)
            assert process.wait() == 0
            connection.close()
    process.check_stderr()
    process.kill()


def test_a_stop_lets_the_answer_out(engine):
    with socket.create_server(("127.0.0.1", 0)) as backend:
        process = engine(SLOW.format(port=backend.getsockname()[1]))
        with process.client() as client:
            client.send_request()
            connection, _ = backend.accept()
            connection.recv(4096)
            process.signal(signal.SIGTERM)
            process.wait_for_log("stopping reason=SIGTERM")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            assert client.recv_response().body == b"hi"
            connection.close()
        assert process.wait() == 0


def test_the_grace_period_ends_what_does_not_end(engine):
    with socket.create_server(("127.0.0.1", 0)) as backend:
        process = engine(SLOW.format(port=backend.getsockname()[1]) + '[engine]\ngrace = "200ms"\n')
        with process.client() as client:
            client.send_request()
            connection, _ = backend.accept()
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
            connection.close()


def test_access_lines_are_json_in_a_file_and_go_on_in_a_new_one(engine, tmp_path):
    log = tmp_path / "access.log"
    process = engine(OK + f'[log]\naccess = {{ to = "{log}" }}\n')
    assert status_of(process, target="/one") == 204
    wait_until(lambda: log.exists() and "/one" in log.read_text(), "the line of /one")
    log.rename(tmp_path / "access.log.1")
    process.signal(signal.SIGUSR1)
    process.wait_for_log("access log reopened")
    assert status_of(process, target="/two") == 204
    wait_until(lambda: "/two" in log.read_text(), "the line of /two")
    assert json.loads(log.read_text())["status"] == 204


def test_every_line_is_written_before_the_end(engine, tmp_path):
    log = tmp_path / "access.log"
    process = engine(OK + f'[log]\naccess = {{ to = "{log}" }}\n')
    with process.client() as client:
        for i in range(500):
            assert client.request(target=f"/{i}").status == 204
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert [json.loads(line)["path"] for line in log.read_text().splitlines()] == [
        f"/{i}" for i in range(500)]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_does_not_stop_the_engine(engine):
    process = engine(OK + '[log]\naccess = { to = "/dev/full" }\n')
    for _ in range(3):
        assert status_of(process) == 204
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert "log_lines_dropped=3" in process.stderr


def test_a_log_that_cannot_be_opened_is_exit_code_8():
    code, log = start_that_fails(OK + '[log]\naccess = { to = "/nowhere/access.log" }\n')
    assert code == 8
    assert "/nowhere/access.log cannot be opened" in log


# ---- flags and variables

def test_state_socket_admin_and_ports_can_be_flags_that_win_over_their_variables(engine, tmp_path):
    http, https, admin = free_port(), free_port(), free_port()
    (tmp_path / "token").write_text("hush\n")
    wrong = {"ENGINE_STATE_DIR": "/nonexistent/state", "ENGINE_SOCKET": "/nonexistent/socket",
             "ENGINE_ADMIN_HTTP": "127.0.0.1:1", "ENGINE_HTTP_PORT": "1", "ENGINE_ADMIN_TOKEN": "wrong"}
    process = engine(OK, "--http-port", http, "--https-port", https, "--state-dir", tmp_path / "state",
                     "--socket", tmp_path / "a.sock", "--admin-http", f"127.0.0.1:{admin}",
                     "--admin-token-file", tmp_path / "token", env=wrong, wait=False)
    process.wait_for_log("ready sites=1")
    assert set(re.findall(r"listening address=\S*:(\d+)", process.stderr)) == {str(http), str(https)}
    for port in (http, https):
        with RawClient(("127.0.0.1", port)) as client:
            assert client.request().status == 204
    with RawClient(str(tmp_path / "a.sock")) as client:
        info = json.loads(client.request(target="/v1/info", host="localhost").body)
        assert info["state_directory"] == str(tmp_path / "state")
    with RawClient(("127.0.0.1", admin)) as client:
        denied = client.request("POST", "/v1/reload", host="localhost")
        assert denied.status == 401
    with RawClient(("127.0.0.1", admin)) as client:
        allowed = client.request("POST", "/v1/reload", [("Authorization", "Bearer hush")], host="localhost")
        assert allowed.status == 200


@pytest.mark.parametrize("name, value", [
    ("ENGINE_HTTP_PORT", "http"), ("ENGINE_LIMIT_CONCURRENCY", "-1"), ("ENGINE_MAX_CONNECTIONS", "many"),
    ("ENGINE_MAX_KEEPALIVE", "1s"), ("ENGINE_KEEPALIVE_EXPIRY", "90"), ("ENGINE_ADMIN_TOKEN_FILE", "/no/such/file")])
def test_a_variable_that_cannot_be_understood_is_named(name, value):
    code, log = start_that_fails(OK, env={name: value})
    assert code == 2
    assert log.startswith(f"engine: error: {name}: ")


def test_a_control_api_for_everybody_needs_a_token_also_where_a_flag_asks_for_it():
    code, log = start_that_fails(OK, env={"ENGINE_ADMIN_HTTP": f"0.0.0.0:{free_port()}"})
    assert code == 3
    assert "ENGINE_ADMIN_HTTP: error: " in log and 'needs a "token"' in log


def test_another_number_of_workers_is_for_a_new_process_and_a_reload_says_so(engine):
    process = engine(OK + "[engine]\nworkers = 1\n")
    process.write_config(OK + "[engine]\nworkers = 2\n")
    where = {**os.environ, "ENGINE_SOCKET": process.control_socket}
    for verb in ("diff", "reload"):
        said = subprocess.run([engine_binary(), verb], env=where, capture_output=True, text=True).stdout
        assert "! waits for a restart: engine.workers" in said and "engine upgrade" in said
    process.wait_for_log(re.compile(r"waits for a restart key=engine\.workers fix=.?engine upgrade"))
