"""Logging: one event a line with fields, JSON unless a person watches; no secret leaves here."""

import json
import logging
import sys
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from monitor.config import Log
from monitor.redact import Redactor

_QUIET_LIBRARIES = ("asyncio", "httpcore", "httpx", "libav", "multipart", "paho", "uvicorn")
"""Their info lines are not the story of a day."""


def configure_logs(log: Log, stream: TextIO | None = None, *, secrets: Iterable[str] = ()) -> None:
    """Send the log lines of this process, libraries' included, to a stream.

    May be called again: for another level after a reload, or with the secrets once they are known.

    Args:
        log: level and format.
        stream: where the lines go; standard error where it is left out.
        secrets: passwords that are blotted out wherever they turn up.
    """
    stream = sys.stderr if stream is None else stream
    as_json = log.format == "json" or (log.format == "auto" and not stream.isatty())
    level = logging.getLevelNamesMapping()[log.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(shared, as_json, stream, Redactor(secrets)))
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)


def _formatter(
    shared: list[Processor], as_json: bool, stream: TextIO, redactor: Redactor
) -> structlog.stdlib.ProcessorFormatter:
    def blot_out(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        return {key: redactor.value(value) for key, value in event.items()}

    def name_library(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
        event["logger"] = event["_record"].name
        return event

    ending: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        blot_out,
        _strip_event,
    ]
    if as_json:
        ending += [
            _time_first,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            _printable_line,
        ]
    else:
        ending += [
            _printable_fields,
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=28),
        ]
    return structlog.stdlib.ProcessorFormatter(
        processors=ending, foreign_pre_chain=[*shared, name_library]
    )


def _strip_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Libraries end their messages with a line break now and then."""
    event["event"] = str(event.get("event", "")).strip()
    return event


def _printable_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    return {
        key: _printable(value) if isinstance(value, str) and key != "exception" else value
        for key, value in event.items()
    }


def _printable_line(_logger: Any, _method: str, line: Any) -> str:
    """JSON leaves some line breaks, terminal codes and halves of characters as they are."""
    return _printable(str(line))


def _printable(text: str) -> str:
    """The text with escapes, as in JSON, for whatever does not show or ends the line."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)


def _time_first(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Time, level and event lead each line, so that raw lines can be read by eye."""
    leading = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return {**leading, **event}


@dataclass(slots=True)
class _Told:
    last: float
    interval: float
    kept_back: int = 0


class Throttle:
    """Decides which lines of a repeating fault are written: the first, then ever fewer.

    After a line the next waits ``interval_seconds``, then twice as long, up to ``cap_seconds``.
    Pure: time comes in as an argument.

    >>> throttle = Throttle(interval_seconds=10)
    >>> [throttle.admit("dock", now) for now in (0.0, 1.0, 2.0, 10.0)]
    [0, None, None, 2]
    """

    def __init__(
        self, interval_seconds: float = 10.0, cap_seconds: float = 600.0, max_keys: int = 10_000
    ) -> None:
        self._interval = interval_seconds
        self._cap = cap_seconds
        self._max_keys = max_keys
        self._told: dict[str, _Told] = {}

    def admit(self, key: str, now: float) -> int | None:
        """None: keep the line back. Else write it; the number says how many were kept back before.

        Args:
            key: what repeats, as ``dock:refused``.
            now: monotonic time, seconds.
        """
        told = self._told.get(key)
        if told is None:
            if len(self._told) >= self._max_keys:
                del self._told[next(iter(self._told))]
            self._told[key] = _Told(now, self._interval)
            return 0
        if now - told.last < told.interval:
            told.kept_back += 1
            return None
        kept_back = told.kept_back
        self._told[key] = _Told(now, min(told.interval * 2, self._cap))
        return kept_back

    def clear(self, key: str) -> int:
        """The fault is over: its next line is written at once. Gives what was kept back."""
        told = self._told.pop(key, None)
        return told.kept_back if told is not None else 0
