"""The HTTP surface over real connections to a real server."""

import gzip
import re
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from monitor.decision.state import AlertState
from monitor.web.server import WebServer
from monitor.web.view import LOOP, Fault
from tests.support.web_states import FixedState, camera, snapshot


@pytest.fixture(scope="module")
def state() -> FixedState:
    return FixedState(snapshot())


@pytest.fixture(scope="module")
def client(state: FixedState) -> Iterator[httpx.Client]:
    registry = CollectorRegistry()
    Counter("emberwatch_things", "Things.", registry=registry).inc(3)
    server = WebServer("127.0.0.1:0", state, registry, version="1.2.3")
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
    assert yard["stream"] == {"kind": "rtsp", "codec": "h264", "width": 1920, "height": 1080}
    assert hall["alerts"][0]["state"] == "firing"
    assert (dock["up"], dock["reason"], dock["sight"]) == (False, "dns", "down")
    assert dock["scores"] is None
    assert dock["health"] is None


def test_page_and_its_style_sheet_are_served(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "Alert on hall" in page.text
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
    assert set(described["paths"]) == {"/livez", "/readyz", "/api/v1/status"}
    assert re.match(r"3\.", described["openapi"])
