"""Whom to trust over TLS: the system's certificates, or the file that SSL_CERT_FILE names."""

import functools
import ssl
from pathlib import Path

_DEBIAN_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@functools.cache
def context(*, verify: bool) -> ssl.SSLContext:
    """For Python's connections. Reading all certificates takes a tenth of a second: kept."""
    made = ssl.create_default_context()
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def ffmpeg_options(*, verify: bool) -> dict[str, str]:
    """For FFmpeg's connections; unlike Python it trusts nobody until it is given a file."""
    if not verify:
        return {"tls_verify": "0"}
    file = ssl.get_default_verify_paths().cafile
    bundle = Path(file) if file is not None else _DEBIAN_BUNDLE
    return {"tls_verify": "1"} | ({"ca_file": str(bundle)} if bundle.is_file() else {})
