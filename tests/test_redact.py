"""Secrets in text are found and blotted out, whatever stands around them."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.redact import Redactor, redact

SECRETS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=4, max_size=30)
URL_SAFE = st.text("abcdefghijklmnopqrstuvwxyz0123456789$!*()-_.,", min_size=8, max_size=20)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("open rtsp://admin:1234@10.0.4.17/s failed", "open rtsp://***@10.0.4.17/s failed"),
        ("rtsp://admin@10.0.4.17/s", "rtsp://***@10.0.4.17/s"),
        ("RTSP://a:p@ss@h/s", "RTSP://***@h/s"),
        ("'http://h/snap.jpg?user=u&pwd=x&n=1'", "'http://h/snap.jpg?user=***&pwd=***&n=1'"),
        ("http://h/cgi?channel=1&password=a%20b#top", "http://h/cgi?channel=1&password=***#top"),
        ("http://h/x?api_key=1&access_token=2", "http://h/x?api_key=***&access_token=***"),
        ("rtsp://h/user=u_password=p_channel=1", "rtsp://h/user=***"),
        ("rtsp://10.0.4.17/path@2 and mail a@b", "rtsp://10.0.4.17/path@2 and mail a@b"),
        ("rtsp://admin:12/34@10.0.4.17/s", "rtsp://***@10.0.4.17/s"),
        ("rtsp://admin:12?34@cam.local/s", "rtsp://***@cam.local/s"),
        ("rtsp://admin:1/2/3#4@10.0.4.17:554/s", "rtsp://***@10.0.4.17:554/s"),
        ("rtsp://ad/min@[fe80::1]/s", "rtsp://***@[fe80::1]/s"),
        ("http://u:p@cam:80/a@2/b@3", "http://***@cam:80/a@2/b@3"),
        ("http://10.0.4.17:80/cam@2/b", "http://10.0.4.17:80/cam@2/b"),
        ("http://[::1]:80/cam@2", "http://[::1]:80/cam@2"),
        ("http://cam:80/live/cam@2?a=b@c", "http://cam:80/live/cam@2?a=b@c"),
        ("file:///srv/a@2.mp4", "file:///srv/a@2.mp4"),
        ("nothing to hide: monkey=1, a/b", "nothing to hide: monkey=1, a/b"),
    ],
)
def test_logins_in_urls_are_hidden_and_the_rest_stays(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(URL_SAFE, st.text(max_size=20), st.text(max_size=20))
def test_a_login_in_a_url_never_stays(secret: str, before: str, after: str) -> None:
    hidden = f"X{secret}"
    assert hidden not in redact(f"{before}rtsp://u:{hidden}@host/x {after}")


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_never_stays_plain_or_percent_encoded(
    secret: str, before: str, after: str
) -> None:
    shown = Redactor([secret]).text(f"{before}<{secret}><{quote(secret, safe='')}>{after}")
    assert f"<{secret}>" not in shown
    assert f"<{quote(secret, safe='')}>" not in shown


def test_a_known_secret_is_found_deep_in_a_value() -> None:
    value = {"a": ["x hunter22", ("hunter22",), {"hunter22": ValueError("hunter22")}], "n": 3}
    assert Redactor(["hunter22"]).value(value) == {
        "a": ["x ***", ["***"], {"***": "***"}],
        "n": 3,
    }


def test_a_secret_that_is_part_of_another_does_not_uncover_it() -> None:
    assert Redactor(["hunter", "hunter22"]).text("hunter22 hunter") == "*** ***"


def test_a_very_short_secret_does_not_hide_half_of_every_line() -> None:
    assert Redactor(["a", ""]).text("a camera") == "a camera"


@pytest.mark.parametrize(
    "text",
    [
        *("a" * 500_000, "_" * 500_000, "?a_" * 150_000),
        *("a://" * 100_000, "a://b/" * 75_000, "a://" + ":" * 500_000, "a://b:" * 75_000),
    ],
)
@pytest.mark.timeout(150)  # a quadratic search would take far longer, a busy machine seconds
def test_long_texts_of_strangers_take_no_longer_than_they_must(text: str) -> None:
    assert redact(text) == text
