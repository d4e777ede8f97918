# SPDX-License-Identifier: GPL-3.0-or-later
"""`engine certs`: what is listed, and that a key never is."""

import json
import os
import re
import subprocess

import pytest
from certificates import Authority, openssl
from harness import engine_binary
from upstream import site

OK, FAILED, INVALID, NOT_FOUND = 0, 1, 3, 6


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def certs(tmp_path):
    """certs(tls, *flags, state=None) lists what a configuration with these lines in [tls] serves."""
    def run(tls, *flags, state=None):
        (tmp_path / "proxy.toml").write_text(f'[tls]\n{tls}\n[routes]\n"a.localhost" = 3000\n')
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ENGINE_")}
        done = subprocess.run([engine_binary(), "certs", *flags], cwd=tmp_path, capture_output=True, text=True,
                              env=environment | {"ENGINE_STATE_DIR": str(state or tmp_path / "state")}, timeout=20)
        assert "PRIVATE KEY" not in done.stdout + done.stderr
        return done
    return run


def files(*pairs):
    return f"files = [{', '.join(pair.entry() for pair in pairs)}]"


def test_files_have_a_line_each_under_their_headings(certs, authority):
    one = authority.issue("a.example.com", "b.example.com", days=30)
    two = authority.issue(*(f"n{i}.example.com" for i in range(5)), days=1)

    done = certs(files(one, two))

    assert (done.returncode, done.stderr) == (OK, "")
    heading, first, second = done.stdout.splitlines()
    assert heading.split() == ["NAMES", "ISSUER", "EXPIRES", "SOURCE"]
    assert first.startswith("a.example.com, b.example.com")
    assert re.search(rf"  test authority  +\d{{4}}-\d\d-\d\d \((29|30) days\)  {one.cert}$", first)
    assert second.startswith("n0.example.com, n1.example.com, n2.example.com and 2 more  ")
    assert re.search(r" \((0 days|1 day)\)  ", second)
    assert len({line.index(word) for line, word in zip(done.stdout.splitlines(), ["ISSUER", *["test auth"] * 2])}) == 1


def test_json_is_one_array_of_objects(certs, authority):
    pair = authority.issue("*.example.com", "127.0.0.1", days=90)

    listed = json.loads(certs(files(pair), "--json").stdout)

    assert listed[0].pop("days_left") in (89, 90)
    end = openssl("x509", "-in", pair.cert, "-noout", "-enddate", "-dateopt", "iso_8601").strip()
    assert listed == [{"names": ["*.example.com", "127.0.0.1"], "issuer": "test authority",
                       "expires": end.removeprefix("notAfter=").replace(" ", "T"),
                       "source": str(pair.cert), "file": str(pair.cert)}]


def test_a_broken_file_is_listed_with_its_error_and_the_exit_code_is_1(certs, authority):
    good, swapped, gone = (authority.issue(f"{name}.example.com") for name in ("good", "swapped", "gone"))
    swapped.key, gone.cert = good.key, authority.directory / "gone"

    text, listed = certs(files(good, swapped, gone)), certs(files(good, swapped, gone), "--json")

    assert (text.returncode, listed.returncode) == (FAILED, FAILED)
    assert f"{swapped.cert}: the private key does not belong to the certificate" in text.stdout
    assert f"cannot read {gone.cert}: No such file or directory" in text.stdout
    entries = json.loads(listed.stdout)
    assert ["error" in entry for entry in entries] == [False, True, True]
    assert entries[2] == {"names": [], "issuer": "", "source": str(gone.cert), "file": str(gone.cert),
                          "error": f"cannot read {gone.cert}: No such file or directory"}


def test_an_expired_certificate_is_marked(certs, authority):
    pair = authority.issue("old.example.com", days=-1)
    assert " (expired)  " in certs(files(pair)).stdout
    assert json.loads(certs(files(pair), "--json").stdout)[0]["days_left"] in (-2, -1)


def test_the_local_authority_is_listed_with_what_it_issued(certs, engine, echo):
    started = engine(site(echo().port))
    for name in ("b.localhost", "a.localhost"):
        openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", name, check=False)
    state = started.directory / "state"

    listed = json.loads(certs("", "--json", state=state).stdout)

    ca = listed[0]["issuer"]
    assert ca.startswith("engine local CA ")
    assert [entry["names"] for entry in listed] == [[ca], ["a.localhost"], ["b.localhost"]]
    assert {entry["issuer"] for entry in listed} == {ca} and {entry["source"] for entry in listed} == {"local CA"}
    assert listed[0]["days_left"] in (3649, 3650) and listed[1]["days_left"] in (89, 90)
    assert listed[1]["file"] == str(state / "tls/leaves/a.localhost.pem")
    assert certs("local_ca = false", state=state).stdout == ""


def test_an_authority_without_its_key_is_broken(certs, engine, echo):
    started = engine(site(echo().port))
    openssl("s_client", "-connect", f"127.0.0.1:{started.port}", "-servername", "a.localhost", check=False)
    state = started.directory / "state"
    (state / "tls/ca-key.pem").unlink()

    done = certs("", state=state)
    assert done.returncode == FAILED
    assert f"cannot read {state}/tls/ca-key.pem: No such file or directory" in done.stdout


def test_looking_makes_no_authority(certs, tmp_path):
    done = certs("")
    assert (done.returncode, done.stdout) == (OK, "")
    assert done.stderr.startswith("engine: no certificates yet: ")
    assert json.loads(certs("", "--json").stdout) == []
    assert not (tmp_path / "state").exists()


def test_a_configuration_that_cannot_be_used_has_the_exit_code_of_check(certs):
    assert certs("", "-c", "absent.toml").returncode == NOT_FOUND
    assert certs("mn = 1").returncode == INVALID
