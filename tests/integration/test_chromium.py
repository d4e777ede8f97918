# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser: Chromium believes the local CA, speaks HTTP/2 and opens WebSockets. Its home is a fresh directory,
and it talks to the loopback only."""

import os
import signal
import subprocess
from urllib.parse import parse_qs, urlsplit

import pytest
from certificates import local_authority
from harness import _die_with_parent, engine_binary, free_port, wait_until
from upstream import access_line, site

HOST = "app.localhost"
SECONDS = 40  # a browser's first start on a busy machine

# Reports what it saw by asking for /report.
PAGE = """<!DOCTYPE html>
<title>a page</title>
<script>
const report = (said) => {
  const [visit] = performance.getEntriesByType('navigation');
  fetch(`/report?protocol=${visit.nextHopProtocol}&said=${encodeURIComponent(said)}`);
};
const socket = new WebSocket(`wss://${location.host}/ws`);
socket.onopen = () => socket.send('from the page ✓');
socket.onmessage = (message) => {
  report(message.data);
  socket.close();
};
socket.onerror = () => report('no WebSocket');
</script>
""".encode()


class Chromium:
    """A browser with a home of its own, which holds whom it believes."""

    def __init__(self, home):
        self.home = home
        self._children = []

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.home)}

    def start(self, *words):
        child = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost", f"--user-data-dir={self.home / 'profile'}",
             *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment(),
            start_new_session=True, preexec_fn=_die_with_parent)
        self._children.append(child)
        return child

    def document(self, url):
        """What the page at the URL is in the end; "" where it could not be loaded."""
        return self.start("--dump-dom", url).communicate(timeout=SECONDS)[0]

    def believe(self, authority):
        database = self.home / ".pki/nssdb"
        database.mkdir(parents=True)
        for words in (["-N", "--empty-password"], ["-A", "-n", "test", "-t", "C,,", "-i", str(authority)]):
            subprocess.run(["certutil", *words, "-d", f"sql:{database}"], check=True, capture_output=True, timeout=20)

    def close(self):
        for child in self._children:
            try:
                os.killpg(child.pid, signal.SIGKILL)  # of the session that it leads
            except ProcessLookupError:
                pass
            child.communicate()


@pytest.fixture
def chromium(tmp_path):
    browser = Chromium(tmp_path / "home")
    browser.home.mkdir()
    yield browser
    browser.close()


def test_a_page_with_a_certificate_of_the_local_authority_opens_over_http_2(chromium, engine, echo):
    started = engine(site(echo().port, host=HOST))
    chromium.believe(local_authority(started, HOST))
    assert "<title>engine echo</title>" in chromium.document(f"https://{HOST}:{started.port}/")
    line = access_line(started, path="/")
    assert (line["proto"], line["tls"], line["status"]) == ("h2", "1.3", 200)


def test_a_browser_that_does_not_know_the_authority_refuses_the_page(chromium, engine, echo):
    started = engine(site(echo().port, host=HOST))
    assert "engine echo" not in chromium.document(f"https://{HOST}:{started.port}/")
    access_line(started, error="tls_protocol_error")


def test_a_page_knows_that_it_came_over_http_2_and_its_websocket_talks(chromium, engine, echo, upstream):
    def script(peer, _):
        while (request := peer.recv_request()) is not None:
            body = PAGE if request.target == "/" else b""
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
    pages = upstream(script)
    started = engine(site(pages.port, host=HOST) + f'[routes."{HOST}/ws"]\nto = {echo().port}\n')
    chromium.believe(local_authority(started, HOST))

    chromium.start(f"https://{HOST}:{started.port}/")

    report = wait_until(lambda: [request.target for request in pages.requests if "/report" in request.target],
                        "the report of the page", SECONDS)[0]
    assert parse_qs(urlsplit(report).query) == {"protocol": ["h2"], "said": ["from the page ✓"]}
    line = access_line(started, path="/ws")
    assert line["proto"] == "h2" and "error" not in line


# What pages of another origin get of three sites; "no" where the browser does not let them see it.
OTHER_SITES = """<!DOCTYPE html>
<title>a page</title>
<script>
const status = (host, options) => fetch(`http://${host}.localhost:${location.port}/data`, options)
    .then((response) => response.status, () => 'no');
const ask = async () => {
  const seen = [await status('api', {method: 'PUT', headers: {'X-Token': '1'}, credentials: 'include'}),
                await status('api', {method: 'DELETE'}), await status('closed'), await status('down')];
  fetch(`/report?seen=${seen}`);
};
ask();
</script>
""".encode()


def test_a_page_may_do_at_another_origin_what_cors_allows_and_no_more(chromium, engine, upstream):
    def script(peer, _):
        while (request := peer.recv_request()) is not None:
            body = OTHER_SITES if request.target == "/" else b""
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
    pages = upstream(script)
    allowed = 'cors = { origins = "loopback", methods = ["GET", "PUT"], headers = "X-Token", credentials = true }'
    started = engine(site(pages.port, host=HOST) + f'[routes."api.localhost"]\nto = {pages.port}\n{allowed}\n'
                     + f'[routes."closed.localhost"]\nto = {pages.port}\ncors.origins = "https://app.example.com"\n'
                     + f'[routes."down.localhost"]\nto = {free_port()}\ncors.origins = "*"\n')

    chromium.start(f"http://{HOST}:{started.port}/")

    report = wait_until(lambda: [request.target for request in pages.requests if "/report" in request.target],
                        "the report of the page", SECONDS)[0]
    assert report == "/report?seen=200,no,no,502"
    assert [request.method for request in pages.requests if request.target == "/data"] == ["PUT", "GET"]


def test_engine_trust_makes_a_browser_believe_and_untrust_takes_it_back(chromium, system, engine, echo):
    started = engine(site(echo().port, host=HOST))
    url = f"https://{HOST}:{started.port}/"
    local_authority(started, HOST)

    def verb(word):
        done = subprocess.run([engine_binary(), word], capture_output=True, text=True, timeout=60,
                              env=chromium.environment() | {"ENGINE_STATE_DIR": str(started.directory / "state")})
        assert done.returncode == 0 and "Chromium" in done.stderr, done.stderr
    verb("trust")
    assert "<title>engine echo</title>" in chromium.document(url)
    verb("untrust")
    assert "engine echo" not in chromium.document(url)
