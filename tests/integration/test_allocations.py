# SPDX-License-Identifier: GPL-3.0-or-later
"""A warm path allocates nothing: what each worker takes from the heap is counted by a preloaded malloc, over many
requests on one connection. Sanitizers bring a malloc of their own, so this is for builds without them."""

import struct
import subprocess
from pathlib import Path

import pytest
from harness import ROOT

pytestmark = pytest.mark.release_only

WARM, MEASURED = 600, 2000
SLOT = struct.Struct("=QQ")

TOML = """
[engine]
workers = 1
[log]
access = {access}
[routes."*"]
to = "127.0.0.1:{port}"
{wishes}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("malloc") / "count_malloc.so"
    subprocess.run(["gcc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", library,
                    ROOT / "tests" / "support" / "count_malloc.c"], check=True)
    return library


@pytest.fixture
def counted(engine, echo, shim, tmp_path):
    """counted(access, wishes) starts an engine whose allocations worker_allocations() reads."""
    def start(access='"off"', wishes=""):
        counts = tmp_path / "counts"
        counts.touch()
        process = engine(TOML.format(access=access, port=echo().port, wishes=wishes),
                         env={"LD_PRELOAD": str(shim), "COUNT_MALLOC_FILE": str(counts)})
        process.counts = counts
        return process
    return start


def worker_thread(process):
    tasks = Path(f"/proc/{process.pid}/task")
    return next(int(task.name) for task in tasks.iterdir()
                if (task / "comm").read_text().startswith("worker-"))


def worker_allocations(process):
    thread = worker_thread(process)
    return dict(SLOT.iter_unpack(process.counts.read_bytes()))[thread]


def allocations_of(process, request):
    """What the worker allocates over MEASURED requests, once warm. request(client) is one exchange."""
    with process.client() as client:
        for _ in range(WARM):
            request(client)
        before = worker_allocations(process)
        assert before > 0, "the worker's allocations are not counted at all"
        for _ in range(MEASURED):
            request(client)
        return worker_allocations(process) - before


def get(target, size):
    def exchange(client):
        assert len(client.request(target=target).body) == size
    return exchange


def post(client):
    answer = client.request("POST", "/echo", headers=[("X-Tag", "t" * 400)], body=b"b" * 300)
    assert answer.body == b"b" * 300


def post_chunked(client):
    answer = client.request("POST", "/echo", headers=[("Transfer-Encoding", "chunked")],
                            body=b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    assert answer.body == b"hello world"


def pipelined(client):
    client.send(b"GET /ok HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n" * 8)
    for _ in range(8):
        assert client.recv_response().body == b"ok"


def split_head(client):
    client.send(b"GET /ok HTTP/1.1\r\nHo")
    client.send(b"st: a\r\n\r\n")
    assert client.recv_response().body == b"ok"


@pytest.mark.parametrize("exchange", [
    pytest.param(get("/ok", 2), id="a_small_get"),
    pytest.param(get("/bytes/20000", 20000), id="a_response_of_20_kB"),
    pytest.param(get("/bytes/200000", 200000), id="a_spliced_response_of_200_kB"),
    pytest.param(get("/bytes/3000?chunked=1", 3000), id="a_chunked_response"),
    pytest.param(post, id="a_post_with_a_length"),
    pytest.param(post_chunked, id="a_chunked_post"),
    pytest.param(pipelined, id="eight_pipelined_gets"),
    pytest.param(split_head, id="a_head_in_two_pieces"),
])
def test_a_warm_request_allocates_nothing(counted, exchange):
    assert allocations_of(counted(), exchange) == 0


@pytest.mark.parametrize("by", ["client-ip", "header:Host", "cookie:id", "all"])
def test_a_warm_request_of_a_site_with_a_rate_allocates_nothing(counted, by):
    limits = f'limit = {{ rate = "1/s", burst = 1000000, by = "{by}" }}'
    assert allocations_of(counted(wishes=limits), get("/ok", 2)) == 0


def test_a_warm_request_with_an_access_log_allocates_nothing(counted):
    assert allocations_of(counted('{ format = "json" }'), get("/ok", 2)) == 0
