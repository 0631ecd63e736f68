"""Why a folder cannot hold the daemon's state is said in words that name the cure."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.alerts.store import EventStore
from monitor.errors import StoreError
from monitor.state_dir import folder_trouble

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and users need root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=20", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_folder_that_can_be_used_or_made_is_no_trouble(tmp_path: Path) -> None:
    assert folder_trouble(tmp_path) == ""
    assert folder_trouble(tmp_path / "new" / "state") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'} is no folder" in folder_trouble(tmp_path / "file" / "state")


@needs_root
def test_a_full_disk_is_named_and_not_taken_for_a_want_of_rights(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(2 * 1024 * 1024))
    assert "is full" in folder_trouble(small_disk / "state")
    with pytest.raises(StoreError, match=r"is full .* make room on it"):
        EventStore.open(small_disk / "state" / "events.db")


@needs_root
def test_a_disk_without_inodes_is_named(small_disk: Path) -> None:
    for number in range(20):
        try:
            (small_disk / f"{number}").touch()
        except OSError:
            break
    assert "no inodes" in folder_trouble(small_disk)


@needs_root
def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert "mounted read-only" in folder_trouble(small_disk / "state")


@needs_root
def test_missing_rights_name_the_user_the_owner_and_the_mode(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    # As /var/lib is: pytest keeps its folders to itself, and has one more for each of its workers.
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_mode & 0o001:
            break
        above.chmod(0o711)
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        said = folder_trouble(folder)
    finally:
        os.seteuid(0)
    assert f"{folder} cannot be written by user nobody" in said
    assert "belongs to root, mode 0700" in said
