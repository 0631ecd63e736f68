"""What the tests of faults share: real cameras behind fault proxies, and one daemon.

Each test has a camera of its own, so that no fault is hidden by the one before. All cameras show a
fire: whatever happens to them, their alert must go on firing.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon, wait_for
from tests.support.fault_proxy import FaultProxy
from tests.support.rtsp import RtspServer
from tests.support.score_watch import DETECTED_SECONDS, ScoreWatch, Sight

SMALL = (160, 120)
"""Width and height of the pictures: the faults are the same, and the machine can do more."""
BACK_OFF_SECONDS = 2.0
"""The longest, as configured here."""
BACK_SECONDS = 3.0
"""A camera is scored again this long after its back-off."""
TIMEOUTS = {
    "open_timeout": "2s",
    "read_timeout": "2s",
    "hang_timeout": "8s",
    "max_back_off": f"{BACK_OFF_SECONDS:g}s",
}
RULES = [{"name": "fire", "label": "fire", "threshold": 0.6, "for": "1s"}]
_ALONE_SECONDS = 0.35
_MEASURING = threading.Lock()
_WRITING = threading.Lock()
FIRING = 2.0
MEASURED = Path(__file__).resolve().parents[2] / "build" / "faults.json"
"""How long each fault took to be named and to be recovered from."""


def camera(name: str, url: str) -> dict[str, Any]:
    """A camera of the configuration, as these tests want it."""
    return {"name": name, "url": url, "fps": 2.0, "stale_after": "6s"}


@dataclass(slots=True)
class Site:
    """A daemon that runs, what it watches, and who watches it."""

    daemon: Daemon
    watch: ScoreWatch
    config: Path
    proxies: dict[str, FaultProxy] = field(default_factory=dict)
    servers: dict[str, RtspServer] = field(default_factory=dict)
    clips: dict[str, Path] = field(default_factory=dict)
    measured: dict[str, dict[str, float]] = field(default_factory=dict)

    def healthy(self, name: str, *, since: float = 0.0, seconds: float = 40) -> Sight:
        """Wait until the camera is scored and its alert fires."""
        return self.watch.wait(
            name,
            lambda s: bool(s.scores) and not s.blind and s.alerts.get("fire") == FIRING,
            "is scored, and its alert fires",
            since=since,
            seconds=seconds,
        )

    def fails(
        self,
        name: str,
        cause: Callable[[], object],
        *reasons: str,
        cure: Callable[[], object],
        fault: str = "",
        seconds: float = 40,
    ) -> tuple[float, float]:
        """Cause a fault, see it named in metrics and log, cure it, see the camera scored again.

        From detection until recovery no score may be shown, and the alert must go on firing.

        Returns:
            Seconds from the fault until it is named, and from the cure until the next score.
        """
        self.healthy(name)
        began = now()
        cause()
        first = self.watch.wait(
            name, lambda s: s.blind, "is found blind", since=began, seconds=DETECTED_SECONDS
        )
        named = self.watch.wait(
            name,
            lambda s: s.blind and (s.reason or s.health) in reasons,
            f"is down for {reasons}",
            since=began,
            seconds=DETECTED_SECONDS,
        )
        wait_for(
            lambda: any(self.daemon.logged(f'"{name}"', f'"{reason}"') for reason in reasons),
            f"{name}: the log says {reasons}",
        )
        cured = now()
        cure()
        back = self.back(name, first, seconds=seconds)
        self.measured[fault or name] = {
            "named_seconds": round(named.at - began, 1),
            "recovery_seconds": round(back.at - cured, 1),
        }
        return named.at - began, back.at - cured

    def back(self, name: str, blind: Sight, *, seconds: float = 40) -> Sight:
        """Wait until a blind camera is scored again, and see that no score was shown before."""
        back = self.watch.wait(
            name,
            lambda s: s.scored > blind.scored and bool(s.scores) and not s.blind,
            "is scored again",
            since=blind.at,
            seconds=seconds,
        )
        between = [s for s in self.watch.between(name, blind.at, back.at) if s.at < back.at]
        assert between, "nobody looked"
        assert not [s for s in between if s.scores], f"{name}: a score while it was blind"
        # The last look may have fallen together with the next verdict.
        assert all(s.alerts == blind.alerts for s in between[:-1]), f"{name}: its alert changed"
        return back

    def stays_scored(self, name: str, begin: float, *, gap_seconds: float = 2.0) -> None:
        """No sight since ``begin`` was without a score, or with one that was old."""
        seen = self.watch.between(name, begin, now())
        assert seen, "nobody looked"
        assert all(s.scores and s.up for s in seen), f"{name} went unscored"
        oldest = max(s.age_seconds for s in seen)
        assert oldest < gap_seconds, f"{name}: its newest frame was {oldest:.1f} s old"

    def write_measured(self, path: Path) -> None:
        """Keep the times of all faults beside those of runs before."""
        with _WRITING:
            known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(known | self.measured, indent=1, sort_keys=True)
            path.write_text(f"{text}\n", encoding="utf-8")


def busy() -> float:
    """How many times longer than alone a program takes on this machine now; at least 1.

    Promises of seconds hold for a machine that has time for its work; tests run on others too.
    """
    with _MEASURING:  # two at once would slow each other
        began = now()
        subprocess.run([sys.executable, "-c", "import monitor.ingest.stream"], check=True)
        return max(1.0, (now() - began) / _ALONE_SECONDS)


def now() -> float:
    """Monotonic seconds, as the sights have them."""
    return time.monotonic()
