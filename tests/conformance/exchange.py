# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw bytes into the real binary, and the questions that every rule asks about the outcome."""

import itertools

from harness import EngineProcess, FramingError
from recorder import PROBE, Recorder

TOML = """
[engine]
workers = 1
limits.head = "2s"
limits.body = "2s"
[log]
access = "off"
[routes]
"*" = "127.0.0.1:{port}"
"guarded.test" = "127.0.0.1:{port}"
"guarded.test/private" = "status:403"
"[2001:db8::1]" = "127.0.0.1:{port}"
"gone.test" = "status:410"
[routes."small.test"]
to = "127.0.0.1:{port}"
limit.body = 1000
"""


class Proxy:
    """The engine in front of the recorder."""

    def __init__(self):
        self._cases = itertools.count(1)
        self.recorder = Recorder()
        self.engine = EngineProcess(TOML.format(port=self.recorder.port))

    def client(self):
        return self.engine.client()

    def refused(self, raw, *statuses):
        """Answered with one of the statuses, closed in order, and nothing of it went upstream."""
        response = self._refused(raw, statuses)
        assert self.recorder.requests == []
        return response

    def refused_in_body(self, raw, *statuses):
        """Answered and closed; what the upstream saw of it, if anything, never became complete."""
        case = str(next(self._cases))
        raw = raw.replace(b"Host: a.test\r\n", b"Host: a.test\r\nX-Case: " + case.encode() + b"\r\n", 1)
        response = self._refused(raw, statuses, case)
        self.recorder.wait_until_ended()
        assert len(self.recorder.requests) <= 1
        return response

    def _refused(self, raw, statuses, case=None):
        self.recorder.begin(refused_case=case)
        with self.client() as client:
            client.send(raw)
            response = client.recv_response()
            client.expect_closed()
        assert response.status in statuses
        assert response.header("connection") == "close"
        return response

    def forwarded(self, raw, method="GET"):
        """The one request that the upstream saw; the client got its answer and its connection is in step."""
        response, request = self.answered(raw, method=method)
        assert response.status == 200
        return request

    def answered(self, raw, *answers, method="GET", stays=True):
        """(response, request) of one exchange, after which the connection stays or is closed in order."""
        self.recorder.begin(*answers)
        with self.client() as client:
            client.send(raw)
            response = client.recv_response(method)
            if stays:
                in_step(client)
            else:
                client.expect_closed()
        assert len(self.recorder.requests) == 1
        return response, self.recorder.requests[0]

    def close(self):
        try:
            self.engine.stop()
        finally:
            self.engine.kill()
            self.recorder.close()


def in_step(client):
    """The next bytes on this connection are a request, and its answer is the next answer."""
    assert client.buffer == b"", "bytes after the answer"
    answer = client.request(target=PROBE)
    assert (answer.status, answer.body) == (200, b"ok")


def is_cut(client, method="GET"):
    """Whether the answer shows that it is not complete."""
    try:
        client.recv_response(method)
    except (FramingError, ConnectionResetError):
        return True
    return False
