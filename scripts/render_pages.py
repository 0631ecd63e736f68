"""Takes the pictures of the pages for the documentation: the real server, a real browser.

    python -m scripts.render_pages docs/

The cameras are those of the demo footage; the state and the events are made by hand, so that the
pictures are the same each time.
"""

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.decision.state import AlertState
from monitor.image import resize
from monitor.thumbnails import Thumbnail
from monitor.web.view import CameraView
from tests.support.browser import chromium, context, log_in
from tests.support.web_site import OPERATOR, Site, incident, record, web_site
from tests.support.web_states import NOW, WALL, FixedState, camera, snapshot

_CLIPS = Path(__file__).resolve().parents[1] / "config" / "demo"
_MOST_BYTES = 150_000


def frame_of(clip: Path, number: int) -> NDArray[np.uint8]:
    """A frame of a clip: uint8 (height, width, 3), BGR."""
    with av.open(str(clip)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == number:
                return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    raise ValueError(f"{clip}: has no frame {number}")


def jpeg(pixels: NDArray[np.uint8], quality: int = 80) -> bytes:
    """A picture as a file."""
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def shown(name: str, high: float, fire: AlertState = AlertState.INACTIVE) -> CameraView:
    """A camera whose score rose to ``high``."""
    random = np.random.default_rng(len(name))
    rise = np.clip(np.linspace(-6, 6, 110), -4, 4)
    level = 0.06 + (high - 0.06) / (1 + np.exp(-3 * rise)) + random.normal(0, 0.012, 110)
    trace = tuple((NOW - 110 + n, float(np.clip(v, 0, 1))) for n, v in enumerate(level))
    rest = (1 - high) / 2
    scores = {"fire": high, "smoke": rest, "misc": rest}
    if high < 0.5:
        scores = {"fire": high / 2, "smoke": high, "misc": 1 - 1.5 * high}
    found = camera(name, scores=scores, fire=fire)
    alerts = tuple(replace(alert, threshold=0.65) for alert in found.alerts)
    return replace(found, trace=trace, alerts=alerts)


def scene() -> FixedState:
    """Six cameras: one that sees a fire, one that is down, one that is silenced."""
    return FixedState(
        snapshot(
            shown("yard", 0.97, AlertState.FIRING),
            shown("gate", 0.05),
            shown("warehouse", 0.58, AlertState.PENDING),
            shown("loading-dock", 0.04),
            camera("archive", age=240.0, up=False, reason="refused",
                   detail="camera archive: 10.0.4.19 refuses connections at port 554"),
            shown("hall", 0.06),
        )
    )  # fmt: skip


def fill(site: Site, picture: NDArray[np.uint8]) -> int:
    """Events of the last days, the newest with evidence; its id."""
    for number, name in enumerate(["hall", "warehouse", "gate", "yard", "loading-dock"] * 3):
        label = "smoke" if number % 2 else "fire"
        record(site.keeper, incident(name, WALL - 90_000 + 5000 * number, label=label))
    record(site.keeper, incident("yard", WALL - 67, ended=False))
    site.desk.judge(3, "false", "night-shift")
    site.desk.judge(4, "confirmed", "night-shift")
    height, width = picture.shape[:2]
    boxed = picture.copy()
    corner, other = (int(0.42 * width), int(0.3 * height)), (int(0.66 * width), int(0.75 * height))
    cv2.rectangle(boxed, corner, other, (40, 40, 255), 3)
    for kind, pixels in (("snapshot", boxed), ("original", picture)):
        data = jpeg(pixels)
        (site.evidence / f"{kind}.jpg").write_bytes(data)
        site.keeper.add_evidence(
            16, "snapshot" if kind == "snapshot" else "original", f"{kind}.jpg",
            size_bytes=len(data), captured_at=WALL - 65, created_at=WALL,
        )  # fmt: skip
    return 16


def main(folder: Path) -> None:
    """Write the pictures."""
    names = ["yard", "gate", "warehouse", "loading-dock", "hall", "archive"]
    clips = sorted(_CLIPS.glob("*.mp4"))
    frames = {
        name: frame_of(
            next((c for c in clips if c.stem == name), clips[n % len(clips)]), 20 + 9 * n
        )
        for n, name in enumerate(names)
    }
    small = {
        name: Thumbnail(jpeg(resize(pixels, 480, 270)), WALL, 1) for name, pixels in frames.items()
    }
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = stack.enter_context(chromium())
        site = stack.enter_context(web_site(scratch, state=scene(), thumbnail=small.get))
        number = fill(site, frames["yard"])
        for name, path, narrow, dark in (
            ("page-wall", "/", False, False),
            ("page-wall-phone", "/", True, True),
            ("page-event", f"/events/{number}", False, False),
            ("page-events", "/events", False, False),
        ):
            with context(browser, site.url, narrow=narrow, dark=dark) as window:
                page = window.new_page()
                log_in(page, OPERATOR, path)
                page.wait_for_load_state("load")
                page.wait_for_timeout(1500)  # pictures are decoded
                write(folder / f"{name}.webp", page.screenshot())


def write(path: Path, png: bytes) -> None:
    """As WebP, as good as the size allows."""
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{path}: the browser gave no picture")
    for quality in range(90, 30, -10):
        data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
        if len(data) < _MOST_BYTES:
            break
    path.write_bytes(data)
    print(f"{path}: {len(data)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
