"""What ships for Prometheus and Alertmanager, checked by their own programs.

The programs come from Debian's packages. What the rules ask for is compared with what the daemon
exports, so that neither can be renamed alone.
"""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitor.alerts.outbox import SinkState
from monitor.clock import ManualClock
from monitor.metrics import Metrics
from monitor.metrics_cameras import Watched
from monitor.metrics_conditions import ConditionMetrics
from monitor.metrics_delivery import DeliveryMetrics
from monitor.share import shared_path
from monitor.signal_poller import SignalState
from tests.support.web_states import camera

pytestmark = pytest.mark.debian

PROMETHEUS = shared_path("config", "prometheus")
RULES = PROMETHEUS / "emberwatch.rules.yml"
RULE_TESTS = PROMETHEUS / "emberwatch.rules.test.yml"


def promtool(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["promtool", *arguments], input=text, capture_output=True, check=False, timeout=60
    )


def exported_text() -> bytes:
    metrics_registry = CollectorRegistry()
    metrics = Metrics(
        metrics_registry,
        cameras=[Watched("yard", ("fire", "smoke"), 15.0)],
        labels=("fire", "smoke", "misc"),
        statuses=dict,
        clock=ManualClock(),
        version="1.2.3",
    )
    metrics.pipeline.set_model(
        sha256="0" * 64, engine="openvino", device="CPU", labels=("fire",), geometry="squash"
    )
    metrics.set_scores("yard", {"fire": 0.1, "smoke": 0.2, "misc": 0.7}, 0.0)
    metrics_registry.register(
        ConditionMetrics(
            lambda: [replace(camera("yard"), site="hall")],
            lambda: [SignalState("key", True, "", 0.0, 1, 0)],
            clock=ManualClock(),
        )
    )
    deliveries = DeliveryMetrics()
    deliveries.read_from(lambda: [SinkState("mail", "apprise", {}, 0, 0.0, 0.0, "")])
    metrics_registry.register(deliveries)
    return generate_latest(metrics_registry)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_are_valid() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_fire_when_they_must_and_only_then() -> None:
    done = promtool("test", "rules", str(RULE_TESTS))
    assert done.returncode == 0, (done.stdout + done.stderr).decode()


def test_every_rule_is_tested() -> None:
    tests = yaml.safe_load(RULE_TESTS.read_text())["tests"]
    fired = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    quiet = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if not case["exp_alerts"]
    }
    names = {rule["alert"] for rule in rules()}
    assert fired == names
    assert quiet == names - {"EmberwatchWatchdog"}


def test_rules_ask_only_for_metrics_that_the_daemon_exports() -> None:
    families = text_string_to_metric_families(exported_text().decode())
    exported = {sample.name for family in families for sample in family.samples}
    for rule in rules():
        text = rule["expr"] + str(rule["annotations"])
        asked = set(re.findall(r"\bemberwatch_\w+", text)) - {"emberwatch_camera_reconnects_total"}
        assert asked <= exported, rule["alert"]
    assert "emberwatch_camera_reconnects_total" in exported


def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in rules():
        labels, annotations = rule["labels"], rule["annotations"]
        assert labels["severity"] in ("critical", "warning", "none"), rule["alert"]
        assert annotations["summary"], rule["alert"]
        assert annotations["description"], rule["alert"]


def test_scrape_configuration_is_valid() -> None:
    done = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_follow_prometheus_own_conventions() -> None:
    text = re.sub(rb"(?m)^(# \w+ |)process_.*\n", b"", exported_text())
    done = promtool("check", "metrics", text=text)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_routing_example_is_valid() -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed (Debian package prometheus-alertmanager)")
    example = shared_path("config", "alertmanager", "alertmanager.yml")
    done = subprocess.run(
        [amtool, "check-config", str(example)], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_fire_goes_out_at_once_and_the_dead_mans_switch_to_a_receiver_of_its_own(
    tmp_path: Path,
) -> None:
    amtool = shutil.which("amtool")
    if amtool is None:
        pytest.skip("amtool is not installed (Debian package prometheus-alertmanager)")
    example = shared_path("config", "alertmanager", "alertmanager.yml")
    for alert, receiver in (
        ("EmberwatchFire", "hazard"),
        ("EmberwatchSiteFire", "hazard"),
        ("EmberwatchWatchdog", "dead-man"),
        ("EmberwatchCameraStale", "operators"),
    ):
        done = subprocess.run(
            [amtool, "config", "routes", "test", f"--config.file={example}", f"alertname={alert}"],
            capture_output=True, check=False, timeout=60, cwd=tmp_path,
        )  # fmt: skip
        assert done.stdout.decode().strip() == receiver
