"""The RTSP server of the tests is that of the benchmark."""

from monitor.bench.rtsp import SYSTEM_PYTHON, RtspServer, rtsp_server

__all__ = ["SYSTEM_PYTHON", "RtspServer", "rtsp_server"]
