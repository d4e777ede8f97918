# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kind of build the tests run against, and the marks that depend on it."""

import functools
import re
import subprocess

from harness import engine_binary

MARKS = {
    "tsan": "several workers at once, run under ThreadSanitizer",
    "release_only": "measures memory or speed, which sanitizers change: left out on their builds",
}


@functools.cache
def sanitizers():
    """"address,undefined" and the like; "" on a build without."""
    try:
        text = subprocess.run([engine_binary(), "version", "--verbose"], capture_output=True, text=True).stdout
    except OSError:
        return ""
    found = re.search(r"^\s*build\s+\S+, (\S+)$", text, re.M)
    return found[1] if found else ""


def leave_out(config, items):
    """Deselects what says nothing about this build."""
    if not sanitizers():
        return
    out = [item for item in items if item.get_closest_marker("release_only")]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]
