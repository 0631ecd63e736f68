"""The thread of one sink: takes what is due from the outbox, sends it, notes what came of it.

Nothing but its own sink holds it up, and nobody waits for it. What it was sending when the process
was killed is sent again after the next start, under the same key.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import structlog

from monitor.alerts.keeper_shared import SharedStore
from monitor.alerts.news import notice_of, pointless
from monitor.alerts.notice import Notice
from monitor.alerts.outbox_order import (
    Head,
    Pace,
    after_failure,
    after_success,
    choose,
    given_up,
    nothing_to_try,
    wait_seconds,
)
from monitor.alerts.sinks.sink import Sink
from monitor.alerts.store_outbox import Brief, Settled
from monitor.clock import Clock
from monitor.errors import EmberwatchError, Permanent, Retryable, StoreError
from monitor.logs import Throttle
from monitor.redact import Redactor

PICTURE_SECONDS = 1.0
"""How long a message waits for the picture of its event; it is made while the alert is told."""

LOOK_SECONDS = 1.0
"""How often a sink is tended, and the outbox looked at, without being woken."""

_PICTURE_POLL_SECONDS = 0.05
_BUILD_AGAIN_SECONDS = 30.0

RESULTS = ("delivered", "failed", "rejected", "expired", "cancelled")
"""What can come of a try: ``failed`` is for now, the others end the delivery."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """How one sink is made and treated. Plans with the same basis make the same sink."""

    name: str
    kind: str
    """``webhook``, ``mqtt``, …"""
    basis: object
    """All that the sink follows from."""
    build: Callable[[], Sink] = field(compare=False)
    """Raises EmberwatchError where it cannot be made now."""
    retry_for_seconds: float
    longest_pause_seconds: float
    external_url: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(slots=True)
class SinkRecord:
    """What is known of a sink; kept over reloads. Written by its thread, read by any."""

    results: Counter[str] = field(default_factory=Counter)
    last_success_at: float = 0.0
    """Unix time; 0 before the first."""
    fault: str = ""
    """Why the last try failed; empty where it did not."""
    to_be_repeated: bool = False
    """Whether the try that failed is to be repeated: should nobody need it any more, its fault says
    nothing of the sink as it is now."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the threads of all sinks share."""

    store: SharedStore
    clock: Clock
    random: Random
    picture_of: Callable[[int], Path | None]
    """Gives the picture of an event, by its id; None while there is none."""
    pictures: Callable[[], bool]
    """Whether pictures are made at all, so that one is worth a wait."""
    observe: Callable[[str, float], None]
    """Told the seconds from the change of state to its delivery, by sink."""


class SinkThread:
    """Works until it is stopped."""

    def __init__(
        self,
        plan: SinkPlan,
        record: SinkRecord,
        outside: Outside,
        *,
        after: threading.Thread | None = None,
    ) -> None:
        """
        Args:
            plan: the sink.
            record: where its results go.
            outside: store, clock and the like.
            after: the thread of the same sink before; two of them would mix up the order.
        """
        self.plan = plan
        self._record = record
        self._outside = outside
        self._after = after
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._pace = Pace()
        self._postponed: dict[str, Head] = {}
        self._unreadable: dict[str, str] = {}
        """Why a delivery could not even be made, by key."""
        self._throttle = Throttle()
        self._redactor = Redactor(plan.secrets)
        self.thread = threading.Thread(target=self._run, name=f"sink-{plan.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._outside.store.listen(self._wake)
        self.thread.start()

    def stop(self) -> None:
        """End after what is being sent; does not wait for it."""
        self._stop.set()
        self._wake.set()
        self._outside.store.unlisten(self._wake)

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
            self._after = None
        sink = self._build()
        if sink is None:
            return
        try:
            while not self._stop.is_set():
                self._wake.clear()
                wait = self._round(sink)
                if wait:
                    self._wake.wait(wait)
        finally:
            sink.close()

    def _round(self, sink: Sink) -> float:
        try:
            self._tend(sink)
            return self._deliver_next(sink)
        except Exception:  # a fault of ours; a thread that ends would be silent for ever
            log.exception("sink_crashed", sink=self.plan.name)
            self._fault("it met a fault of Emberwatch; the log has it, please report it")
            return LOOK_SECONDS

    def _build(self) -> Sink | None:
        while not self._stop.is_set():
            try:
                return self.plan.build()
            except EmberwatchError as error:
                self._failed(str(error))
            except Exception as error:  # noqa: BLE001 - a library's; the others go on without this sink
                self._failed(f"{type(error).__name__}: {error}")
            self._stop.wait(_BUILD_AGAIN_SECONDS)
        return None

    def _tend(self, sink: Sink) -> None:
        name = self.plan.name
        try:
            if sink.tend(lambda: self._outside.store.told_open_events(name)):
                self._worked()
        except StoreError as error:
            self._unread(error)
        except EmberwatchError as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - a library's; the thread must go on
            self._failed(f"{type(error).__name__}: {error}")

    def _deliver_next(self, sink: Sink) -> float:
        """Send what is due, if anything is; the seconds to wait before the next look."""
        try:
            heads, now = self._heads(), self._outside.clock.wall()
            head = choose(heads, self._pace, now)
            if head is None:
                if self._record.to_be_repeated and nothing_to_try(heads, now):
                    self._recovered("sink_fault_over")
                wait = wait_seconds(heads, self._pace, now)
                return LOOK_SECONDS if wait is None else min(wait, LOOK_SECONDS)
        except StoreError as error:
            self._unread(error)
            return LOOK_SECONDS
        try:
            brief = self._outside.store.brief(head.key, self.plan.name)
            if brief is None:
                return LOOK_SECONDS  # deleted with its event just now
            reason = pointless(head, brief)
            notice = None if reason else self._notice(sink, head, brief)
        except Exception as error:  # noqa: BLE001 - as a damaged row; news of other events must go on
            self._set_back(head, error)
            return 0.0
        if notice is None:
            self._end(head, "cancelled", reason, tried=False)
        else:
            self._try(sink, head, notice)
        return 0.0

    def _heads(self) -> list[Head]:
        """What stands at the front, as far as this thread knows better than what is written."""
        heads = self._outside.store.heads(self.plan.name)
        known = {head.key for head in heads}
        self._postponed = {k: head for k, head in self._postponed.items() if k in known}
        self._unreadable = {k: said for k, said in self._unreadable.items() if k in known}
        return [self._as_tried(head) for head in heads]

    def _as_tried(self, head: Head) -> Head:
        """Keys stay, but rows and the state of the event are those of the store of the moment."""
        known = self._postponed.get(head.key, head)
        return replace(head, attempts=known.attempts, next_try_at=known.next_try_at)

    def _set_back(self, head: Head, error: Exception) -> None:
        """What is to be sent cannot be made: the sink is not to blame, and others go first."""
        said = self._redactor.text(f"news of event {head.event_id} cannot be made: {error}")
        self._postponed[head.key], _ = self._after_failure(head, self._outside.clock.wall())
        self._unreadable[head.key] = said
        self._fault(said, to_be_repeated=True)
        kept_back = self._throttle.admit("unreadable", self._outside.clock.monotonic())
        if kept_back is not None:
            log.warning("news_unreadable", sink=self.plan.name, error=said, kept_back=kept_back)

    def _after_failure(
        self, head: Head, now: float, retry_after: float | None = None
    ) -> tuple[Head, Pace]:
        return after_failure(
            head,
            self._pace,
            now,
            longest_pause_seconds=self.plan.longest_pause_seconds,
            retry_after_seconds=retry_after,
            jitter=self._outside.random.random(),
        )

    def _try(self, sink: Sink, head: Head, notice: Notice) -> None:
        self._unreadable.pop(head.key, None)
        try:
            sink.send(notice)
        except Permanent as error:
            said = self._redactor.text(str(error))
            self._pace = after_success(self._pace)
            self._end(head, "rejected", said, tried=True)
            self._failed(said, told=True)
            log.error(
                "delivery_rejected", sink=self.plan.name, news=head.kind, event_id=head.event_id,
                error=said,
            )  # fmt: skip
        except Retryable as error:
            self._postpone(head, str(error), error.retry_after_seconds)
        except Exception as error:  # noqa: BLE001 - a library's; the alert is tried again
            self._postpone(head, f"{type(error).__name__}: {error}", None)
        else:
            self._pace = after_success(self._pace)
            self._end(head, "delivered", "", tried=True)
            self._worked()
            now = self._outside.clock.wall()
            self._record.last_success_at = now
            self._outside.observe(self.plan.name, max(0.0, now - notice.at))
            log.info(
                "delivered", sink=self.plan.name, news=head.kind, event_id=head.event_id,
                camera=notice.event.camera, attempts=head.attempts + 1,
            )  # fmt: skip

    def _postpone(self, head: Head, error: str, retry_after: float | None) -> None:
        said = self._redactor.text(error)
        now = self._outside.clock.wall()
        head, self._pace = self._after_failure(head, now, retry_after)
        self._record.results["failed"] += 1
        if given_up(head, now, self.plan.retry_for_seconds):
            self._end(head, "expired", said, tried=True)
            log.error(
                "delivery_expired", sink=self.plan.name, news=head.kind, event_id=head.event_id,
                error=said,
            )  # fmt: skip
            self._failed(said)
        else:
            # Remembered here as well: a store that cannot be written must not make it try at once.
            self._postponed[head.key] = head
            self._outside.store.postpone(head, said)
            self._failed(said, to_be_repeated=True)

    def _notice(self, sink: Sink, head: Head, brief: Brief) -> Notice:
        picture = self._picture(head, brief.event.id) if sink.wants_picture else None
        return notice_of(head, brief, picture, self.plan.external_url)

    def _picture(self, head: Head, event_id: int) -> Path | None:
        if head.kind in ("pending", "resolved") or not self._outside.pictures():
            return None
        until = self._outside.clock.wall() + PICTURE_SECONDS
        if head.attempts:
            until = 0.0
        while (found := self._outside.picture_of(event_id)) is None:
            if self._outside.clock.wall() >= until or self._stop.wait(_PICTURE_POLL_SECONDS):
                return None
        return found

    def _end(self, head: Head, result: str, error: str, *, tried: bool) -> None:
        self._record.results[result] += 1
        now = self._outside.clock.wall()
        self._outside.store.end_delivery(Settled(head.key, result, error, now, tried))

    def _worked(self) -> None:
        if self._unreadable:  # it works, but there is news that it cannot be given
            self._fault(next(iter(self._unreadable.values())), to_be_repeated=True)
        elif self._record.fault:
            self._recovered("sink_recovered")

    def _recovered(self, line: str) -> None:
        self._fault("")
        self._throttle.clear("failing")
        log.info(line, sink=self.plan.name)

    def _fault(self, said: str, *, to_be_repeated: bool = False) -> None:
        self._record.fault = said
        self._record.to_be_repeated = to_be_repeated

    def _unread(self, error: StoreError) -> None:
        """The outbox cannot be read: nobody is told anything, whatever the sink does."""
        self._outside.store.count_unread()
        kept_back = self._throttle.admit("unread", self._outside.clock.monotonic())
        if kept_back is not None:
            log.warning(
                "outbox_unreadable", sink=self.plan.name, error=str(error), kept_back=kept_back
            )

    def _failed(self, error: str, *, told: bool = False, to_be_repeated: bool = False) -> None:
        said = self._redactor.text(error)
        self._fault(said, to_be_repeated=to_be_repeated)
        kept_back = self._throttle.admit("failing", self._outside.clock.monotonic())
        if kept_back is not None and not told:
            log.warning("sink_failing", sink=self.plan.name, error=said, kept_back=kept_back)
