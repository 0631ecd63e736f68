"""Arguments that several commands take, and the log that keeps out of the way of their results."""

from pathlib import Path
from typing import Annotated, Literal

import typer

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="CONFIG", help="Take rules, model and decision from it."),
]
DaemonUrl = Annotated[str, typer.Argument(metavar="[URL]", help="Where the daemon listens.")]
DAEMON_URL = "http://127.0.0.1:9108"
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Its first line is the token, if the daemon wants one; without, EMBERWATCH_TOKEN.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file", metavar="FILE", help="PEM file with what signed the daemon's certificate."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
EngineName = Annotated[
    Literal["auto", "openvino", "tensorflow"],
    typer.Option("--engine", help="What the model runs on; auto: TensorFlow with a GPU."),
]
GroupColumn = Annotated[
    str, typer.Option("--group-column", help="The group's column in that table.")
]
GroupNotes = Annotated[
    list[str] | None,
    typer.Option(
        "--group-note",
        metavar="TEXT",
        help="A value of that column that names no group; repeatable.",
    ),
]


def quiet_logs() -> None:
    """Commands tell their result on standard output; the log keeps to warnings beside it."""
    from monitor.config import Log
    from monitor.logs import configure_logs

    configure_logs(Log(level="warning"))
