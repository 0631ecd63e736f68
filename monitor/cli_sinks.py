"""The command that tries sinks: ``emberwatch test-alert``."""

import sys
from typing import Annotated

import typer

from monitor.cli_options import ConfigPath, quiet_logs


def try_sinks(
    config: ConfigPath,
    sink: Annotated[
        list[str] | None,
        typer.Option("--sink", metavar="NAME", help="This sink alone; repeatable."),
    ] = None,
) -> None:
    """Send a drill, marked as one, through every sink, and say what each answered.

    It ends with 1 where a sink did not take it. A daemon may run on the same file meanwhile.

    \b
      emberwatch test-alert /etc/emberwatch/monitor.yaml
      emberwatch test-alert monitor.yaml --sink mail
    """
    from monitor.drill import send_drill

    quiet_logs()
    status = send_drill(config, only=sink or (), out=sys.stdout)
    if status:
        raise typer.Exit(status)
