"""Every error that Emberwatch raises, one tree.

::

    EmberwatchError
    ├── UsageError          arguments of a command that cannot work
    ├── ConfigError         the configuration file, or a value in it
    │   └── AddressError    the address to listen on is not there, taken or unknown now
    ├── SourceError         a camera or file that gives no pictures
    │   ├── OpenError       refused, unreachable, missing, wrong path
    │   ├── AuthError       wrong or missing credentials
    │   ├── StallError      connected, but nothing arrives any more
    │   │   └── LagError    what arrives was made too long ago
    │   └── DecodeError     bytes arrive that are no picture
    ├── ImageError          a picture file that cannot be read
    ├── BundleError         a model bundle that is broken or foreign
    ├── EngineError         inference failed
    ├── StoreError          the event store cannot be opened or written
    ├── SinkError           an alert could not be delivered
    │   ├── Retryable       try again later
    │   └── Permanent       trying again cannot help
    └── TrainingError       data that a model cannot be trained with, or a run that failed

Library errors are mapped to these where they enter. Each message names the
camera, key or file, says what was found, and what to do about it.
"""

from collections.abc import Iterable
from dataclasses import dataclass


class EmberwatchError(Exception):
    """Base of all errors with a message for the operator; never shown as a traceback."""

    logged = False
    """It stands in the log already, in whose form nothing else may be written."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of the configuration, or one thing in it that deserves a second look."""

    key: str
    """Where it is: ``cameras[1].fps``; empty for the file as a whole."""
    line: int | None
    """Line in the file, counted from 1; None where no line can be named."""
    message: str
    """What was found, and the cure."""

    def __str__(self) -> str:
        return f"{self.key}: {self.message}" if self.key else self.message

    def at(self, file: object) -> str:
        """The problem as compilers print theirs: ``FILE:LINE: KEY: MESSAGE``."""
        where = f"{file}:{self.line}" if self.line is not None else f"{file}"
        return f"{where}: {self}"


class UsageError(EmberwatchError):
    """Arguments of a command that cannot work, found before it does anything; it ends with 2."""


class ConfigError(EmberwatchError):
    """The configuration is wrong; the message lists every fault with key, line and cure.

    ``problems`` holds the faults one by one, where the error comes from a file.
    """

    def __init__(self, message: str, *, problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class AddressError(ConfigError):
    """The address in ``listen`` cannot be had now. It may be a wrong one, or come with time: while
    a machine boots, addresses and names are not there yet."""


class SourceError(EmberwatchError):
    """A camera or file gives no pictures; ``reason`` is the metric label for it.

    ``reason`` is one of the fixed words in :data:`monitor.ingest.status.REASONS`.
    """

    reason = "error"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class OpenError(SourceError):
    """The source cannot be opened: refused, unreachable, missing or of an unknown form."""

    reason = "open"


class AuthError(SourceError):
    """The source wants other credentials than it was given."""

    reason = "auth"


class StallError(SourceError):
    """The source is open and sends nothing any more."""

    reason = "stall"


class LagError(StallError):
    """The source is read ever later than its pictures were made.

    ``creep`` is the even rate at which that grew, seconds a second; 0 where it came otherwise.
    """

    def __init__(self, message: str, *, creep: float = 0.0) -> None:
        super().__init__(message)
        self.creep = creep


class DecodeError(SourceError):
    """The source sends bytes that cannot be decoded to pictures."""

    reason = "decode"


class ImageError(EmberwatchError):
    """A picture file cannot be read: missing, empty, broken, too large, of an unknown form."""


class BundleError(EmberwatchError):
    """A model bundle is missing, broken, changed, or of a foreign format."""


class EngineError(EmberwatchError):
    """Inference failed, or gave something that is no score."""


class StoreError(EmberwatchError):
    """The event store cannot be opened, read or written."""


class SinkError(EmberwatchError):
    """An alert could not be delivered."""


class Retryable(SinkError):
    """Delivery failed for now; trying again later may help.

    ``retry_after_seconds`` is the pause that the sink asked for; None where it asked for none.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Permanent(SinkError):
    """Delivery failed for good; trying again cannot help."""


class TrainingError(EmberwatchError):
    """Data that no model can be trained with, or a training that failed on its way."""
