# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployed service does with hosts, clients, header fields, cookies, its log and its metrics, in the words of
kamal-proxy; over both versions of HTTP."""

import re
import time

import pytest
from certificates import client_context, local_authority
from control import Api, last
from h2 import H2Client
from harness import RawClient
from upstream import access_line, always, site

HOST = "shop.localhost"
CHAIN = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "shop.example.com")]


def answering(*fields):
    """A script of an upstream that answers everything with these fields."""
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return always(f"HTTP/1.1 200 OK\r\n{head}Content-Length: 2\r\n\r\nok".encode())


class Service:
    """An engine with one deployed service, and the upstream behind it."""

    def __init__(self, engine, upstream, version):
        self.engine, self.upstream, self.version = engine, upstream, version
        self.api = Api(engine)

    def ask(self, path="/", headers=(), host=HOST, secure=False):
        address, name = self.engine.address, host.split(":")[0]
        protocol = "h2" if self.version == 2 else "http/1.1"
        tls = client_context(local_authority(self.engine), protocol) if secure else None
        if self.version == 1:
            with RawClient(address, tls=tls, server_name=name) as client:
                return client.request("GET", path, headers, host=host)
        with H2Client(address, tls=tls, name=name) as client:
            return client.request("GET", path, headers, authority=host)

    def seen(self, path="/", headers=(), **options):
        """The request as the target got it."""
        assert self.ask(path, headers, **options).status == 200
        return self.last_request()

    def last_request(self):
        return [each for each in self.upstream.requests if each.target != "/up"][-1]


def field(response, name):
    return next((value for key, value in response.headers if key.lower() == name), None)


@pytest.fixture
def service(engine, upstream, version):
    """service(options, sites, script): deployed, as the client's version of HTTP sees it."""
    def start(options=None, sites=(HOST,), script=answering(), strip_prefix=True):
        started = Service(engine('[routes]\n[log]\naccess = { to = "stdout", format = "json" }\n'), upstream(script),
                          version)
        events = started.api.deploy("web", [started.upstream.address], sites=list(sites), strip_prefix=strip_prefix,
                                    options={"health": {"path": "/up", "every": "50ms", "timeout": "2s"},
                                             **(options or {})})
        assert last(events)[0] == "done", events
        return started
    return start


# ---- Canonical host.

TWO_HOSTS = (HOST, "www." + HOST)


def test_a_request_for_another_host_is_redirected_to_the_canonical_one(service):
    started = service({"canonical_host": HOST}, TWO_HOSTS)
    answer = started.ask("/a%2Fb//c?x=1&y={host}", host="www." + HOST)
    assert (answer.status, field(answer, "location")) == (308, f"http://{HOST}/a%2Fb//c?x=1&y={{host}}")
    assert started.ask(host=HOST).status == 200
    assert started.ask(host=HOST.upper() + ":80").status == 200


def test_the_redirect_to_the_canonical_host_keeps_a_port_that_is_not_80(service):
    started = service({"canonical_host": HOST}, TWO_HOSTS)
    for port, kept in ((":80", ""), (":8080", ":8080")):
        answer = started.ask(host="www." + HOST + port)
        assert field(answer, "location") == f"http://{HOST}{kept}/"


def test_with_tls_one_redirect_leads_to_the_scheme_and_the_host(service):
    started = service({"canonical_host": HOST, "tls": {"redirect": True}}, TWO_HOSTS)
    for host in TWO_HOSTS:
        answer = started.ask("/x?y", host=host)
        assert (answer.status, field(answer, "location")) == (308, f"https://{HOST}/x?y")


def test_over_tls_the_canonical_host_is_one_of_https(service):
    started = service({"canonical_host": HOST}, TWO_HOSTS)
    answer = started.ask("/x", host="www." + HOST, secure=True)
    assert (answer.status, field(answer, "location")) == (308, f"https://{HOST}/x")
    assert started.ask(host=HOST, secure=True).status == 200


def test_challenges_and_health_checks_stay_with_the_host_that_they_name(service):
    started = service({"canonical_host": HOST}, TWO_HOSTS)
    for path in ("/.well-known/acme-challenge/x", "/up"):
        assert started.ask(path, host="www." + HOST).status == 200, path


def test_a_paused_service_still_redirects_to_its_canonical_host(service):
    started = service({"canonical_host": HOST}, TWO_HOSTS)
    started.api.post("/v1/services/web:pause", {"max_pause": "30s"})
    assert started.ask(host="www." + HOST).status == 308


def test_a_canonical_host_that_the_service_does_not_have_is_refused(service):
    started = service()
    problem = started.api.refused(422, "/v1/deploys", {
        "service": "web", "targets": [started.upstream.address], "sites": [HOST],
        "options": {"canonical_host": "other.localhost"}})
    assert problem["detail"] == 'canonical_host "other.localhost" is the host of no site'


def test_a_client_of_http_1_0_that_names_no_host_is_not_sent_in_circles(engine, upstream):
    wishes = ["canonical_host = \"shop.localhost\""]
    with engine(site(upstream().address, *wishes, host="*")).client() as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv_response().status == 200


# ---- Who the client is.

def test_the_client_ip_header_rewrites_x_forwarded_for(service):
    started = service({"client_ip_header": "CF-Connecting-IP"})
    request = started.seen(headers=[("cf-connecting-ip", "203.0.113.9"), ("x-forwarded-for", "6.6.6.6")])
    assert request.header("x-forwarded-for") == request.header("x-real-ip") == "203.0.113.9"
    line = access_line(started.engine, path="/")
    assert line["client"] == "203.0.113.9" and "port" not in line


def test_a_client_ip_header_may_have_a_port_and_be_of_ipv6(service):
    started = service({"client_ip_header": "X-Client"})
    assert started.seen(headers=[("x-client", "[2001:db8::7]:4711")]).header("x-forwarded-for") == "2001:db8::7"
    assert access_line(started.engine, path="/", client="2001:db8::7")["port"] == 4711


@pytest.mark.parametrize("value", ["unknown", "203.0.113.9, 10.0.0.1", ""])
def test_a_client_ip_header_without_an_address_is_ignored(service, value):
    started = service({"client_ip_header": "X-Client"})
    assert started.seen(headers=[("x-client", value)]).header("x-forwarded-for") == "127.0.0.1"
    assert started.seen().header("x-forwarded-for") == "127.0.0.1"


def test_hashing_by_address_follows_the_client_ip_header(engine, upstream, version):
    upstreams = [upstream(answering(("X-Number", str(number)))) for number in range(4)]
    started = Service(engine("[routes]\n"), None, version)
    started.api.deploy("web", [each.address for each in upstreams], sites=[HOST],
                       options={"client_ip_header": "X-Client", "balance": "hash:client-ip"})

    def target_of(client):
        return field(started.ask(headers=[("x-client", client)]), "x-number")
    assert len({target_of("10.0.0.1") for _ in range(5)}) == 1
    assert len({target_of(f"10.0.0.{number}") for number in range(40)}) > 1


def test_forwarded_headers_are_kept_and_appended_where_that_is_asked_for(service):
    request = service({"forward_headers": True}).seen(headers=CHAIN)
    assert request.header("x-forwarded-for") == "203.0.113.9, 127.0.0.1"
    assert request.header("x-forwarded-proto") == "https"
    assert request.header("x-forwarded-host") == "shop.example.com"


def test_forwarded_headers_of_a_stranger_are_replaced_by_default(service):
    request = service().seen(headers=CHAIN)
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert (request.header("x-forwarded-proto"), request.header("x-forwarded-host")) == ("http", HOST)


def test_a_forwarded_proto_that_is_believed_needs_no_redirect(service):
    started = service({"forward_headers": True, "tls": {"redirect": True}})
    assert started.ask().status == 308
    assert started.ask(headers=[("x-forwarded-proto", "https")]).status == 200


def test_a_forwarded_request_id_is_the_same_in_the_log_and_at_the_target(service):
    started = service({"forward_headers": True})
    assert started.seen(headers=[("x-request-id", "mine")]).header("x-request-id") == "mine"
    assert access_line(started.engine, path="/")["id"] == "mine"


# ---- Header fields.

def test_the_target_is_told_when_the_request_started_and_where_it_went(service):
    started = service()
    before = int(time.time() * 1000)
    request = started.seen()
    start = re.fullmatch(r"t=(\d+)", request.header("x-request-start"))
    assert before - 1 <= int(start.group(1)) <= int(time.time() * 1000)
    assert request.header("x-kamal-target") == started.upstream.address


def test_a_request_start_is_preserved_and_a_target_header_replaced(service):
    started = service()
    request = started.seen(headers=[("x-request-start", "t=1"), ("x-kamal-target", "evil:1")])
    assert request.header("x-request-start") == "t=1"
    assert request.header("x-kamal-target") == started.upstream.address


def test_a_site_of_proxy_toml_tells_neither_unless_it_asks(engine, upstream):
    peer = upstream()
    with engine(f'[routes]\n"{HOST}" = "{peer.address}"\n').client() as client:
        client.request(host=HOST)
    assert peer.requests[0].all("x-request-start") == peer.requests[0].all("x-kamal-target") == []


def test_places_name_what_is_known_of_a_request(service):
    headers = {"request": {"set": {"X-All": "{client_ip} {host} {scheme} {other} {request_id}"},
                           "remove": ["X-Internal-*"]},
               "response": {"set": {"X-Served": "{host} {target} {request_id}"},
                            "default": {"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}}}
    started = service({"headers": headers}, script=answering(("Referrer-Policy", "origin")))
    answer = started.ask(headers=[("x-internal-a", "1"), ("x-all", "mine")], host=HOST + ":8080")
    request = started.last_request()
    request_id = request.header("x-request-id")
    assert request.header("x-all") == f"127.0.0.1 {HOST} http {{other}} {request_id}"
    assert request.all("x-internal-a") == []
    assert field(answer, "x-served") == f"{HOST} {started.upstream.address} {request_id}"
    assert (field(answer, "x-frame-options"), field(answer, "referrer-policy")) == ("DENY", "origin")


# ---- Cookies.

def cookies(response):
    return [value for name, value in response.headers if name.lower() == "set-cookie"]


def test_a_cookie_path_gets_the_prefix_that_was_stripped(service):
    started = service({"scope_cookies": True}, [f"{HOST}/app"],
                      answering(("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; path=/x; Secure"),
                                ("Set-Cookie", "c=3")))
    assert cookies(started.ask("/app/login")) == ["a=1; Path=/app", "b=2; path=/app/x; Secure", "c=3"]


def test_cookies_of_a_third_party_domain_are_left_alone(service):
    mine, theirs = f"a=1; Path=/; Domain={HOST}", "b=2; Path=/; Domain=example.com"
    started = service({"scope_cookies": True}, [f"{HOST}/app"], answering(("Set-Cookie", mine), ("Set-Cookie", theirs)))
    assert cookies(started.ask("/app", host=HOST + ":8080")) == [f"a=1; Path=/app; Domain={HOST}", theirs]


@pytest.mark.parametrize("options,sites", [({}, [f"{HOST}/app"]), ({"scope_cookies": True}, [HOST])])
def test_cookies_stay_where_nothing_is_asked_for_or_nothing_stripped(service, options, sites):
    started = service(options, sites, answering(("Set-Cookie", "a=1; Path=/")))
    assert cookies(started.ask("/app")) == ["a=1; Path=/"]


# ---- Log and metrics.

def test_the_log_shows_the_fields_that_it_is_asked_for(service):
    started = service({"log": {"request_headers": ["X-Tag", "X-None"], "response_headers": ["Cache-Control"]}},
                      script=answering(("cache-control", "no-store"), ("Cache-Control", 'private="x"')))
    started.ask(headers=[("x-tag", "a" * 300), ("x-other", "1")])
    line = access_line(started.engine, path="/")
    assert line["request_headers"] == {"X-Tag": "a" * 256}
    assert line["response_headers"] == {"Cache-Control": 'no-store, private="x"'}


def test_secrets_are_not_logged_even_when_asked_for(service):
    started = service()
    problem = started.api.refused(422, "/v1/deploys", {
        "service": "web", "targets": [started.upstream.address],
        "options": {"log": {"request_headers": ["Authorization"], "response_headers": ["Set-Cookie"]}}})
    assert "never logged" in problem["detail"]


def requests_counted(started):
    text = started.api.call("GET", "/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("engine_http_requests_total{")]
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines if f'site="{HOST}/app"' in line)


def test_an_excluded_path_is_not_counted_and_still_logged(service):
    started = service({"metrics": {"skip": ["/healthz"]}}, [f"{HOST}/app"])
    for path in ("/app/healthz", "/app/healthz?x", "/app/healthz/x", "/app/other"):
        started.ask(path)
        access_line(started.engine, path=path.split("?")[0])
    assert requests_counted(started) == 2
