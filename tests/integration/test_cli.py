# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line from outside: what goes to stdout and stderr, and the exit codes."""

import json
import os
import subprocess

import pytest
from harness import engine_binary

GOOD = 'listen = ["127.0.0.1:8080"]\n[routes]\n"a.localhost" = 3000\n"b.localhost" = 3001\n'
BAD = '[routes."a.localhost"]\nto = 3000\nretri = { times = 2 }\n'
VERBS = ["run", "check", "certs", "trust", "untrust", "echo", "version", "help"]

OK, USAGE, INVALID, PERMISSION, NOT_FOUND = 0, 2, 3, 5, 6


@pytest.fixture
def cli(tmp_path):
    def run(*arguments, stdin="", **env):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ENGINE_")}
        return subprocess.run([engine_binary(), *arguments], input=stdin, env=environment | env,
                              cwd=tmp_path, capture_output=True, text=True, timeout=10)
    return run


@pytest.fixture
def write(tmp_path):
    def to(text, name="proxy.toml"):
        (tmp_path / name).write_text(text)
    return to


def test_check_says_what_a_good_file_holds(cli, write):
    write(GOOD)
    done = cli("check")
    assert (done.returncode, done.stdout) == (OK, "proxy.toml: ok (2 sites, 1 listener)\n")
    assert done.stderr == ""


def test_check_reads_the_file_it_is_told(cli, write):
    write(BAD)
    write(GOOD, "site.toml")
    assert cli("check", "--config", "site.toml").returncode == OK
    assert cli("check", "-c", "proxy.toml").returncode == INVALID
    assert cli("check", ENGINE_CONFIG="site.toml").returncode == OK
    assert cli("check", "-c", "proxy.toml", ENGINE_CONFIG="site.toml").returncode == INVALID


def test_check_reads_stdin(cli):
    assert cli("check", "-c", "-", stdin=GOOD).returncode == OK
    assert cli("check", "-c", "-", stdin=BAD).returncode == INVALID


def test_check_shows_each_mistake_with_its_place(cli, write):
    write(BAD)
    done = cli("check")
    assert (done.returncode, done.stdout) == (INVALID, "")
    assert "proxy.toml:3:1: error: " in done.stderr
    assert "retri" in done.stderr and '"retry"' in done.stderr


def test_check_reads_certificates_and_authorities_too(cli, write):
    write('[routes]\n"a.test" = 3000\n[routes."b.test"]\nto = "https://b"\nupstream_tls.ca = "no-ca.pem"\n'
          '[tls]\nfiles = [{ cert = "none.pem", key = "none.key" },\n  { cert = "more.pem", key = "more.key" }]\n')
    done = cli("check")
    assert done.returncode == 3
    for name in ("none.pem", "more.pem", "no-ca.pem"):
        assert name in done.stderr
    assert "proxy.toml:7" in done.stderr and "proxy.toml:8" in done.stderr


def test_check_of_no_toml_at_all_is_invalid(cli, write):
    write("[routes\n")
    done = cli("check")
    assert done.returncode == INVALID
    assert "proxy.toml:1:" in done.stderr


def test_check_json_is_one_object_on_stdout(cli, write):
    write(GOOD)
    done = cli("check", "--json")
    assert json.loads(done.stdout) == {"file": "proxy.toml", "ok": True, "sites": 2, "listeners": 1,
                                       "errors": 0, "warnings": 0, "problems": []}


def test_check_json_lists_the_problems(cli, write):
    write(BAD)
    done = cli("check", "--json")

    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["errors"]) == (INVALID, False, 1)
    problem = report["problems"][0]
    assert (problem["file"], problem["line"], problem["severity"]) == ("proxy.toml", 3, "error")


@pytest.mark.parametrize("arguments", [[], ["run"], ["check"]])
def test_no_configuration_is_exit_code_6_with_the_two_lines_to_write(cli, arguments):
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (NOT_FOUND, "")
    assert done.stderr.startswith("engine: error: no configuration at proxy.toml\n  fix   : ")
    assert '[routes]\n            "app.localhost" = 3000\n' in done.stderr


@pytest.mark.parametrize("arguments", [["--config", "."], ["run", "-c", "."], ["check", "-c", "."]])
def test_a_file_that_cannot_be_read_is_exit_code_5(cli, arguments):
    done = cli(*arguments)
    assert done.returncode == PERMISSION
    assert done.stderr.startswith("engine: error: .: ")


def test_a_run_with_an_invalid_file_is_exit_code_3(cli, write):
    write(BAD)
    for arguments in ([], ["run"], ["--config", "proxy.toml"]):
        done = cli(*arguments)
        assert (done.returncode, done.stdout) == (INVALID, "")
        assert "proxy.toml:3:1: error: " in done.stderr


@pytest.mark.parametrize("arguments,meant", [
    (["chekc"], '"check"'), (["check", "--jsn"], '"--json"'), (["--confg", "x"], '"--config"'),
    (["run", "--worker=2"], '"--workers"'), (["help", "ecoh"], '"echo"')])
def test_a_misspelt_word_is_exit_code_2_and_the_nearest_is_named(cli, arguments, meant):
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith("engine: error: unknown ")
    assert f"  fix   : did you mean {meant}?\n" in done.stderr


@pytest.mark.parametrize("arguments", [
    ["run", "--workers", "many"], ["--listen", "nowhere"], ["--grace", "10"], ["--config"],
    ["--log-level", "loud"], ["check", "extra"], ["echo", "--port", "99999"], ["--verbose"],
    ["echo", "--host", "localhost"]])
def test_a_wrong_command_line_is_exit_code_2_with_a_fix(cli, arguments):
    done = cli(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith("engine: error: ") and "\n  fix   : " in done.stderr


def test_a_wrong_variable_is_named(cli, write):
    write(GOOD)
    done = cli("check", ENGINE_WORKERS="many")
    assert done.returncode == USAGE
    assert done.stderr.startswith("engine: error: ENGINE_WORKERS: ")


def test_version_is_one_line_and_more_when_verbose(cli):
    short, long = cli("--version"), cli("--version", "--verbose")

    assert short.returncode == long.returncode == OK
    assert short.stdout.startswith("engine ") and short.stdout.count("\n") == 1
    assert len(long.stdout) > len(short.stdout)
    assert cli("version").stdout == short.stdout
    assert cli("version", "--verbose").stdout == long.stdout


def test_help_lists_the_verbs_on_stdout(cli):
    done = cli("help")
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout == cli("--help").stdout == cli("-h").stdout
    for verb in VERBS:
        assert f"\n  {verb} " in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_help_about_a_verb_has_examples_before_flags(cli, verb):
    done = cli("help", verb)
    assert done.returncode == OK
    assert done.stdout == cli(verb, "--help").stdout
    assert 0 < done.stdout.index(f"\n  engine {verb}") < done.stdout.index("\nOptions:")


def test_no_colour_where_there_is_no_terminal(cli, write):
    write(BAD)
    assert "\x1b" not in cli("check").stderr + cli("chekc").stderr
