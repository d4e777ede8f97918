# SPDX-License-Identifier: GPL-3.0-or-later
"""What testssl.sh, the usual judge of TLS servers, says of the engine."""

import json
import subprocess

import pytest
from certificates import Authority
from upstream import site

HOST = "test.localhost"
BAD = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}
# Of what its authority wrote into the certificate: a private one has no list of revoked certificates.
NOT_OURS = {"cert_revocation"}
# Protocols, kinds of ciphers, what the hello of the server says, and the weaknesses that versions and ciphers alone
# do not rule out.
CHECKS = ["--protocols", "--standard", "--server-defaults", "--heartbleed", "--ccs-injection", "--ticketbleed",
          "--renegotiation", "--compression", "--robot", "--lucky13"]
MADE = {"SSLv2", "SSLv3", "TLS1_2", "TLS1_3", "ALPN_HTTP2", "cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT",
        "cipherlist_LOW", "cipherlist_STRONG", "cert_chain_of_trust", "cert_trust", "heartbleed", "CCS", "ticketbleed",
        "secure_renego", "secure_client_renego", "CRIME_TLS", "ROBOT", "LUCKY13"}


@pytest.mark.release_only
def test_testssl_finds_nothing_of_medium_severity_or_above(engine, echo, tmp_path):
    authority = Authority(tmp_path / "authority")
    pair = authority.issue(HOST, days=365)
    started = engine(site(echo().port) + f"[tls]\nfiles = [{pair.entry()}]\n")
    report = tmp_path / "report.json"
    said = subprocess.run(
        ["testssl", "--quiet", "--color=0", "--warnings=off", "--fast", "--ip=127.0.0.1", "--nodns=none",
         f"--add-ca={authority.ca.cert}", f"--jsonfile={report}", *CHECKS, f"https://{HOST}:{started.port}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd=tmp_path).stdout

    findings = json.loads(report.read_text())
    severity = {finding["id"]: finding["severity"] for finding in findings}
    assert {name: severity.get(name) for name in MADE} == dict.fromkeys(MADE, "OK"), said
    assert [finding for finding in findings if finding["severity"] in BAD and finding["id"] not in NOT_OURS] == []
