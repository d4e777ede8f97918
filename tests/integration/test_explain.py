# SPDX-License-Identifier: GPL-3.0-or-later
"""`engine explain`, of a file and of the running engine, and the socket that proxy.toml names."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from control import Api
from harness import engine_binary

SITES = """[routes]
"shop.localhost" = 3000
"shop.localhost/cart" = [ "127.0.0.1:4001", "127.0.0.1:4002" ]
"shop.localhost/cart/old" = "redirect:https://new.example.com{uri}"
"*.localhost" = 3002
"""

CASES = [
    ("https://shop.localhost/", "shop.localhost", "the host shop.localhost is named exactly"),
    ("https://shop.localhost/cart/x?y=1", "shop.localhost/cart", "/cart is the longest prefix of /cart/x"),
    ("shop.localhost:8080/cartoon", "shop.localhost", "takes every path of its host that no other takes"),
    ("http://other.localhost/", "*.localhost", "is below localhost, and no site names it exactly"),
]


@pytest.fixture
def directory():
    with tempfile.TemporaryDirectory(prefix="explain-") as path:  # short: sun_path has 107 bytes
        yield Path(path)


@pytest.fixture
def explain(directory):
    (directory / "proxy.toml").write_text(SITES)

    def run(*arguments, **env):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ENGINE_")}
        return subprocess.run([engine_binary(), "explain", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, cwd=directory,
                              env=clean | {"ENGINE_SOCKET": str(directory / "admin.sock")} | env)
    return run


def value(page, label):
    """What the line with that label says."""
    return next(line[len(label):].strip() for line in page.splitlines() if line.startswith(label + " "))


@pytest.mark.parametrize("url,site,why", CASES)
def test_a_file_is_explained_without_an_engine(explain, url, site, why):
    done = explain(url, "--config", "proxy.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"GET {url}\n")
    assert value(done.stdout, "site") == site
    assert why in done.stdout
    assert value(done.stdout, "from").startswith("proxy.toml:")
    assert "gate" not in done.stdout


@pytest.mark.parametrize("url,site,why", CASES)
def test_the_running_engine_says_the_same_and_the_state_of_its_targets(explain, engine, url, site, why):
    process = engine(SITES)
    done = explain(url, ENGINE_SOCKET=process.control_socket)
    assert (done.returncode, done.stderr) == (0, "")
    assert value(done.stdout, "site") == site
    assert why in done.stdout
    assert value(done.stdout, "gate") == "running"
    assert value(done.stdout, "target").endswith(", weight 1, writers, up")


def test_the_method_stands_before_the_address(explain):
    done = explain("POST", "https://shop.localhost/cart", "--config", "proxy.toml")
    assert done.returncode == 0
    assert done.stdout.startswith("POST https://shop.localhost/cart\n")
    assert value(done.stdout, "answer") == "forwarded to one of 2 targets"


def test_a_redirect_says_where_to_and_has_no_targets(explain, engine):
    process = engine(SITES)
    for done in (explain("https://shop.localhost/cart/old", "--config", "proxy.toml"),
                 explain("https://shop.localhost/cart/old", ENGINE_SOCKET=process.control_socket)):
        assert done.returncode == 0
        assert value(done.stdout, "answer") == "308 to https://new.example.com{uri}"
        assert "target" not in done.stdout and "timeout" not in done.stdout


@pytest.mark.parametrize("url,answer", [
    ("http://www.shop.localhost/x", "308 to https://shop.localhost, as tls.redirect and canonical_host say"),
    ("https://www.shop.localhost:8443/x", "308 to the host shop.localhost, as canonical_host says"),
    ("https://shop.localhost/x", "forwarded to one of 1 target"),
    ("http://shop.localhost/x", "308 to https, as tls.redirect is on")])
def test_a_canonical_host_is_part_of_one_redirect(explain, engine, url, answer):
    process = engine('[defaults]\ncanonical_host = "shop.localhost"\n[tls]\nredirect = true\n'
                     '[routes]\n"shop.localhost" = 3000\n"www.shop.localhost" = 3000\n')
    assert value(explain(url, ENGINE_SOCKET=process.control_socket).stdout, "answer") == answer


def test_without_a_site_the_exit_code_is_6(explain, engine):
    process = engine(SITES)
    for done in (explain("https://shop.example.com/", "--config", "proxy.toml"),
                 explain("https://shop.example.com/", ENGINE_SOCKET=process.control_socket)):
        assert (done.returncode, done.stderr) == (6, "")
        assert value(done.stdout, "site") == "none"
        assert value(done.stdout, "why") == "no site has the host shop.example.com"


def test_a_paused_service_shows_its_gate(explain, engine):
    process = engine(SITES)
    Api(process).post("/v1/services/shop.localhost:pause", {})
    done = explain("https://shop.localhost/", ENGINE_SOCKET=process.control_socket)
    assert done.returncode == 0
    assert value(done.stdout, "gate") == "paused: requests wait"


def test_programs_get_the_same_answer_as_json(explain):
    done = explain("https://shop.localhost/cart", "--json", "--config", "proxy.toml")
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert (answer["site"], answer["answer"]) == ("shop.localhost/cart", "proxy")
    assert [target["target"] for target in answer["targets"]] == ["127.0.0.1:4001", "127.0.0.1:4002"]


def test_where_no_engine_answers_the_file_is_asked_and_that_is_said(explain, directory):
    done = explain("https://shop.localhost/cart")
    assert done.returncode == 0
    assert done.stderr == (f"engine: no engine answers on {directory}/admin.sock: "
                           "this is what proxy.toml says\n")
    assert value(done.stdout, "site") == "shop.localhost/cart"


def test_without_an_engine_and_a_file_the_exit_code_is_4(explain, directory):
    (directory / "proxy.toml").unlink()
    done = explain("https://shop.localhost/cart")
    assert (done.returncode, done.stdout) == (4, "")


def test_a_broken_file_is_exit_code_3_with_its_mistakes(explain, directory):
    (directory / "proxy.toml").write_text('[routes]\n"a.localhost" = "nowhere:99999"\n')
    done = explain("https://a.localhost/", "--config", "proxy.toml")
    assert (done.returncode, done.stdout) == (3, "")
    assert "proxy.toml:2:" in done.stderr


@pytest.mark.parametrize("words", [["ftp://shop.localhost/"], ["http://"]])
def test_what_is_no_address_is_exit_code_2(explain, engine, words):
    process = engine(SITES)
    for done in (explain(*words, "--config", "proxy.toml"), explain(*words, ENGINE_SOCKET=process.control_socket)):
        assert (done.returncode, done.stdout) == (2, "")
        assert "write for example https://shop.example.com/cart" in done.stderr


def test_the_socket_that_proxy_toml_names_is_called(explain, engine, directory):
    named = f'[admin]\nsocket = "{directory}/named.sock"\n'
    process = engine(SITES + named, env={"ENGINE_SOCKET": ""})
    (directory / "proxy.toml").write_text(SITES + named)
    done = explain("https://shop.localhost/", ENGINE_SOCKET="")
    assert (done.returncode, done.stderr) == (0, "")
    assert value(done.stdout, "gate") == "running"

    (directory / "proxy.toml").rename(directory / "other.toml")
    done = explain("https://shop.localhost/", ENGINE_SOCKET="", ENGINE_CONFIG="other.toml")
    assert (done.returncode, value(done.stdout, "gate")) == (0, "running")
    assert process.running()


def test_a_broken_file_names_no_socket(explain, directory):
    (directory / "proxy.toml").write_text(f'[admin]\nsocket = "{directory}/named.sock"\n[routes]\n"a" = 99999\n')
    done = explain("https://shop.localhost/", ENGINE_SOCKET="", XDG_RUNTIME_DIR=str(directory))
    assert "named.sock" not in done.stderr
