"""Which stream of a camera is read: the small one where it can be, else the main one. Pure."""

from dataclasses import replace

from monitor.ingest.status import SourceSettings, StreamInfo

_MAIN = "its sub-stream gives no picture, so the main stream is read"


class Streams:
    """Follows the tries to read one camera.

    A camera is watched by its main stream rather than not at all: when the small one gave no
    picture, the next try is the main one's, and the one after that the small one's again.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._both = settings.substream_url is not None
        self._main = True
        """Which one was tried last."""
        self._gave = False

    def now(self, settings: SourceSettings) -> SourceSettings:
        """The settings for the next try, with the URL of the stream to read."""
        if not self._both or settings.substream_url is None:
            return settings
        # The small one first, and again as long as it gives pictures.
        self._main = not self._main and not self._gave
        self._gave = False
        return settings if self._main else replace(settings, url=settings.substream_url)

    def noted(self, info: StreamInfo) -> StreamInfo:
        """What a stream is, with a note where it is not the one that should be read."""
        if not (self._both and self._main):
            return info
        return replace(info, note="; ".join(filter(None, (info.note, _MAIN))))

    def gave(self) -> None:
        """A picture came."""
        self._gave = True
