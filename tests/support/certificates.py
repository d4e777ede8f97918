# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests, made with openssl, and Python's side of TLS."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


def openssl(*arguments, stdin=b"", check=True):
    """What openssl printed, on both outputs."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=20)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0 or not check, text
    return text


@dataclass
class Pair:
    cert: Path
    key: Path

    def entry(self, default=False):
        """Its line in [tls] files."""
        return f'{{ cert = "{self.cert}", key = "{self.key}"{", default = true" if default else ""} }}'


class Authority:
    """A certificate authority of its own, in a directory."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ca = Pair(self.directory / "ca.pem", self.directory / "ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30,
                "-keyout", self.ca.key, "-out", self.ca.cert, "-subj", "/CN=test authority")

    def issue(self, *names, days=30, rsa=False, client=False, file=None):
        """A pair for these names and addresses."""
        stem = file or names[0].replace("*", "_")
        pair = Pair(self.directory / f"{stem}.pem", self.directory / f"{stem}.key")
        request = self.directory / f"{stem}.csr"
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-keyout", pair.key, "-out", request,
                "-subj", f"/CN={names[0]}")
        san = ",".join(f"IP:{name}" if name.replace(".", "").isdigit() else f"DNS:{name}" for name in names)
        extensions = self.directory / f"{stem}.ext"
        extensions.write_text(f"subjectAltName={san}\nextendedKeyUsage={'clientAuth' if client else 'serverAuth'}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.ca.cert, "-CAkey", self.ca.key, "-CAcreateserial",
                "-days", days, "-extfile", extensions, "-out", pair.cert)
        return pair

    def client(self, *protocols):
        return client_context(self.ca.cert, *protocols)


def client_context(ca, *protocols):
    """Verifies as browsers do, against this authority alone; speaks HTTP/1.1 where nothing else is said."""
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols(protocols or ["http/1.1"])
    return context


def local_authority(engine, name="test.localhost"):
    """The certificate of the engine's own authority, which the first local name that is asked for creates."""
    ca = engine.directory / "state/tls/ca.pem"
    if not ca.exists():
        openssl("s_client", "-connect", f"127.0.0.1:{engine.port}", "-servername", name, check=False)
    return ca
