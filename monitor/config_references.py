"""Checks of what rules and cameras refer to by name: time intervals, signals and sites."""

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.config import Config
from monitor.config_checks import entries, problem_at, twice
from monitor.errors import Problem
from monitor.yaml_marks import Location, Marked

_TIMES, _SIGNALS = "time_intervals", "signals"
_WORDS = {_TIMES: "there are no time intervals", _SIGNALS: "there is no signal"}
_LISTS = (
    ("active_time_intervals", _TIMES),
    ("mute_time_intervals", _TIMES),
    ("inhibited_by", _SIGNALS),
)


def reference_checks(marked: Marked) -> list[Problem]:
    """Faults: names that stand twice, and names that are used and not defined."""
    problems = [fault for part in (_TIMES, _SIGNALS, "sites") for fault in twice(marked, part)]
    known = {
        section: [
            entry["name"]
            for _, entry in entries(marked.data, section)
            if isinstance(entry.get("name"), str)
        ]
        for section in _WORDS
    }
    for location, section, name in _references(marked.data):
        if name not in known[section]:
            problems.append(problem_at(marked, location, _unknown(name, section, known[section])))
    return problems


def _references(data: Any) -> Iterator[tuple[Location, str, str]]:
    """Where a name stands, the section that it belongs to, and the name."""
    for part in ("rules", "cameras"):
        for index, entry in entries(data, part):
            for key, section in _LISTS:
                for place, name in enumerate(_list(entry, key)):
                    if isinstance(name, str):
                        yield (part, index, key, place), section, name
            for place, other in enumerate(_list(entry, "thresholds")):
                for key, section in (("during", _TIMES), ("signal", _SIGNALS)):
                    if isinstance(other, Mapping) and isinstance(other.get(key), str):
                        yield (part, index, "thresholds", place, key), section, other[key]


def site_looks(config: Config, marked: Marked) -> list[Problem]:
    """Warnings: sites that are probably not what was meant."""
    sizes = Counter(camera.site for camera in config.cameras if camera.enabled and camera.site)
    warnings = []
    for index, camera in enumerate(config.cameras):
        if camera.enabled and camera.site and sizes[camera.site] == 1:
            warnings.append(
                problem_at(
                    marked,
                    ("cameras", index, "site"),
                    f"no other enabled camera is at the site '{camera.site}'; check the name",
                )
            )
    for index, site in enumerate(config.sites):
        if sizes[site.name] == 0:
            text = f"no enabled camera is at the site '{site.name}'; give it to cameras as `site`"
            warnings.append(problem_at(marked, ("sites", index, "name"), text))
        elif site.agree > sizes[site.name]:
            text = (
                f"{site.agree} cameras must agree and the site '{site.name}' has "
                f"{sizes[site.name]}; as it stands all of them must"
            )
            warnings.append(problem_at(marked, ("sites", index, "agree"), text))
    return warnings


def _unknown(name: str, section: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        cure = f"did you mean '{close[0]}'?"
    elif known:
        cure = f"known are {', '.join(known)}"
    else:
        cure = f"define it under `{section}`"
    return f"{_WORDS[section]} '{name}'; {cure}"


def _list(entry: Mapping[str, Any], key: str) -> list[Any]:
    value = entry.get(key)
    return value if isinstance(value, list) else []
