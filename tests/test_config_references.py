"""Names that rules and cameras refer to, and sites that are probably not what was meant."""

from pathlib import Path

import pytest

from monitor.config_file import read_draft

HEAD = """\
time_intervals:
  - {name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '06:00'}]}]}
signals:
  - {name: key, prometheus: 'http://h', query: up}
"""


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "monitor.yaml"
    path.write_text(text, encoding="utf-8")
    return [f"{problem.line}: {problem}" for problem in read_draft(path).problems]


def warnings(folder: Path, text: str) -> list[str]:
    path = folder / "monitor.yaml"
    path.write_text(text, encoding="utf-8")
    draft = read_draft(path)
    assert not draft.problems
    return [f"{problem.line}: {problem}" for problem in draft.warnings]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "cameras: [{name: a, url: 'rtsp://h/s', mute_time_intervals: [nigt]}]",
            "5: cameras[0].mute_time_intervals[0]: there are no time intervals 'nigt'; did you "
            "mean 'night'?",
        ),
        (
            "cameras: [{name: a, url: 'rtsp://h/s', inhibited_by: [door]}]",
            "5: cameras[0].inhibited_by[0]: there is no signal 'door'; known are key",
        ),
        (
            "rules: [{name: f, label: fire, threshold: 0.6, thresholds: [{threshold: 0.9, "
            "during: key}]}]\ncameras: [{name: a, url: 'rtsp://h/s'}]",
            "5: rules[0].thresholds[0].during: there are no time intervals 'key'; known are night",
        ),
        (
            "rules: [{name: f, label: fire, threshold: 0.6, thresholds: [{threshold: 0.9}]}]\n"
            "cameras: [{name: a, url: 'rtsp://h/s'}]",
            "5: rules[0].thresholds[0]: write when it counts: either `during: NAME` or "
            "`signal: NAME`",
        ),
    ],
)
def test_names_that_are_not_defined_are_faults(tmp_path: Path, line: str, told: str) -> None:
    assert problems(tmp_path, f"{HEAD}{line}\n") == [told]


def test_names_that_are_defined_are_fine(tmp_path: Path) -> None:
    text = (
        "cameras: [{name: a, url: 'rtsp://h/s', active_time_intervals: [night], "
        "inhibited_by: [key]}]\n"
    )
    assert problems(tmp_path, HEAD + text) == []


def test_names_that_stand_twice_are_faults(tmp_path: Path) -> None:
    text = (
        "sites: [{name: hall}, {name: hall}]\ncameras: [{name: a, url: 'rtsp://h/s', site: hall}]\n"
    )
    (told,) = problems(tmp_path, text)
    assert "'hall' is the name of sites[0]" in told


def test_sites_that_are_probably_not_meant_are_warned_of(tmp_path: Path) -> None:
    text = (
        "sites: [{name: hall, agree: 3}, {name: roof}]\n"
        "cameras:\n"
        "  - {name: a, url: 'rtsp://h/a', site: hall}\n"
        "  - {name: b, url: 'rtsp://h/b', site: hall}\n"
        "  - {name: c, url: 'rtsp://h/c', site: hal}\n"
    )
    assert warnings(tmp_path, text) == [
        "1: sites[0].agree: 3 cameras must agree and the site 'hall' has 2; as it stands all of "
        "them must",
        "1: sites[1].name: no enabled camera is at the site 'roof'; give it to cameras as `site`",
        "5: cameras[2].site: no other enabled camera is at the site 'hal'; check the name",
    ]


@pytest.mark.parametrize(
    "address", ["ftp://h", "h:9090", "http://u:p@h", "http://h/?x=1", "http://[", ""]
)
def test_addresses_that_are_none_are_refused(tmp_path: Path, address: str) -> None:
    text = f"signals: [{{name: key, prometheus: '{address}', query: up}}]\n"
    (told,) = problems(tmp_path, text + "cameras: [{name: a, url: 'rtsp://h/s'}]\n")
    assert "signals[0].prometheus" in told
    assert "http://127.0.0.1:9090" in told
