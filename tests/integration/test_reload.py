# SPDX-License-Identifier: GPL-3.0-or-later
"""A new configuration comes into force without a lost request, or not at all."""

import os
import re
import signal
import socket

from harness import EngineProcess, free_port, wait_until

ONE = '[routes]\n"*" = "status:201"\n'
TWO = '[routes]\n"*" = "status:202"\n'
BROKEN = '[routes]\n"*" = \n'


def status_of(engine, **options):
    with engine.client() as client:
        return client.request(**options).status


def becomes(engine, status):
    wait_until(lambda: status_of(engine) == status, f"answers with {status}")


def refused(engine):
    return engine.wait_for_log(re.compile(r"reload refused cause="))


def test_a_rename_over_the_file_is_enough(engine):
    process = engine(ONE)
    process.write_config(TWO)
    becomes(process, 202)
    process.write_config(ONE)
    becomes(process, 201)


def test_an_edit_in_place_is_enough(engine):
    process = engine(ONE)
    text = process.config_path.read_text()
    process.config_path.write_text(text.replace("201", "202"))
    becomes(process, 202)


def test_a_touch_is_enough(engine):
    process = engine(ONE)
    process.wait_for_log("generation=1")
    os.utime(process.config_path)
    process.wait_for_log('reloaded generation=2 added=0 changed=0 removed=0 reason="file changed"')


def test_a_signal_is_enough(engine):
    process = engine(ONE)
    process.wait_for_log("generation=1")
    line = process.reload()  # with a new file, the watch might be faster
    assert "reloaded generation=2 added=0 changed=0 removed=0 reason=SIGHUP" in line


def test_a_swapped_link_is_enough(engine, tmp_path):
    port = free_port()
    for name, toml in (("v1", ONE), ("v2", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "proxy.toml").write_text(f'listen = ["127.0.0.1:{port}"]\n' + toml)
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "proxy.toml").symlink_to("..data/proxy.toml")
    process = engine(f'listen = ["127.0.0.1:{port}"]\n', "--config", tmp_path / "proxy.toml")
    assert status_of(process) == 201
    for version, status in (("v2", 202), ("v1", 201)):
        (tmp_path / "..data_tmp").symlink_to(version)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        becomes(process, status)


def test_a_new_included_file_is_enough(engine):
    process = engine('include = ["conf.d/*.toml"]\n' + ONE)
    directory = process.config_path.parent / "conf.d"
    directory.mkdir()
    (directory / "new.toml").write_text('[routes]\n"new.localhost" = "status:203"\n')
    wait_until(lambda: status_of(process, host="new.localhost") == 203, "the included site")
    (directory / "new.toml").unlink()
    wait_until(lambda: status_of(process, host="new.localhost") == 201, "the site is gone")


def test_an_invalid_file_keeps_the_old_configuration(engine):
    process = engine(ONE)
    process.write_config(BROKEN)
    refused(process)
    assert re.search(r"error .*proxy\.toml:3:\d+: error:", process.stderr)
    assert "The running configuration was kept (generation 1)." in process.stderr
    assert status_of(process) == 201
    process.write_config(TWO)
    becomes(process, 202)


def test_a_file_that_is_gone_keeps_the_old_configuration(engine):
    process = engine(ONE)
    process.config_path.unlink()
    refused(process)
    assert status_of(process) == 201
    process.write_config(TWO)
    becomes(process, 202)


def test_flags_win_over_the_file_after_a_reload_too(engine):
    process = EngineProcess(ONE, wait=False)
    process.kill()
    port = free_port()
    process = engine(ONE, env={"ENGINE_LISTEN": f"127.0.0.1:{port}"}, wait=False)
    process.address = ("127.0.0.1", port)
    process.wait_until_listening()
    process.reload(TWO)
    assert status_of(process) == 202


def test_a_connection_stays_open_over_a_reload(engine):
    process = engine(ONE)
    with process.client() as client:
        assert client.request().status == 201
        process.reload(TWO)
        assert client.request().status == 202


def test_a_request_in_flight_ends_as_it_began(engine):
    with socket.create_server(("127.0.0.1", 0)) as backend:
        process = engine(f'[routes]\n"*" = {backend.getsockname()[1]}\n')
        with process.client() as client:
            client.send_request()
            connection, _ = backend.accept()
            connection.recv(4096)
            process.reload(TWO)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            assert client.recv_response().status == 200
            assert client.request().status == 202
            connection.close()


def test_a_new_address_opens_and_the_old_one_closes(engine):
    old, new = free_port(), free_port()
    process = engine(f'listen = ["127.0.0.1:{old}"]\n' + ONE)
    process.reload(f'listen = ["127.0.0.1:{new}"]\n' + TWO)
    process.address = ("127.0.0.1", new)
    assert status_of(process) == 202

    def is_closed():
        try:
            socket.create_connection(("127.0.0.1", old), 1).close()
            return False
        except ConnectionResetError:  # it was closed while this connection waited to be accepted
            return False
        except ConnectionRefusedError:
            return True
    wait_until(is_closed, "the old address is closed")


def test_an_address_that_comes_back_at_once_works(engine):
    first, second = free_port(), free_port()
    process = engine(f'listen = ["127.0.0.1:{first}"]\n' + ONE)
    for port in (second, first, second, first):
        process.reload(f'listen = ["127.0.0.1:{port}"]\n' + ONE)
        process.address = ("127.0.0.1", port)
        assert status_of(process) == 201


def test_an_address_that_is_taken_keeps_the_old_configuration(engine):
    own = free_port()
    process = engine(f'listen = ["127.0.0.1:{own}"]\n' + ONE)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        process.reload(f'listen = ["127.0.0.1:{own}", "127.0.0.1:{taken}"]\n' + TWO)
    assert f"127.0.0.1:{taken} is already in use" in process.stderr
    assert status_of(process) == 201


def test_values_that_wait_for_a_restart_are_named(engine):
    process = engine(ONE + "[engine]\nworkers = 1\n")
    process.reload(TWO + "[engine]\nworkers = 2\n")
    process.wait_for_log("a changed value waits for a restart key=engine.workers")
    assert status_of(process) == 202


def test_error_pages_are_read_and_read_again(engine, tmp_path):
    (tmp_path / "404.html").write_text("<h1>first</h1>")
    toml = f'[routes."a.localhost"]\nto = "status:404"\nerrors = "{tmp_path}"\n'
    process = engine(toml)

    def body():
        with process.client() as client:
            return client.request(headers=[("Accept", "text/html")], host="a.localhost").body
    assert body() == b"<h1>first</h1>"
    (tmp_path / "404.html").write_text("<h1>second</h1>")
    wait_until(lambda: body() == b"<h1>second</h1>", "the new page")


def test_a_hundred_reloads_leave_nothing_behind(engine):
    process = engine(ONE)
    process.reload(TWO)
    before = process.fd_count()
    for i in range(50):
        process.reload(TWO if i % 2 else ONE)
    assert status_of(process) == 202
    wait_until(lambda: process.fd_count() <= before, "no descriptor is left behind")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
