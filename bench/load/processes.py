# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts processes on a core, ends them by pid, and reads what they cost from /proc."""
import os
import signal
import socket
import subprocess
import time

STOP_PATIENCE_S = 5.0


class Failure(Exception):
    """One clear sentence for the person who runs the benchmark."""


class Processes:
    """Owns every process of a run; end() leaves none, whatever happened before."""

    def __init__(self):
        self.running = []

    def start(self, command, core, log, stdin=subprocess.DEVNULL, stdout=None):
        # A session of its own: Ctrl-C reaches this script only, which then ends its children in order.
        with open(log, "ab") as output:
            process = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdin=stdin,
                                       stdout=stdout or output, stderr=output, start_new_session=True)
        process.log = log
        self.running.append(process)
        return process

    def end(self, process):
        """Asks, then insists; also for children that a killed parent would leave behind."""
        family = family_of(process.pid)
        deadline = time.monotonic() + STOP_PATIENCE_S
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in family - {process.pid}:
            while is_alive(pid) and time.monotonic() < deadline:
                time.sleep(0.01)
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
        if process in self.running:
            self.running.remove(process)

    def end_all(self, keep=None):
        for process in reversed(list(self.running)):
            if process is not keep:
                self.end(process)


# ---- ports --------------------------------------------------------------------------------------

_next_port = 20000 + os.getpid() % 4000


def free_port():
    """A port nobody has had in this run, below the range that outgoing connections use."""
    global _next_port
    while _next_port < 32000:
        _next_port += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue
    raise Failure("no free port between 20000 and 32000")


def wait_for_port(port, process, name, patience_s=10.0):
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failure(f"{name} ended at once (exit code {process.returncode}): {last_words(process)}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failure(f"{name} does not accept connections on port {port} after {patience_s:.0f} s: "
                  f"{last_words(process)}")


def last_words(process):
    with open(process.log, encoding="utf-8", errors="replace") as log:
        words = log.read().strip().splitlines()
    return " / ".join(words[-4:]) or "it said nothing"


# ---- what /proc knows ---------------------------------------------------------------------------

def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def family_of(root):
    """The pids of a process and everything below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8") as stat:
                    parents[int(name)] = int(stat.read().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    family, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        family.add(pid)
        waiting += [child for child, parent in parents.items() if parent == pid and child not in family]
    return family


def thread_times(root):
    """CPU time in ns of every thread of the family; the kernel's I/O workers are threads of it too."""
    times = {}
    for pid in family_of(root):
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for thread in threads:
            try:
                with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="utf-8") as schedstat:
                    times[pid, int(thread)] = int(schedstat.read().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return times


def process_time(root):
    """CPU time in ns of the family including threads that have ended; only exact to 10 ms."""
    ticks = 0
    for pid in family_of(root):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class CpuMeter:
    """CPU time of a family of processes between its creation and spent()."""

    def __init__(self, root):
        self.root = root
        self.coarse = process_time(root)
        self.threads = thread_times(root)

    def spent(self):
        now = thread_times(self.root)
        fine = sum(time - self.threads.get(thread, 0) for thread, time in now.items())
        if self.threads.keys() <= now.keys():
            return fine
        # A thread ended and took its figure along: the process's own sum still has it.
        return max(fine, process_time(self.root) - self.coarse)


class CoreMeter:
    """How one core spent the time between its creation and shares()."""

    def __init__(self, core):
        self.core = core
        self.before = self.read()

    def read(self):
        with open("/proc/stat", encoding="utf-8") as stat:
            for line in stat:
                if line.startswith(f"cpu{self.core} "):
                    return [int(field) for field in line.split()[1:9]]
        raise Failure(f"there is no core {self.core} on this machine")

    def shares(self):
        spent = [now - before for now, before in zip(self.read(), self.before)]
        total = max(1, sum(spent))
        return {"idle": (spent[3] + spent[4]) / total, "steal": spent[7] / total,
                "busy": 1 - (spent[3] + spent[4] + spent[7]) / total}


def memory_of(root):
    """User-space memory of the family: proportional and private, in bytes."""
    sums = {"pss": 0, "private": 0}
    for pid in family_of(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as rollup:
                lines = rollup.read().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for name, *rest in map(str.split, lines):
            if name == "Pss:":
                sums["pss"] += int(rest[0]) * 1024
            elif name in ("Private_Clean:", "Private_Dirty:"):
                sums["private"] += int(rest[0]) * 1024
    return sums
