"""Checks of sinks: names that stand twice or lead nowhere, and what is probably not meant."""

import difflib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monitor.config import Config
from monitor.config_checks import entries, problem_at, twice
from monitor.config_sinks import Secret
from monitor.decision.outage import OUTAGE
from monitor.errors import Problem
from monitor.yaml_marks import Marked

SECRET_KEYS = ("password", "bearer_token", "secret", "url_from")
"""The keys of sinks under which a secret stands."""


def sink_checks(marked: Marked) -> list[Problem]:
    """Faults: names that stand twice, sinks to escalate to that are not there or lead in a ring."""
    problems = list(twice(marked, "sinks"))
    names = {
        index: sink["name"]
        for index, sink in entries(marked.data, "sinks")
        if isinstance(sink.get("name"), str)
    }
    following = {
        sink.get("name"): sink.get("escalate_to") for _, sink in entries(marked.data, "sinks")
    }
    for index, sink in entries(marked.data, "sinks"):
        target = sink.get("escalate_to")
        if not isinstance(target, str):
            continue
        if target not in names.values():
            message = _unknown("sink", target, list(names.values()))
        elif _in_ring(sink.get("name"), following):
            message = "sinks escalate in a ring, so none of them is told first; break it"
        else:
            continue
        problems.append(problem_at(marked, ("sinks", index, "escalate_to"), message))
    return [*problems, *_match_checks(marked)]


def _in_ring(name: Any, following: Mapping[Any, Any]) -> bool:
    """Whether a sink escalates to itself by way of others; by itself alone it reminds."""
    passed, target = 1, following.get(name)
    if target == name:
        return False
    while isinstance(target, str) and passed <= len(following):
        if target == name:
            return True
        passed, target = passed + 1, following.get(target)
    return False


def _match_checks(marked: Marked) -> Iterator[Problem]:
    rules = [rule.get("name") for _, rule in entries(marked.data, "rules")] or ["fire", "smoke"]
    rules.append(OUTAGE)
    cameras = [camera.get("name") for _, camera in entries(marked.data, "cameras")]
    for index, sink in entries(marked.data, "sinks"):
        match = sink.get("match")
        if not isinstance(match, Mapping):
            continue
        for key, word, known in (("cameras", "camera", cameras), ("rules", "rule", rules)):
            wanted = match.get(key)
            for place, name in enumerate(wanted if isinstance(wanted, list) else []):
                if isinstance(name, str) and name not in known:
                    yield problem_at(
                        marked,
                        ("sinks", index, "match", key, place),
                        _unknown(word, name, [str(one) for one in known]),
                    )


def _unknown(word: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    cure = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known) or 'none'}"
    return f"there is no {word} '{name}'; {cure}"


def sink_looks(config: Config, marked: Marked, path: Path) -> Iterator[Problem]:
    """Warnings: secrets in a file that everybody reads, and sinks that nobody reaches."""
    try:
        open_to_all = bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        open_to_all = False
    for index, sink in enumerate(config.sinks):
        for key in SECRET_KEYS:
            secret = getattr(sink, key, None)
            if open_to_all and isinstance(secret, Secret) and secret.value is not None:
                yield problem_at(
                    marked,
                    ("sinks", index, key, "value"),
                    "a secret stands in a file that every user of this machine can read; use file, "
                    f"env or credential, or protect the file with `chmod o-r {path}`",
                )
        if getattr(getattr(sink, "tls", None), "verify", True) is False:
            yield problem_at(
                marked,
                ("sinks", index, "tls", "verify"),
                "any certificate is taken, so whoever sits between reads and changes alerts; name "
                "the authority as ca_file",
            )
