"""Room for a mailbox for each camera: the limit of open descriptors is raised if it is too low."""

import resource

from monitor.errors import ConfigError

_BESIDE_CAMERAS = 512
"""Workers, connections, the store, libraries."""
_PER_CAMERA = 2
"""The mailbox, and the copy of its descriptor that Python keeps with the mapping."""


def allow_descriptors(cameras: int) -> None:
    """Make sure that this process may hold the mailboxes of so many cameras.

    Raises:
        ConfigError: the machine's hard limit is lower.
    """
    needed = _PER_CAMERA * cameras + _BESIDE_CAMERAS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ConfigError(
            f"{cameras} cameras need {needed} open files and the limit is {hard}; "
            f"raise it (LimitNOFILE= in the unit, or ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
