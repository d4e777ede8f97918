# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API of a running engine, and small applications to deploy behind it."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import DEADLINE_SECONDS, RawClient, wait_until


class Api:
    """Calls the control API over the engine's Unix socket, one connection for each call."""

    def __init__(self, engine):
        self._path = engine.control_socket

    def call(self, method, path, body=None, headers=(), timeout=DEADLINE_SECONDS):
        """The response, with its JSON as `.json` where it is some."""
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        fields = [*headers, ("Connection", "close")]
        if data is not None:
            fields.append(("Content-Type", "application/json"))
        with RawClient(self._path, timeout=timeout) as client:
            response = client.request(method, path, fields, data, host="localhost")
        response.json = json.loads(response.body) if "json" in response.header("content-type") else None
        return response

    def get(self, path):
        response = self.call("GET", path)
        assert response.status == 200, response.body
        return response.json

    def post(self, path, body=None, status=200, method="POST", **options):
        response = self.call(method, path, {} if body is None else body, **options)
        assert response.status == status, response.body
        return response.json

    def refused(self, status, path, body=None, method="POST"):
        """The problem that a call is answered with."""
        return self.post(path, body, status=status, method=method)

    def events(self, path, timeout=DEADLINE_SECONDS):
        """Yields (name, data) of a stream of events until its end."""
        with RawClient(self._path, timeout=timeout) as client:
            client.send_request("GET", path, [("Accept", "text/event-stream")], host="localhost")
            head = client.recv_head()
            assert head.status == 200, head
            text = b""
            while True:
                while b"\n\n" not in text:
                    data = client.buffer or client.socket.recv(65536)
                    client.buffer = b""
                    if not data:
                        return
                    text += data
                event, text = text.split(b"\n\n", 1)
                lines = [line for line in event.decode().split("\n") if not line.startswith(":")]
                if not lines:
                    continue
                parts = dict(line.split(": ", 1) for line in lines)
                yield parts["event"], json.loads(parts["data"])

    def start_deploy(self, service, targets, **wishes):
        body = {"service": service, "targets": targets,
                "options": {"health": {"path": "/up", "every": "50ms", "timeout": "2s"}}, **wishes}
        return self.post("/v1/deploys", body, status=202)["id"]

    def deploy(self, service, targets, **wishes):
        """All events of a deploy, from its start to its end."""
        return list(self.events(f"/v1/deploys/{self.start_deploy(service, targets, **wishes)}"))

    def target(self, target):
        return next(each for each in self.get("/v1/targets")["targets"] if each["target"] == target)


def last(events):
    return events[-1]


class App:
    """A web application that says its name, and is as healthy as `up` says."""

    def __init__(self, name, up=200, delay=0.0):
        self.name, self.up, self.delay = name, up, delay
        self.location = None
        self.requests = []
        self.holding = threading.Event()
        self.release = threading.Event()
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one send: the second one would wait for an acknowledgement

            def do_GET(self):
                app.serve(self)

            do_POST = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket.listen(128)  # five, its own number, let connections wait for a second
        self.port = self._server.server_port
        self.target = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def serve(self, request):
        length = int(request.headers.get("Content-Length", 0))
        request.rfile.read(length)
        if request.path.startswith("/up"):
            return self.answer(request, self.up, "up")
        self.requests.append((request.command, request.path, request.headers))
        if request.path.startswith("/hold"):
            self.holding.set()
            self.release.wait(DEADLINE_SECONDS)
        if self.delay:
            time.sleep(self.delay)
        return self.answer(request, 200, self.name)

    def answer(self, request, status, text):
        request.send_response(status)
        if self.location and status in (301, 302, 308):
            secure = request.headers.get("X-Forwarded-Proto") == "https"
            request.send_header("Location", self.location)
            assert not secure
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text.encode())

    def stop(self):
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


def wait_for_state(api, target, state):
    return wait_until(lambda: api.target(target)["state"] == state, f"{target} to be {state}")
