"""Rate limits: a token bucket for each client, and a bound on how many clients are remembered."""

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_CLIENTS = 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second in the long run."""

    burst: float
    per_second: float


class Buckets:
    """Counts what clients do against one rate. For one thread.

    Args:
        rate: what each client may.
        monotonic: gives monotonic time, seconds.
    """

    def __init__(self, rate: Rate, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Count one; 0 where it may pass, else the seconds after which the next one may."""
        wait = self.wait(client)
        if not wait:
            level, at = self._levels[client]
            self._levels[client] = (level - 1.0, at)
        return wait

    def wait(self, client: str) -> float:
        """The seconds until the next one may pass, without counting it."""
        now = self._monotonic()
        level, at = self._levels.pop(client, (self._rate.burst, now))
        level = min(self._rate.burst, level + (now - at) * self._rate.per_second)
        # The client that was seen last stands last; the first is forgotten where there are too
        # many, and has a full bucket if it comes back.
        self._levels[client] = (level, now)
        if len(self._levels) > _MOST_CLIENTS:
            self._levels.popitem(last=False)
        return 0.0 if level >= 1.0 else (1.0 - level) / self._rate.per_second


def client_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that a machine has in IPv6.

    >>> client_of("10.0.4.17"), client_of("2001:db8::1:2:3:4"), client_of("::ffff:10.0.4.17")
    ('10.0.4.17', '2001:db8::/64', '10.0.4.17')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def retry_after(seconds: float) -> str:
    """The value of ``Retry-After``: whole seconds, at least one."""
    return str(max(1, math.ceil(seconds)))
