"""``emberwatch test-alert``: a marked drill through every sink, and what each said to it."""

import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from monitor.alerts.events import Event, Step
from monitor.alerts.notice import Notice
from monitor.clock import SystemClock
from monitor.config import Config
from monitor.config_file import Draft, read_draft
from monitor.decision.state import Explanation
from monitor.delivery import camera_alerts
from monitor.errors import ConfigError, EmberwatchError, UsageError
from monitor.redact import Redactor
from monitor.sink_making import Surroundings, make_sink
from monitor.sink_settings import SinkSettings, resolve_sinks, secrets_of_sinks

GRACE_SECONDS = 15.0
"""Beyond the longest `timeout`: for libraries that load, and for sinks that wait in steps."""


@dataclass(slots=True)
class _Answer:
    """What came of one sink."""

    settings: SinkSettings
    seconds: float = 0.0
    fault: str | None = None
    """None while it is not known, empty where the drill was taken."""


def send_drill(
    path: Path,
    *,
    only: Sequence[str] = (),
    out: TextIO,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Send a drill to the sinks of a configuration, all at once, and say what each answered.

    Args:
        path: the configuration; a daemon may run on it.
        only: names of sinks; all where it is empty.
        out: where the table goes.
        environ: environment variables; those of this process where it is left out.

    Returns:
        0, or 1 where a sink did not take it.

    Raises:
        ConfigError: the configuration is wrong.
        UsageError: there is no such sink, or none at all.
    """
    draft = read_draft(path)
    if draft.config is None:
        raise draft.error()
    settings = _sinks(draft, draft.config, os.environ if environ is None else environ, only)
    around = Surroundings(
        cameras=camera_alerts(draft.config),
        external_url=draft.config.external_url or "",
        version=version_of("emberwatch"),
        host=socket.gethostname(),
        clock=SystemClock(),
        drill=True,
    )
    answers = [_Answer(one) for one in settings]
    threads = [
        threading.Thread(target=_drill, args=(answer, around), daemon=True) for answer in answers
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + GRACE_SECONDS + max(one.sink.timeout for one in settings)
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    width = max(len(one.name) for one in settings)
    for answer in answers:
        sink = answer.settings.sink
        what = f"ok      {answer.seconds:5.2f} s"
        if answer.fault is None:
            what = "FAILED  it did not answer in time"
        elif answer.fault:
            what = f"FAILED  {answer.fault}"
        out.write(f"{sink.name:<{width}}  {sink.type:<12}  {what}\n")
    return int(any(answer.fault != "" for answer in answers))


def _sinks(
    draft: Draft, config: Config, environ: Mapping[str, str], only: Sequence[str]
) -> list[SinkSettings]:
    names = [sink.name for sink in config.sinks]
    if not names:
        raise UsageError(f"{draft.path} names no sink; add one under `sinks`")
    for name in only:
        if name not in names:
            raise UsageError(f"there is no sink '{name}'; there are {', '.join(names)}")
    resolved = resolve_sinks(config, environ)
    wanted = [index for index, name in enumerate(names) if not only or name in only]
    problems = [
        replace(problem, line=draft.line_of(problem.key))
        for problem in resolved.problems
        if any(problem.key.startswith(f"sinks[{index}].") for index in wanted)
    ]
    if problems:
        text = "\n".join(problem.at(draft.path) for problem in problems)
        raise ConfigError(text, problems=problems)
    return [one for one in resolved.sinks if not only or one.name in only]


def _drill(answer: _Answer, around: Surroundings) -> None:
    """Send the drill and its end to one sink."""
    began = time.monotonic()
    hide = Redactor(secrets_of_sinks((answer.settings,)))
    fault = ""
    try:
        sink = make_sink(answer.settings, around)
        try:
            for notice in drill_notices(time.time(), around.external_url):
                if notice.kind == "firing" or answer.settings.sink.send_resolved:
                    sink.send(notice)
        finally:
            sink.close()
    except EmberwatchError as error:
        fault = str(error)
    except Exception as error:  # noqa: BLE001 - a library's; the table is to hold it
        fault = f"{type(error).__name__}: {error}"
    answer.seconds = time.monotonic() - began
    answer.fault = hide.text(fault)


def drill_notices(now: float, external_url: str) -> tuple[Notice, Notice]:
    """A drill that fires, and its end."""
    why = Explanation(0.65, 1.0, 1.0, 0.0, "full", 1, 0.0)
    steps = tuple(Step("drill", "fire", event, now, 1.0, why) for event in ("firing", "resolved"))
    firing = Event(
        id=0,
        camera="drill",
        incident="drill",
        alert="drill",
        label="fire",
        state="firing",
        began_at=now,
        fired_at=now,
        ended_at=None,
        peak_score=1.0,
        steps=steps[:1],
    )
    number = uuid4().hex
    first = Notice(
        key=f"{number}-firing",
        kind="firing",
        event=firing,
        step=steps[0],
        at=now,
        external_url=external_url,
        drill=True,
    )
    over = replace(firing, state="resolved", ended_at=now, steps=steps)
    return first, replace(
        first, key=f"{number}-resolved", kind="resolved", event=over, step=steps[1]
    )
