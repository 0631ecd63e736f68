"""Reads the configuration file: all faults at once, each with its line, key and cure."""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from monitor.config import Camera, Config, Section
from monitor.config_checks import cross_checks, second_looks
from monitor.config_faults import faults
from monitor.config_references import reference_checks, site_looks
from monitor.config_sink_checks import sink_checks, sink_looks
from monitor.errors import ConfigError, Problem
from monitor.yaml_marks import (
    Location,
    Marked,
    MarkedError,
    key_text,
    location_of,
    parse,
    read_text,
)

SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a configuration file holds, right or wrong."""

    path: Path
    marked: Marked
    """Its plain data with line numbers; empty where it could not be read at all."""
    config: Config | None
    """The settings; None while there are problems."""
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    def error(self) -> ConfigError:
        """All problems as one error; its message has a line for each."""
        lines = [problem.at(self.path) for problem in self.problems]
        return ConfigError("\n".join(lines), problems=self.problems)

    def part(self, section: type[SectionT], *location: str | int) -> SectionT | None:
        """One section by itself where it is valid, though the rest may not be; else None."""
        value: Any = self.marked.data
        for step in location:
            try:
                value = value[step]
            except (LookupError, TypeError):
                value = {} if step == location[-1] else None
        try:
            return resolve_paths(section.model_validate(value), self.folder)
        except ValidationError:
            return None

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the file start from."""
        return self.path.absolute().parent

    def line_of(self, key: str) -> int | None:
        """Line of a key like ``cameras[1].credentials.password_env``, or of what is around it.

        None where the file has nothing of it.
        """
        location = location_of(key)
        return self.marked.line(location) if location[:1] in self.marked.lines else None


def load_config(path: Path, warn: Callable[[Problem], None] | None = None) -> Config:
    """The settings of a configuration file; relative paths are made absolute from its folder.

    Args:
        path: the YAML file.
        warn: called for each thing that is allowed and probably not meant.

    Raises:
        ConfigError: the file cannot be read, or values are wrong; ``problems`` holds all of them.
    """
    draft = read_draft(path)
    if draft.config is None:
        raise draft.error()
    if warn is not None:
        for warning in draft.warnings:
            warn(warning)
    return draft.config


def read_draft(path: Path) -> Draft:
    """Read the file and check everything that it says; faults are in the result, not raised."""
    try:
        marked = parse(read_text(path))
    except MarkedError as error:
        return Draft(path, Marked(None, {}), None, (error.problem,), ())
    shape = _wrong_shape(marked.data)
    if shape is not None:
        return Draft(path, marked, None, marked.problems or (Problem("", 1, shape),), ())
    problems = [
        *marked.problems,
        *cross_checks(marked),
        *reference_checks(marked),
        *sink_checks(marked),
    ]
    config = None
    try:
        config = Config.model_validate(marked.data)
    except ValidationError as error:
        told = {problem.key for problem in marked.problems}
        problems += [fault for fault in faults(error, marked) if fault.key not in told]
    if config is None or problems:
        ordered = sorted(problems, key=lambda problem: problem.line or 0)
        return Draft(path, marked, None, tuple(ordered), ())
    config = resolve_paths(config, path.absolute().parent)
    warnings = [
        *second_looks(config, marked),
        *site_looks(config, marked),
        *_open_secrets(config, marked, path),
        *sink_looks(config, marked, path),
    ]
    ordered = sorted(warnings, key=lambda problem: problem.line or 0)
    return Draft(path, marked, config, (), tuple(ordered))


def resolve_paths(section: SectionT, folder: Path) -> SectionT:
    """The section with every relative path made absolute from ``folder``, deeply."""
    changed: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        resolved = _resolved(value, folder)
        if name == "bundle" and value != "default":
            resolved = str(folder / value)
        if name == "url" and isinstance(section, Camera):
            resolved = _resolved_url(value, folder)
        if resolved is not value:
            changed[name] = resolved
    return section.model_copy(update=changed) if changed else section


def _resolved(value: Any, folder: Path) -> Any:
    if isinstance(value, Section):
        return resolve_paths(value, folder)
    if isinstance(value, Path) and not value.is_absolute():
        return folder / value
    if isinstance(value, list) and any(isinstance(item, Section | Path) for item in value):
        return [_resolved(item, folder) for item in value]
    return value


def _resolved_url(url: str, folder: Path) -> str:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and not parts.path.startswith("/"):
        # Readers of file: URLs decode percent signs, so those of the folder are encoded.
        return f"file:{quote(str(folder))}/{url.removeprefix('file:')}"
    if not parts.scheme:
        return str(folder / url)
    return url


def _wrong_shape(data: Any) -> str | None:
    if data is None or data == {}:
        return "the file is empty; write a configuration to start from with `emberwatch init`"
    if not isinstance(data, dict):
        what = "a list" if isinstance(data, list) else "plain text"
        return (
            f"{what} was found where keys and values belong; write it like the example of "
            "`emberwatch init`"
        )
    return None


def _open_secrets(config: Config, marked: Marked, path: Path) -> list[Problem]:
    """A warning for each password in a file that everybody on the machine can read."""
    try:
        open_to_all = bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return []
    if not open_to_all:
        return []
    warnings = []
    for index, camera in enumerate(config.cameras):
        if camera.credentials is not None and camera.credentials.password is not None:
            location: Location = ("cameras", index, "credentials", "password")
            warnings.append(
                Problem(
                    key_text(location),
                    marked.line(location),
                    "a password stands in a file that every user of this machine can read; use "
                    f"password_file instead, or protect the file with `chmod o-r {path}`",
                )
            )
    return warnings
