"""FFmpeg's decoders of one stream. What they are told when they are opened holds to their end, so
another is made where a stream is to be decoded in another way."""

from typing import cast

from av.video.codeccontext import VideoCodecContext

from monitor.picture_limits import MAX_PIXELS

_REMADE = frozenset({"h264", "hevc"})
"""Codecs of which a decoder can be made from what is copied below; those of other codecs know more
from their container, and are used as they are."""

_STRICT = {"hevc": {"err_detect": "explode"}}
"""How decoders take damage.

FFmpeg's H.265 decoder hands on pictures with holes as whole ones. Told to fail, it finds some: of
175 pictures of a calm scene after a lost fragment it passed 25 so, and 173 by default. In key
frames full of noise it finds hardly any.
"""


class Codec:
    """Makes the decoders of one stream.

    Args:
        own: the decoder that belongs to the container; not opened yet.
        threads: of each decoder; 0: as many as there are processors.
        hardware: ``own`` decodes in hardware, if it can.
    """

    def __init__(self, own: VideoCodecContext, *, threads: int, hardware: bool = False) -> None:
        own.options = _options(own.name)
        own.thread_count = threads
        self.name = own.name
        self._own = own
        self._threads = threads
        self._hardware = hardware

    @property
    def in_hardware(self) -> bool:
        """Whether pictures are decoded in hardware."""
        return self._hardware and self._own.is_hwaccel

    @property
    def may_skip_loop_filter(self) -> bool:
        """Whether there is a decoder without one."""
        return self.name in _REMADE and not self._hardware

    @property
    def may_be_lenient(self) -> bool:
        """Whether there is a decoder that passes what the usual one refuses."""
        return self.name in _STRICT

    def decoder(self, *, lenient: bool = False, loop_filter: bool = True) -> VideoCodecContext:
        """A decoder that has seen nothing yet; the container's own is always the same one.

        Args:
            lenient: pass what breaks the rules in ways that may do no harm.
            loop_filter: smooth the edges of blocks. Only key frames that are decoded alone may go
                without, as others would be decoded from pictures that are not what they were.

        Raises:
            ValueError: there is no such decoder.
        """
        if (lenient and not self.may_be_lenient) or (
            not loop_filter and not self.may_skip_loop_filter
        ):
            raise ValueError(f"there is no such decoder of {self.name}")
        if self.name not in _REMADE or (self._hardware and not lenient):
            return self._own
        made = cast("VideoCodecContext", VideoCodecContext.create(self.name, "r"))
        made.extradata = self._own.extradata
        made.reorder_depth = self._own.reorder_depth
        made.thread_count = self._threads
        made.options = _options(self.name, lenient=lenient)
        if not loop_filter:
            made.options = {**made.options, "skip_loop_filter": "all"}
        return made


def _options(name: str, *, lenient: bool = False) -> dict[str, str]:
    strict = {} if lenient else _STRICT.get(name, {})
    return {"max_pixels": str(MAX_PIXELS), **strict}
