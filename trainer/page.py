"""Pages that need nothing beside them: one HTML file with its style, charts and pictures inside."""

from pathlib import Path
from typing import Any

import jinja2

from monitor.errors import TrainingError


def render(template: str, **values: Any) -> str:
    """The text of a page from a template in ``trainer/pages``; what it is given is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trainer", "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(**values)


def write_page(path: Path, text: str) -> None:
    """Write a page; names of files may hold bytes that are no text, and are written with marks.

    Raises:
        TrainingError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise TrainingError(
            f"{path}: the page cannot be written: {error.strerror}; give another place"
        ) from error
