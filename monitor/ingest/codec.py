"""FFmpeg's decoders of one stream. What they are told when they are opened holds to their end, so
another is made where a stream is to be decoded in another way."""

from typing import cast

from av.video.codeccontext import VideoCodecContext

from monitor.picture_limits import MAX_PIXELS

_REMADE = frozenset({"h264", "hevc"})
"""Codecs of which a decoder can be made from what is copied below; those of other codecs know more
from their container, and are used as they are."""

_LEAST_PIXELS = 1280 * 720
"""Of pictures that may go without the loop filter. Of 1,191 pictures of 720p and 1080p that were
compressed hard, and score less than 0.1 as a hazard without it, 99.7 % score within 0.05 of what
they do with it; of 130 of 640x360, where edges of blocks fill more of what the model sees, 98.5 %.
These are quick to decode anyway."""

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
        remakes: others may be made in its place. Not where the container says how pictures are
            turned: that is told to no other.
    """

    def __init__(self, own: VideoCodecContext, *, threads: int, remakes: bool = True) -> None:
        own.options = _options(own.name)
        own.thread_count = threads
        self.name = own.name
        self.in_hardware = own.is_hwaccel
        """Whether pictures are decoded in hardware."""
        self.remakes = remakes and own.name in _REMADE and not own.is_hwaccel
        """Whether decoders are made; else there is the container's own alone, and a lenient one."""
        self._own = own
        self._threads = threads

    @property
    def may_skip_loop_filter(self) -> bool:
        """Whether there is a decoder without one."""
        return self.remakes and self._own.width * self._own.height >= _LEAST_PIXELS

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
        if not (self.remakes or lenient):
            return self._own
        own = self._own
        made = cast("VideoCodecContext", VideoCodecContext.create(self.name, "r"))
        made.extradata = own.extradata
        # What a container says, and streams of some makers do not.
        made.width, made.height = own.width, own.height
        made.color_range, made.colorspace = own.color_range, own.colorspace
        made.color_primaries, made.color_trc = own.color_primaries, own.color_trc
        made.reorder_depth = own.reorder_depth
        made.thread_count = self._threads
        made.options = _options(self.name, lenient=lenient)
        if not loop_filter:
            made.options = {**made.options, "skip_loop_filter": "all"}
        return made


def _options(name: str, *, lenient: bool = False) -> dict[str, str]:
    strict = {} if lenient else _STRICT.get(name, {})
    return {"max_pixels": str(MAX_PIXELS), **strict}
