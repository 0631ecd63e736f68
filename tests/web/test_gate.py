"""Who is let in, over real connections: tokens, roles, cookies, proxies, limits."""

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from monitor.web.body_limit import MOST_BODY_BYTES
from monitor.web.gate import GUESSING, OPEN, PROBES
from monitor.web.operators import operator_of
from monitor.web.settings import WebSettings
from tests.support.web_site import (
    OPERATOR,
    VIEWER,
    Site,
    authorized,
    incident,
    record,
    tokens,
    web_site,
)
from tests.support.web_states import FixedState, camera, snapshot

CLOSED = WebSettings(tokens=tokens(), open_reading=False)
ORIGIN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = FixedState(snapshot(camera("yard")))
    with web_site(tmp_path_factory.mktemp("site"), state=state, settings=CLOSED) as site:
        record(site.keeper, incident("yard", 1_700_000_000.0))
        yield site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    site.server.apply(CLOSED)
    site.server.app.gate.guessing._levels.clear()
    with httpx.Client(base_url=site.url, timeout=20) as client:
        yield client


def log_in(client: httpx.Client, token: str, next: str = "/") -> httpx.Response:
    return client.post("/login", data={"token": token, "next": next}, headers=ORIGIN)


READ = ["/", "/events", "/silences", "/settings", "/api/v1/status", "/api/v1/cameras",
        "/api/v1/events", "/api/v1/events/1", "/api/v1/silences", "/api/v1/live", "/openapi.json",
        "/api/v1/openapi.json", "/api/v1/cameras/yard/thumbnail.jpg", "/api/v1/evidence/1",
        "/nowhere"]  # fmt: skip
CHANGE = [("POST", "/api/v1/events/1/acknowledge"), ("POST", "/api/v1/events/1/confirm"),
          ("POST", "/api/v1/events/1/false-alarm"), ("DELETE", "/api/v1/events/1/verdict"),
          ("POST", "/api/v1/silences"), ("DELETE", "/api/v1/silences/1")]  # fmt: skip


@pytest.mark.parametrize("path", READ)
def test_nothing_is_read_without_a_token_where_reading_is_closed(
    client: httpx.Client, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "token" in answer.json()["detail"]
    wrong = client.get(path, headers=authorized("wrong" * 5))
    assert wrong.status_code == 401
    assert "not known here, or is no longer" in wrong.json()["detail"]
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_a_body_that_means_nothing_here_is_not_read(client: httpx.Client) -> None:
    huge = {"token": ("token.bin", bytes(MOST_BODY_BYTES))}
    answer = client.post("/login", files=huge, headers=ORIGIN)
    assert answer.status_code == 413
    assert str(MOST_BODY_BYTES) in answer.json()["detail"]


def test_a_body_that_grows_too_large_ends_its_request(client: httpx.Client) -> None:
    parts = iter([b"token="] + [b"a" * 16_384] * 8)
    kind = {"content-type": "application/x-www-form-urlencoded", **ORIGIN}
    try:
        code = client.post("/login", content=parts, headers=kind).status_code
    except httpx.TransportError:
        return  # the connection was closed
    assert code >= 400


def test_a_login_at_a_proxy_is_no_token_and_nobody_of_this_machine(
    client: httpx.Client, site: Site
) -> None:
    basic = {"authorization": "Basic dXNlcjp3b3Jk"}
    assert log_in(client, VIEWER).status_code == 303
    for _ in range(3 * int(GUESSING.burst)):
        assert client.get("/api/v1/status", headers=basic).status_code == 200
    client.cookies.clear()
    site.server.apply(replace(CLOSED, open_reading=True))
    assert client.get("/api/v1/status").status_code == 200
    assert client.get("/api/v1/status", headers=basic).status_code == 401


def test_a_page_of_another_site_cannot_log_out(client: httpx.Client, site: Site) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    site.server.apply(replace(CLOSED, open_reading=True))
    answer = client.post("/logout", headers=foreign)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/login", "/style.css"])
def test_probes_and_metrics_are_open(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_metrics_can_be_closed(client: httpx.Client, site: Site) -> None:
    site.server.apply(replace(CLOSED, open_metrics=False))
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=authorized(VIEWER)).status_code == 200


def test_this_machine_reads_and_does_not_operate_without_a_token(
    client: httpx.Client, site: Site
) -> None:
    site.server.apply(WebSettings(tokens=tokens()))
    assert client.get("/api/v1/events").status_code == 200
    for method, path in CHANGE:
        assert client.request(method, path, json={}).status_code == 401


@pytest.mark.parametrize(("method", "path"), CHANGE)
def test_viewer_reads_and_does_not_operate(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, headers=authorized(VIEWER), json={})
    assert (answer.status_code, "view and not operate" in answer.json()["detail"]) == (403, True)


def test_every_route_that_changes_something_asks_for_the_role(site: Site) -> None:
    """Also one that is added later."""

    def dependencies(route: APIRoute) -> set[object]:
        left = [route.dependant]
        found: set[object] = set()
        while left:
            dependant = left.pop()
            found.add(dependant.call)
            left += dependant.dependencies
        return found

    routes = [route for route in site.server.app.routes() if isinstance(route, APIRoute)]
    changing = [route for route in routes if not (route.methods or set()) <= {"GET", "HEAD"}]
    assert len(changing) >= 9
    for route in changing:
        guarded = operator_of in dependencies(route)
        assert guarded or route.path in ("/login", "/logout"), route.path
    assert {"/livez", "/readyz"} == PROBES
    assert {"/login", "/style.css", "/page.js", "/icon.svg"} == OPEN


def test_page_without_a_login_leads_to_it_and_back(client: httpx.Client) -> None:
    answer = client.get("/events?state=firing", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fevents%3Fstate%3Dfiring"
    page = client.get(answer.headers["location"])
    assert 'name="next" value="/events?state=firing"' in page.text
    done = log_in(client, VIEWER, "/events?state=firing")
    assert (done.status_code, done.headers["location"]) == (303, "/events?state=firing")
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert VIEWER not in done.headers["set-cookie"]
    assert client.get("/events").status_code == 200


def test_who_is_logged_in_is_led_on_from_the_login(client: httpx.Client) -> None:
    """Also after a link from a mail, with which the browser sends no cookie at first."""
    log_in(client, VIEWER)
    answer = client.get("/login?next=/events")
    assert (answer.status_code, answer.headers["location"]) == (303, "/events")


def test_wrong_token_at_the_login_is_refused_in_words(client: httpx.Client) -> None:
    answer = log_in(client, "wrong-token-0123456789")
    assert answer.status_code == 401
    assert "not known here" in answer.text
    assert "set-cookie" not in answer.headers
    assert "wrong-token" not in answer.text


def test_login_leads_nowhere_else(client: httpx.Client) -> None:
    assert log_in(client, VIEWER, "https://evil.example/").headers["location"] == "/"
    assert log_in(client, VIEWER, "//evil.example/").headers["location"] == "/"


def test_logout_ends_the_cookie_for_whoever_has_it(client: httpx.Client) -> None:
    log_in(client, OPERATOR)
    stolen = client.cookies["emberwatch"]
    page = client.get("/").text
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    assert client.post("/logout", data={"csrf": "wrong"}, headers=ORIGIN).status_code == 403
    assert client.post("/logout", data={"csrf": csrf}, headers=ORIGIN).status_code == 303
    client.cookies.clear()
    assert client.get("/", headers={"cookie": f"emberwatch={stolen}"}).status_code == 401


@pytest.mark.parametrize("kept", [True, False])
def test_logout_holds_over_a_restart_where_the_disk_takes_it(tmp_path: Path, kept: bool) -> None:
    file = tmp_path / "ended-logins.json" if kept else tmp_path / "nowhere" / "file"
    for run in ("first", "second"):
        with (
            web_site(tmp_path / run, settings=CLOSED, ended_logins=file) as site,
            httpx.Client(base_url=site.url, timeout=20) as client,
        ):
            if run == "first":
                log_in(client, VIEWER)
                cookie = {"cookie": f"emberwatch={client.cookies['emberwatch']}"}
                csrf = client.get("/").text.partition('name="csrf" value="')[2].partition('"')[0]
                done = client.post("/logout", data={"csrf": csrf}, headers=ORIGIN)
                assert done.status_code == 303
                client.cookies.clear()
                assert client.get("/", headers=cookie).status_code == 401
            else:
                assert client.get("/", headers=cookie).status_code == (401 if kept else 200)


def test_cookie_operates_from_our_own_pages_alone(client: httpx.Client, site: Site) -> None:
    log_in(client, OPERATOR)
    path = "/api/v1/events/1/acknowledge"
    assert client.post(path).status_code == 403
    assert client.post(path, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post(path, headers={"origin": site.url}).status_code == 200


def test_form_operates_only_with_what_our_page_gave_it(client: httpx.Client) -> None:
    log_in(client, OPERATOR)
    csrf = client.get("/events/1").text.partition('name="csrf" value="')[2].partition('"')[0]
    say = {"say": "confirm", "csrf": csrf}
    path = "/events/1/feedback"
    assert client.post(path, data=say | {"csrf": ""}, headers=ORIGIN).status_code == 403
    assert client.post(path, data=say).status_code == 403
    assert client.post(path, data=say, headers=authorized(OPERATOR)).status_code == 403
    done = client.post(path, data=say, headers=ORIGIN)
    assert (done.status_code, done.headers["location"]) == (303, "/events/1")
    event = client.get("/api/v1/events/1").json()
    assert (event["verdict"], event["verdict_by"]) == ("confirmed", "night-shift")


def test_token_that_is_taken_out_ends_what_was_got_with_it(
    client: httpx.Client, site: Site
) -> None:
    log_in(client, OPERATOR)
    assert client.get("/").status_code == 200
    site.server.apply(replace(CLOSED, tokens=tokens()[:1]))
    assert client.get("/").status_code == 401
    assert client.get("/", headers=authorized(OPERATOR)).status_code == 401


def test_wrong_tokens_are_slowed_down(client: httpx.Client) -> None:
    for _ in range(int(GUESSING.burst)):
        assert client.get("/", headers=authorized("guess" * 5)).status_code == 401
    answer = client.get("/", headers=authorized("guess" * 5))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert log_in(client, "guess" * 5).status_code == 429
    assert client.get("/livez").status_code == 200


def test_stale_token_of_a_script_does_not_lock_out_right_ones_of_its_address(
    client: httpx.Client,
) -> None:
    for _ in range(2 * int(GUESSING.burst)):
        client.get("/api/v1/status", headers=authorized("stale" * 5))
    assert client.get("/api/v1/status", headers=authorized(VIEWER)).status_code == 200
    assert client.get("/metrics", headers=authorized(VIEWER)).status_code == 200
    assert log_in(client, OPERATOR).status_code == 303
    assert client.get("/").status_code == 200


def test_metrics_are_no_place_to_try_tokens_at(client: httpx.Client, site: Site) -> None:
    gate = site.server.app.gate
    now = time.monotonic()
    address = "127.0.0.1"
    gate._reading._levels[address] = (0.0, now + 60.0)  # it has asked for all that it may
    try:
        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics", headers=authorized(VIEWER)).status_code == 200
        gate.guessing._levels[address] = (0.0, now + 60.0)
        assert client.get("/metrics", headers=authorized(VIEWER)).status_code == 429
        assert client.get("/metrics").status_code == 200
    finally:
        gate._reading._levels.clear()


@pytest.mark.parametrize(
    "forwarded",
    [{"x-forwarded-for": "127.0.0.1"}, {"forwarded": "for=10.0.0.1"}, {"x-real-ip": "127.0.0.1"},
     {"via": "1.1 proxy"}],
)  # fmt: skip
def test_what_a_proxy_hands_on_is_not_of_this_machine(
    client: httpx.Client, site: Site, forwarded: dict[str, str]
) -> None:
    site.server.apply(WebSettings(tokens=tokens()))
    assert client.get("/api/v1/status").status_code == 200
    assert client.get("/api/v1/status", headers=forwarded).status_code == 401
    site.server.apply(WebSettings(tokens=tokens(), trusted_proxies=("127.0.0.1",)))
    assert client.get("/api/v1/status", headers=forwarded).status_code == 401
    assert client.get("/api/v1/status").status_code == 401  # of a proxy that says nothing
    assert client.get("/api/v1/status", headers=authorized(VIEWER)).status_code == 200


def test_request_as_old_proxies_make_them_is_not_of_this_machine(
    client: httpx.Client, site: Site
) -> None:
    """nginx speaks HTTP/1.0 to what is behind it, and says nothing of itself unless told to."""
    site.server.apply(WebSettings(tokens=tokens()))
    address = (httpx.URL(site.url).host, httpx.URL(site.url).port)

    def status(path: str, *headers: str) -> int:
        with socket.create_connection(address, timeout=20) as plain:
            lines = (f"GET {path} HTTP/1.0", f"Host: {address[0]}:{address[1]}", *headers)
            plain.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
            return int(plain.makefile("rb").readline().split()[1])

    assert status("/api/v1/status", "Connection: close") == 401
    assert status("/api/v1/status", f"Authorization: Bearer {VIEWER}") == 200
    assert [status(path) for path in ("/livez", "/readyz", "/metrics")] == [200, 200, 200]


def test_trusted_proxy_with_tls_gets_a_cookie_for_tls(client: httpx.Client, site: Site) -> None:
    site.server.apply(replace(CLOSED, trusted_proxies=("127.0.0.1",), hosts=("cameras.example",)))
    headers = {"host": "cameras.example", "x-forwarded-proto": "https",
               "x-forwarded-for": "203.0.113.9", "origin": "https://cameras.example"}  # fmt: skip
    done = client.post("/login", data={"token": VIEWER}, headers=headers)
    cookie = done.headers["set-cookie"]
    assert cookie.startswith("__Host-emberwatch=")
    assert "secure" in cookie.lower()


def test_old_addresses_are_known_on_a_socket_that_takes_both_kinds(tmp_path: Path) -> None:
    open_here = WebSettings(tokens=tokens())
    trusting = replace(CLOSED, trusted_proxies=("127.0.0.1",), hosts=("cameras.example",))
    with web_site(tmp_path, settings=open_here, listen="[::]:0") as site:
        port = httpx.URL(site.url).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            assert client.get("/api/v1/status").status_code == 200
            site.server.apply(trusting)
            done = client.post(
                "/login", data={"token": VIEWER},
                headers={"host": "cameras.example", "x-forwarded-proto": "https",
                         "origin": "https://cameras.example"},
            )  # fmt: skip
    assert done.headers["set-cookie"].startswith("__Host-emberwatch=")


def test_a_long_way_back_after_the_login_is_left_out(client: httpx.Client) -> None:
    answer = client.get("/login", params={"next": f"/events?camera={'a' * 4000}"})
    assert answer.status_code == 200
    assert 'value="/"' in answer.text


def test_other_names_are_answered_to_where_they_are_given(client: httpx.Client, site: Site) -> None:
    asked = {"host": "Cameras.example:443", **authorized(VIEWER)}
    assert client.get("/api/v1/status", headers=asked).status_code == 421
    site.server.apply(replace(CLOSED, hosts=("cameras.example",)))
    assert client.get("/api/v1/status", headers=asked).status_code == 200
    # It is not the machine's own name: nobody reads by it without a token.
    site.server.apply(WebSettings(tokens=tokens(), hosts=("cameras.example",)))
    assert client.get("/api/v1/status", headers={"host": "cameras.example"}).status_code == 401


def test_refusals_are_counted(client: httpx.Client, site: Site) -> None:
    before = dict(site.server.app.refused())
    client.get("/api/v1/status")
    client.post("/api/v1/events/1/confirm", headers=authorized(VIEWER))
    after = site.server.app.refused()
    assert after["token"] == before["token"] + 1
    assert after["role"] == before["role"] + 1


def test_every_address_without_tokens_lets_nobody_read_from_elsewhere(tmp_path: Path) -> None:
    with web_site(tmp_path, settings=WebSettings(), listen="0.0.0.0:0") as site:
        port = httpx.URL(site.url).port
        url = f"http://127.0.0.1:{port}/api/v1/status"
        assert httpx.get(url).status_code == 200
        assert httpx.get(url, headers={"host": "10.0.4.2:9108"}).status_code == 401
