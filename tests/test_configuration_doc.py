"""docs/configuration.md tells every key, and what it shows works."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from monitor.check import schema_text
from monitor.config_file import load_config

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"


def reference(schema: dict[str, Any]) -> str:
    """The tables of all keys, from the schema."""
    parts = {"Config": schema, **schema["$defs"]}
    titles = {
        "Config": "The file",
        "Camera": "`cameras[]`",
        "Credentials": "`cameras[].credentials`",
        "Tiles": "`cameras[].tiles`",
        "Mask": "`cameras[].masks[]`",
        "Zone": "`cameras[].zones[]`",
        "Rule": "`rules[]`",
        "ThresholdWhile": "`rules[].thresholds[]`",
        "Inference": "`inference`",
        "Batch": "`inference.batch`",
        "Shadow": "`inference.shadow`",
        "Decision": "`decision`",
        "Smoothing": "`decision.smoothing`",
        "Baseline": "`decision.baseline`",
        "Burst": "`decision.burst`",
        "NamedIntervals": "`time_intervals[]`",
        "TimeInterval": "`time_intervals[].time_intervals[]`",
        "TimesOfDay": "`time_intervals[].time_intervals[].times[]`",
        "Signal": "`signals[]`",
        "Site": "`sites[]`",
        "Silencing": "`silence`",
        "Outages": "`outages`",
        "AlertmanagerSink": "`sinks[]` with `type: alertmanager`",
        "WebhookSink": "`sinks[]` with `type: webhook`",
        "MqttSink": "`sinks[]` with `type: mqtt`",
        "AppriseSink": "`sinks[]` with `type: apprise`",
        "JournalSink": "`sinks[]` with `type: journal`",
        "Match": "`sinks[].match`",
        "SinkTls": "`sinks[].tls`",
        "Secret": "A secret of a sink",
        "Ingest": "`ingest`",
        "Evidence": "`evidence`",
        "CameraEvidence": "`cameras[].evidence`",
        "Web": "`web`",
        "WebToken": "`web.tokens[]`",
        "Tls": "`web.tls`",
        "Log": "`log`",
    }
    titles |= {name: f"`{name.lower()}`" for name in parts if name not in titles}
    return "\n\n".join(f"### {titles[n]}\n\n{table(parts[n], parts)}" for n in titles if n in parts)


def table(part: dict[str, Any], parts: dict[str, Any]) -> str:
    """One row for each key: what it takes if not written, and what it means."""
    rows = ["| key | default | what it is |", "|---|---|---|"]
    for key, value in part["properties"].items():
        section = parts.get(value.get("$ref", "").rsplit("/", 1)[-1], {})
        text = value.get("description") or section.get("description", "")
        rows.append(f"| `{key}` | {default(key, value, part)} | {text.replace('|', '/')} |")
    return "\n".join(rows)


def default(key: str, value: dict[str, Any], part: dict[str, Any]) -> str:
    if key in part.get("required", ()):
        return "must be there"
    if value.get("default") is None:
        return ""
    return f"`{json.dumps(value['default']).strip(chr(34))}`"


def test_the_tables_are_those_of_the_schema() -> None:
    expected = reference(json.loads(schema_text()))
    assert expected in PAGE.read_text("utf-8"), f"put this under 'Every key':\n\n{expected}"


@pytest.mark.parametrize(
    "example", re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
)
def test_each_example_loads(tmp_path: Path, example: str) -> None:
    path = tmp_path / "monitor.yaml"
    if not re.search("^cameras:", example, flags=re.MULTILINE):
        example += "cameras: [{name: a, url: 'rtsp://h/s'}]\n"
    path.write_text(example, encoding="utf-8")
    assert load_config(path).cameras
