"""What the daemon knows of one camera: its mailbox, its state, its counters.

The record outlives the workers that read the camera: counters and sequence numbers go on when a
worker is replaced.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from monitor.errors import SourceError
from monitor.ingest.channel import LONGEST_DETAIL, Down
from monitor.ingest.frame import DecodedFrame, Frame, Glimpse, Health
from monitor.ingest.mailbox import new_mailbox
from monitor.ingest.mailbox_layout import FrameMark, Phase
from monitor.ingest.patience import allowance, hang_seconds
from monitor.ingest.status import REASONS, CameraEvent, CameraStatus, SourceSettings, StreamInfo
from monitor.layout import Image
from monitor.redact import Redactor

_MOST_BAD_PACKETS = 10_000_000
"""More than this between two looks is no count but a broken one."""
_LIVE_SCHEMES = ("rtsp:", "rtsps:", "http:", "https:", "v4l2:")


class CameraRecord:
    """State of one camera. Times are monotonic seconds; ``awake`` is the supervisor's own count."""

    def __init__(self, settings: SourceSettings) -> None:
        self.settings = settings
        self.generation = 0
        """Of the order to read it that counts; 0 while no worker has one for these settings."""
        self.ordered_fps = settings.fps
        """The rate that its worker was told."""
        self.lent = False
        """A live process may write into the mailbox."""
        self.ended = False
        """A file that does not loop came to its end: nobody reads it any more."""
        self.frames = 0
        self.descriptor, self.mailbox = new_mailbox(settings.max_side)
        self._redactor = Redactor([settings.password or ""])
        self.turn = 0
        """When its last frame was read, in the supervisor's count of frames; 0: never."""
        self._read = 0
        self._settled = 0
        """Frames up to this number were read, or overwritten before they could be."""
        self._overwritten = 0
        self._bad_packets = 0
        self._bad_seen = 0
        """What the mailbox said of them last."""
        self._invalid = 0
        self._outdated = False
        """The mailbox is of other settings; there was no memory or descriptor for a new one."""
        self._reconnects: Counter[str] = Counter()
        self._info: StreamInfo | None = None
        self._note = ""
        """Of its stream, while nobody was told of it."""
        self._health = Health.OK
        self._last_at: float | None = None
        self._last_monotonic: float | None = None
        self._fault: tuple[str, str] | None = None
        self._suspicion: tuple[str, str] | None = None
        self._announced: tuple[bool, str] | None = None
        self._announced_health = Health.OK
        self._beat = 0.0
        self._beat_awake = 0.0
        self._begun = False

    def close(self) -> None:
        """Give the mailbox back."""
        self.mailbox.close()
        os.close(self.descriptor)

    # Orders.

    def hand_out(self, awake: float, generation: int) -> None:
        """A worker is to read it now; a mailbox that another may still write into is replaced.

        Args:
            awake: the supervisor's count of seconds.
            generation: of this order, never given before.

        Raises:
            OSError: see :meth:`renew_mailbox`; it is not handed out.
        """
        if self.lent or self._outdated:
            self.renew_mailbox(keep_last=not self._outdated)
        self.generation = generation
        self.ordered_fps = self.settings.fps
        self.lent = True
        self.started(awake)

    def started(self, awake: float) -> None:
        """Count the silence from now on."""
        self._beat_awake = awake
        self._beat = self.mailbox.heartbeat()
        self._begun = False

    def change(self, settings: SourceSettings) -> None:
        """Other settings: whatever was seen or known under the old ones is not shown as theirs."""
        same_picture = settings.url == self.settings.url
        self.settings = settings
        self._redactor = Redactor([settings.password or ""])
        self.generation = 0
        self.ended = False
        self._info = None
        self._fault = self._suspicion = None
        self._last_at = self._last_monotonic = None
        self._outdated = True
        with contextlib.suppress(OSError):  # it is tried again before a worker gets it
            self.renew_mailbox(keep_last=same_picture)

    def renew_mailbox(self, *, keep_last: bool = False) -> None:
        """Take a new mailbox whose numbers go on from the old one's.

        Args:
            keep_last: with the last picture, and since when it has not moved: who reads the camera
                next must know whether it is frozen.

        Raises:
            OSError: the machine has no memory or descriptor for it; the old one is kept.
        """
        last, still_since = self._last_picture() if keep_last else (None, 0.0)
        from_lively = self.mailbox.still_from_lively()
        first_after = self.frames - (last is not None)
        self._count_bad()
        # First the new one, then away with the old: if the first fails, the old one still stands.
        descriptor, mailbox = new_mailbox(self.settings.max_side, first_after)
        self.close()
        self.descriptor, self.mailbox = descriptor, mailbox
        self._outdated = False
        self._bad_seen = 0
        self._read = self._settled = self.frames
        if last is not None:
            self.mailbox.note_still(still_since, from_lively)
            self.mailbox.write(
                DecodedFrame(
                    last.image, last.captured_at, last.captured_monotonic, last.media_seconds
                ),
                last.health,
                last.gist,
            )

    def _last_picture(self) -> tuple[Frame | None, float]:
        """The last picture where it can be kept, and since when it has not moved."""
        try:
            # Its time was compared with the clock when it came.
            last = self.mailbox.newest(self.settings.camera, float("inf"))
        except SourceError:
            return None, 0.0
        if last is None or self.frames == 0 or max(last.image.size) > self.settings.max_side:
            return None, 0.0
        return last, self.mailbox.still_since(last.captured_monotonic)

    # What was heard.

    def opened(self, info: StreamInfo) -> None:
        """The worker says what the stream is."""
        before, self._info = self._info, info
        if info.note and (before is None or before.note != info.note):
            self._note = self._redactor.text(info.note[:LONGEST_DETAIL])

    def down(self, message: Down) -> None:
        """The worker says that there are no pictures.

        To be called after :meth:`look`: a frame from before the fault must not clear it.
        """
        reason = message.reason if message.reason in REASONS else "error"
        self._fault = (reason, self._redactor.text(message.detail[:LONGEST_DETAIL]))
        finite = not self.settings.url.startswith(_LIVE_SCHEMES)
        if message.final and finite and not self.settings.loop:
            self.ended = True
        else:
            self._reconnects[reason] += 1

    def worker_fault(self, reason: str, detail: str) -> None:
        """Its worker is gone. It counts as down only if the next worker is not there in time."""
        self.lent = False
        if not self.ended:
            self._reconnects[reason] += 1
            self._suspicion = (reason, self._redactor.text(detail))

    def unserved(self, detail: str) -> None:
        """No worker can take it, for a want of the machine's; whatever was wrong before is past."""
        self._fault = None
        self._suspicion = ("error", f"camera {self.settings.camera}: {detail}")

    # What is in the mailbox.

    @property
    def unread(self) -> bool:
        """Whether there is a frame that was not read."""
        return not self._outdated and self.mailbox.sequence() != self._read

    @property
    def last_frame_monotonic(self) -> float:
        """When the newest frame was captured; 0 before the first."""
        return self._last_monotonic or 0.0

    def look(self, now: float) -> None:
        """Take note of the newest frame.

        Raises:
            SourceError: the worker wrote what cannot be true.
        """
        mark = None if self._outdated else self.mailbox.peek(self.frames, now)
        if mark is None:
            return
        self.frames = mark.sequence
        self._settle(mark.sequence - 1)
        self._seen(mark.captured_at, mark.captured_monotonic, mark.health)

    def glimpse(self, now: float) -> Glimpse | None:
        """What is known of the newest frame that was not read yet.

        Raises:
            SourceError: the worker wrote what cannot be true.
        """
        mark = self.mailbox.peek(self._read, now)
        return None if mark is None else mark.glimpse(self.settings.camera)

    def pass_over(self, glimpse: Glimpse) -> None:
        """Count a frame as read, whose picture nobody needs."""
        self._settle(glimpse.sequence - 1)
        self._read = self._settled = glimpse.sequence

    def read(self, now: float) -> Frame | None:
        """The newest frame that was not read yet.

        Raises:
            SourceError: the worker wrote what cannot be true.
        """
        frame = self.mailbox.read_newer(self.settings.camera, self._read, now)
        if frame is None:
            return None
        self._settle(frame.sequence - 1)
        self._read = self._settled = frame.sequence
        if frame.sequence > self.frames:
            self.frames = frame.sequence
            self._seen(frame.captured_at, frame.captured_monotonic, frame.health)
        return frame

    def newest_as(
        self, now: float, make: Callable[[Image], NDArray[np.uint8]]
    ) -> tuple[FrameMark, NDArray[np.uint8]] | None:
        """The newest picture as ``make`` gives it, whether or not it was read; None where there is
        none of these settings.

        Raises:
            SourceError: the worker wrote what cannot be true.
        """
        if self._outdated or self._last_at is None:
            return None
        return self.mailbox.newest_as(now, make)

    def invalid(self) -> None:
        """Something impossible was found in the mailbox: take a new one."""
        self._invalid += 1
        with contextlib.suppress(OSError):  # the next look finds the same, and tries again
            self.renew_mailbox()

    def _count_bad(self) -> None:
        """Take over what the worker counted, as far as it can be true."""
        counted = self.mailbox.bad_packets()
        if self._bad_seen < counted <= self._bad_seen + _MOST_BAD_PACKETS:
            self._bad_packets += counted - self._bad_seen
            self._bad_seen = counted

    def _settle(self, number: int) -> None:
        """Frames up to this one cannot be read any more; those that were not are lost."""
        self._overwritten += max(0, number - self._settled)
        self._settled = max(number, self._settled)

    def _seen(self, captured_at: float, captured_monotonic: float, health: Health) -> None:
        self._last_at, self._last_monotonic = captured_at, captured_monotonic
        self._health = health
        self._fault = self._suspicion = None

    # Judgements.

    def silence(self, awake: float) -> float:
        """Awake seconds since the heartbeat changed; its value itself proves nothing."""
        beat = self.mailbox.heartbeat()
        if beat != self._beat:
            self._beat, self._beat_awake, self._begun = beat, awake, True
        return awake - self._beat_awake

    @property
    def allowance_seconds(self) -> float:
        """Seconds within which the next frame is due."""
        return allowance(self.settings, self.ordered_fps, self._info)

    def hang_seconds(self, hang_timeout: float) -> float:
        """How long a silence may last."""
        opening = self.mailbox.phase() == Phase.OPENING
        return hang_seconds(self.settings, hang_timeout, opening=opening, begun=self._begun)

    def status(self, now: float) -> CameraStatus:
        """The state now, as far as :meth:`look` has seen."""
        self._count_bad()
        up, reason, detail = self._judge(now)
        return CameraStatus(
            camera=self.settings.camera,
            up=up,
            reason=reason,
            detail=detail,
            health=self._health,
            info=self._info,
            frames=self.frames,
            dropped={"overwritten": self._overwritten, "invalid": self._invalid},
            reconnects={reason: self._reconnects[reason] for reason in REASONS},
            last_frame_at=self._last_at,
            last_frame_monotonic=self._last_monotonic,
            bad_packets=self._bad_packets,
            ring_bytes=min(self.mailbox.ring_bytes(), self.settings.ring_bytes),
            delay_seconds=self.mailbox.delay(),
        )

    def news(self, now: float, wall: float) -> list[CameraEvent]:
        """What changed since the last call, each change once."""
        events = []
        camera = self.settings.camera
        up, reason, detail = self._judge(now)
        opening = not up and self._fault is self._suspicion is None and self._last_at is None
        if not opening and (up, reason) != self._announced:
            self._announced = (up, reason)
            events.append(CameraEvent(camera, "up" if up else "down", reason, detail, wall))
        if self._note:
            events.append(CameraEvent(camera, "note", "", self._note, wall))
            self._note = ""
        if up and self._health is not self._announced_health:
            self._announced_health = self._health
            events.append(CameraEvent(camera, "health", self._health.label, "", wall))
        return events

    def _judge(self, now: float) -> tuple[bool, str, str]:
        """Whether it is up, else the reason and a sentence."""
        if self._fault is not None:
            return False, *self._fault
        last = self._last_monotonic
        if last is not None and now - last <= allowance(
            self.settings, self.ordered_fps, self._info
        ):
            return True, "", ""
        if self._suspicion is not None:
            return False, *self._suspicion
        if last is None:
            return False, "open", f"camera {self.settings.camera}: it is being opened"
        return False, "stall", f"camera {self.settings.camera}: no picture for {now - last:.0f} s"
