"""The ``emberwatch`` command: reads arguments, calls the part that does the work, maps errors.

Each command imports its part when it runs: help appears at once, and the daemon loads no trainer.
"""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from monitor.cli_feedback import events, harvest
from monitor.cli_model import evaluate, export, label
from monitor.cli_options import (
    DAEMON_URL,
    AsJson,
    CaFile,
    ConfigOption,
    ConfigPath,
    DaemonUrl,
    TokenFile,
    quiet_logs,
)
from monitor.cli_regions import regions
from monitor.cli_replay import replay
from monitor.cli_silence import silence
from monitor.cli_sinks import try_sinks
from monitor.cli_train import train
from monitor.cli_tune import record, tune
from monitor.errors import AddressError, ConfigError, EmberwatchError, UsageError
from monitor.systemd_notify import Notifier

EXIT_FAULT = 1
EXIT_CONFIG = 2
EXIT_LATER = 75
"""As ``EX_TEMPFAIL``: the service manager, and nobody else, is asked to try again."""
EXIT_INTERRUPTED = 130

DEBUG_VARIABLE = "EMBERWATCH_DEBUG"

app = typer.Typer(
    name="emberwatch",
    help="Watches CCTV cameras for fire and smoke, and says so when it cannot see.\n\n"
    "\b\n"
    "To begin:\n"
    "  emberwatch init                      write a small configuration, monitor.yaml\n"
    "  emberwatch check --connect monitor.yaml\n"
    "                                       check it, and open each camera once\n"
    "  emberwatch run monitor.yaml          watch; metrics on http://127.0.0.1:9108/metrics\n"
    "  emberwatch demo                      see it raise an alert, without any camera",
    epilog="Exit codes: 0 done, 1 something failed, 2 the configuration or the arguments are "
    "wrong, 75 (under systemd alone) the address is not to be had yet, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the command; ends the process with the right exit code."""
    try:
        app(prog_name="emberwatch")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        _end_quietly()
    except EmberwatchError as error:
        if _debugging():
            raise
        _fail(error)
    except Exception as error:
        if _debugging():
            raise
        sys.stderr.write(
            f"emberwatch: unexpected fault, {type(error).__name__}: {error}; "
            "run it again with --debug before the command to see where, and please report it\n"
        )
        sys.exit(EXIT_FAULT)


@app.callback()
def _common(
    debug: Annotated[
        bool, typer.Option("--debug", envvar=DEBUG_VARIABLE, help="Show where errors come from.")
    ] = False,
) -> None:
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"


@app.command()
def run(config: ConfigPath) -> None:
    """Watch the cameras of a configuration: the daemon.

    It logs to standard error and ends on SIGTERM or Ctrl-C; SIGHUP reads the file anew.

    \b
      emberwatch run /etc/emberwatch/monitor.yaml
    """
    from monitor.daemon import run as run_daemon

    _end(run_daemon(config))


@app.command()
def check(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="The configuration file.")
    ] = None,
    connect: Annotated[
        bool, typer.Option("--connect", help="Open each camera once and say what it is.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema, for editors.")
    ] = False,
) -> None:
    """Check a configuration: all faults, with line and cure.

    \b
      emberwatch check monitor.yaml
      emberwatch check --connect monitor.yaml
      emberwatch check --schema > emberwatch.schema.json
    """
    from monitor.check import check as check_config
    from monitor.check import schema_text

    if schema:
        sys.stdout.write(schema_text())
        return
    if config is None:
        raise typer.BadParameter("name the configuration file: emberwatch check CONFIG")
    quiet_logs()
    _end(check_config(config, connect=connect, out=sys.stdout, err=sys.stderr))


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="The file to write.")] = Path(
        "monitor.yaml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Write a small configuration to start from.

    \b
      emberwatch init
      emberwatch init /etc/emberwatch/monitor.yaml
    """
    from monitor.init import init as write_config

    _end(write_config(path, force=force, out=sys.stdout))


@app.command()
def status(
    url: DaemonUrl = DAEMON_URL,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Show the cameras, scores and alerts of a running daemon.

    \b
      emberwatch status
      emberwatch status --once --token-file ~/.emberwatch-token https://10.0.4.2:9108
    """
    from monitor.daemon_client import daemon_address
    from monitor.status import status as show_status

    quiet_logs()
    address = daemon_address(url, os.environ, token_file=token_file, ca_file=ca_file)
    _end(show_status(address, once))


app.command()(label)
app.command()(regions)
app.command()(record)
app.command()(tune)
app.add_typer(events, name="events")
app.command()(harvest)
app.add_typer(silence, name="silence")
app.command("test-alert")(try_sinks)
app.command()(train)
app.command()(evaluate)
app.command()(export)
app.command()(replay)


@app.command("evaluate-clips")
def evaluate_clips(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Holds LABELS.tsv and the clips it names.")
    ],
    config: ConfigOption = None,
    as_json: AsJson = False,
    within: Annotated[
        float, typer.Option(metavar="SECONDS", help="A later alert comes too late.")
    ] = 10.0,
) -> None:
    """Replay labelled clips, compare alerts with labels.

    \b
      emberwatch evaluate-clips clips/
      emberwatch evaluate-clips --config monitor.yaml --json clips/
    """
    from monitor.evaluate_clips import evaluate_clips as evaluate_all

    quiet_logs()
    _end(
        evaluate_all(
            folder,
            config=config,
            as_json=as_json,
            within_seconds=within,
            out=sys.stdout,
            err=sys.stderr,
        )
    )


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Go on until Ctrl-C.")] = False,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Where its pages are, if not on 127.0.0.1:9108; port 0: any."
        ),
    ] = None,
) -> None:
    """Run the daemon on footage until fire and smoke are seen.

    \b
      emberwatch demo
      emberwatch demo --keep --listen 127.0.0.1:0
    """
    from monitor.demo import run_demo

    _end(run_demo(keep, listen=listen))


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="A glance, in about a minute.")] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="The highest load is held for five minutes; then 100 cameras over RTSP for two "
            "(needs GStreamer's RTSP server).",
        ),
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="Where the figures go as JSON.")
    ] = Path("build/bench.json"),
) -> None:
    """Measure what this machine carries, against its own limits; start-up and memory as well.

    \b
      emberwatch bench --quick
      emberwatch bench --output bench.json
    """
    from monitor.bench.run import bench as measure

    if quick and full:
        raise UsageError("--quick and --full exclude each other; give one of them")
    quiet_logs()
    _end(measure("quick" if quick else "full" if full else "usual", output, sys.stdout))


@app.command()
def share(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="As systemd or config.")] = "",
) -> None:
    """Print where the units, rules and examples are that ship with the program.

    \b
      emberwatch share systemd
      ls "$(emberwatch share config/prometheus)"
    """
    from monitor.share import shared_path

    path = shared_path(*Path(name).parts)
    if Path(name).is_absolute() or ".." in Path(name).parts or not path.exists():
        raise UsageError(
            f"nothing called '{name}' ships with Emberwatch; there are config, models and systemd"
        )
    sys.stdout.write(f"{path}\n")


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"emberwatch {version_of('emberwatch')}\n")


def _end(code: int) -> None:
    """Give the exit code of a command on; typer takes a returned value for success."""
    raise typer.Exit(code)


def _debugging() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _fail(error: EmberwatchError) -> NoReturn:
    """Say what is wrong, once and without a traceback."""
    listed = isinstance(error, ConfigError) and error.problems
    if not error.logged:
        sys.stderr.write(f"{error}\n" if listed else f"emberwatch: {error}\n")
    if isinstance(error, AddressError) and Notifier().enabled:
        # While a machine boots, its addresses and names come late; the unit does not try again
        # after EXIT_CONFIG.
        sys.exit(EXIT_LATER)
    sys.exit(EXIT_CONFIG if isinstance(error, ConfigError | UsageError) else EXIT_FAULT)


def _end_quietly() -> NoReturn:
    """Whoever read the output left, as `head` does; Python must not complain while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(EXIT_FAULT)
