"""Tokens, logins and rate limits, without a network."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.web.access import Role, Token, known
from monitor.web.ended_logins import EndedLogins
from monitor.web.gate import same_origin
from monitor.web.page_routes import local_path
from monitor.web.rate import Buckets, Rate, client_of
from monitor.web.sessions import Sessions
from tests.support.web_site import OPERATOR, VIEWER, tokens


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sessions(time: Time) -> Sessions:
    numbers = iter(f"{n:022}" for n in range(10_000))
    return Sessions(wall=time, number=lambda: next(numbers))


def test_token_is_known_by_itself_alone() -> None:
    viewer, operator = tokens()
    assert known(tokens(), VIEWER) == viewer
    assert known(tokens(), OPERATOR) == operator
    assert known(tokens(), VIEWER[:-1]) is None
    assert known(tokens(), "") is None
    assert known((), VIEWER) is None


def test_token_is_not_kept() -> None:
    assert VIEWER not in repr(tokens()[0])
    assert VIEWER.encode() not in (tokens()[0].digest, tokens()[0].session_key)


def test_login_holds_until_its_time_is_over(sessions: Sessions, time: Time) -> None:
    token = tokens()[1]
    session = sessions.begin(token, 60.0)
    found = sessions.read(session.cookie, tokens())
    assert found is not None
    assert (found.caller.name, found.caller.role) == ("night-shift", Role.OPERATE)
    assert found.caller.csrf == session.caller.csrf
    time.now += 60
    assert sessions.read(session.cookie, tokens()) is None


def test_login_outlives_a_restart_and_ends_with_its_token(sessions: Sessions, time: Time) -> None:
    cookie = sessions.begin(tokens()[1], 60.0).cookie
    fresh = Sessions(wall=time, number=lambda: "x" * 22)
    assert fresh.read(cookie, tokens()) is not None
    changed = (Token.of("night-shift", Role.OPERATE, "another-token-0123456789"),)
    assert fresh.read(cookie, changed) is None
    demoted = (Token.of("night-shift", Role.VIEW, OPERATOR),)
    assert fresh.read(cookie, demoted) is None
    assert fresh.read(cookie, ()) is None


def test_login_that_was_ended_holds_no_more_and_others_do(sessions: Sessions) -> None:
    first, second = (sessions.begin(tokens()[1], 60.0) for _ in range(2))
    sessions.end(first)
    assert sessions.read(first.cookie, tokens()) is None
    assert sessions.read(second.cookie, tokens()) is not None


def test_ended_logins_are_remembered_within_bounds(sessions: Sessions, time: Time) -> None:
    for _ in range(5000):
        sessions.end(sessions.begin(tokens()[1], 60.0))
    last = sessions.begin(tokens()[1], 60.0)
    sessions.end(last)
    assert sessions.read(last.cookie, tokens()) is None
    assert len(sessions._ended._ended) <= 4096


def test_ended_logins_are_kept_until_they_would_be_over(tmp_path: Path, time: Time) -> None:
    file = tmp_path / "ended"
    first = EndedLogins(file, wall=time)
    first.add("a", 1060)
    first.add("b", 1010)
    time.now += 20
    first.add("c", 1060)
    first.keep()
    assert file.stat().st_mode & 0o077 == 0, "nobody else may look"
    assert [entry.name for entry in tmp_path.iterdir()] == ["ended"]
    second = EndedLogins(file, wall=time)
    assert ["a" in second, "b" in second, "c" in second] == [True, False, True]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": "b"}', "\xff", "[" * 100_000])
def test_file_that_means_nothing_is_no_reason_not_to_start(
    tmp_path: Path, time: Time, text: str
) -> None:
    file = tmp_path / "ended"
    file.write_bytes(text.encode("latin-1"))
    ended = EndedLogins(file, wall=time)
    assert "a" not in ended
    ended.add("a", 2000)
    ended.keep()
    assert "a" in EndedLogins(file, wall=time)


@given(st.integers(0, 3), st.text(st.characters(codec="latin-1"), max_size=8))
def test_forged_cookie_is_no_login(part: int, other: str) -> None:
    sessions = Sessions(wall=lambda: 0.0, number=lambda: "n" * 22)
    parts = sessions.begin(tokens()[0], 60.0).cookie.split(":")
    if parts[part] == other:
        return
    parts[part] = other
    assert sessions.read(":".join(parts), tokens()) is None


@given(st.text(max_size=200))
def test_any_text_as_cookie_is_read_without_a_fault(text: str) -> None:
    assert Sessions(wall=lambda: 0.0, number=str).read(text, tokens()) is None


def test_bucket_lets_a_burst_through_and_then_its_rate(time: Time) -> None:
    buckets = Buckets(Rate(burst=3, per_second=0.5), time)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2.0]
    assert buckets.take("b") == 0
    time.now += 2
    assert [buckets.take("a"), buckets.take("a")] == [0, 2.0]


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from("ab")), max_size=60))
def test_bucket_never_gives_more_than_its_rate(steps: list[tuple[float, str]]) -> None:
    time = Time()
    buckets = Buckets(Rate(burst=4, per_second=1.0), time)
    passed: dict[str, int] = {}
    for pause, client in steps:
        time.now += pause
        if not buckets.take(client):
            passed[client] = passed.get(client, 0) + 1
    assert all(count <= 4 + (time.now - 1000.0) + 1e-6 for count in passed.values())


def test_clients_are_remembered_within_bounds(time: Time) -> None:
    buckets = Buckets(Rate(burst=1, per_second=1.0), time)
    for number in range(10_000):
        buckets.take(str(number))
    assert len(buckets._levels) <= 4096


def test_machine_with_many_ipv6_addresses_is_one_client() -> None:
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:2") == "2001:db8::/64"
    assert client_of("fe80::1%eth0") == "fe80::/64"
    assert client_of("testclient") == "testclient"


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://a"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "https://cameras.example:8443"}, True),
        ({"origin": "https://cameras.example"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_page_of_another_site_is_told_by_the_browser(headers: dict[str, str], same: bool) -> None:
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert same_origin([(b"host", b"cameras.example:8443"), *sent]) is same


@given(st.text(max_size=60))
def test_way_on_after_a_login_stays_on_this_server(path: str) -> None:
    assert local_path(path).startswith("/")
    assert not local_path(path).startswith(("//", "/\\"))
