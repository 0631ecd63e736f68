"""Reads YAML as plain data, and remembers the line of each value.

The file is untrusted: only plain values come out of it (mappings, lists, text, numbers, true,
false, null), and its size, depth and expansion by aliases are bounded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from monitor.errors import Problem
from monitor.regular_file import NotRegularError, read_regular

MAX_BYTES = 1_000_000
"""About 5,000 cameras; a larger file is something else by mistake."""
MAX_DEPTH = 20
"""The configuration itself needs 6 levels."""
MAX_VALUES = 200_000
"""Values after aliases are expanded."""

Location = tuple[str | int, ...]
"""Where a value is: ``("cameras", 1, "fps")``."""

_LONGEST_NUMBER = 40
"""Characters; more digits than any setting has."""
_PREFIX = "tag:yaml.org,2002:"
_TEXT_TAGS = {_PREFIX + "str", _PREFIX + "timestamp", _PREFIX + "value"}
_PLAIN_TAGS = {_PREFIX + kind for kind in ("int", "float", "bool", "null")}
_MERGE_TAG = _PREFIX + "merge"

_SYNTAX_CURES = (
    ("found character '\\t'", "a tab was found; YAML is indented with spaces only"),
    ("mapping values are not allowed here", "a second ': ' was found on one line, or the "
     "indentation is wrong; put text that holds ': ' in quotes"),
    ("could not find expected ':'", "a key without ':' was found; write it as KEY: VALUE"),
    ("found unknown escape character", "in double quotes \\ begins an escape; use single quotes"),
    ("while scanning a quoted scalar", "the quote that begins here is never closed; close it"),
    ("expected ',' or", "the bracket that opens here is never closed, or a comma is missing in "
     "it; check it"),
    ("expected <block end>", "the indentation changes in the middle of a section; align the keys "
     "of one section in one column"),
    ("expected a single document", "a second '---' was found; the file must be one document"),
    ("found undefined alias", "an alias (*NAME) has no anchor (&NAME) before it"),
    ("found character '%'", "text that begins with % must stand in quotes"),
    ("found character '@'", "text that begins with @ must stand in quotes"),
    ("found character '`'", "text that begins with ` must stand in quotes"),
)  # fmt: skip


class MarkedError(Exception):
    """The text is no YAML that can be used at all; carries the one problem that says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Marked:
    """Plain data with the line of each value."""

    data: Any
    """dict, list, str, int, float, bool or None; keys of dicts are text."""
    lines: Mapping[Location, int]
    """Line of each value, by where it is; for a value in a mapping, the line of its key."""
    sources: Mapping[Location, str] = field(default_factory=dict)
    """How numbers and truth values are written: ``off`` for False, ``007`` for 7."""
    problems: tuple[Problem, ...] = ()
    """Faults that left the rest readable: duplicate keys, values that are no plain data."""

    def line(self, location: Location) -> int | None:
        """Line of the value, or of the nearest thing around it that is in the file."""
        for length in range(len(location), -1, -1):
            if location[:length] in self.lines:
                return self.lines[location[:length]]
        return None


def key_text(location: Location) -> str:
    """A location as people write it: ``cameras[1].fps``."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def location_of(key: str) -> Location:
    """The location that :func:`key_text` wrote; keys with dots or brackets in them apart."""
    steps = re.findall(r"\[(\d+)\]|([^.\[\]]+)", key)
    return tuple(int(index) if index else name for index, name in steps)


def read_text(path: Path) -> str:
    """The text of the file.

    Raises:
        MarkedError: it cannot be read, is too large, or is no UTF-8 text.
    """
    try:
        raw = read_regular(path, MAX_BYTES + 1)
    except FileNotFoundError:
        raise _failed(
            "there is no such file; give the path of the configuration, or write one with "
            "`emberwatch init`"
        ) from None
    except IsADirectoryError:
        raise _failed("this is a folder; give the path of the file in it") from None
    except PermissionError:
        raise _failed("reading it is not allowed; check the owner and mode of the file") from None
    except NotRegularError:
        raise _failed(
            "this is a pipe or a device; write the configuration into a file and name that"
        ) from None
    except (OSError, ValueError) as error:
        raise _failed(f"it cannot be read ({error}); check the path and the disk") from None
    if len(raw) > MAX_BYTES:
        raise _failed(
            f"it is larger than {MAX_BYTES:,} bytes and so hardly a configuration; check the path"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _failed(
            "bytes that are no UTF-8 text were found; save the file as UTF-8, or check the path",
            line,
        ) from None


def parse(text: str) -> Marked:
    """Plain data and lines from YAML.

    Raises:
        MarkedError: the text is no YAML, or nested or expanded beyond the bounds.
    """
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return Marked(None, MappingProxyType({}))
        return _Builder(loader).build(root)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _failed(
            f"a control character (code {error.character}) was found; the file must be plain text",
            line,
        ) from None
    except yaml.MarkedYAMLError as error:
        sentence = _syntax_sentence(error)
        marks = (error.problem_mark, error.context_mark)
        mark = marks[1] or marks[0] if "here is never closed" in sentence else marks[0] or marks[1]
        raise _failed(sentence, None if mark is None else mark.line + 1) from None
    except yaml.YAMLError:
        raise _failed("this is no YAML; write it like the example of `emberwatch init`") from None
    finally:
        if loader is not None:
            loader.dispose()


def _failed(message: str, line: int | None = None) -> MarkedError:
    return MarkedError(Problem("", line, message))


def _syntax_sentence(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context or ''}; {error.problem or ''}"
    for sign, sentence in _SYNTAX_CURES:
        if sign in said:
            return sentence
    what = error.problem or error.context or "it cannot be taken apart"
    return f"this is no valid YAML ({what}); check quotes, brackets and indentation here"


class _Loader(yaml.SafeLoader):
    """Composes nodes, and stops where they are nested too deeply."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs
            raise _failed(
                f"more than {MAX_DEPTH} levels are nested here; check the brackets and indentation",
                mark.line + 1,
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


@dataclass(slots=True)
class _Builder:
    """Turns nodes into plain data: one visit for each value, aliases included."""

    loader: _Loader
    lines: dict[Location, int] = field(default_factory=dict)
    sources: dict[Location, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    visits: int = 0

    def build(self, root: yaml.Node) -> Marked:
        self.lines[()] = _line(root)
        data = self._value(root, (), 0)
        return Marked(
            data,
            MappingProxyType(self.lines),
            MappingProxyType(self.sources),
            tuple(self.problems),
        )

    def _value(self, node: yaml.Node, at: Location, depth: int) -> Any:
        self.visits += 1
        if self.visits > MAX_VALUES or depth > MAX_DEPTH:
            raise _failed(
                "aliases (*NAME) repeat more than a configuration can hold; write the values out",
                _line(node),
            )
        if isinstance(node, yaml.MappingNode) and node.tag == _PREFIX + "map":
            return self._mapping(node, at, depth)
        if isinstance(node, yaml.SequenceNode) and node.tag == _PREFIX + "seq":
            items = []
            for index, child in enumerate(node.value):
                self.lines[(*at, index)] = _line(child)
                items.append(self._value(child, (*at, index), depth + 1))
            return items
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, at)
        self._problem(node, at, f"the tag {node.tag} is not used here; take it out")
        return None

    def _mapping(self, node: yaml.MappingNode, at: Location, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, child in node.value:
            if key_node.tag == _MERGE_TAG:
                merged = {**self._merge(child, at, depth), **merged}
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, at, "a key must be a word, not a list or section")
                continue
            key = str(key_node.value)
            if not _is_text(key):
                self._problem(key_node, at, "a key holds characters that are no text; retype it")
                continue
            if key in own:
                first = self.lines[(*at, key)]
                self._problem(
                    key_node,
                    (*at, key),
                    f"the key stands here twice, first in line {first}; keep one of them",
                )
                continue
            self.lines[(*at, key)] = _line(key_node)
            own[key] = self._value(child, (*at, key), depth + 1)
        return {**merged, **own}

    def _merge(self, node: yaml.Node, at: Location, depth: int) -> dict[str, Any]:
        """What ``<<: *NAME`` brings in; with a list, the first that has a key wins."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                self._problem(node, at, "only sections can be merged with <<; name one by *NAME")
                continue
            known = dict(self.lines)
            merged = {**self._value(source, at, depth + 1), **merged}
            self.lines.update(known)
        return merged

    def _scalar(self, node: yaml.ScalarNode, at: Location) -> Any:
        if node.tag in _TEXT_TAGS:
            if _is_text(node.value):
                return str(node.value)
            self._problem(node, at, "characters that are no text were found; retype the value")
            return None
        if node.tag in _PLAIN_TAGS:
            try:
                if len(node.value) > _LONGEST_NUMBER:
                    raise ValueError
                self.sources[at] = str(node.value)
                return self.loader.construct_object(node)
            except (yaml.YAMLError, ValueError, LookupError, ArithmeticError):
                self._problem(
                    node,
                    at,
                    "this is no number, date or truth value that YAML can hold; put quotes around "
                    "it if it is text",
                )
                return None
        self._problem(node, at, f"the tag {node.tag} is not used here; take it out")
        return None

    def _problem(self, node: yaml.Node, at: Location, message: str) -> None:
        self.problems.append(Problem(key_text(at), _line(node), message))


def _is_text(value: str) -> bool:
    """Escapes in double quotes can give NUL and halves of characters, which break later steps."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
