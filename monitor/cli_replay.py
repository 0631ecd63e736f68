"""``emberwatch replay``: recorded clips, and recorded scores, through the daemon's decision."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli_options import AsJson, ConfigOption, quiet_logs


def replay(
    clips: Annotated[
        list[Path],
        typer.Argument(metavar="CLIP...", help="Recorded clips; with --camera recorded scores."),
    ],
    config: ConfigOption = None,
    as_json: AsJson = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            "--explain",
            metavar="FILE.svg",
            help="Draw why alerts changed; for several clips a folder of pictures.",
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            "--camera", metavar="NAME", help="CLIP is a folder of `record`: this camera's scores."
        ),
    ] = None,
    began: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="With --camera: 2026-03-01T14:30:00Z."),
    ] = None,
    ended: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="With --camera: to this time.")
    ] = None,
) -> None:
    """Run recorded clips through the pipeline, at full speed.

    \b
      emberwatch replay yard-2026-03-01.mp4
      emberwatch replay --config monitor.yaml --json clips/*.mp4
      emberwatch replay yard-2026-03-01.mp4 --explain why.svg
      emberwatch replay scores/ --camera dock --from 2026-03-01T14:30:00Z --explain why.svg
    """
    quiet_logs()
    if camera is None:
        from monitor.replay import replay as replay_clips

        if began is not None or ended is not None:
            raise typer.BadParameter(
                "is for recorded scores: name their --camera", param_hint="--from, --to"
            )
        status = replay_clips(
            clips, config=config, as_json=as_json, explain=explain, out=sys.stdout, err=sys.stderr
        )
    else:
        from monitor.replay_recording import Asked, replay_recording

        if len(clips) != 1:
            raise typer.BadParameter("name one folder of recorded scores", param_hint="CLIP")
        asked = Asked(clips[0], camera, _moment("--from", began), _moment("--to", ended))
        status = replay_recording(
            asked, config=config, as_json=as_json, explain=explain, out=sys.stdout
        )
    if status:
        raise typer.Exit(status)


def _moment(option: str, text: str | None) -> float | None:
    from monitor.moment import parse_moment

    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
