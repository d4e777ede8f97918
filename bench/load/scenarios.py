# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: each scenario takes a Bench and returns one entry of the results file."""
import http.client
import json
import os
import signal
import subprocess
import time
from statistics import median

from generators import CONNECTIONS, H2_CONNECTIONS, H2load, Resume, Wrk, saturate
from processes import Failure, last_words, memory_of
from proxies import H2C, HTTP1, HTTPS, PEERS, Proxy, Running, engine_config

IDLE_CONNECTIONS = 5000
IDLE_SETTLE_S = 3        # proxies give memory back a moment after the last request
ROUTES = 100_000
PACED_SHARE = 0.6        # of the slowest proxy's saturation
RELOADS = 1000
RELOAD_PATIENCE_S = 5.0
RELOADS_LAST_S = 60      # a slow engine must not hold up everything
PLAIN = ("engine", "nginx", "haproxy")
SECURE = ("engine", *PEERS)   # over TLS or HTTP/2, where two more are good
# Settings that suit large bodies, and the row with the second one. Nobody splices what must be encrypted.
TLS_BODIES = {"nginx": ({"bodies": "buffered"}, ("-unbuffered", {"bodies": "unbuffered"}))}
BODIES = TLS_BODIES | {"haproxy": ({"splice": "auto"}, ("-splice", {"splice": "always"}))}


class Bench:
    """A stand, the proxies to compare, and how long and how often."""

    def __init__(self, stand, proxies, rounds, seconds, say):
        self.stand = stand
        self.proxies = proxies
        self.rounds = rounds
        self.seconds = seconds
        self.say = say
        self.saturation = {}     # requests per second by name, from the scenario "small"

    def of_kinds(self, *kinds):
        return [proxy for proxy in self.proxies if proxy.kind in kinds]

    def in_rounds(self, proxies, measure, rounds=None):
        """A B, then B A, and so on: a drift of the machine meets everybody alike."""
        found = {proxy.name: [] for proxy in proxies}
        for number in range(rounds or self.rounds):
            for proxy in proxies if number % 2 == 0 else reversed(proxies):
                found[proxy.name].append(measure(proxy))
            self.say(f"  round {number + 1}: " + ", ".join(
                f"{name} {rows[-1]['value']:.1f}" for name, rows in found.items()))
        return {name: {"kind": kind_of(proxies, name), "value": median(row["value"] for row in rows), "rounds": rows}
                for name, rows in found.items()}


def kind_of(proxies, name):
    return next(proxy.kind for proxy in proxies if proxy.name == name)


# ---- CPU per request under a closed loop --------------------------------------------------------

def cpu_scenario(bench, title, load, kinds, bodies=None):
    """`bodies` has the settings for large ones, where they are."""
    proxies = []
    for proxy in bench.of_kinds(*kinds):
        proxies += variants(proxy, bodies) if bodies else [proxy]

    def measure(proxy):
        with Running(bench.stand, proxy) as running:
            running.check_answers(load.path, load.wire)
            saturate(bench.stand, running, load, 1)
            return saturate(bench.stand, running, load, bench.seconds)

    return entry(title, "CPU per request", "µs", bench.in_rounds(proxies, measure))


def variants(proxy, bodies):
    """Large bodies have more than one fair setting: each is a row, and the best of them counts."""
    if proxy.kind == "floor":
        return [Proxy("floor", "floor", proxy.binary, {"mode": "splice"})]
    if proxy.kind not in bodies:
        return [proxy]
    plain, (suffix, other) = bodies[proxy.kind]
    first = Proxy(proxy.name, proxy.kind, proxy.binary, plain)
    if proxy.name.endswith(" (again)"):
        return [first]
    return [first, Proxy(f"{proxy.name}{suffix}", proxy.kind, proxy.binary, other)]


def small(bench):
    result = cpu_scenario(bench, f"2-byte body, {CONNECTIONS} kept connections", Wrk("/ok"), (*PLAIN, "floor"))
    bench.saturation = {name: median(row["requests_per_second"] for row in found["rounds"])
                        for name, found in result["proxies"].items()}
    return result


def body_64k(bench):
    return cpu_scenario(bench, f"64 KiB body, {CONNECTIONS} kept connections", Wrk("/64k"), (*PLAIN, "floor"), BODIES)


def body_1m(bench):
    return cpu_scenario(bench, f"1 MiB body, {CONNECTIONS} kept connections", Wrk("/1m"), (*PLAIN, "floor"), BODIES)


def newconn(bench):
    return cpu_scenario(bench, "new connection for every request, 2-byte body",
                        Wrk("/ok", headers=("Connection: close",)), PLAIN)


def https(bench):
    return cpu_scenario(bench, f"2-byte body over TLS 1.3, {CONNECTIONS} kept connections", Wrk("/ok", HTTPS), SECURE)


def https_1m(bench):
    return cpu_scenario(bench, f"1 MiB body over TLS 1.3, {CONNECTIONS} kept connections", Wrk("/1m", HTTPS), SECURE,
                        TLS_BODIES)


def handshake(bench):
    return cpu_scenario(bench, "full TLS 1.3 handshake (ECDSA P-256) for every request, 2-byte body",
                        Wrk("/ok", HTTPS, ("Connection: close",)), SECURE)


def resumed(bench):
    return cpu_scenario(bench, "resumed TLS 1.3 handshake for every request, 2-byte body", Resume(), SECURE)


def h2(bench):
    return h2_scenario(bench, "2-byte body over HTTP/2 and TLS 1.3", H2load("/ok"))


def h2_1m(bench):
    """Fewer streams: as many requests at a time as "https-1m" has."""
    return h2_scenario(bench, "1 MiB body over HTTP/2 and TLS 1.3",
                       H2load("/1m", streams=CONNECTIONS // H2_CONNECTIONS), TLS_BODIES)


def h2c(bench):
    return h2_scenario(bench, "2-byte body over HTTP/2 in plaintext", H2load("/ok", H2C))


def h2_scenario(bench, title, load, bodies=None):
    return cpu_scenario(bench, f"{title}, {H2_CONNECTIONS} connections × {load.streams} streams", load, SECURE, bodies)


# ---- memory -------------------------------------------------------------------------------------

def idle(bench):
    return memory_scenario(bench, f"memory per idle kept connection ({IDLE_CONNECTIONS:,})", HTTP1, PLAIN)


def idle_tls(bench):
    return memory_scenario(bench, f"memory per idle kept TLS 1.3 connection ({IDLE_CONNECTIONS:,})", HTTPS, SECURE)


def memory_scenario(bench, title, wire, kinds):
    count = IDLE_CONNECTIONS
    tail = ["tls"] if wire.tls else []

    def measure(proxy):
        with Running(bench.stand, proxy) as running:
            running.check_answers("/ok", wire)
            time.sleep(0.5)
            before = memory_of(running.pid)
            holder = bench.stand.processes.start([bench.stand.tools / "hold", running.port_of(wire), count, *tail],
                                                 bench.stand.load_core, bench.stand.log("hold"),
                                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if holder.stdout.readline().split() != [b"held", str(count).encode()]:
                raise Failure(f"could not hold {count} connections through {proxy.name}: {last_words(holder)}")
            time.sleep(IDLE_SETTLE_S)
            after = memory_of(running.pid)
            holder.stdin.close()
            open_count = int(holder.stdout.readline().split()[1])
            holder.wait()
            bench.stand.processes.end(holder)
            if open_count != count:
                raise Failure(f"{proxy.name} closed {count - open_count} of {count} idle connections")
            return {"value": (after["pss"] - before["pss"]) / count,
                    "private": (after["private"] - before["private"]) / count, "total": after["pss"]}

    return entry(title, "user-space memory (PSS) per connection", "B",
                 bench.in_rounds(bench.of_kinds(*kinds), measure, min(bench.rounds, 3)))


# ---- latency at a fixed rate --------------------------------------------------------------------

def start_paced(bench, running, rate, seconds):
    return bench.stand.processes.start([bench.stand.tools / "paced", running.port, rate, seconds, CONNECTIONS],
                                       bench.stand.load_core, bench.stand.log("paced"), stdout=subprocess.PIPE)


def finish_paced(bench, process):
    said = process.stdout.read().decode()
    process.wait()
    bench.stand.processes.end(process)
    if process.returncode != 0 or not said:
        raise Failure(f"the paced generator failed: {last_words(process)}")
    return json.loads(said)


def pace_of(bench, proxies):
    """The rate for everybody: a share of what the slowest can do."""
    for proxy in proxies:
        if proxy.name not in bench.saturation:
            with Running(bench.stand, proxy) as running:
                bench.saturation[proxy.name] = saturate(bench.stand, running, Wrk("/ok"), 1)["requests_per_second"]
    return int(PACED_SHARE * min(bench.saturation[proxy.name] for proxy in proxies))


def latency(bench):
    proxies = bench.of_kinds(*PLAIN, "floor")
    rate = pace_of(bench, proxies)

    def measure(proxy):
        with Running(bench.stand, proxy) as running:
            finish_paced(bench, start_paced(bench, running, rate, 1))
            found = finish_paced(bench, start_paced(bench, running, rate, bench.seconds))
        if found["failed"]:
            raise Failure(f"{found['failed']} requests failed at {rate}/s through {proxy.name}")
        return {"value": found["p99_us"], **found}

    return entry(f"p99 at {rate:,} requests/s (fixed rate, {PACED_SHARE:.0%} of the slowest)", "p99 latency", "µs",
                 bench.in_rounds(proxies, measure)) | {"rate": rate}


# ---- the engine against itself ------------------------------------------------------------------

def engine_of(bench):
    engines = bench.of_kinds("engine")
    return engines[0] if engines else None


def many_routes(upstream_port):
    return "".join(f'"h{i}.bench.test" = "127.0.0.1:{upstream_port}"\n' for i in range(ROUTES))


def routes(bench):
    engine = engine_of(bench)
    proxies = [Proxy("1 route", "engine", engine.binary),
               Proxy(f"{ROUTES:,} routes", "engine", engine.binary, {"routes": many_routes})]
    load = Wrk("/ok", script="hosts.lua", arguments=(str(ROUTES - 1),))

    def measure(proxy):
        began = time.monotonic()
        with Running(bench.stand, proxy) as running:
            started = time.monotonic() - began
            running.check_answers("/ok", host=f"h{ROUTES - 1}.bench.test")
            saturate(bench.stand, running, load, 1)
            found = saturate(bench.stand, running, load, bench.seconds)
            return found | {"start_seconds": round(started, 3), "memory": memory_of(running.pid)["pss"]}

    result = entry(f"{ROUTES:,} routes instead of 1, 2-byte body, 4,096 hosts in turn", "CPU per request", "µs",
                   bench.in_rounds(proxies, measure))
    return result | {"base": proxies[0].name, "changed": proxies[1].name}


def reload_routes(upstream_port, generation):
    """The redirect shows from outside which generation answers."""
    return (f'"*" = "127.0.0.1:{upstream_port}"\n'
            f'"generation.test" = "redirect:http://g{generation}.test{{uri}}"\n')


def generation_of(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": "generation.test", "Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        return answer.headers.get("Location", "")
    finally:
        connection.close()


def reload_often(running, count):
    """Reloads until `count` generations were seen to answer, or the time is over; returns how many were."""
    started = time.monotonic()
    for number in range(1, count + 1):
        running.write("proxy.toml", engine_config(
            running, reload_routes(running.stand.upstream_port, number)))
        os.kill(running.pid, signal.SIGHUP)
        deadline = time.monotonic() + RELOAD_PATIENCE_S
        while generation_of(running.port) != f"http://g{number}.test/":
            if time.monotonic() > deadline:
                raise Failure(f"reload {number} was not seen to answer within {RELOAD_PATIENCE_S:.0f} s: "
                              f"{last_words(running.process)}")
            time.sleep(0.002)
        if time.monotonic() - started > RELOADS_LAST_S:
            return number
    return count


def reload(bench):
    engine = engine_of(bench)
    proxy = Proxy(engine.name, "engine", engine.binary, {"routes": lambda port: reload_routes(port, 0)})
    rate = pace_of(bench, [engine])
    wanted = RELOADS if bench.rounds > 2 else RELOADS // 10
    with Running(bench.stand, proxy) as running:
        reload_often(running, 1)
        finish_paced(bench, start_paced(bench, running, rate, 1))
        memory_before = memory_of(running.pid)["pss"]
        calm = finish_paced(bench, start_paced(bench, running, rate, bench.seconds))
        loaded = start_paced(bench, running, rate, 24 * 3600)
        began = time.monotonic()
        done = reload_often(running, wanted)
        took = time.monotonic() - began
        loaded.send_signal(signal.SIGTERM)
        busy = finish_paced(bench, loaded)
        memory_after = memory_of(running.pid)["pss"]
    rows = {"calm": calm, "reloading": busy}
    for name, found in rows.items():
        bench.say(f"  {name}: p99 {found['p99_us']:.0f} µs, {found['failed']} failed, "
                  f"{found['reconnected']} connections closed, {found['requests']} requests")
    result = entry(f"{done:,} reloads in a row at {rate:,} requests/s", "p99 latency", "µs", {
        name: {"kind": "engine", "value": found["p99_us"], "rounds": [{"value": found["p99_us"], **found}]}
        for name, found in rows.items()})
    return result | {"base": "calm", "changed": "reloading", "rate": rate, "reloads": done,
                     "seconds_per_reload": round(took / done, 5),
                     "memory_growth": round(memory_after / memory_before - 1, 4)}


def entry(title, metric, unit, proxies):
    return {"title": title, "metric": metric, "unit": unit, "proxies": proxies}


SCENARIOS = {"small": small, "64k": body_64k, "1m": body_1m, "newconn": newconn, "https": https, "https-1m": https_1m,
             "handshake": handshake, "resumed": resumed, "h2": h2, "h2-1m": h2_1m, "h2c": h2c, "latency": latency,
             "idle": idle, "idle-tls": idle_tls, "routes": routes, "reload": reload}
ENGINE_ONLY = ("routes", "reload")
