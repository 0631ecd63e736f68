"""Pictures as SVG files that need nothing beside them: no script, no font, no style sheet.

Templates and the style that they share are in ``monitor/pictures``. The style follows the reader's
light or dark theme.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor.errors import EmberwatchError

_TEMPLATES = Path(__file__).parent / "pictures"


def render_svg(template: str, **values: Any) -> str:
    """The text of a picture from a template in ``monitor/pictures``; what it is given is
    escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(template).render(**values)


def write_svg(path: Path, text: str) -> None:
    """Write a picture; names of clips may hold bytes that are no text, and are written with marks.

    Raises:
        EmberwatchError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise EmberwatchError(
            f"{path}: the picture cannot be written ({error.strerror}); name a file in a folder "
            "that is there and can be written"
        ) from error
