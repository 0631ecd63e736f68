"""Starts and stops the RTSP server of ``rtsp_server.py``, in a process that can be hurt.

It needs GStreamer's server and its bindings from Debian, which the daemon does not.
"""

import json
import os
import select
import signal
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

SYSTEM_PYTHON = "/usr/bin/python3"
"""The Python that Debian's GStreamer bindings belong to; not that of the virtual environment."""

_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_START_SECONDS = 20.0


class RtspServer:
    """One server process; ``port`` stays the same over restarts."""

    def __init__(
        self,
        mounts: Mapping[str, Path | Sequence[Path]],
        folder: Path,
        *,
        user: str | None = None,
        password: str | None = None,
        scheme: str = "digest",
        port: int = 0,
        shared: bool = False,
    ) -> None:
        """See :func:`rtsp_server`; ``folder`` is for the server's own files."""
        self.port = port
        self._shared = shared
        self._folder = folder
        self._user, self._password, self._scheme = user, password, scheme
        self._mounts = {
            path: _to_units(
                [clips] if isinstance(clips, Path) else clips, folder / f"mount{index}.units"
            )
            for index, (path, clips) in enumerate(mounts.items())
        }
        self._process: subprocess.Popen[str] | None = None

    def url(self, path: str) -> str:
        """The URL of a mount, without credentials."""
        return f"rtsp://127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Start, and wait until it listens.

        Raises:
            RuntimeError: it did not come up; the text is what it wrote.
        """
        settings = {
            "port": self.port,
            "user": self._user,
            "password": self._password,
            "scheme": self._scheme,
            "mounts": self._mounts,
            "shared": self._shared,
        }
        file = self._folder / "settings.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        process = subprocess.Popen(
            [SYSTEM_PYTHON, str(_SCRIPT), str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self._folder), "GST_DEBUG": "0"},
        )
        self._process = process
        line = ""
        if process.stdout is not None:
            ready, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
            line = process.stdout.readline() if ready else ""
        if not line.startswith("port "):
            process.kill()
            raise RuntimeError(f"no RTSP server: {process.communicate()[1]}")
        self.port = int(line.split()[1])

    def pause(self) -> None:
        """Stop it from doing anything; connections stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after :meth:`pause`."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word to its clients but the closed connection."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does; may be called more than once."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop, and start on the same port."""
        self.stop()
        self.start()

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError("the server does not run")
        os.kill(self._process.pid, number)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        os.kill(process.pid, signal.SIGCONT)
        process.send_signal(number)
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextmanager
def rtsp_server(
    mounts: Mapping[str, Path | Sequence[Path]],
    *,
    user: str | None = None,
    password: str | None = None,
    scheme: str = "digest",
    port: int = 0,
    shared: bool = False,
) -> Iterator[RtspServer]:
    """A running server on loopback.

    Args:
        mounts: path of the URL to clip; H.264 or H.265, without B frames. Each client sees the
            clip from its start, at its own pace, again and again. Several clips, of one codec and
            rate, follow one another in one stream.
        user: asked for where given.
        password: for ``user``.
        scheme: ``digest`` or ``basic``.
        port: to listen on; 0 takes a free one.
        shared: all clients of a mount see one stream, wherever it stands: costs much less for many.

    Raises:
        RuntimeError: it does not come up, as where GStreamer is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="rtsp-") as folder:
        server = RtspServer(
            mounts,
            Path(folder),
            user=user,
            password=password,
            scheme=scheme,
            port=port,
            shared=shared,
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _to_units(clips: Sequence[Path], target: Path) -> dict[str, object]:
    """Write the clips' access units as ``rtsp_server.py`` reads them, and say what they are."""
    codec, rate = "", None
    with target.open("wb") as file:
        for clip in clips:
            with av.open(str(clip)) as container:
                stream = container.streams.video[0]
                codec = stream.codec_context.name
                rate = stream.average_rate or stream.base_rate
                to_bytes = BitStreamFilterContext(f"{codec}_mp4toannexb", stream)
                for packet in container.demux(stream):
                    for unit in to_bytes.filter(packet if packet.size else None):
                        data = bytes(unit)
                        file.write(struct.pack(">I", len(data)) + data)
    if rate is None:
        raise ValueError(f"{clips} do not say their rate")
    return {"units": str(target), "codec": codec, "fps": float(rate)}
