"""Takes the newest frames out of the mailboxes, in fair turns."""

from collections.abc import Callable, Iterable, Mapping

from monitor.errors import SourceError
from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.frame import Frame, Glimpse

Wants = Callable[[Glimpse], bool]
"""Whether somebody needs the picture of a frame; must not block."""


def want_all(_glimpse: Glimpse) -> bool:
    """For those who need every picture."""
    return True


class Collector:
    """Hands on the newest frame of each camera that has an unread one."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: frames that are taken at once.
        """
        self._most = most
        self._turn = 0
        """Counts the frames that were handed on."""
        self.more = False
        """There was more than could be taken at once."""
        self.starved = False
        """There was no memory to take the last frame in."""

    def take(
        self,
        records: Mapping[str, CameraRecord],
        names: Iterable[str],
        now: float,
        wants: Wants = want_all,
    ) -> tuple[list[Frame], list[tuple[str, SourceError]]]:
        """Up to so many of the newest frames, and the cameras whose mailbox holds nonsense.

        The camera that was not read for the longest time comes first: the age of its newest frame
        says nothing, because that of a quick camera is always young.

        Args:
            records: of all cameras, by name.
            names: whose mailboxes are looked into; unknown ones are passed over.
            now: monotonic time, seconds.
            wants: asked of each frame before its picture is copied; others count as read.
        """
        waiting = []
        corrupt: list[tuple[str, SourceError]] = []
        for name in names:
            record = records.get(name)
            if record is not None and record.unread:
                try:
                    record.look(now)
                except SourceError as error:
                    corrupt.append((name, error))
                    continue
                waiting.append((record.turn, record.last_frame_monotonic, name))
        waiting.sort()
        self.more = False
        frames: list[Frame] = []
        for _, _, name in waiting:
            if len(frames) == self._most:
                self.more = True
                break
            self._turn += 1
            record = records[name]
            record.turn = self._turn
            try:
                glimpse = record.glimpse(now)
                if glimpse is None:
                    continue  # it is being written; who writes it tells when it is done
                if not wants(glimpse):
                    record.pass_over(glimpse)
                    continue
                frame = record.read(now)
            except SourceError as error:
                corrupt.append((name, error))
                continue
            except MemoryError:
                self.starved = True  # the frame stays where it is, and is asked for again
                break
            if frame is not None:
                frames.append(frame)
                self.starved = False
        return frames, corrupt
