"""Hundreds of MJPEG cameras behind one switch, in a process of their own.

``python -m tests.support.many_cameras PICTURE FPS``: serves the JPEG file again and again at any
path. It prints its port, and takes ``down`` and ``up`` on standard input: the switch loses its
power, which ends all connections and refuses new ones, and gets it back.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\nConnection: close\r\n\r\n"
)


class ManyCameras:
    """The process, from outside."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self._port = port

    def url(self, number: int) -> str:
        """The URL of one of the cameras."""
        return f"http://127.0.0.1:{self._port}/{number}"

    def say(self, word: str) -> None:
        """``down`` or ``up``; returns once it is so."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline().strip() == word


@contextlib.contextmanager
def many_cameras(picture: Path, fps: float) -> Iterator[ManyCameras]:
    """Cameras that show this JPEG file."""
    command = [sys.executable, "-m", "tests.support.many_cameras", str(picture), f"{fps}"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield ManyCameras(process, int(process.stdout.readline()))
        finally:
            process.kill()


async def _serve(picture: bytes, fps: float) -> None:
    part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
    writers: set[asyncio.StreamWriter] = set()

    async def camera(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(_HEAD)
            while writer in writers:
                writer.write(part + picture + b"\r\n")
                await writer.drain()
                await asyncio.sleep(1 / fps)
        writers.discard(writer)
        writer.close()

    async def listen(port: int) -> asyncio.Server:
        return await asyncio.start_server(
            camera, "127.0.0.1", port, backlog=1024, reuse_address=True
        )

    server = await listen(0)
    port = server.sockets[0].getsockname()[1]
    print(port, flush=True)  # noqa: T201 - told to whoever started it
    loop = asyncio.get_running_loop()
    while word := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        if word == "down":
            server.close()
            for writer in list(writers):
                writers.discard(writer)
                writer.transport.abort()
        else:
            server = await listen(port)
        print(word, flush=True)  # noqa: T201 - it is done


if __name__ == "__main__":
    socket.setdefaulttimeout(None)
    asyncio.run(_serve(Path(sys.argv[1]).read_bytes(), float(sys.argv[2])))
