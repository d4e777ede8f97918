# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of authorities of a Debian system, which `engine trust` changes, and how to put it back."""

import os
import shutil
import subprocess
from pathlib import Path

OURS = Path("/usr/local/share/ca-certificates/engine-local-ca.crt")
LISTS = Path("/etc/ssl/certs")
BUNDLE = LISTS / "ca-certificates.crt"
JAVA_LIST = LISTS / "java/cacerts"


def why_it_may_not_change():
    """"" where a test may change it."""
    if not os.access(OURS.parent, os.W_OK) or not shutil.which("update-ca-certificates"):
        return "no list of authorities that this user may change"
    return f"{OURS} is in use" if OURS.exists() else ""


def put_back():
    if OURS.exists():
        OURS.unlink()
        subprocess.run(["update-ca-certificates", "--fresh"], check=True, capture_output=True)
