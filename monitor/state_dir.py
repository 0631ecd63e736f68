"""What is wrong with a folder in which state is to be kept, in words and with the cure."""

import os
import pwd
from pathlib import Path

LEAST_FREE_BYTES = 1024 * 1024
"""With less room than this, not even an empty store can be made."""


def folder_trouble(folder: Path) -> str:
    """Why this process cannot keep state in a folder; empty where it can.

    The folder need not exist: then it must be possible to make it. Nothing is made or changed.

    Args:
        folder: as it stands in the configuration.
    """
    try:
        return _trouble(folder)
    except OSError as error:
        return f"{folder} cannot be looked at ({error.strerror or error}); give another folder"


def free_bytes(folder: Path) -> int | None:
    """Free space where a folder is or would be made; None where nobody can tell."""
    try:
        disk = os.statvfs(_nearest(folder))
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def _nearest(folder: Path) -> Path:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return there


def _trouble(folder: Path) -> str:
    there = _nearest(folder)
    if not there.is_dir():
        return f"{there} is no folder; remove it, or give another folder"
    disk = os.statvfs(there)
    if disk.f_flag & os.ST_RDONLY:
        return f"{there} is on a file system that is mounted read-only; give another folder"
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        what = (
            f"{folder} cannot be written"
            if there == folder
            else f"{folder} does not exist and cannot be made in {there}"
        )
        info = there.stat()
        return (
            f"{what} by user {_user(os.geteuid())} (it belongs to {_user(info.st_uid)}, mode "
            f"{info.st_mode & 0o7777:04o}); let this user write it, or give another folder"
        )
    free = disk.f_bavail * disk.f_frsize
    if free < LEAST_FREE_BYTES:
        return f"the disk of {there} is full ({free:,} bytes are free); make room on it"
    if disk.f_files and not disk.f_favail:
        return f"the disk of {there} has no room for another file (no inodes); delete some"
    return ""


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
