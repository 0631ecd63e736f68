"""What the outbox asks of a sink."""

from collections.abc import Callable, Sequence
from typing import Protocol

from monitor.alerts.events import Event
from monitor.alerts.notice import Notice


class Sink(Protocol):
    """Somebody who is told of alerts. All calls come from one thread."""

    @property
    def wants_picture(self) -> bool:
        """Whether it is worth a moment's wait for the picture."""
        ...

    def send(self, notice: Notice) -> None:
        """Tell it; when this returns, it has taken the news.

        Raises:
            Retryable: it did not, and may later.
            Permanent: it never will.
        """
        ...

    def tend(self, firing: Callable[[], Sequence[Event]]) -> bool:
        """Do what is due beside deliveries; called some times a minute, and after each of them.

        Args:
            firing: gives the events that fire and that it has been told of.

        Returns:
            Whether anything was done.

        Raises:
            Retryable, Permanent: it did not work; it is tried again with the next call.
        """
        ...

    def close(self) -> None:
        """Part from it; nothing is sent any more."""
        ...
