"""The HTTP surface over real connections to a real server."""

import gzip
import re
import socket
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from monitor.decision.state import AlertState
from monitor.web.server import WebServer
from monitor.web.view import LOOP, Fault
from tests.support.web_site import no_desk
from tests.support.web_states import FixedState, camera, snapshot


@pytest.fixture(scope="module")
def state() -> FixedState:
    return FixedState(snapshot())


@pytest.fixture(scope="module")
def client(state: FixedState) -> Iterator[httpx.Client]:
    registry = CollectorRegistry()
    Counter("emberwatch_things", "Things.", registry=registry).inc(3)
    server = WebServer("127.0.0.1:0", state, no_desk(), registry, version="1.2.3")
    server.start()
    with httpx.Client(base_url=server.url, timeout=10) as client:
        yield client
    server.stop()


@pytest.fixture(autouse=True)
def well(state: FixedState) -> None:
    hall = camera("hall", fire=AlertState.FIRING)
    state.shown = snapshot(camera("yard"), hall, camera("dock", age=None, up=False, reason="dns"))


def test_metrics_are_text_that_the_parser_reads(client: httpx.Client) -> None:
    answer = client.get("/metrics", headers={"accept": "text/plain"})
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert families["emberwatch_things"].samples[0].value == 3


def test_openmetrics_is_given_to_whom_asks_for_it(client: httpx.Client) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1"
    answer = client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_metrics_are_compressed_only_on_request(client: httpx.Client) -> None:
    with client.stream("GET", "/metrics", headers={"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert b"emberwatch_things_total 3.0" in gzip.decompress(b"".join(answer.iter_raw()))
    plain = client.get("/metrics", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_livez_is_200_while_the_loop_comes_round(client: httpx.Client, state: FixedState) -> None:
    state.add_fault(Fault("engine", "it broke"))
    assert client.get("/livez").status_code == 200


def test_livez_is_503_where_the_loop_hangs(client: httpx.Client, state: FixedState) -> None:
    state.add_fault(Fault(LOOP, "nothing was scored for 20 s"))
    answer = client.get("/livez")
    assert (answer.status_code, answer.text) == (503, "nothing was scored for 20 s\n")
    assert client.get("/readyz").status_code == 503


def test_readyz_is_200_while_a_camera_is_watched(client: httpx.Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


def test_readyz_is_503_and_says_why(client: httpx.Client, state: FixedState) -> None:
    state.add_fault(Fault("store", "the disk is full; make room in /var/lib/emberwatch"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reasons": ["store: the disk is full; make room in /var/lib/emberwatch"],
    }


def test_status_is_complete(client: httpx.Client) -> None:
    answer = client.get("/api/v1/status").json()
    yard, hall, dock = answer["cameras"]
    assert answer["ready"] is True
    assert answer["model"]["engine"] == "openvino"
    assert yard["scores"] == {"fire": 0.02, "smoke": 0.03, "misc": 0.95}
    assert yard["stream"] == {
        "kind": "rtsp",
        "codec": "h264",
        "width": 1920,
        "height": 1080,
        "decoder": "software",
        "note": "",
    }
    assert hall["alerts"][0]["state"] == "firing"
    assert hall["alerts"][0]["score_at_change"] == 0.02
    assert (dock["up"], dock["reason"], dock["sight"]) == (False, "dns", "down")
    assert dock["scores"] is None
    assert dock["health"] is None


@pytest.mark.parametrize("asked", ["limit=0", "limit=501", "limit=x", "before_id=0",
                                   f"before_id={2**63}", f"camera={'x' * 64}"])  # fmt: skip
def test_events_are_asked_for_within_bounds(client: httpx.Client, asked: str) -> None:
    assert client.get(f"/api/v1/events?{asked}").status_code == 422


@pytest.mark.parametrize("host", ["localhost", "LocalHost:9108", "127.0.0.1", "127.3.4.5:80",
                                  "[::1]", "[::1]:9108"])  # fmt: skip
def test_a_loopback_daemon_answers_to_its_own_names(client: httpx.Client, host: str) -> None:
    assert client.get("/api/v1/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9108", "localhost.evil.example",
                                  "10.0.4.2", "127.0.0.1.evil.example", "[fe80::1]",
                                  "localhost:9108:1", "a@localhost", "127.0.0.1:"])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/events", "/nowhere"])
def test_a_loopback_daemon_refuses_a_page_that_took_its_address(
    client: httpx.Client, host: str, path: str
) -> None:
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 421
    assert "localhost" in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_request_without_a_host_is_answered(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as plain:
        plain.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert b" 200 " in plain.recv(4096).partition(b"\r\n")[0]


def test_a_daemon_on_every_address_answers_to_every_name(state: FixedState) -> None:
    server = WebServer("0.0.0.0:0", state, no_desk(), CollectorRegistry(), version="1")
    server.start()
    try:
        url = f"http://127.0.0.1:{httpx.URL(server.url).port}/livez"
        assert httpx.get(url, headers={"host": "cameras.example"}).status_code == 200
    finally:
        server.stop()


def test_page_and_its_style_sheet_are_served(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "Fire at hall" in page.text
    assert 'http-equiv="refresh"' not in client.get("/?refresh=0").text
    assert client.get("/style.css").headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("path", ["/", "/metrics", "/readyz", "/nowhere"])
def test_every_answer_carries_the_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/status", "/readyz"])
def test_only_reading_is_possible(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/style.css/../../page.py",
     "/templates/status.html", "/docs", "//etc/passwd", "/\x00".replace("\x00", "%00")],
)  # fmt: skip
def test_no_path_leads_to_the_file_system(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code in (404, 405)


def test_description_of_the_api_lists_what_programs_may_use(client: httpx.Client) -> None:
    described = client.get("/api/v1/openapi.json").json()
    assert set(described["paths"]) == {
        "/livez", "/readyz", "/api/v1/status", "/api/v1/live",
        "/api/v1/cameras", "/api/v1/cameras/{name}", "/api/v1/cameras/{name}/thumbnail.jpg",
        "/api/v1/events", "/api/v1/events/{id}", "/api/v1/events/{id}/acknowledge",
        "/api/v1/events/{id}/confirm", "/api/v1/events/{id}/false-alarm",
        "/api/v1/events/{id}/verdict", "/api/v1/evidence/{id}",
        "/api/v1/silences", "/api/v1/silences/{id}",
    }  # fmt: skip
    assert client.get("/openapi.json").json() == described
    assert re.match(r"3\.", described["openapi"])


def test_a_wrong_parameter_is_named_in_one_sentence(client: httpx.Client) -> None:
    answer = client.get("/api/v1/events?limit=0&open_only=maybe")
    assert answer.status_code == 422
    assert re.fullmatch(
        r"limit: .*greater than or equal to 1; open_only: .*", answer.json()["detail"]
    )


def test_a_misspelt_parameter_is_refused_and_not_ignored(client: httpx.Client) -> None:
    answer = client.get("/api/v1/events?open=true")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("open: ")


@pytest.mark.parametrize("path", ["/", "/livez", "/metrics", "/api/v1/status"])
def test_head_is_answered_as_get_without_the_body(client: httpx.Client, path: str) -> None:
    answer = client.head(path)
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["content-type"] == client.get(path).headers["content-type"]
