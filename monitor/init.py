"""``emberwatch init``: a small configuration to start from."""

import os
import tempfile
from pathlib import Path
from typing import TextIO

from monitor.errors import ConfigError

_TEMPLATE = """\
# Emberwatch: what is watched. Check this file with:  emberwatch check {path}
# Every other key, with its default and what it does, stands in config/monitor.yaml and
# docs/configuration.md of the project.

# Where Prometheus scrapes, and where the status page is.
listen: 127.0.0.1:9108

# Where events and learned state are kept.
state_dir: {state_dir}

cameras:
  # Change this one to yours: any name, and the URL of the camera's small stream.
  - name: loading-dock
    url: rtsp://10.0.4.17/stream2
    # Does it want a login? Keep the password out of this file:
    # credentials:
    #   username: viewer
    #   password_file: dock-password       # its first line, in a file that only you can read

  # A recorded clip serves to try things out:
  # - name: archive
  #   url: file:/srv/clip.mp4
  #   loop: true
"""

_SYSTEM_STATE = Path("/var/lib/emberwatch")


def init(path: Path, *, force: bool, out: TextIO, as_root: bool | None = None) -> int:
    """Write a small configuration and say what comes next.

    Args:
        path: the file to write; the folder that it stands in is made if it is not there.
        force: overwrite what is there.
        out: where the next steps are told.
        as_root: whether the daemon will be able to write below /var; asked of the system where
            it is left out.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    system = os.geteuid() == 0 if as_root is None else as_root
    text = _TEMPLATE.format(path=path, state_dir=_SYSTEM_STATE if system else "state")
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: this is a folder; name the file to write in it")
        _make_folder(path.parent)
        if not force:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        else:
            _replace(path, text)
    except FileExistsError:
        raise ConfigError(
            f"{path}: there is a file already; name another, or overwrite it with --force"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path}: it cannot be written ({error.strerror}); check the folder and its rights"
        ) from None
    out.write(
        f"{path} is written. Next:\n"
        f"  1. put your cameras into it\n"
        f"  2. emberwatch check --connect {path}    opens each camera once\n"
        f"  3. emberwatch run {path}                watches them; stop with Ctrl-C\n"
    )
    return 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ConfigError(
            f"{folder}: no folder can be made here, a file stands in the way; name another"
        ) from None


def _replace(path: Path, text: str) -> None:
    """Write beside and rename, so that no reader sees half a file."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
    temporary = Path(file.name)
    temporary.chmod(mode)
    temporary.replace(path)
