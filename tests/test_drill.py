"""``emberwatch test-alert``: a marked drill through every sink, and what each said."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.drill import send_drill
from monitor.errors import ConfigError, UsageError
from tests.support.daemon import free_port
from tests.support.sinks import Hook, hook, mail_server


@pytest.fixture
def web() -> Iterator[Hook]:
    with hook() as made:
        yield made


def config(folder: Path, *sinks: dict[str, Any]) -> Path:
    path = folder / "monitor.yaml"
    cameras = [{"name": "yard", "url": "rtsp://h/s"}]
    path.write_text(yaml.safe_dump({"cameras": cameras, "sinks": list(sinks)}), encoding="utf-8")
    return path


def test_each_sink_is_told_and_the_one_that_fails_is_named(tmp_path: Path, web: Hook) -> None:
    with mail_server() as (mails, port):
        mail = f"mailto://127.0.0.1:{port}?from=a@a.example&to=b@b.example&mode=insecure"
        nobody = f"http://127.0.0.1:{free_port()}/"
        path = config(
            tmp_path,
            {"name": "dispatch", "type": "webhook", "url": web.url},
            {"name": "mail", "type": "apprise", "url": mail},
            {"name": "away", "type": "webhook", "url": nobody},
        )
        out = io.StringIO()
        assert send_drill(path, out=out, environ={}) == 1
    lines = {line.split()[0]: line for line in out.getvalue().splitlines()}
    assert "ok" in lines["dispatch"]
    assert "ok" in lines["mail"]
    assert "FAILED" in lines["away"]
    assert "refused" in lines["away"]
    told = [json.loads(body) for _, _, body in web.received]
    assert [(one["status"], one["emberwatch"]["drill"]) for one in told] == [
        ("firing", True),
        ("resolved", True),
    ]
    assert told[0]["commonLabels"]["alertname"] == "EmberwatchDrill"
    assert mails.received[0]["Subject"].startswith("DRILL, nothing burns")


def test_one_sink_alone_is_tried(tmp_path: Path, web: Hook) -> None:
    path = config(
        tmp_path,
        {"name": "a", "type": "webhook", "url": web.url, "send_resolved": False},
        {"name": "b", "type": "webhook", "url": "http://127.0.0.1:1/", "secret": {"env": "NONE"}},
    )
    out = io.StringIO()
    assert send_drill(path, only=["a"], out=out, environ={}) == 0
    assert out.getvalue().startswith("a  webhook")
    assert len(web.received) == 1
    with pytest.raises(ConfigError, match=r"sinks\[1\].secret.env: the environment variable NONE"):
        send_drill(path, out=out, environ={})


def test_what_cannot_be_tried_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no sink"):
        send_drill(config(tmp_path), out=io.StringIO(), environ={})
    with pytest.raises(UsageError, match="there is no sink 'x'; there are a"):
        send_drill(
            config(tmp_path, {"name": "a", "type": "journal"}),
            only=["x"],
            out=io.StringIO(),
            environ={},
        )


def test_secret_in_an_address_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"http://127.0.0.1:{free_port()}/planted/token", "utf-8")
    path = config(tmp_path, {"name": "a", "type": "webhook", "url_from": {"file": "url"}})
    out = io.StringIO()
    assert send_drill(path, out=out, environ={}) == 1
    assert "the address of `url_from`" in out.getvalue()
    assert "planted" not in out.getvalue()
