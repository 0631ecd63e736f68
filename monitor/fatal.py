"""A fault that ends the daemon before it watches, in the form of its log."""

from pathlib import Path

import structlog

from monitor.config import Log
from monitor.config_file import read_draft
from monitor.errors import ConfigError, EmberwatchError
from monitor.logs import configure_logs

log = structlog.get_logger(__name__)


def log_fatal(config_path: Path, error: EmberwatchError) -> None:
    """Log an error that ends the daemon, where its log is to be JSON and nothing else.

    The log's section is read by itself, because the rest of the file may be what is wrong. Without
    it, or with another form, nothing is logged: the sentence is for people, and whoever ends the
    process writes it. :attr:`EmberwatchError.logged` says which of both it is.
    """
    section = read_draft(config_path).part(Log, "log")
    if section is None or section.format != "json":
        return
    configure_logs(section)
    problems = error.problems if isinstance(error, ConfigError) else ()
    if not problems:
        log.critical("start_failed", error=str(error))
    for problem in problems:
        log.critical(
            "start_failed",
            error=problem.message,
            file=str(config_path),
            line=problem.line,
            key=problem.key,
        )
    error.logged = True
