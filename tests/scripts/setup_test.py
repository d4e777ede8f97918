# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/setup finds the Debian mirror in the apt settings that exist in the wild."""
import os
import pathlib
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
RELEASE = "bookworm"

# name of the file, its content, the mirrors in it
SETTINGS = [
    ("sources.list", f"deb http://a.example/debian {RELEASE} main contrib\n", ["http://a.example/debian"]),
    ("sources.list", f"# deb http://old.example {RELEASE} main\ndeb-src  https://a.example/d/  trixie  main # mine\n",
     ["https://a.example/d/"]),
    ("sources.list.d/x.list", f"deb [ arch=amd64 signed-by=/k.gpg ] http://a.example/d {RELEASE} main\n",
     ["http://a.example/d"]),
    ("sources.list", f"deb http://s.example/debian-security {RELEASE}-security main\n", []),
    ("sources.list", f"deb http://third.example {RELEASE} stable\ndeb http://four.example ./\n", []),
    ("sources.list.d/debian.sources",
     f"Types: deb\n# a comment\nURIs: http://a.example/debian\nSuites: {RELEASE} {RELEASE}-updates\nComponents: main\n\n"
     f"Types: deb\nURIs: http://s.example\nSuites: {RELEASE}-security\nComponents: main\n", ["http://a.example/debian"]),
    ("sources.list.d/debian.sources",
     f"types: deb deb-src\nuris: http://a.example\n http://b.example\nsuites: {RELEASE}\ncomponents: main non-free\n",
     ["http://a.example", "http://b.example"]),
    ("sources.list.d/debian.sources",
     f"Enabled: no\nTypes: deb\nURIs: http://a.example\nSuites: {RELEASE}\nComponents: main\n", []),
    ("sources.list.d/other.sources", "Types: deb\nURIs: http://n.example\nSuites: nodistro\nComponents: main\n", []),
    ("sources.list.d/old.list.disabled", f"deb http://a.example {RELEASE} main\n", []),
]


@pytest.mark.parametrize("name, content, mirrors", SETTINGS)
def test_the_mirror_comes_from_the_machines_own_settings(tmp_path, name, content, mirrors):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(content)
    (tmp_path / "apt.conf").write_text(f'Dir::Etc "{tmp_path}";\n')
    script = f'set -euo pipefail; . "{SCRIPTS}/lib.sh"; . "{SCRIPTS}/deps.sh"; debian_mirrors'
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True,
                         env={**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf")})
    assert run.stdout.split() == mirrors
