# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns measured rounds into ratios, tables, the results file and the README's table."""
import datetime
import json
import os
import platform
import subprocess
from statistics import median

from proxies import PEERS

AGAIN = "engine (again)"
GENERATOR_BOUND = 0.03    # idle share of the proxy's core above which requests/s say nothing about it
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


# ---- ratios -------------------------------------------------------------------------------------

def ratio(proxies, above, below):
    """Round by round, so that both figures come from the same minute of the machine."""
    pairs = [round(a["value"] / b["value"], 4)
             for a, b in zip(proxies[above]["rounds"], proxies[below]["rounds"]) if b["value"] > 0]
    if not pairs:
        return None
    return {"of": above, "to": below, "median": median(pairs), "min": min(pairs), "max": max(pairs), "pairs": pairs}


def add_ratios(result, engine_b=None):
    """What the rounds say about the engine: its noise, its best peer, the floor, and its variant."""
    proxies = result["proxies"]
    found = result["ratios"] = {}
    if "base" in result:
        found["change"] = ratio(proxies, result["changed"], result["base"])
        return
    first = "engine" if "engine" in proxies else next(name for name in proxies if "(again)" not in name)
    again = first + " (again)"
    if again in proxies:
        found["noise"] = ratio(proxies, again, first)
    peers = [name for name, row in proxies.items() if row["kind"] in PEERS and name not in (first, again)]
    if peers:
        best = min(peers, key=lambda name: proxies[name]["value"])
        found["best_peer"] = ratio(proxies, first, best)
    if "floor" in proxies and first != "floor":
        found["floor"] = ratio(proxies, first, "floor")
    if engine_b and engine_b in proxies:
        found["engine_b"] = ratio(proxies, engine_b, first)


# ---- the terminal -------------------------------------------------------------------------------

def figure(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"


RATIO_WORDS = {"noise": "noise (same against same)", "best_peer": "against the best peer",
               "floor": "against the floor", "engine_b": "B against A", "change": "change"}


def terminal_table(name, result):
    rows = {proxy: terminal_row(row) for proxy, row in result["proxies"].items()}
    rated = any(rate for _, rate, _ in rows.values())
    lines = ["", f"{name}: {result['title']}",
             f"  {'':20}{result['metric'] + ', ' + result['unit']:>42}{'requests/s' if rated else '':>14}"]
    lines += [f"  {proxy:20}{value:>42}{rate:>14}  {notes}".rstrip() for proxy, (value, rate, notes) in rows.items()]
    for key, found in result["ratios"].items():
        if found:
            lines.append(f"  {RATIO_WORDS[key]}: {found['of']} / {found['to']} = {found['median']:.3f} "
                         f"({found['min']:.3f} to {found['max']:.3f})")
            if key == "engine_b":
                lines.append("    pair by pair: " + " ".join(f"{pair:.3f}" for pair in found["pairs"]))
    if "reloads" in result:
        busy = result["proxies"]["reloading"]["rounds"][0]
        lines.append(f"  {result['reloads']} reloads, {result['seconds_per_reload'] * 1000:.1f} ms each; "
                     f"{busy['failed']} failed requests, {busy['reconnected']} closed connections, "
                     f"memory {result['memory_growth']:+.1%}")
    return "\n".join(lines)


def terminal_row(row):
    """The value, the rate where there is one, and what makes either doubtful."""
    rounds, notes = row["rounds"], []
    rates = [one["requests_per_second"] for one in rounds if "requests_per_second" in one]
    if rates and median(one["core_idle"] for one in rounds) > GENERATOR_BOUND:
        notes.append("bound by the generator")
    disturbed = sum(1 for one in rounds if one.get("disturbed"))
    if disturbed:
        notes.append(f"{disturbed} of {len(rounds)} rounds disturbed by other work")
    return figure(row["value"]), f"{median(rates):,.0f}" if rates else "", "; ".join(notes)


# ---- the results file ---------------------------------------------------------------------------

def git(root, *words):
    said = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    return said.stdout.strip() if said.returncode == 0 else ""


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    with open("/proc/meminfo", encoding="utf-8") as info:
        memory = int(info.readline().split()[1]) // 1024
    return {"cpu": names[0] if names else platform.machine(), "cores": os.cpu_count(), "memory_mib": memory,
            "kernel": platform.release()}


class ResultsFile:
    """bench/results/DATE-COMMIT.json; a run of some scenarios replaces only those."""

    def __init__(self, root, facts):
        commit = git(root, "rev-parse", "--short", "HEAD") or "nocommit"
        date = datetime.date.today().isoformat()
        self.path = root / "bench" / "results" / f"{date}-{commit}.json"
        self.content = {"scenarios": {}}
        if self.path.exists():
            self.content = json.loads(self.path.read_text(encoding="utf-8"))
        self.facts = facts | {"date": date, "commit": commit,
                              "changed_since_commit": bool(git(root, "status", "--porcelain"))}

    def add(self, name, result, flags):
        scenarios = self.content["scenarios"] | {name: result | {"flags": flags}}
        self.content = self.facts | {"scenarios": scenarios}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# ---- the README ---------------------------------------------------------------------------------

COLUMNS = {"engine": "engine", "nginx": "nginx", "haproxy": "HAProxy", "h2o": "h2o", "nghttpx": "nghttpx", "floor": "floor"}
ROWS = {"small": "2-byte body", "64k": "64 KiB body", "1m": "1 MiB body", "newconn": "new connection per request",
        "https": "2-byte body, TLS 1.3", "https-1m": "1 MiB body, TLS 1.3", "handshake": "TLS 1.3 handshake per request",
        "resumed": "resumed TLS 1.3 handshake per request", "h2": "2-byte body, HTTP/2, TLS 1.3",
        "h2-1m": "1 MiB body, HTTP/2, TLS 1.3", "h2c": "2-byte body, HTTP/2 in plaintext",
        "latency": "p99 at a fixed rate", "idle": "memory per idle connection",
        "idle-tls": "memory per idle TLS 1.3 connection"}


def readme_table(content):
    rows = {words: content["scenarios"][name] for name, words in ROWS.items() if name in content["scenarios"]}
    measured = {row["kind"] for result in rows.values() for row in result["proxies"].values()}
    columns = [kind for kind in COLUMNS if kind in measured]
    titles = " | ".join(COLUMNS[kind] for kind in columns)
    lines = [f"| HTTP/1.1 where nothing else is said, one worker on one core | {titles} | engine ÷ best peer |",
             "|---|" + "--:|" * (len(columns) + 1)]
    for words, result in rows.items():
        cells = [readme_cell(result, kind) for kind in columns]
        lines.append(f"| {words} | " + " | ".join(cells) + f" | {readme_ratio(result)} |")
    lines += ["", *readme_notes(content)]
    return "\n".join(lines)


def readme_cell(result, kind):
    """nginx is measured with and without buffering; the better one counts."""
    values = [row["value"] for name, row in result["proxies"].items() if row["kind"] == kind and "(again)" not in name]
    return f"{figure(min(values))} {result['unit']}" if values else "–"


def readme_ratio(result):
    found = result["ratios"].get("best_peer")
    if not found or found["of"] != "engine":
        return "–"
    return f"**{found['median']:.2f}** ({found['min']:.2f}–{found['max']:.2f})"


def readme_notes(content):
    facts, versions = content["machine"], content["versions"]
    notes = [f"CPU time of the proxy per request where nothing else is said; lower is better. The floor relays bytes "
             f"blindly. In brackets: the lowest and the highest round. {facts['cpu']}, kernel {facts['kernel']}; "
             + ", ".join(versions[name] for name in PEERS if name in versions)
             + f"; {content['date']}, commit {content['commit']}."]
    noise = [found for result in content["scenarios"].values() if (found := result["ratios"].get("noise"))]
    if noise:
        notes.append(f"The engine against itself in the same runs: {min(n['median'] for n in noise):.2f}–"
                     f"{max(n['median'] for n in noise):.2f}. How it is measured: [docs/benchmarks.md](docs/benchmarks.md).")
    rounds = [one for result in content["scenarios"].values() for row in result["proxies"].values()
              for one in row["rounds"]]
    if disturbed := sum(1 for one in rounds if one.get("disturbed")):
        notes.append(f"{disturbed} of {len(rounds)} rounds were disturbed by other work on the machine.")
    for name, words in (("routes", "{of} against {to}: CPU × {median:.2f}."),
                        ("reload", "{reloads:,} reloads under load: p99 × {median:.2f}, {failed} failed requests.")):
        result = content["scenarios"].get(name)
        if result and result["ratios"].get("change"):
            failed = sum(one.get("failed", 0) for row in result["proxies"].values() for one in row["rounds"])
            notes.append(words.format(**result["ratios"]["change"], reloads=result.get("reloads"), failed=failed))
    return [" ".join(notes)]


def rewrite_readme(root):
    """Returns what went wrong, or nothing."""
    files = sorted((root / "bench" / "results").glob("*.json"), key=lambda f: (f.name[:10], f.stat().st_mtime))
    if not files:
        return "there is no file in bench/results yet: run scripts/bench"
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        return f"README.md needs one line {BEGIN} and below it one line {END}"
    table = readme_table(json.loads(files[-1].read_text(encoding="utf-8")))
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    readme.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8")
    print(f"bench: README.md shows {files[-1].relative_to(root)}")
    return None
