"""Checks between the parts of a configuration, on data that need not be valid yet.

They run beside the checks of each value, so that all faults of a file are reported at once.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.config import Camera, Config, without_userinfo
from monitor.errors import Problem
from monitor.polygon import share_covered
from monitor.yaml_marks import Location, Marked, key_text

MOST_OF_A_ZONE = 0.9
"""Share of a zone under masks from which it is told of."""


def cross_checks(marked: Marked) -> list[Problem]:
    """Faults: names that stand twice, rules that are named and not defined."""
    problems = [*twice(marked, "cameras"), *twice(marked, "rules")]
    rules = dict(entries(marked.data, "rules"))
    if not rules:
        names = ["fire", "smoke"]
    else:
        names = [rule["name"] for rule in rules.values() if isinstance(rule.get("name"), str)]
    for index, camera in entries(marked.data, "cameras"):
        problems += _part_twice(marked, index, camera)
        wanted = camera.get("rules")
        for place, name in enumerate(wanted if isinstance(wanted, list) else []):
            if isinstance(name, str) and name not in names:
                problems.append(
                    problem_at(
                        marked, ("cameras", index, "rules", place), _unknown_rule(name, names)
                    )
                )
    return problems


def second_looks(config: Config, marked: Marked) -> list[Problem]:
    """Warnings: what is allowed, and probably not what was meant."""
    warnings = []
    for index, camera in entries(marked.data, "cameras"):
        url = camera.get("url")
        if isinstance(url, str) and without_userinfo(url)[0] != url:
            warnings.append(
                problem_at(
                    marked,
                    ("cameras", index, "url"),
                    "a login stands in the URL; it is used and never shown, but better kept out of "
                    "this file: give credentials.username and credentials.password_file",
                )
            )
    first: dict[str, str] = {}
    for index, settings in enumerate(config.cameras):
        if not settings.enabled:
            continue
        if settings.url in first:
            warnings.append(
                problem_at(
                    marked,
                    ("cameras", index, "url"),
                    f"camera '{first[settings.url]}' has the same URL; check whether one of the "
                    "two should be another",
                )
            )
        first.setdefault(settings.url, settings.name)
        if settings.rules == []:
            warnings.append(
                problem_at(
                    marked,
                    ("cameras", index, "rules"),
                    f"camera '{settings.name}' has no rule and never raises an alert; leave the "
                    "key out to have all rules",
                )
            )
        warnings += _hidden_zones(settings, index, marked)
        if settings.stale_after * settings.fps <= 1:
            warnings.append(
                problem_at(
                    marked,
                    ("cameras", index, "stale_after"),
                    f"at {settings.fps:g} frames a second the next frame comes later than after "
                    f"{settings.stale_after:g} s, so the camera counts as blind between frames; "
                    "raise stale_after or fps",
                )
            )
    if not any(camera.enabled for camera in config.cameras):
        warnings.append(
            problem_at(
                marked, ("cameras",), "no camera is enabled, so nothing is watched; enable one"
            )
        )
    return [*warnings, *_unused_rules(config, marked)]


def _unused_rules(config: Config, marked: Marked) -> Iterator[Problem]:
    watched = [camera for camera in config.cameras if camera.enabled]
    for index, rule in enumerate(config.rules):
        if watched and all(c.rules is not None and rule.name not in c.rules for c in watched):
            yield problem_at(
                marked,
                ("rules", index),
                f"no enabled camera uses the rule '{rule.name}'; name it under the `rules` of a "
                "camera, or take it out",
            )


def _hidden_zones(camera: Camera, index: int, marked: Marked) -> Iterator[Problem]:
    """Zones of which nearly nothing is left to be scored."""
    masks = [mask.points for mask in camera.masks if mask.labels is None]
    for place, zone in enumerate(camera.zones):
        if masks and share_covered(masks, zone.points) > MOST_OF_A_ZONE:
            yield problem_at(
                marked,
                ("cameras", index, "zones", place),
                f"zone '{zone.name}' of camera '{camera.name}' lies under its masks, so nothing is "
                "seen in it; make them smaller, or take the zone out",
            )


def _part_twice(marked: Marked, index: int, camera: Mapping[str, Any]) -> Iterator[Problem]:
    """Masks and zones share their names: a log line that tells one is to be understood."""
    first: dict[str, Location] = {}
    for kind in ("masks", "zones"):
        for place, entry in entries(camera, kind):
            name = entry.get("name")
            if not isinstance(name, str):
                continue
            here: Location = ("cameras", index, kind, place, "name")
            if name in first:
                there = first[name]
                yield problem_at(
                    marked,
                    here,
                    f"'{name}' is the name of {key_text(there[2:4])} of camera "
                    f"'{camera.get('name')}' in line {marked.line(there)} too; give each a name of "
                    "its own",
                )
            first.setdefault(name, here)


def twice(marked: Marked, section: str) -> Iterator[Problem]:
    """A fault for each name in a list section that another entry has too."""
    first: dict[str, int] = {}
    for index, entry in entries(marked.data, section):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        if name in first:
            line = marked.line((section, first[name], "name"))
            yield problem_at(
                marked,
                (section, index, "name"),
                f"'{name}' is the name of {section}[{first[name]}] in line {line} too; give each "
                "a name of its own",
            )
        first.setdefault(name, index)


def entries(data: Any, section: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The entries of a list section that are sections themselves, with their index."""
    entries = data.get(section) if isinstance(data, Mapping) else None
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, Mapping):
            yield index, entry


def _unknown_rule(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    cure = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names) or 'none'}"
    return f"there is no rule '{name}'; {cure}"


def problem_at(marked: Marked, location: Location, message: str) -> Problem:
    """A problem with the key and line of a location."""
    return Problem(key_text(location), marked.line(location), message)
