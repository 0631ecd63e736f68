"""Makes the records of many cameras, all or none."""

from collections.abc import Iterable

from monitor.errors import ConfigError
from monitor.ingest.camera_record import CameraRecord
from monitor.ingest.status import SourceSettings


def make_records(feeds: Iterable[SourceSettings]) -> dict[str, CameraRecord]:
    """Records of these cameras, by name.

    Raises:
        ConfigError: the machine has no memory or descriptors for all of them; none is left over.
    """
    made: dict[str, CameraRecord] = {}
    try:
        for feed in feeds:
            made[feed.camera] = CameraRecord(feed)
    except OSError as error:
        for record in made.values():
            record.close()
        raise ConfigError(
            f"there is no room for the pictures of {len(made) + 1} more cameras: "
            f"{error.strerror or error}; watch fewer, or raise the limit of open files or memory"
        ) from error
    return made
