"""Live updates: what is told, to how many, and what becomes of those who do not read."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from monitor.decision.state import AlertState
from monitor.web.live import MOST_LISTENERS, MOST_WAITING, Live, TooManyListenersError
from monitor.web.settings import WebSettings
from tests.support.daemon import wait_for
from tests.support.web_site import VIEWER, Site, authorized, tokens, web_site
from tests.support.web_states import FixedState, camera, snapshot


def read(message: bytes) -> tuple[str, dict[str, Any]]:
    """Name and data of a message."""
    name, data = message.decode().strip().split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def following(messages: AsyncIterator[bytes]) -> tuple[str, dict[str, Any]]:
    return read(await asyncio.wait_for(anext(messages), 20))


def test_whole_state_comes_first_and_then_what_changed() -> None:
    async def scenario() -> None:
        state = FixedState(snapshot(camera("yard"), camera("hall")))
        live = Live(state)
        messages = live.listen()
        name, first = await following(messages)
        assert (name, [c["name"] for c in first["cameras"]]) == ("state", ["yard", "hall"])
        state.shown = snapshot(camera("yard"), camera("hall", fire=AlertState.FIRING))
        name, change = await following(messages)
        assert (name, change["headline"]) == ("change", "Fire at hall")
        (hall,) = change["cameras"]
        assert (hall["name"], hall["state"]) == ("hall", "firing")
        state.shown = snapshot(camera("yard"))
        _, change = await following(messages)
        assert (change["cameras"], change["gone"]) == ([], ["hall"])
        live.close()
        with pytest.raises(StopAsyncIteration):
            await following(messages)
        assert live.listeners == 0

    asyncio.run(scenario())


def test_who_does_not_read_is_dropped_and_others_are_not() -> None:
    async def scenario() -> None:
        state = FixedState(snapshot(camera("yard")))
        live = Live(state)
        idle, reader = live.listen(), live.listen()
        await following(idle)
        await following(reader)
        for number in range(MOST_WAITING + 1):
            # What a look that finds something does, without waiting for its time.
            live._tell(f"event: change\ndata: {json.dumps({'n': number})}\n\n".encode())
            assert (await following(reader))[1] == {"n": number}
        assert (live.dropped, live.listeners) == (1, 1)
        told = [message async for message in idle]
        assert len(told) <= MOST_WAITING
        live.close()

    asyncio.run(scenario())


def test_a_beat_is_told_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.live.BEAT_SECONDS", 0.5)

    async def scenario() -> None:
        live = Live(FixedState(snapshot(camera("yard"))))
        messages = live.listen()
        await following(messages)
        assert [await following(messages) for _ in range(2)] == [("beat", {})] * 2
        live.close()

    asyncio.run(scenario())


def test_no_beat_is_told_while_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.web.live.BEAT_SECONDS", 0.5)
    hangs, state = threading.Event(), FixedState(snapshot(camera("yard")))
    looks = state.snapshot

    async def scenario() -> None:
        live = Live(state)
        messages = live.listen()
        await following(messages)
        monkeypatch.setattr(state, "snapshot", lambda: (hangs.wait(20), looks())[1])
        next_one = asyncio.ensure_future(anext(messages))
        done, _ = await asyncio.wait([next_one], timeout=2)
        hangs.set()
        assert not done
        assert read(await next_one) == ("beat", {})
        live.close()

    asyncio.run(scenario())


def test_stream_ends_at_once_when_its_listener_may_read_no_more() -> None:
    async def scenario() -> None:
        live, may = Live(FixedState(snapshot(camera("yard")))), [True]
        messages, others = live.listen(lambda: may[0]), live.listen()
        await following(messages)
        await following(others)
        may[0] = False
        with pytest.raises(StopAsyncIteration):
            await following(messages)
        assert (live.listeners, live.dropped) == (1, 0)
        live.close()

    asyncio.run(scenario())


def test_no_more_than_so_many_listen() -> None:
    async def scenario() -> None:
        live = Live(FixedState(snapshot()))
        listening = [live.listen() for _ in range(MOST_LISTENERS)]
        for messages in listening:
            await following(messages)
        with pytest.raises(TooManyListenersError):
            live.listen()
        await listening[0].aclose()  # type: ignore[attr-defined] # a generator
        await following(live.listen())
        live.close()

    asyncio.run(scenario())


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    state = FixedState(snapshot(camera("yard")))
    with web_site(tmp_path_factory.mktemp("site"), state=state) as site:
        yield site


def test_stream_is_served_and_its_end_is_noticed(site: Site) -> None:
    with httpx.stream("GET", f"{site.url}/api/v1/live", timeout=20) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()  # kept: an iterator that is given up closes its stream
        assert next(lines) == "event: state"
        assert site.server.app.live.listeners == 1
    wait_for(lambda: site.server.app.live.listeners == 0, "the end is noticed")


def test_stream_ends_with_the_token_that_it_was_asked_for_with(site: Site) -> None:
    site.server.apply(WebSettings(tokens=tokens(), open_reading=False))
    url, headers = f"{site.url}/api/v1/live", authorized(VIEWER)
    with httpx.stream("GET", url, headers=headers, timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: state"
        site.server.apply(WebSettings(tokens=tokens()[1:], open_reading=False))
        began = time.monotonic()
        assert not [line for line in lines if line.startswith("event: ")]
        assert time.monotonic() - began < 9  # before the first beat


def test_stop_ends_streams(site: Site) -> None:
    url = httpx.URL(site.url)
    with socket.create_connection((url.host, url.port or 0), timeout=20) as client:
        client.sendall(b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in client.recv(4096)
        site.server.stop()
        while client.recv(4096):
            pass
    assert not site.server.alive
