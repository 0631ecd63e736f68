"""A site that the tests of faults share; its times are kept in ``build/faults.json``."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.clips import make_clip, red_scene
from tests.support.daemon import running_daemon, write_config
from tests.support.fault_proxy import FaultProxy
from tests.support.fault_site import MEASURED, RULES, SMALL, TIMEOUTS, Site, camera
from tests.support.rtsp import rtsp_server
from tests.support.score_watch import ScoreWatch

BEHIND_PROXIES = (
    "refused", "unreachable", "mute", "stall", "one-way", "half-open", "reset", "ended",
    "delay", "narrow", "corrupt", "truncated", "lossy", "keyless", "stamps",
)  # fmt: skip
"""Cameras, each behind a proxy of its own, all from one server."""


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")

    def clip(name: str, size: tuple[int, int] = SMALL, **more: object) -> Path:
        settings: dict[str, object] = {"seconds": 6, "fps": 10, "gop": 5, "bit_rate": 200_000}
        return make_clip(folder / f"{name}.mp4", red_scene(size), **(settings | more))  # type: ignore[arg-type] # by name

    return {
        "fire": clip("fire"),
        "hevc": clip("hevc", codec="hevc"),
        "large": clip("large", (320, 240), bit_rate=400_000),
        "fast": clip("fast", fps=30, gop=15, bit_rate=400_000),
        "long": clip("long", seconds=40, gop=200),
    }


@pytest.fixture(scope="module")
def site(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        mounts: dict[str, Path | Sequence[Path]] = {
            f"/{name}": clips[name] for name in ("fire", "hevc", "long")
        }
        mounts["/sizes"] = [clips["fire"], clips["large"]]
        main = stack.enter_context(rtsp_server(mounts))
        side = stack.enter_context(rtsp_server({"/view": clips["fire"]}))
        proxies = {name: FaultProxy(main.port, seed=n) for n, name in enumerate(BEHIND_PROXIES)}
        for proxy in proxies.values():
            stack.callback(proxy.close)
        urls = {name: proxy.url("/fire") for name, proxy in proxies.items()}
        urls |= {
            "long": main.url("/long"),
            "hevc": main.url("/hevc"),
            "sizes": main.url("/sizes"),
            "view": side.url("/view"),
            "elsewhere": side.url("/new"),
            "nameless": "rtsp://no-such-host.invalid/fire",
        }
        cameras = [camera(name, url) for name, url in urls.items()]
        config = write_config(folder, cameras, ingest=TIMEOUTS, rules=RULES)
        daemon = stack.enter_context(running_daemon(config))
        watch = stack.enter_context(ScoreWatch(daemon.url))
        shared = Site(daemon, watch, config, proxies, {"main": main, "side": side}, clips)
        yield shared
        shared.write_measured(MEASURED)
