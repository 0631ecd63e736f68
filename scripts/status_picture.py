"""Draw the status of a running daemon as a picture: ``python -m scripts.status_picture URL FILE``.

With ``emberwatch demo --keep`` running: ``python -m scripts.status_picture
http://127.0.0.1:9108 docs/demo.svg``.
"""

import argparse
import io
import re
import sys
from pathlib import Path

import httpx
from rich.console import Console
from rich.terminal_theme import MONOKAI

from monitor.errors import EmberwatchError
from monitor.readings import Reading, fetch
from monitor.status_table import table

WIDTH = 112
"""Columns of the picture."""


def picture(reading: Reading) -> str:
    """The status table as SVG that loads nothing from elsewhere."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(table(reading, WIDTH))
    svg = console.export_svg(title="emberwatch status", theme=MONOKAI, unique_id="emberwatch")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


def main() -> int:
    """Write the picture."""
    parser = argparse.ArgumentParser(prog="status_picture", description=__doc__)
    parser.add_argument("url", help="where the daemon listens")
    parser.add_argument("file", type=Path, help="the SVG to write")
    options = parser.parse_args()
    try:
        with httpx.Client() as client:
            reading = fetch(client, options.url)
    except EmberwatchError as error:
        print(f"status_picture: {error}", file=sys.stderr)
        return 1
    options.file.write_text(picture(reading), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
