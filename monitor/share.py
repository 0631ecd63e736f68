"""Where the files that ship with the project are: the default bundle, examples, rules, units."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shared_path(*parts: str) -> Path:
    """Path of a shipped file: in the installed wheel, else in the checkout.

    ``shared_path("models", "default")`` is the default bundle. The path need not exist.
    """
    installed = _PACKAGE / "_share"
    root = installed if installed.is_dir() else _PACKAGE.parent
    return root.joinpath(*parts)
