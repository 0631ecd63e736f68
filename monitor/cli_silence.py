"""The arguments of ``emberwatch silence``: a camera's name, or what to do with silences."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monitor.cli_options import AsJson

_ConfigOption = Annotated[
    Path,
    typer.Option("--config", metavar="CONFIG", help="The configuration of the daemon."),
]
_DEFAULT_CONFIG = Path("/etc/emberwatch/monitor.yaml")


class _CameraOrCommand(TyperGroup):
    """Takes ``silence CAMERA`` for ``silence add CAMERA``."""

    # Any: which package a context's class comes from is for each version of typer to decide.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command that is left out before its arguments."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["add", *args]
        return super().parse_args(ctx, args)


silence = typer.Typer(
    cls=_CameraOrCommand,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Keep a camera's alerts from waking anybody, for a time.\n\n"
    "Alerts are decided, kept and shown all the same, and marked as silenced. Run it as root or "
    "as the user of the daemon.\n\n"
    "\b\n"
    '  emberwatch silence yard --for 2h --comment "roof work"\n'
    "  emberwatch silence list\n"
    "  emberwatch silence expire 4",
)


@silence.command("add")
def add(
    camera: Annotated[str, typer.Argument(metavar="CAMERA", help="Its name.")],
    lasts: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="For how long, like 2h or 1h30m.")
    ],
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why.")],
    label: Annotated[
        str | None, typer.Option("--label", metavar="LABEL", help="Alerts for this label alone.")
    ] = None,
    author: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who; else the user's name.")
    ] = None,
    config: _ConfigOption = _DEFAULT_CONFIG,
) -> None:
    """Silence a camera; `add` may be left out."""
    from monitor.silence import add_silence

    raise typer.Exit(
        add_silence(
            camera, config=config, lasts=lasts, comment=comment, label=label, author=author,
            out=sys.stdout,
        )
    )  # fmt: skip


@silence.command("list")
def list_all(
    as_json: AsJson = False,
    config: _ConfigOption = _DEFAULT_CONFIG,
) -> None:
    """Show the silences in force."""
    from monitor.silence import list_silences

    raise typer.Exit(list_silences(config=config, as_json=as_json, out=sys.stdout))


@silence.command("expire")
def expire(
    number: Annotated[int, typer.Argument(metavar="ID", help="Of the silence.")],
    config: _ConfigOption = _DEFAULT_CONFIG,
) -> None:
    """End a silence now."""
    from monitor.silence import expire_silence

    raise typer.Exit(expire_silence(number, config=config, out=sys.stdout))
