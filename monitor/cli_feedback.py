"""The arguments of ``emberwatch events`` (a URL, or what is said of an event) and ``harvest``."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from monitor.cli_options import (
    DAEMON_URL,
    AsJson,
    CaFile,
    ConfigPath,
    DaemonUrl,
    TokenFile,
    quiet_logs,
)

_ConfigOption = Annotated[
    Path,
    typer.Option("--config", metavar="CONFIG", help="The configuration of the daemon."),
]
_DEFAULT_CONFIG = Path("/etc/emberwatch/monitor.yaml")
_Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="Of the event.")]
_Author = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who; else the user's name.")
]


class _UrlOrCommand(TyperGroup):
    """Takes ``events [URL]`` for ``events list [URL]``."""

    # Any: which package a context's class comes from is for each version of typer to decide.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command that is left out before its arguments."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


events = typer.Typer(
    cls=_UrlOrCommand,
    add_completion=False,
    rich_markup_mode=None,
    help="Show what alerts did, and say what events were.\n\n"
    "\b\n"
    "  emberwatch events\n"
    "  emberwatch events --deliveries\n"
    "  emberwatch events --camera dock --limit 100 --json > events.jsonl\n"
    "  emberwatch events acknowledge 12\n"
    "  emberwatch events judge 12 false",
)


@events.command("list")
def list_events(
    url: DaemonUrl = DAEMON_URL,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="NAME", help="Of this camera alone.")
    ] = None,
    deliveries: Annotated[
        bool, typer.Option("--deliveries", help="Below each, what each sink was told.")
    ] = False,
    as_json: AsJson = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Show what the alerts of a running daemon did, newest first; `list` may be left out."""
    from monitor.daemon_client import daemon_address
    from monitor.events import events as show_events

    quiet_logs()
    raise typer.Exit(
        show_events(
            daemon_address(url, os.environ, token_file=token_file, ca_file=ca_file),
            limit=limit,
            camera=camera,
            as_json=as_json,
            deliveries=deliveries,
            out=sys.stdout,
        )
    )


@events.command("acknowledge")
def acknowledge(
    number: _Number, author: _Author = None, config: _ConfigOption = _DEFAULT_CONFIG
) -> None:
    """Say that an event was seen."""
    from monitor.feedback import acknowledge_event

    raise typer.Exit(acknowledge_event(number, config=config, author=author, out=sys.stdout))


@events.command("judge")
def judge(
    number: _Number,
    verdict: Annotated[
        Literal["confirmed", "false", "none"],
        typer.Argument(help="What it was; none takes back what was said."),
    ],
    author: _Author = None,
    config: _ConfigOption = _DEFAULT_CONFIG,
) -> None:
    """Say whether an event was what its label says, or a false alarm."""
    from monitor.feedback import judge_event

    said = None if verdict == "none" else verdict
    raise typer.Exit(judge_event(number, said, config=config, author=author, out=sys.stdout))


def harvest(
    config: ConfigPath,
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder of pictures, by label.")
    ],
    background: Annotated[
        str | None,
        typer.Option("--background", metavar="LABEL", help="Label of pictures of nothing."),
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", min=0, max=1000, help="Most pictures of each clip.")
    ] = 4,
) -> None:
    """Write pictures of judged events, to train with.

    \b
      emberwatch harvest /etc/emberwatch/monitor.yaml --output pictures
      emberwatch train pictures --groups pictures/groups.tsv --output my-bundle
    """
    from monitor.harvest import harvest as harvest_events

    quiet_logs()
    raise typer.Exit(
        harvest_events(config, output, background=background, frames=frames, out=sys.stdout)
    )
