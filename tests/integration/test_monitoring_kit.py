"""Every query that ships, asked of a real Prometheus that scraped a real daemon.

Dashboard, alert rules and the questions in docs/metrics.md name metrics and labels by hand: none
may ask for what is not there.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from monitor.share import shared_path
from tests.integration.test_prometheus import asked, prometheus
from tests.support.bundles import FIRE_COLOUR, MISC_COLOUR, plain, tiny_bundle
from tests.support.daemon import free_port, running_daemon, wait_for, write_config
from tests.support.pictures import write_picture

pytestmark = pytest.mark.debian

DASHBOARD = shared_path("config", "grafana", "emberwatch.json")
RULES = shared_path("config", "prometheus", "emberwatch.rules.yml")
METRICS_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

SECONDS = 120.0
"""The machine may be busy; no speed is promised here."""

_SELECTOR = re.compile(r"\b(?:emberwatch|process)_\w+(?:\{[^}]*\})?|\bup(?:\{[^}]*\})?")


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return loaded


def panels() -> list[dict[str, Any]]:
    """All panels but rows, those in folded rows too."""
    found: list[dict[str, Any]] = []
    for panel in dashboard()["panels"]:
        found += panel["panels"] if panel["type"] == "row" else [panel]
    return found


def as_grafana_asks(expr: str) -> str:
    """A query with the dashboard's variables filled in, as for all daemons and cameras."""
    for variable, value in (("$__rate_interval", "15s"), ("$instance", ".*"), ("$camera", ".*")):
        expr = expr.replace(variable, value)
    assert "$" not in expr, expr
    return expr


def dashboard_queries() -> list[tuple[str, str]]:
    return [
        (f"{panel['title']} {target['refId']}", as_grafana_asks(target["expr"]))
        for panel in panels()
        for target in panel["targets"]
    ]


def rule_queries() -> list[tuple[str, str]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [(rule["alert"], rule["expr"]) for group in groups for rule in group["rules"]]


def page_queries() -> list[tuple[str, str]]:
    section = METRICS_PAGE.read_text("utf-8").partition("## Questions and their answers")[2]
    return re.findall(r"^\| (.+\?) \| `(.+)` \|$", section, re.MULTILINE)


def selectors(expr: str) -> list[str]:
    """What a query reads, without functions, ranges and comparisons.

    >>> selectors('rate(emberwatch_frames_total{camera="a"}[5m]) > 0')
    ['emberwatch_frames_total{camera="a"}']
    """
    return _SELECTOR.findall(expr)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Prometheus, once it has seen a daemon with everything switched on, and one alert firing."""
    folder = tmp_path_factory.mktemp("kit")
    for name, colour in (("fire", FIRE_COLOUR), ("calm", MISC_COLOUR)):
        (folder / name).mkdir()
        for index, shade in enumerate((0, 8, 16, 24)):
            red, green, blue = colour
            write_picture(folder / name / f"{index}.jpg", plain((red, green + shade, blue)))
    tiny_bundle(folder / "candidate")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = write_config(
        folder,
        [
            {"name": "yard", "url": str(folder / "fire"), "loop": True, "fps": 5},
            {"name": "hall", "url": str(folder / "calm"), "loop": True, "fps": 5, "site": "east"},
        ],
        rules=[
            {"name": "fire", "label": "fire", "threshold": 0.5, "for": "1s"},
            {"name": "smoke", "label": "smoke", "threshold": 0.5, "for": "1s"},
        ],
        sites=[{"name": "east"}],
        signals=[{"name": "key", "prometheus": url, "query": "vector(1)"}],
        sinks=[{"name": "journal", "type": "journal"}],
    )
    document = yaml.safe_load(config.read_text("utf-8"))
    shadow = {"bundle": str(folder / "candidate"), "share": 1.0}
    document["inference"] = {**document["inference"], "shadow": shadow}
    config.write_text(yaml.safe_dump(document), "utf-8")
    # Labels of one's own have alert rules of their own.
    plant = folder / "plant"
    tiny_bundle(plant / "bundle", ("fire", "misc", "steam"))
    other = write_config(
        plant,
        [{"name": "boiler", "url": str(folder / "calm"), "loop": True, "site": "west"}],
        rules=[{"name": "steam", "label": "steam", "threshold": 0.5, "for": "1s"}],
        sites=[{"name": "west"}],
    )
    with (
        running_daemon(config) as daemon,
        running_daemon(other) as second,
        prometheus(
            folder, *(one.url.removeprefix("http://") for one in (daemon, second)), port=port
        ) as served,
    ):
        wait_for(
            lambda: (
                daemon.value("alert_state", camera="yard", alert="fire") == 2
                and daemon.value("signal_active", signal="key") == 1
                and (daemon.value("shadow_frames_total", camera="yard") or 0) > 2
            ),
            "a fire, a signal and a candidate",
            SECONDS,
        )
        seen = 'count_over_time(emberwatch_alert_state{camera="yard",alert="fire"}[15s]) > 4'
        wait_for(lambda: vector(served, seen), "Prometheus has scraped it", SECONDS)
        yield served


def vector(client: httpx.Client, query: str) -> list[dict[str, Any]]:
    """The series of an answer; none while Prometheus starts, or where it refuses the query."""
    data = asked(client, "/api/v1/query", query=query)
    return [] if data is None else list(data["result"])


@pytest.mark.parametrize(("name", "query"), dashboard_queries(), ids=lambda text: text[:40])
def test_every_panel_shows_something(client: httpx.Client, name: str, query: str) -> None:
    assert vector(client, query), f"{name}: {query}"


@pytest.mark.parametrize(
    ("name", "query"), rule_queries() + page_queries(), ids=lambda text: text[:40]
)
def test_every_rule_and_every_answer_reads_what_is_there(
    client: httpx.Client, name: str, query: str
) -> None:
    assert asked(client, "/api/v1/query", query=query) is not None, f"{name}: {query}"
    for selector in selectors(query):
        assert vector(client, selector), f"{name}: {selector}"


def test_the_dashboard_offers_daemons_and_cameras(client: httpx.Client) -> None:
    offered = {}
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            asks = re.fullmatch(
                r"label_values\((?P<expr>.+), (?P<label>\w+)\)", variable["definition"]
            )
            assert asks, variable["definition"]
            series = vector(client, as_grafana_asks(asks["expr"]))
            offered[variable["name"]] = {one["metric"][asks["label"]] for one in series}
    assert offered["camera"] == {"yard", "hall", "boiler"}
    assert len(offered["instance"]) == 2


@pytest.mark.parametrize(("up", "blind"), [("0", 2), ("1", 1)])
def test_each_blind_camera_is_counted_once(tmp_path: Path, up: str, blind: int) -> None:
    (query,) = [query for name, query in dashboard_queries() if name == "Blind cameras A"]

    def series(metric: str, camera: str, value: str, more: str = "") -> dict[str, str]:
        labels = f'camera="{camera}", instance="a", job="emberwatch"{more}'
        return {"series": f"emberwatch_{metric}{{{labels}}}", "values": value}

    cameras = {"gate": (up, "900" if up == "0" else "1"), "hall": ("1", "1"), "dock": ("1", "1")}
    given = [
        one
        for camera, (is_up, age) in cameras.items()
        for one in (
            series("camera_up", camera, is_up),
            series("frame_age_seconds", camera, age),
            series("camera_stale_after_seconds", camera, "15"),
            series("camera_health", camera, str(int(camera == "dock")), ', health="frozen"'),
        )
    ]
    asked_for = {
        "expr": query,
        "eval_time": "0s",
        "exp_samples": [{"labels": "{}", "value": blind}],
    }
    document = {
        "tests": [{"interval": "15s", "input_series": given, "promql_expr_test": [asked_for]}]
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document), "utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "test.yml")],
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_one_that_grafana_can_place() -> None:
    """Numbers are used once, panels do not overlap, and each says what it shows."""
    numbers = [panel["id"] for panel in dashboard()["panels"] + panels()]
    shown = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert len(set(numbers)) == len({id(panel) for panel in panels()}) + sum(
        panel["type"] == "row" for panel in dashboard()["panels"]
    )
    taken: set[tuple[int, int]] = set()
    for panel in shown:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"


def test_every_metric_family_of_the_dashboard_is_in_the_docs() -> None:
    page = METRICS_PAGE.read_text("utf-8")
    for name, query in dashboard_queries():
        for selector in selectors(query):
            metric = re.sub(r"_(bucket|sum|count)$", "", selector.partition("{")[0])
            documented = metric.startswith("process_") or metric.removesuffix("_info") in page
            assert documented, f"{name}: {metric}"
