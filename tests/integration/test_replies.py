# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that the engine makes itself: errors, redirects, fixed statuses."""

import json
import re

import pytest
from harness import free_port
from upstream import access_line, site

JSON = [("Accept", "application/json")]
RFC_9209 = {"http_request_error", "http_request_denied", "destination_not_found",
            "connection_limit_reached"}


@pytest.fixture
def own(engine):
    """own(target, *wishes): a client of an engine with this site."""
    clients = []

    def start(to="status:200", *wishes, **options):
        started = engine(site(to, *wishes, **options))
        clients.append(started.client())
        clients[-1].engine = started
        return clients[-1]
    yield start
    for client in clients:
        client.close()


def raw(client, text):
    client.send(text)
    return client.recv_response()


@pytest.mark.parametrize("request_text,status", [
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET /\x01 HTTP/1.1\r\nHost: test.localhost\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: test.localhost\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: test.localhost\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost : test.localhost\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: test.localhost\r\nContent-Length: 1\r\n"
     "Transfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: test.localhost\r\nContent-Length: 1, 2\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: test.localhost\r\nContent-Length: -1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: unknown.localhost\r\n\r\n", 404),
    ("TRACE / HTTP/1.1\r\nHost: test.localhost\r\n\r\n", 405),
    ("PUT / HTTP/1.1\r\nHost: test.localhost\r\nExpect: miracles\r\n\r\n", 417),
    ("POST / HTTP/1.1\r\nHost: test.localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("GET / HTTP/2.0\r\nHost: test.localhost\r\n\r\n", 505),
    ("GET / HTTP/9.9\r\nHost: test.localhost\r\n\r\n", 505),
])
def test_a_request_that_cannot_be_served_gets_its_status(own, request_text, status):
    client = own()
    answer = raw(client, request_text)
    assert answer.status == status
    name = re.match(r"engine; error=(\w+)", answer.header("proxy-status"))[1]
    assert name in RFC_9209
    assert access_line(client.engine, status=status)["error"] == name


def test_an_error_is_html_by_default_and_json_where_it_is_wanted(own):
    client = own()
    page = client.request(host="x.example.com")
    assert page.header("content-type") == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")

    answer = client.request(host="x.example.com", headers=JSON)
    assert answer.header("content-type") == "application/json"
    shown = json.loads(answer.body)
    assert (shown["status"], shown["title"]) == (404, "Not Found")
    assert shown["error"] == "destination_not_found"
    assert re.fullmatch("[0-9a-f]{32}", shown["request_id"])


@pytest.mark.parametrize("accept,kind", [
    ("text/html, application/json;q=0.5", "text/html; charset=utf-8"),
    ("*/*", "text/html; charset=utf-8"), ("application/problem+json", "application/json")])
def test_the_kind_of_an_error_follows_accept(own, accept, kind):
    answer = own().request(host="x.example.com", headers=[("Accept", accept)])
    assert answer.header("content-type") == kind


def test_an_error_to_head_has_no_body(own):
    client = own()
    assert client.request("HEAD", host="x.example.com").body == b""
    assert client.request(host="x.example.com").status == 404


def test_an_error_is_not_cached_and_has_a_date(own):
    answer = own().request(host="x.example.com")
    assert answer.header("cache-control") == "no-store"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.header("date"))


def test_a_script_in_the_path_does_not_reach_the_page(own):
    client = own(f"127.0.0.1:{free_port()}")
    page = client.request(target="/<script>alert(1)</script>?<script>")
    assert page.status == 502 and "<script" not in page.text


def test_a_script_in_the_host_is_refused_and_not_shown(own):
    page = own().request(host="<script>alert(1)</script>")
    assert page.status == 400 and "<script" not in page.text


def test_text_of_the_file_is_escaped_in_html_and_json(own):
    client = own("status:503 a <b> & \"c\"")
    assert "a &lt;b&gt; &amp; &quot;c&quot;" in client.request().text
    assert json.loads(client.request(headers=JSON).body)["detail"] == 'a <b> & "c"'


def test_a_line_end_cannot_be_put_into_a_redirect(own):
    client = own("redirect:https://example.com{uri}")
    answer = client.request(target="/a%0d%0aSet-Cookie:x=1")
    assert answer.header("location") == "https://example.com/a%0d%0aSet-Cookie:x=1"
    assert answer.header("set-cookie") is None


@pytest.mark.parametrize("template,location", [
    ("https://example.com{uri}", "https://example.com/a/b?c=d"),
    ("https://{host}{uri}", "https://test.localhost/a/b?c=d"),
    ("https://example.com/new{path}", "https://example.com/new/a/b"),
    ("https://example.com/?{query}", "https://example.com/?c=d"),
    ("https://example.com/fixed", "https://example.com/fixed")])
def test_a_redirect_keeps_what_it_is_told_to(own, template, location):
    answer = own(f"redirect:{template}").request(target="/a/b?c=d", host="test.localhost:8080")
    assert (answer.status, answer.header("location"), answer.body) == (308, location, b"")


def test_a_redirect_with_a_body_before_it_ends_the_connection_in_order(own):
    client = own("redirect:https://example.com{uri}")
    answer = client.request("POST", body=b"x" * 100)
    assert (answer.status, answer.header("connection")) == (308, "close")
    client.expect_gone()


def test_a_connection_lives_on_after_a_redirect(own):
    client = own("redirect:https://example.com{uri}")
    for _ in range(3):
        assert client.request().status == 308


def test_a_fixed_status_has_its_text(own):
    answer = own("status:410 Gone for good").request()
    assert answer.status == 410 and "Gone for good" in answer.text
    assert answer.header("proxy-status") is None


@pytest.mark.parametrize("status", [204, 304])
def test_a_fixed_status_without_a_body_has_none(own, status):
    client = own(f"status:{status}")
    for _ in range(2):
        assert client.request().status == status


def test_an_unknown_local_name_shows_the_known_ones(engine):
    started = engine('[routes]\n"app.localhost" = 3000\n"app.localhost/api" = 3001\n'
                     '"*.dev.localhost" = 3002\n"secret.example.com" = 3003\n')
    with started.client() as client:
        page = client.request(host="ap.localhost")
        assert page.status == 404
        assert f'<a href="http://app.localhost:{started.port}">' in page.text
        assert "*.dev.localhost" in page.text and "secret.example.com" not in page.text
        shown = json.loads(client.request(host="ap.localhost", headers=JSON).body)
        assert f"app.localhost:{started.port}/api" in shown["sites"]


def test_an_unknown_public_name_shows_nothing(engine):
    with engine('[routes]\n"app.localhost" = 3000\n').client() as client:
        assert "app.localhost" not in client.request(host="other.example.com").text


def test_a_refused_connection_names_target_and_cause(own):
    port = free_port()
    page = own(f"127.0.0.1:{port}").request()
    assert page.status == 502
    assert f"127.0.0.1:{port}" in page.text and "Connection refused" in page.text


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "404.html").write_text("<h1>our own 404</h1>")
    (tmp_path / "5xx.html").write_text("<h1>our own 5xx</h1>")
    return f'errors = "{tmp_path}"'


def test_pages_of_the_errors_directory_are_used(own, pages):
    client = own(f"127.0.0.1:{free_port()}", pages)
    answer = client.request()
    assert (answer.status, answer.text) == (502, "<h1>our own 5xx</h1>")
    assert "error=connection_refused" in answer.header("proxy-status")


def test_a_page_of_one_status_is_used_for_it_alone(own, pages):
    assert own("status:404", pages).request().text == "<h1>our own 404</h1>"
    assert "our own" not in own("status:410", pages).request().text


def test_answers_of_the_target_are_not_replaced(own, pages, echo):
    assert "our own" not in own(echo().port, pages).request(target="/status/503").text


def test_the_directory_is_read_beside_the_file_that_names_it(engine):
    started = engine(site("status:503"), wait=True)
    directory = started.config_path.parent / "pages"
    directory.mkdir()
    (directory / "503.html").write_text("beside")
    assert "reloaded" in started.reload(site("status:503", 'errors = "pages"'))
    with started.client() as client:
        assert client.request().text == "beside"


def test_a_bad_request_behind_a_good_one_is_answered_after_it(own, echo):
    client = own(echo().port)
    client.send_request(target="/delay/50ms/ok")
    client.send("nonsense\r\n\r\n")
    assert client.recv_response().body == b"ok"
    assert client.recv_response().status == 400
    client.expect_gone()
