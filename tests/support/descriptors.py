# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds open."""

from pathlib import Path

# The sockets of an idle engine with one worker: the address it listens on and the control socket. Counting at its
# start would be a race: the connection that found it listening may not be closed yet.
LISTENERS = 2


def sockets(process):
    """How many of its descriptors are sockets; those that close meanwhile do not count."""
    count = 0
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            count += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:
            pass
    return count
