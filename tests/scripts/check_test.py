# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/check can fail: every rule is shown one breach, and a clean tree."""
import pathlib
import subprocess

import pytest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check"
HEAD = "// SPDX-License-Identifier: GPL-3.0-or-later\n"
HEADER = HEAD + "#pragma once\n"

# rule, file, content, what the message must say
BREACHES = [
    ("format", "engine/base/a.cc", HEAD + "int  f( ){return 1;}\n", "a.cc:2: not formatted"),
    ("layers", "engine/base/a.h", HEADER + '#include "engine/io/ring.h"\n', "a.h:3: includes engine/io/ring.h"),
    ("layers", "engine/http/a.h", HEADER + '#include "engine/io/ring.h"\n', "must not know engine/io"),
    ("layers", "engine/proxy/a.cc", HEAD + '#include "engine/async/task.h"\n', "must not know engine/async"),
    ("layers", "config/a.cc", HEAD + '#include "tls/keys.h"\n', "must not know tls"),
    ("layers", "engine/main.cc", HEAD + '#include "tests/support/a.h"\n', "never needs its tests"),
    ("includes", "config/a.cc", HEAD + "#include <format>\n", "a.cc:2: includes <format>"),
    ("includes", "config/a.cc", HEAD + "#include <boost/asio.hpp>\n", "boost"),
    ("includes", "config/a.cc", HEAD + '#include "nowhere.h"\n', "is not there"),
    ("includes", "tls/a.cc", HEAD + "#include <openssl/ssl.h>\n", "TLS is wolfSSL"),
    ("homes", "engine/io/loop.cc", HEAD + "#include <liburing.h>\n", "only engine/io/ring.cc may"),
    ("homes", "tests/sim/a.cc", HEAD + "#include <liburing.h>\n", "only engine/io/ring.cc may"),
    ("homes", "engine/proxy/a.cc", HEAD + "#include <wolfssl/ssl.h>\n", "only tls/ may"),
    ("coroutines", "engine/proxy/a.cc", HEAD + "void f() { co_await g(); }\n", "a.cc:2: co_await outside"),
    ("exceptions", "engine/http/a.cc", HEAD + "void f() { throw 1; }\n", "no exceptions in engine/http"),
    ("lengths", "engine/base/a.h", HEADER + "\n" * 249, "251 lines, at most 250"),
    ("lengths", "engine/base/a.cc", HEAD + "\n" * 500, "501 lines, at most 500"),
    ("lengths", "engine/base/a.cc", HEAD + "void f() {\n" + "  g();\n" * 69 + "}\n", "a.cc:2: f has 71 lines"),
    ("headers", "engine/base/a.h", HEAD, "no #pragma once"),
    ("words", "engine/base/a.cc", HEAD + "// TODO: later\n", "a.cc:2: TODO"),
    ("words", "engine/base/a.cc", HEAD + "class PoolManager {};\n", "PoolManager"),
    ("license", "engine/base/a.cc", "int a;\n", "the first line is not"),
    ("license", "scripts/a", "#!/bin/sh\necho\n", "scripts/a:1: no"),
    ("links", "docs/a.md", "see\n[b](b.md#part)\n", "docs/a.md:2: link to b.md#part"),
    ("standalone", "engine/base/a.h", HEADER + "inline std::string f();\n", "does not compile alone"),
]

# rule, file, content: what looks like a breach but is none
CLEAN = [
    ("layers", "engine/io/a.cc", HEAD + '#include "engine/base/check.h"\n'),
    ("includes", "config/a.cc", HEAD + '#include "config/a.cc"\n#include <fmt/format.h>\n'),
    ("includes", "bench/load/a.cc", HEAD + "#include <openssl/ssl.h>\n"),
    ("homes", "engine/io/ring.cc", HEAD + "#include <liburing.h>\n"),
    ("coroutines", "engine/control/a.cc", HEAD + "void f() { co_await g(); }\n"),
    ("coroutines", "engine/proxy/a.cc", HEAD + '// no co_await here\nauto s = "co_await";\n'),
    ("exceptions", "config/a.cc", HEAD + "void f() { throw 1; }\n"),
    ("exceptions", "engine/io/a.cc", HEAD + "bool try_lock(); // throw, catch\n"),
    ("lengths", "engine/base/a.cc", HEAD + "void f() {\n" + "  g();\n" * 68 + "}\n"),
    ("lengths", "engine/base/a.cc", HEAD + "struct A {\n" + "  int f() { return 1; }\n" * 80 + "};\n"),
    ("lengths", "engine/base/a.cc", HEAD + "constexpr int kTable[] = {\n" + "  1,\n" * 80 + "};\n"),
    ("links", "docs/a.md", "[self](a.md) [out](https://example.org) `[no](no.md)`\n```\n[no](no.md)\n```\n"),
    ("standalone", "engine/base/a.h", HEADER + "#include <string>\nstd::string f();\n"),
]


def check(root, rule):
    return subprocess.run([CHECK, "--root", root, rule], capture_output=True, text=True, check=False)


def write(root, path, content):
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(content)


@pytest.mark.parametrize("rule, path, content, message", BREACHES)
def test_a_breach_is_reported_with_its_place(tmp_path, rule, path, content, message):
    write(tmp_path, path, content)
    run = check(tmp_path, rule)
    assert run.returncode == 1
    assert message in run.stdout


@pytest.mark.parametrize("rule, path, content", CLEAN)
def test_what_is_allowed_passes(tmp_path, rule, path, content):
    write(tmp_path, path, content)
    run = check(tmp_path, rule)
    assert run.returncode == 0, run.stdout


# A constructor's list, a lambda, a template and a macro above a function must not hide its length.
LONG = [
    "A::A(int x) : x_{x}, y_{1} {", "A::A(int x)\n    : x_(x), y_(1) {", "auto f = [](int x) {",
    "template <class T>\nvoid f(T x) {", "std::expected<A, B> A::f() const noexcept {", "auto f() -> std::vector<int> {",
    "#define M {\nvoid f() {",
]


@pytest.mark.parametrize("opening", LONG)
def test_a_long_function_is_found_however_it_opens(tmp_path, opening):
    content = HEAD + "namespace engine::base {\nclass B {\n" + opening + "\n" + "  if (a) { g(); }\n" * 80 + "}\n};\n}\n"
    write(tmp_path, "engine/base/a.cc", content)
    run = check(tmp_path, "lengths")
    assert run.returncode == 1
    assert "at most 70" in run.stdout
