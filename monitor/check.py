"""``emberwatch check``: everything that can be known about a configuration before the start."""

import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from monitor.check_sinks import unsendable
from monitor.config import Camera, Config, Inference, Rule, Web, parse_listen
from monitor.config_file import Draft, read_draft
from monitor.credentials import feeds, resolve
from monitor.errors import BundleError, ConfigError, Problem
from monitor.inference.bundle import Bundle, load_bundle
from monitor.secret_source import CREDENTIALS_DIRECTORY
from monitor.sink_settings import resolve_sinks
from monitor.state_dir import folder_trouble, free_bytes
from monitor.web_settings import listen_problem, web_problems

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


_HOST_AND_PATH = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:\d+)?/")
"""As an address without its scheme begins."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What is known about a configuration file."""

    draft: Draft
    bundle: Bundle | None
    """The model that it names, if that could be loaded."""
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    def error(self) -> ConfigError:
        """All problems as one error; its message has a line for each."""
        lines = [problem.at(self.draft.path) for problem in self.problems]
        return ConfigError("\n".join(lines), problems=self.problems)


def check(
    path: Path,
    *,
    connect: bool = False,
    out: TextIO,
    err: TextIO,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Check a configuration and say what was found; with ``connect`` open each camera once.

    Returns:
        The exit code: 0, 1 where a camera gives no picture, 2 where the configuration is wrong.
    """
    environ = os.environ if environ is None else environ
    found = examine(path, environ, logins=connect or CREDENTIALS_DIRECTORY in environ)
    if found.draft.config is not None:
        addresses = unsendable(found.draft.config, environ)
        problems = _in_order(found.draft, [*found.problems, *addresses])
        found = replace(found, problems=problems)
    for warning in (*found.warnings, *_state_trouble(found.draft)):
        err.write(f"{replace(warning, message=f'warning: {warning.message}').at(path)}\n")
    config = found.draft.config
    if found.problems or config is None:
        err.write(f"{found.error()}\n")
        count = len(found.problems)
        err.write(f"{count} {'fault' if count == 1 else 'faults'}; nothing would be started\n")
        return 2
    out.write(f"{path}: OK\n")
    for name, text in summary(config, found.bundle):
        out.write(f"  {name:<8} {text}\n")
    if not connect:
        return 0
    from monitor.check_connect import connect_all

    return connect_all(feeds(config, environ=environ), out)


def examine(path: Path, environ: Mapping[str, str], *, logins: bool = True) -> Examination:
    """Collect all problems of a file: its values, its secrets, and the model that it names.

    Args:
        path: the file.
        environ: environment variables.
        logins: whether systemd credentials must be at hand; else they are warnings, as only the
            service gets them.
    """
    draft = read_draft(path)
    problems = list(draft.problems)
    warnings = list(draft.warnings)
    data = draft.marked.data if isinstance(draft.marked.data, dict) else {}
    for index, raw in enumerate(_list(data, "cameras")):
        camera = draft.part(Camera, "cameras", index) if isinstance(raw, dict) else None
        if camera is None or not camera.enabled:
            continue
        if camera.credentials is not None:
            key = f"cameras[{index}].credentials"
            resolved = resolve(camera.credentials, key, environ)
            problems += resolved.problems
            warnings += resolved.warnings
            credential = camera.credentials.credential
            if credential is not None and not logins:
                place = f"{key}.credential"
                problems = [problem for problem in problems if problem.key != place]
                warnings.append(_not_at_hand(credential, place))
        warnings += _missing_file(camera, f"cameras[{index}].url", str(raw.get("url")))
    if draft.config is not None:
        found = resolve_sinks(draft.config, environ, service=logins)
        problems += found.problems
        warnings += found.warnings
    web = draft.part(Web, "web")
    if web is not None:
        of_web = web_problems(web, environ, credentials=logins)
        problems += of_web[0]
        warnings += of_web[1]
    if draft.config is not None:
        host = parse_listen(draft.config.listen)[0]
        warnings += filter(None, [listen_problem(host, draft.config.web)])
    bundle = None
    inference = draft.part(Inference, "inference")
    if data and inference is not None:
        try:
            bundle = load_bundle(inference.bundle)
        except BundleError as error:
            problems.append(Problem("inference.bundle", None, str(error)))
        else:
            problems += _unknown_labels(draft, data, bundle)
        warnings += _broken_shadow(inference)
    return Examination(draft, bundle, _in_order(draft, problems), _in_order(draft, warnings))


def summary(config: Config, bundle: Bundle | None) -> list[tuple[str, str]]:
    """The configuration in a few lines: what it is about, and the text."""
    kinds = Counter(
        urlsplit(camera.url).scheme or "file" for camera in config.cameras if camera.enabled
    )
    by_kind = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    off = sum(not camera.enabled for camera in config.cameras)
    lines = [("cameras", by_kind + (f"; {off} not enabled" if off else ""))]
    lines += [("rule", _rule_text(rule)) for rule in config.rules]
    if bundle is not None:
        lines.append(("model", f"{bundle.path}: {', '.join(bundle.labels)}"))
    lines += [("sink", f"{sink.name}: {sink.type}") for sink in config.sinks]
    if not config.sinks:
        lines.append(("sink", "none; nobody is sent an alert, the page and the log alone show it"))
    return [*lines, ("listen", config.listen), ("state", str(config.state_dir))]


def schema_text() -> str:
    """The JSON schema of the configuration file, for editors."""
    schema = {
        "$schema": SCHEMA_DIALECT,
        **Config.model_json_schema(by_alias=True),
        "title": "Emberwatch configuration",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _state_trouble(draft: Draft) -> list[Problem]:
    """A warning, and no fault: whoever checks is often not the user that the service runs as."""
    config = draft.config
    trouble = folder_trouble(config.state_dir) if config is not None else ""
    if trouble:
        note = "the daemon would watch, and forget its alerts when it ends"
        return [Problem("state_dir", draft.line_of("state_dir"), f"{trouble}; else {note}")]
    return [] if config is None else _no_room(config, draft)


def _no_room(config: Config, draft: Draft) -> list[Problem]:
    """A warning where evidence would not be written from the start."""
    free, wanted = free_bytes(config.state_dir), config.evidence.min_free
    if free is None or free >= wanted or not (config.evidence.snapshots or config.evidence.clips):
        return []
    text = (
        f"{free / 1e6:.0f} MB are free there, less than the {wanted / 1e6:.0f} MB of "
        "evidence.min_free: alerts would have no pictures; make room, or lower min_free"
    )
    return [Problem("state_dir", draft.line_of("state_dir"), text)]


def _unknown_labels(draft: Draft, data: Mapping[str, Any], bundle: Bundle) -> list[Problem]:
    """Labels that the model does not have, of rules, masks and hazards that the file names."""
    named = [
        (f"rules[{index}].label", rule.get("label"))
        for index, rule in enumerate(_list(data, "rules"))
        if isinstance(rule, dict)
    ]
    named += [
        (f"cameras[{index}].masks[{place}].labels[{number}]", label)
        for index, camera in enumerate(_list(data, "cameras"))
        if isinstance(camera, dict)
        for place, mask in enumerate(_list(camera, "masks"))
        if isinstance(mask, dict)
        for number, label in enumerate(_list(mask, "labels"))
    ]
    decision = data.get("decision")
    if isinstance(decision, dict):
        hazards = _list(decision, "hazards")
        named += [(f"decision.hazards[{index}]", label) for index, label in enumerate(hazards)]
    problems = []
    for key, label in named:
        if not isinstance(label, str) or label in bundle.labels:
            continue
        close = difflib.get_close_matches(label, bundle.labels, n=1)
        guess = f"did you mean '{close[0]}'? It" if close else "it"
        problems.append(
            Problem(
                key,
                draft.line_of(key),
                f"the model in {bundle.path} has no label '{label}'; {guess} knows "
                f"{', '.join(bundle.labels)}",
            )
        )
    return problems


def _broken_shadow(inference: Inference) -> list[Problem]:
    """A candidate that cannot be read keeps nothing from starting."""
    if inference.shadow is None:
        return []
    try:
        load_bundle(inference.shadow.bundle)
    except BundleError as error:
        return [
            Problem(
                "inference.shadow.bundle",
                None,
                f"{error}; the daemon would run without the shadow",
            )
        ]
    return []


def _not_at_hand(credential: str, key: str) -> Problem:
    return Problem(
        key,
        None,
        f"systemd gives '{credential}' to the service alone, so it is not checked here; the unit "
        f"needs LoadCredential={credential}:/path/to/the/password",
    )


def _missing_file(camera: Camera, key: str, written: str) -> list[Problem]:
    """``written``: the URL as it stands in the file, where paths may be relative."""
    scheme = urlsplit(camera.url).scheme
    if scheme not in ("", "file"):
        return []
    name = camera.url.removeprefix("file:")
    path = Path(unquote(name.removeprefix("//localhost").removeprefix("//")) if scheme else name)
    if path.exists():
        return []
    cure = "correct the path"
    if _HOST_AND_PATH.match(written):
        cure = f"for a camera on the network, write it like rtsp://{written}"
    return [Problem(key, None, f"there is no file or folder {path}; {cure}")]


def _rule_text(rule: Rule) -> str:
    return (
        f"{rule.name}: {rule.label} above {rule.threshold:g} for {rule.hold_for:g} s, "
        f"kept for {rule.keep_firing_for:g} s"
    )


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _in_order(draft: Draft, problems: list[Problem]) -> tuple[Problem, ...]:
    """The problems with their lines, in the order of the file."""
    lined = [
        problem if problem.line is not None else replace(problem, line=draft.line_of(problem.key))
        for problem in problems
    ]
    return tuple(sorted(lined, key=lambda problem: problem.line or 0))
