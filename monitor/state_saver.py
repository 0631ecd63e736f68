"""When the state of the decisions is kept, beside each change of state."""

from collections.abc import Iterable

from monitor.alerts.keeper import Keeper
from monitor.clock import Clock
from monitor.post import Post

SAVE_SECONDS = 30.0
"""How often the state of a decision with an open alert is kept."""

SAVE_ALL_SECONDS = 900.0
"""How often the state of every decision is kept: a crash costs what baselines learned since."""


class StateSaver:
    """Keeps states from time to time. For the watch's thread."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._next = clock.monotonic() + SAVE_SECONDS
        self._next_all = clock.monotonic() + SAVE_ALL_SECONDS

    def tend(self, posts: Iterable[Post]) -> None:
        """Keep what is due."""
        now = self._clock.monotonic()
        if now >= self._next_all:
            self._next_all = now + SAVE_ALL_SECONDS
            self._next = now + SAVE_SECONDS
            self.save(posts)
        elif now >= self._next:
            self._next = now + SAVE_SECONDS
            self.save(post for post in posts if any(post.decider.states().values()))

    def save(self, posts: Iterable[Post]) -> None:
        """Keep the state of these decisions."""
        self._keeper.save_states(post.decider.snapshot() for post in posts)
