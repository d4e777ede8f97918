# SPDX-License-Identifier: GPL-3.0-or-later
"""CORS: preflights that the engine answers, and what responses say to pages of other origins."""

import pytest
from control import Api
from h2 import H2Client
from harness import free_port
from upstream import access_line, always, site

APP = "https://app.example.com"
EVIL = "https://evil.example"
WISHES = f"""cors = {{ origins = ["{APP}", "https://*.example.org", "loopback"], methods = ["GET", "PUT"], \
headers = ["Content-Type", "X-Token"], credentials = true, max_age = "10m" }}"""
ALLOWED = {"access-control-allow-origin": [APP], "access-control-allow-credentials": ["true"],
           "access-control-allow-methods": ["GET, PUT"], "access-control-allow-headers": ["Content-Type, X-Token"],
           "access-control-max-age": ["600"]}
VARY_PREFLIGHT = ["Origin", "Access-Control-Request-Method, Access-Control-Request-Headers"]


def preflight(origin=APP, method="PUT", headers="content-type,x-token"):
    fields = [("origin", origin), ("access-control-request-method", method)]
    return fields + ([("access-control-request-headers", headers)] if headers else [])


def ask(started, version, method="GET", path="/ok", headers=()):
    """One request over this version of HTTP, with its response."""
    if version == 1:
        with started.client() as client:
            return client.request(method, path, headers)
    with H2Client(started.address) as client:
        return client.request(method, path, headers)


def granted(response):
    """What it says of CORS, but for Vary."""
    return {name.lower(): response.all(name) for name, _ in response.headers
            if name.lower().startswith("access-control-")}


@pytest.fixture
def site_with(engine, upstream):
    """site_with(wishes, response): an engine before a target that answers so, and the target."""
    def start(*wishes, fields=b"", **more):
        target = upstream(always(b"HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\nok" % fields))
        return engine(site(target.port, *(wishes or [WISHES]), **more)), target
    return start


# ---- Preflights

def test_a_preflight_is_answered_without_the_target(site_with, version):
    started, target = site_with()
    response = ask(started, version, "OPTIONS", "/a?b", preflight())
    assert (response.status, bytes(response.body), granted(response)) == (204, b"", ALLOWED)
    assert response.all("vary") == VARY_PREFLIGHT
    assert target.connections == 0
    line = access_line(started)
    assert (line["method"], line["status"], line["site"], line["tries"]) == ("OPTIONS", 204, "test.localhost", 0)
    assert "error" not in line and "target" not in line


@pytest.mark.parametrize("asked,why", [
    (preflight(origin=EVIL), f"the origin {EVIL} is not allowed"),
    (preflight(origin="null"), "the origin null is not allowed"),
    (preflight(method="DELETE"), "the method DELETE is not allowed"),
    (preflight(headers="x-token,x-other"), "the header x-other is not allowed")])
def test_a_preflight_for_more_is_refused_with_what_it_is(site_with, version, asked, why):
    started, target = site_with()
    response = ask(started, version, "OPTIONS", "/", [*asked, ("accept", "application/json")])
    assert response.status == 403 and why in bytes(response.body).decode()
    assert "error=http_request_denied" in response.header("proxy-status") and "Origin" in response.all("vary")
    assert "access-control-allow-methods" not in granted(response)
    line = access_line(started)
    assert (line["status"], line["error"], line["details"]) == (403, "http_request_denied", why)
    assert target.connections == 0


def test_a_refused_origin_is_named_as_text_and_never_as_markup(site_with):
    started, _ = site_with()
    response = ask(started, 1, "OPTIONS", "/", preflight(origin="<script>"))
    assert response.status == 403 and "<script>" not in response.text and "&lt;script&gt;" in response.text


@pytest.mark.parametrize("fields", [[], [("origin", APP)], [("access-control-request-method", "PUT")]])
def test_options_that_are_no_preflight_go_to_the_target(site_with, version, fields):
    started, target = site_with()
    assert ask(started, version, "OPTIONS", "/", fields).status == 200
    assert target.requests[0].method == "OPTIONS"


def test_without_cors_a_preflight_goes_to_the_target_and_its_answer_stays(site_with):
    started, target = site_with("host = \"keep\"", fields=b"Access-Control-Allow-Origin: *\r\n")
    response = ask(started, 1, "OPTIONS", "/", preflight())
    assert response.status == 200 and granted(response) == {"access-control-allow-origin": ["*"]}
    assert len(target.requests) == 1


def test_any_header_is_granted_by_its_name(site_with):
    started, _ = site_with('cors = { origins = "loopback", headers = "*", credentials = true }')
    response = ask(started, 1, "OPTIONS", "/", preflight("http://localhost:5173", "GET", "authorization,x-a"))
    assert response.status == 204 and response.header("access-control-allow-headers") == "authorization, x-a"
    assert response.all("access-control-max-age") == []


def test_several_preflights_come_over_one_connection(site_with):
    started, _ = site_with()
    with started.client() as client:
        answers = [client.request("OPTIONS", "/", preflight(method=method)).status for method in ("PUT", "DELETE", "GET")]
    assert answers == [204, 403, 204]


def test_a_preflight_waits_for_no_target_and_follows_no_redirect(engine):
    wishes = [WISHES, "tls.redirect = true", 'canonical_host = "test.localhost"']
    started = engine(site(free_port(), *wishes))
    with started.client() as client:
        assert client.request("OPTIONS", "/", preflight()).status == 204
        moved = client.request("GET", "/", [("origin", APP)])
    assert moved.status == 308 and moved.header("access-control-allow-origin") == APP


# ---- Responses

@pytest.mark.parametrize("origin", [APP, "https://a.b.example.org", "http://localhost:3000", "http://127.0.0.1",
                                    "http://[::1]:9", "https://x.localhost"])
def test_a_response_to_an_allowed_origin_names_it(site_with, version, origin):
    started, target = site_with()
    response = ask(started, version, headers=[("origin", origin)])
    assert (response.status, bytes(response.body)) == (200, b"ok")
    assert granted(response) == {"access-control-allow-origin": [origin], "access-control-allow-credentials": ["true"]}
    assert response.all("vary") == ["Origin"]
    assert target.requests[0].header("origin") == origin


@pytest.mark.parametrize("fields", [[], [("origin", EVIL)], [("origin", "null")], [("origin", "https://example.org")]])
def test_other_requests_are_passed_on_and_granted_nothing(site_with, version, fields):
    started, target = site_with()
    response = ask(started, version, headers=fields)
    assert (response.status, granted(response), response.all("vary")) == (200, {}, ["Origin"])
    assert len(target.requests) == 1


TARGETS_OWN = (b"Access-Control-Allow-Origin: *\r\naccess-control-allow-credentials: true\r\n"
               b"Access-Control-Max-Age: 9\r\nAccess-Control-Expose-Headers: ETag\r\nVary: Accept\r\n")


def test_what_the_target_says_itself_never_stands_beside_it(site_with, version):
    started, _ = site_with('cors.origins = "loopback"', fields=TARGETS_OWN)
    response = ask(started, version, headers=[("origin", "http://localhost")])
    assert granted(response) == {"access-control-allow-origin": ["http://localhost"],
                                 "access-control-expose-headers": ["ETag"]}
    assert response.all("vary") == ["Accept", "Origin"]
    response = ask(started, version, headers=[("origin", EVIL)])
    assert granted(response) == {"access-control-expose-headers": ["ETag"]}


def test_any_origin_is_told_the_same(site_with):
    started, _ = site_with('cors.origins = "*"')
    for fields in ([], [("origin", EVIL)], [("origin", "null")]):
        response = ask(started, 1, headers=fields)
        assert granted(response) == {"access-control-allow-origin": ["*"]} and response.all("vary") == []


def test_a_page_can_read_the_status_of_our_own_errors(engine, version):
    started = engine(site(free_port(), WISHES))
    response = ask(started, version, headers=[("origin", APP)])
    assert response.status == 502 and response.header("access-control-allow-origin") == APP
    assert response.header("access-control-allow-credentials") == "true" and response.all("vary") == ["Origin"]
    assert granted(ask(started, version, headers=[("origin", EVIL)])) == {}


def test_a_fixed_status_and_an_unknown_site(engine):
    started = engine(site("status:404 Nothing", WISHES))
    assert ask(started, 1, headers=[("origin", APP)]).header("access-control-allow-origin") == APP
    with started.client() as client:
        other = client.request(headers=[("origin", APP)], host="other.example.com")
    assert other.status == 404 and granted(other) == {}


def test_a_buffered_response_says_it_too(site_with):
    started, _ = site_with(WISHES, "buffer.responses = true")
    assert ask(started, 1, headers=[("origin", APP)]).header("access-control-allow-origin") == APP


def test_defaults_hold_for_every_site_and_a_reload_changes_them(engine, upstream):
    target = upstream()
    with_defaults = site(target.port, more=f"[defaults]\n{WISHES}\n")
    started = engine(with_defaults)
    assert ask(started, 1, headers=[("origin", APP)]).header("access-control-allow-origin") == APP
    started.reload(with_defaults.replace(APP, "https://new.example.com"))
    assert granted(ask(started, 1, headers=[("origin", APP)])) == {}
    assert ask(started, 1, "OPTIONS", "/", preflight("https://new.example.com")).status == 204


def test_explain_says_what_other_origins_may_do(site_with):
    started, _ = site_with()
    cors = Api(started).post("/v1/explain", {"method": "GET", "url": "http://test.localhost/"})["cors"]
    assert cors == {"origins": [APP, "https://*.example.org", "loopback"], "methods": ["GET", "PUT"],
                    "headers": ["Content-Type", "X-Token"], "credentials": True, "max_age": "10m"}


def test_a_service_that_is_added_at_run_time_has_it_too(site_with):
    started, target = site_with("host = \"keep\"")
    options = {"to": f"127.0.0.1:{target.port}", "cors": {"origins": ["loopback"], "max_age": "1m"}}
    Api(started).post("/v1/routes/added.localhost", options, method="PUT")
    with started.client() as client:
        response = client.request("OPTIONS", "/", preflight("http://localhost", "GET", ""), host="added.localhost")
    assert response.status == 204 and response.header("access-control-max-age") == "60"
