"""A real RTSP server: GStreamer's, run with the Python that Debian's bindings are for.

It serves clips that are already encoded, each in an endless loop at its own pace. Usage, by
``rtsp.py``: ``rtsp_server.py SETTINGS.json``. It prints ``port N`` once it listens.
"""

import json
import struct
import sys
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - versions come first

ROLE = "viewer"


def read_units(path: Path) -> list[bytes]:
    """Access units, each behind its length as four bytes, big-endian."""
    data, units, at = path.read_bytes(), [], 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        units.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return units


class Feeder:
    """Pushes the access units of one clip into one client's pipeline, in the clip's own time."""

    def __init__(self, source: Any, units: list[bytes], fps: float) -> None:
        self._source, self._units, self._fps = source, units, fps
        self._pushed = 0
        self._started = GLib.get_monotonic_time()

    def push_due(self) -> bool:
        """Push what is due; False once the client is gone, which ends the timer."""
        elapsed = (GLib.get_monotonic_time() - self._started) / 1e6
        while self._pushed <= elapsed * self._fps:
            buffer = Gst.Buffer.new_wrapped(self._units[self._pushed % len(self._units)])
            buffer.pts = buffer.dts = int(self._pushed / self._fps * Gst.SECOND)
            buffer.duration = int(Gst.SECOND / self._fps)
            if self._source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return False
            self._pushed += 1
        return True


def add_mount(
    server: Any, path: str, mount: dict[str, Any], *, protected: bool, shared: bool
) -> None:
    """Serve one clip under ``path``; each client gets it from its first key frame on, or where it
    is ``shared``, from where it stands."""
    units = read_units(Path(mount["units"]))
    kind = {"h264": "264", "hevc": "265"}[mount["codec"]]
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( appsrc name=source is-live=true format=time "
        f"caps=video/x-h{kind},stream-format=byte-stream,alignment=au "
        f"! h{kind}parse ! rtph{kind}pay name=pay0 pt=96 config-interval=-1 )"
    )
    factory.set_shared(shared)
    if protected:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role(ROLE, "media.factory.access", True)
        permissions.add_permission_for_role(ROLE, "media.factory.construct", True)
        factory.set_permissions(permissions)

    def feed(_factory: Any, media: Any) -> None:
        source = media.get_element().get_by_name_recurse_up("source")
        feeder: list[Feeder] = []

        def start(*_signal: Any) -> None:
            if not feeder:
                feeder.append(Feeder(source, units, mount["fps"]))
                GLib.timeout_add(10, feeder[0].push_due)

        # Asked for only once the pipeline runs; a timer before would fill memory.
        source.connect("need-data", lambda *_signal: GLib.idle_add(start))

    factory.connect("media-configure", feed)
    server.get_mount_points().add_factory(path, factory)


def protect(server: Any, user: str, password: str, scheme: str) -> None:
    """Ask for a password, by ``basic`` or ``digest``."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    if scheme == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


def main(settings_path: str) -> None:
    settings = json.loads(Path(settings_path).read_text(encoding="utf-8"))
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(settings["port"]))
    user = settings["user"]
    if user is not None:
        protect(server, user, settings["password"], settings["scheme"])
    for path, mount in settings["mounts"].items():
        add_mount(server, path, mount, protected=user is not None, shared=settings["shared"])
    loop = GLib.MainLoop()
    if server.attach(None) == 0:
        sys.exit(f"port {settings['port']} is in use")
    sys.stdout.write(f"port {server.get_bound_port()}\n")
    sys.stdout.flush()
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1])
