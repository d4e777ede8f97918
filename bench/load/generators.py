# SPDX-License-Identifier: GPL-3.0-or-later
"""The closed loops: how each generator is told what to ask for, what it counted, and what the proxy spent meanwhile."""
import json
import re
import subprocess
import time
from dataclasses import dataclass

from processes import CoreMeter, CpuMeter, Failure, is_alive, last_words
from proxies import H2, HERE, HOST, HTTP1, HTTPS, Wire

CONNECTIONS = 64
H2_CONNECTIONS = 16
FOREIGN_MAX = 0.10       # of the proxy's core used by somebody else: the round is disturbed
STEAL_MAX = 0.02
ERRORS_MAX = 0.001       # of the requests
H2LOAD_SAYS = re.compile(
    r"finished in .*?, (?P<rate>[\d.]+) req/s.*?(?P<done>\d+) done, .*?(?P<errors>\d+) errored,"
    r".*? 2xx, (?P<s3>\d+) 3xx, (?P<s4>\d+) 4xx, (?P<s5>\d+) 5xx.*?\((?P<bytes>\d+)\) data", re.DOTALL)


@dataclass(frozen=True)
class Wrk:
    """HTTP/1.1 with one request at a time on each of 64 connections."""
    path: str
    wire: Wire = HTTP1
    headers: tuple = ()
    script: str = "count.lua"
    arguments: tuple = ()

    def command(self, stand, running, seconds):
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", HERE / self.script]
        for header in (f"Host: {HOST}", *self.headers):
            command += ["-H", header]
        command.append(f"{self.wire.scheme}://127.0.0.1:{running.port_of(self.wire)}{self.path}")
        return command + (["--", *self.arguments] if self.arguments else [])

    def counted(self, said):
        return counted_line(said)


@dataclass(frozen=True)
class H2load:
    """HTTP/2 with `streams` requests at a time on each of 16 connections."""
    path: str
    wire: Wire = H2
    streams: int = 32

    def command(self, stand, running, seconds):
        port = running.port_of(self.wire)
        return ["h2load", "-t1", f"-c{H2_CONNECTIONS}", f"-m{self.streams}", f"-D{seconds}",
                f"--connect-to=127.0.0.1:{port}", f"{self.wire.scheme}://{HOST}:{port}{self.path}"]

    def counted(self, said):
        found = H2LOAD_SAYS.search(said)
        if not found:
            return None
        return {"requests": int(found["done"]), "requests_per_second": float(found["rate"]),
                "bytes": int(found["bytes"]), "errors": int(found["errors"]),
                "bad_status": sum(int(found[name]) for name in ("s3", "s4", "s5"))}


@dataclass(frozen=True)
class Resume:
    """A resumed TLS 1.3 connection for every HTTP/1.1 request, 64 at a time: no other generator here can do that."""
    path: str = "/ok"
    wire: Wire = HTTPS

    def command(self, stand, running, seconds):
        return [stand.tools / "resume", running.port_of(self.wire), seconds, CONNECTIONS]

    def counted(self, said):
        return counted_line(said)


def counted_line(said):
    """What count.lua and resume print."""
    counted = next((json.loads(line[8:]) for line in said.splitlines() if line.startswith("counted ")), None)
    if counted:
        counted["requests_per_second"] = counted["requests"] / (counted["microseconds"] / 1e6)
    return counted


def saturate(stand, running, load, seconds):
    """One run of a generator; what the proxy spent, divided by the generator's own count."""
    command = load.command(stand, running, seconds)
    core, cpu, began = CoreMeter(stand.proxy_core), CpuMeter(running.pid), time.monotonic()
    process = stand.processes.start(command, stand.load_core, stand.log("load"), stdout=subprocess.PIPE)
    said = process.stdout.read().decode()
    process.wait()
    spent, shares, elapsed = cpu.spent(), core.shares(), time.monotonic() - began
    stand.processes.end(process)
    counted = load.counted(said)
    check_count(running, counted, stand.expected[load.path][1], said.strip() or last_words(process))
    foreign = shares["busy"] - spent / 1e9 / elapsed
    return {"value": spent / 1000 / counted["requests"], "requests_per_second": counted["requests_per_second"],
            "errors": counted["errors"], "core_idle": round(shares["idle"], 4),
            "disturbed": foreign > FOREIGN_MAX or shares["steal"] > STEAL_MAX}


def check_count(running, counted, length, said):
    """A proxy that fails is fast: its figure must not be believed."""
    name = running.proxy.name
    if not is_alive(running.pid):
        raise Failure(f"{name} died under load: {last_words(running.process)}")
    if not counted or not counted["requests"]:
        raise Failure(f"the generator counted nothing through {name}: {said}")
    tolerated = counted["requests"] * ERRORS_MAX
    if counted["bad_status"] or counted["errors"] > tolerated:
        raise Failure(f"{name} failed under load: {counted}")
    if counted["bytes"] < counted["requests"] * length:
        raise Failure(f"{name} answered under load with less than {length} bytes each: {counted}")
    if counted.get("full", 0) > tolerated:
        raise Failure(f"{name} does not resume TLS sessions under load: {counted}")
