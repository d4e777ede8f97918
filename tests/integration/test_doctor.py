# SPDX-License-Identifier: GPL-3.0-or-later
"""`engine doctor`: what it says of a machine, a configuration and a running engine, and that it changes nothing."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import engine_binary, free_port

SITE = '[routes]\n"app.localhost" = 3000\n'


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="doctor-") as path:  # short: sun_path has 107 bytes
        yield Path(path)


@pytest.fixture
def doctor(directory):
    """doctor(toml) runs it on that proxy.toml; the findings are lists by what they are about."""
    def run(toml=SITE, *arguments, env=None, binary=None, **options):
        if toml is not None:
            (directory / "proxy.toml").write_text(toml)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ENGINE_")}
        clean |= {"ENGINE_STATE_DIR": str(directory / "state"), "ENGINE_SOCKET": str(directory / "admin.sock")}
        done = subprocess.run([binary or engine_binary(), "doctor", *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=clean | (env or {}), cwd=directory, timeout=60,
                              **options)
        assert done.stderr == ""
        if "--json" in arguments:
            done.findings = {}
            for finding in json.loads(done.stdout)["findings"]:
                done.findings.setdefault(finding["what"], []).append(finding)
        return done
    return run


def one(done, what):
    assert len(done.findings[what]) == 1, done.stdout
    return done.findings[what][0]


def test_a_machine_that_can_serve_passes_and_nothing_is_changed(doctor, directory):
    done = doctor(f'listen = ["127.0.0.1:{free_port()}"]\n' + SITE)
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert any(line.startswith("ok    io_uring ") for line in lines)
    assert any(line.endswith(" is free") for line in lines)
    assert [path.name for path in directory.iterdir()] == ["proxy.toml"]


def test_a_port_of_another_program_fails_with_its_holder(doctor):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = doctor(f'listen = ["127.0.0.1:{port}"]\n' + SITE, "--json")
    assert done.returncode == 1
    finding = one(done, "listen")
    assert finding["grade"] == "fail" and finding["fix"]
    assert finding["detail"].startswith(f"127.0.0.1:{port} is in use by ")
    assert finding["detail"].endswith(f"pid {os.getpid()}")


def test_a_broken_configuration_fails_and_the_rest_is_still_looked_at(doctor):
    done = doctor('[routes]\n"a.localhost" = "nowhere:99999"\n', "--json")
    assert done.returncode == 1
    finding = one(done, "configuration")
    assert finding["grade"] == "fail"
    assert finding["detail"].startswith("1 error, first proxy.toml:2: ")
    assert finding["fix"] == "engine check --config proxy.toml"
    assert "listen" not in done.findings
    assert one(done, "state directory")["grade"] == "ok"


def test_a_configuration_that_is_not_there_fails(doctor):
    done = doctor(None, "--json", "--config", "other.toml")
    assert done.returncode == 1
    assert "other.toml" in one(done, "configuration")["detail"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take its own rights away")
def test_a_state_directory_that_may_not_be_written_fails(doctor, directory):
    binary = directory / "engine"
    shutil.copy(engine_binary(), binary)
    directory.chmod(0o755)
    nobody = {"binary": binary, "user": 65534, "group": 65534, "extra_groups": []}

    absent = doctor(SITE, "--json", **nobody)
    (directory / "state").mkdir(mode=0o755)
    there = doctor(SITE, "--json", **nobody)

    assert (absent.returncode, there.returncode) == (1, 1)
    assert f"may not write to {directory}" in one(absent, "state directory")["detail"]
    finding = one(there, "state directory")
    assert finding["grade"] == "fail" and "is root's, mode 0755" in finding["detail"]
    assert finding["fix"].startswith("chown ")
    assert one(there, "control socket")["grade"] == "warn"


def test_a_broken_state_fails_and_is_not_set_aside(doctor, directory):
    (directory / "state").mkdir(mode=0o700)
    (directory / "state" / "state.json").write_text("{")
    done = doctor(SITE, "--json")
    assert done.returncode == 1
    assert one(done, "state")["grade"] == "fail"
    assert [path.name for path in (directory / "state").iterdir()] == ["state.json"]


def test_the_running_engine_is_found_with_its_ports_and_its_state(doctor, engine):
    process = engine(SITE)
    done = doctor(None, "--json", "--config", process.config_path, env={"ENGINE_SOCKET": process.control_socket})
    assert done.returncode == 0, done.stdout
    assert f": pid {process.pid} of " in one(done, "control socket")["detail"]
    assert one(done, "listen")["detail"].endswith(f" is held by the running engine, pid {process.pid}")
    assert str(process.directory / "state") in one(done, "state directory")["detail"]


def test_who_names_no_file_where_there_is_none_means_that_of_the_running_engine(doctor, engine):
    process = engine(SITE)
    done = doctor(None, "--json", env={"ENGINE_SOCKET": process.control_socket})
    assert done.returncode == 0, done.stdout
    assert one(done, "configuration")["detail"].startswith(f"{process.config_path}: 1 site")


def test_a_socket_that_is_none_or_of_another_program_fails(doctor, directory):
    (directory / "admin.sock").write_text("")
    assert one(doctor(SITE, "--json"), "control socket")["detail"].endswith("is there, and is no socket")
    (directory / "admin.sock").unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(directory / "admin.sock"))
        other.listen(1)
        finding = one(doctor(SITE, "--json"), "control socket")
    assert finding["grade"] == "fail"
    assert finding["detail"].startswith(f"pid {os.getpid()} of ")


def test_a_wrong_variable_is_exit_code_2(directory):
    done = subprocess.run([engine_binary(), "doctor"], cwd=directory, capture_output=True, text=True, timeout=60,
                          env=os.environ | {"ENGINE_WORKERS": "many"})
    assert done.returncode == 2
    assert "ENGINE_WORKERS" in done.stderr
