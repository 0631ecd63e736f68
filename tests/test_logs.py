"""Log lines: one event a line with fields, no secrets, and repeating faults told ever less."""

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import Log
from monitor.logs import Throttle, configure_logs


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Logging belongs to the process: give it back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    show = warnings.showwarning
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    warnings.showwarning = show
    structlog.reset_defaults()


def written(log: Log | None = None, secrets: tuple[str, ...] = ()) -> io.StringIO:
    stream = io.StringIO()
    configure_logs(log or Log(), stream, secrets=secrets)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_fields_when_nobody_watches() -> None:
    stream = written()
    structlog.get_logger().info("camera_up", camera="dock", fps=2.5, url="rtsp://h/ü")
    (line,) = lines(stream)
    timestamp = line.pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", str(timestamp))
    assert line == {
        "level": "info",
        "event": "camera_up",
        "camera": "dock",
        "fps": 2.5,
        "url": "rtsp://h/ü",
    }


def test_a_terminal_gets_text() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    configure_logs(Log(), stream)
    structlog.get_logger().warning("camera_down", camera="dock")
    assert "camera_down" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_the_format_can_be_set() -> None:
    stream = written(Log(format="console"))
    structlog.get_logger().info("camera_up", camera="dock")
    assert re.search(r"\[info +\] camera_up +camera=dock\n$", stream.getvalue())


def test_lines_below_the_level_are_not_written() -> None:
    stream = written(Log(level="warning"))
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_libraries_write_the_same_lines() -> None:
    stream = written()
    logging.getLogger("av").error("cannot decode %s", "frame")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("cannot decode frame", "error", "av")


def test_the_chatter_of_web_libraries_is_left_out() -> None:
    stream = written()
    # Not the children of uvicorn: a server that ran in this process has set their levels.
    for name in ("httpx", "uvicorn", "multipart", "httpcore.http11"):
        logging.getLogger(name).info("HTTP Request: GET")
        logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"] * 4


def test_python_warnings_are_log_lines() -> None:
    stream = written()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("careful", stacklevel=1)
    assert "careful" in str(lines(stream)[0]["event"])


def test_secrets_are_blotted_out_of_every_field() -> None:
    stream = written(secrets=("hunter22",))
    log = structlog.get_logger()
    log.error(
        "failed hunter22", url="rtsp://u:p@h/s", detail=["hunter22"], error=OSError("hunter22")
    )
    try:
        raise OSError("rtsp://u:topsecret@h/s and hunter22")
    except OSError:
        log.exception("failed")
    logging.getLogger("library").error("opening %s", "rtsp://u:topsecret@h/s")
    assert "hunter22" not in stream.getvalue()
    assert "topsecret" not in stream.getvalue()
    assert "u:p@" not in stream.getvalue()
    assert "***" in stream.getvalue()


@given(st.text())
def test_any_event_is_one_line(text: str) -> None:
    for form in ("json", "console"):
        stream = written(Log.model_validate({"format": form}))
        structlog.get_logger().info(text or "empty", detail=text)
        assert len(stream.getvalue().splitlines()) == 1


def test_configuring_again_replaces_the_old_lines_and_keeps_foreign_handlers() -> None:
    foreign = logging.NullHandler()
    logging.getLogger().addHandler(foreign)
    first = written()
    second = written(Log(level="debug"))
    structlog.get_logger().debug("camera_up")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1
    assert foreign in logging.getLogger().handlers


def test_a_field_that_is_no_json_is_written_as_text() -> None:
    stream = written()
    structlog.get_logger().info("camera_up", what={1, 2} - {2}, raw=b"x")
    assert lines(stream)[0]["what"] == "{1}"


def test_a_repeating_fault_is_told_at_once_then_ever_more_rarely() -> None:
    throttle = Throttle(interval_seconds=10, cap_seconds=40)
    told = [now for now in range(200) if throttle.admit("dock:refused", float(now)) is not None]
    assert told == [0, 10, 30, 70, 110, 150, 190]


def test_what_was_kept_back_is_counted() -> None:
    throttle = Throttle(interval_seconds=10)
    assert [throttle.admit("dock", now) for now in (0.0, 1.0, 9.9, 10.0, 11.0)] == [
        0,
        None,
        None,
        2,
        None,
    ]
    assert throttle.clear("dock") == 1
    assert throttle.admit("dock", 11.5) == 0
    assert throttle.clear("other") == 0


def test_faults_are_throttled_each_by_itself_and_only_so_many_are_remembered() -> None:
    throttle = Throttle(max_keys=2)
    assert [throttle.admit(key, 0.0) for key in ("a", "b", "a", "c", "b")] == [0, 0, None, 0, None]
    assert throttle.admit("a", 0.0) == 0


@given(st.lists(st.floats(0, 50), min_size=1, max_size=50))
def test_every_line_is_told_or_counted(steps: list[float]) -> None:
    throttle = Throttle(interval_seconds=10, cap_seconds=100)
    now, told, counted = 0.0, 0, 0
    for step in steps:
        now += step
        kept_back = throttle.admit("dock", now)
        if kept_back is not None:
            told += 1
            counted += kept_back
    assert told + counted + throttle.clear("dock") == len(steps)
