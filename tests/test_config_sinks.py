"""Sinks in the configuration: what is wrong is said with line and cure, secrets stay hidden."""

import re
from pathlib import Path

import pytest

from monitor.config_file import Draft, read_draft
from monitor.config_sinks import SINK_TYPES
from monitor.share import shared_path
from monitor.sink_settings import resolve_sinks, secrets_of_sinks

CAMERAS = "cameras: [{name: yard, url: 'rtsp://h/s'}]\n"


def draft(folder: Path, sinks: str) -> Draft:
    path = folder / "monitor.yaml"
    path.write_text(f"{CAMERAS}sinks:\n{sinks}", encoding="utf-8")
    path.chmod(0o600)
    return read_draft(path)


@pytest.mark.parametrize(
    ("sinks", "said"),
    [
        ("  - {name: a}", "3: sinks[0].type: this key is missing; add 'type: …' (alertmanager or"),
        ("  - {name: a, type: webhok}", "type: 'webhok' was found; did you mean 'webhook'?"),
        ("  - {name: a, type: webhook}", "sinks[0]: write the address as `url`, or where"),
        ("  - {name: a, type: webhook, url: x}", "sinks[0].url: this is no address"),
        ("  - {name: a, type: mqtt}", "sinks[0].host: this key is missing"),
        ("  - {name: a, type: mqtt, host: h, tpic: t}", "tpic: this key is unknown; did you mean"),
        ("  - {name: a, type: mqtt, host: h, port: 0}", "port: 0 was found; write a whole number"),
        ("  - {name: a, type: mqtt, host: h, topic: 'a/#'}", "write text like 'emberwatch'"),
        ("  - {name: a, type: journal, retry_for: soon}", "'soon' is no duration"),
        ("  - {name: a, type: journal, escalate_to: b}", "there is no sink 'b'; known are a"),
        ("  - {name: a, type: journal, match: {cameras: [yrd]}}", "no camera 'yrd'; did you mean"),
        ("  - {name: a, type: journal, match: {rules: [ash]}}", "no rule 'ash'; known are fire"),
        (
            "  - {name: a, type: journal, escalate_to: b}\n"
            "  - {name: b, type: journal, escalate_to: a}",
            "sinks escalate in a ring",
        ),
        (
            "  - {name: a, type: journal}\n  - {name: a, type: journal}",
            "4: sinks[1].name: 'a' is the name of sinks[0] in line 3 too",
        ),
        (
            "  - {name: a, type: webhook, url: 'http://h', secret: {env: A, file: b}}",
            "the secret is given by file and env",
        ),
        (
            "  - {name: a, type: webhook, url: 'http://h', username: u}",
            "username and password belong together",
        ),
        (
            "  - {name: a, type: alertmanager, url: 'http://h', external_labels: {camera: x}}",
            "'camera' is a label that alerts have already",
        ),
        (
            "  - {name: a, type: alertmanager, url: 'http://u:p@h'}",
            "a login stands in the address",
        ),
    ],
)
def test_fault_is_told_with_its_cure(tmp_path: Path, sinks: str, said: str) -> None:
    found = draft(tmp_path, sinks)
    assert said in str(found.error())


def test_sink_that_reminds_of_itself_is_no_ring(tmp_path: Path) -> None:
    assert not draft(tmp_path, "  - {name: a, type: journal, escalate_to: a}").problems


def test_faults_repeat_no_secret(tmp_path: Path) -> None:
    found = draft(
        tmp_path,
        "  - {name: a, type: webhook, url: 'ftp://h/planted', secret: planted}\n"
        "  - {name: b, type: apprise, url: [planted]}\n"
        "  - {name: c, type: mqtt, host: h, username: u, password: {value: [planted]}}\n",
    )
    assert len(found.problems) >= 4
    assert "planted" not in str(found.error())


def test_secrets_are_found_where_they_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file\n", encoding="utf-8")
    (tmp_path / "secret").chmod(0o644)
    (tmp_path / "key").write_text("from-systemd\n", encoding="utf-8")
    found = draft(
        tmp_path,
        "  - {name: a, type: webhook, url_from: {env: URL}, secret: {file: secret}}\n"
        "  - {name: b, type: mqtt, host: h, username: u, password: {credential: key}}\n"
        "  - {name: c, type: apprise, url: 'json://host/token'}\n",
    )
    assert found.config is not None
    environ = {"URL": "https://h/from-env", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    resolved = resolve_sinks(found.config, environ)
    assert resolved.problems == ()
    assert [dict(one.secrets) for one in resolved.sinks] == [
        {"secret": "from-file", "url_from": "https://h/from-env"},
        {"password": "from-systemd"},
        {},
    ]
    assert [w.key for w in resolved.warnings] == ["sinks[0].secret.file"]
    assert set(secrets_of_sinks(resolved.sinks)) == {
        "from-file", "https://h/from-env", "from-systemd", "json://host/token",
    }  # fmt: skip
    assert "from-file" not in repr(resolved.sinks)


def test_missing_secret_is_a_fault_but_for_a_check_beside_the_service(tmp_path: Path) -> None:
    found = draft(
        tmp_path,
        "  - {name: a, type: webhook, url: 'http://h', secret: {env: NONE}}\n"
        "  - {name: b, type: mqtt, host: h, username: u, password: {credential: key}}\n",
    )
    assert found.config is not None
    keys = [p.key for p in resolve_sinks(found.config, {}).problems]
    assert keys == ["sinks[0].secret.env", "sinks[1].password.credential"]
    beside = resolve_sinks(found.config, {}, service=False)
    assert [p.key for p in beside.problems] == ["sinks[0].secret.env"]
    assert [w.key for w in beside.warnings] == ["sinks[1].password.credential"]


def test_secret_in_a_file_for_all_and_tls_without_check_are_told(tmp_path: Path) -> None:
    found = draft(
        tmp_path,
        "  - {name: a, type: webhook, url: 'https://h', secret: {value: planted}, "
        "tls: {verify: false}}\n",
    )
    found.path.chmod(0o644)
    keys = [warning.key for warning in read_draft(found.path).warnings]
    assert keys == ["sinks[0].secret.value", "sinks[0].tls.verify"]


def test_example_in_the_shipped_file_loads_and_has_every_key(tmp_path: Path) -> None:
    text = shared_path("config", "monitor.yaml").read_text("utf-8")
    example = text.partition("\n# sinks:\n")[2].partition("\n\n")[0]
    lines = [line.removeprefix("# ") for line in example.splitlines()]
    assert len(lines) > 40
    folder = tmp_path
    for name in ("site-ca.pem", "own.pem", "own.key"):
        (folder / name).touch()
    cameras = "cameras: [{name: loading-dock, url: 'rtsp://h/s'}]\nsinks:\n"
    (folder / "monitor.yaml").write_text(cameras + "\n".join(lines), encoding="utf-8")
    found = read_draft(folder / "monitor.yaml")
    assert found.problems == ()
    assert found.config is not None
    assert [sink.type for sink in found.config.sinks] == list(SINK_TYPES)
    written = set(re.findall(r"([a-z_]+):", example))
    known = {key for sink in found.config.sinks for key in type(sink).model_fields}
    assert known <= written
