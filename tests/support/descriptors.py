# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds open."""

from pathlib import Path


def sockets(process):
    """How many of its descriptors are sockets; those that close meanwhile do not count."""
    count = 0
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            count += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:
            pass
    return count
