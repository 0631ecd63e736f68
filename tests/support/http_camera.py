"""A camera that speaks HTTP, on loopback: MJPEG, snapshots, logins, and ways to misbehave."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class HttpCamera(ThreadingHTTPServer):
    """Serves ``pictures`` (JPEG bytes) in turn.

    Paths: ``/snapshot`` one picture a request; ``/video`` MJPEG without end; ``/few`` MJPEG that
    ends after all pictures; ``/lengthless`` the same without Content-Length; ``/stall`` MJPEG that
    stops sending; ``/trickle`` one byte now and then; ``/garbage`` bytes that are no picture, as a
    picture; ``/noise`` MJPEG of such bytes; ``/page`` a page of HTML; ``/private`` a snapshot
    behind a basic login (``user``, ``pass``); ``/moved`` a redirect to ``/snapshot``; ``/away`` a
    redirect to another host; ``/elsewhere`` one to ``location``; ``/busy`` status 503; anything
    else 404.
    """

    daemon_threads = True

    def __init__(self, pictures: list[bytes], fps: float = 25.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pictures, self.fps = pictures, fps
        self.requests = 0
        self.location = ""
        self.ended = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


@contextmanager
def http_camera(pictures: list[bytes], fps: float = 25.0) -> Iterator[HttpCamera]:
    """A running camera."""
    camera = HttpCamera(pictures, fps)
    thread = threading.Thread(target=camera.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield camera
    finally:
        camera.ended.set()
        camera.shutdown()
        thread.join()
        camera.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: HttpCamera

    def do_GET(self) -> None:
        camera = self.server
        camera.requests += 1
        pictures = camera.pictures
        try:
            match urlsplit(self.path).path:
                case "/snapshot":
                    self._send(200, "image/jpeg", pictures[camera.requests % len(pictures)])
                case "/private":
                    self._private(pictures[0])
                case "/garbage":
                    self._send(200, "image/jpeg", b"\xff\xd8\xff\xe0 this is no picture")
                case "/page":
                    self._send(200, "text/html; charset=utf-8", b"<h1>Log in</h1>")
                case "/busy":
                    self._send(503, "text/plain", b"")
                case "/moved":
                    self._redirect("/snapshot")
                case "/away":
                    self._redirect("http://camera.invalid/snapshot?password=hunter2")
                case "/elsewhere":
                    self._redirect(camera.location)
                case "/video" | "/few" | "/lengthless" | "/stall" | "/trickle" | "/noise" as path:
                    self._stream(path)
                case _:
                    self._send(404, "text/plain", b"")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Tests need no log."""

    def _send(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _redirect(self, target: str) -> None:
        self._send(302, "text/plain", b"", Location=target)

    def _private(self, picture: bytes) -> None:
        wanted = "Basic " + base64.b64encode(b"user:pass").decode()
        if self.headers.get("Authorization") == wanted:
            self._send(200, "image/jpeg", picture)
        else:
            self._send(401, "text/plain", b"", WWW_Authenticate='Basic realm="camera"')

    def _stream(self, path: str) -> None:
        camera = self.server
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--frame")
        self.end_headers()
        pictures = [b"no picture"] if path == "/noise" else camera.pictures
        sent = 0
        while not camera.ended.is_set():
            picture = pictures[sent % len(pictures)]
            length = b"" if path == "/lengthless" else b"Content-Length: %d\r\n" % len(picture)
            head = b"--frame\r\nContent-Type: image/jpeg\r\n" + length + b"\r\n"
            if path == "/trickle":
                self.wfile.write(head if sent == 0 else b"x")
            else:
                self.wfile.write(head + picture + b"\r\n")
            sent += 1
            if path in ("/few", "/lengthless") and sent == len(pictures):
                self.wfile.write(b"--frame--\r\n")
                return
            if path == "/stall" and sent == 1:
                camera.ended.wait()
            camera.ended.wait(1 / camera.fps)
