"""URLs: what they mean, and that secrets in them are never shown."""

from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import OpenError
from monitor.ingest.url import credentials, local_path, shown, source_kind, with_credentials
from tests.support.sources import settings_for

TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("rtsp://10.0.4.17/stream2", "rtsp"),
        ("rtsps://camera/1", "rtsp"),
        ("http://camera/video.mjpg", "http"),
        ("https://camera/image.jpg", "http"),
        ("v4l2:/dev/video0", "device"),
        ("file:/srv/clip.mp4", "file"),
        ("/srv/clip.mp4", "file"),
        ("clip.mp4", "file"),
    ],
)
def test_the_scheme_says_what_a_url_is(url: str, kind: str) -> None:
    assert source_kind(settings_for(url)) == kind


def test_a_folder_is_told_from_a_file(tmp_path: Path) -> None:
    assert source_kind(settings_for(tmp_path)) == "folder"
    assert source_kind(settings_for(f"file:{tmp_path}")) == "folder"


def test_http_is_a_snapshot_where_the_settings_say_so() -> None:
    assert source_kind(settings_for("http://camera/x", snapshot=True)) == "snapshot"


@pytest.mark.parametrize("url", ["ftp://host/x", "concat:a|b", "rtsp://[::1", "data:x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(OpenError, match="camera yard"):
        source_kind(settings_for(url))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:/srv/a%20b.mp4", "/srv/a b.mp4"),
        ("file:///srv/a#1?.mp4", "/srv/a#1?.mp4"),
        ("file://localhost/srv/a.mp4", "/srv/a.mp4"),
        ("/srv/a%20b.mp4", "/srv/a%20b.mp4"),
        ("v4l2:/dev/video0", "/dev/video0"),
    ],
)
def test_paths_of_file_urls(url: str, path: str) -> None:
    assert local_path(settings_for(url)) == Path(path)


def test_files_on_other_hosts_are_refused() -> None:
    with pytest.raises(OpenError, match="another host"):
        local_path(settings_for("file://server/clip.mp4"))


@given(username=TEXT, password=TEXT)
def test_credentials_survive_the_way_through_the_url(username: str, password: str) -> None:
    url = with_credentials(
        settings_for("rtsp://10.0.4.17:8554/a", username=username, password=password)
    )
    assert urlsplit(url).hostname == "10.0.4.17"
    assert urlsplit(url).port == 8554
    assert credentials(settings_for(url)) == (username, password)


@given(password=TEXT)
def test_no_password_is_shown(password: str) -> None:
    secret = f"Zq7{password}Zq7"
    url = f"rtsp://admin:{quote(secret, safe='')}@10.0.4.17/stream?channel=2&token={quote(secret)}"
    assert "Zq7" not in shown(url)
    assert shown(url).startswith("rtsp://10.0.4.17/stream?channel=2")


def test_settings_win_over_credentials_in_the_url() -> None:
    settings = settings_for("rtsp://old:secret@10.0.4.17/a", username="new", password="word")
    assert with_credentials(settings) == "rtsp://new:word@10.0.4.17/a"
