"""What a training run tells the person who waits for it: lines and progress bars."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar:
    """A progress bar that is shown."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._progress.advance(self._task, count)

    def set(self, done: float, text: str = "") -> None:
        """So many are done, and how it stands."""
        self._progress.update(self._task, completed=done, state=text)


class Console:
    """Writes to stderr, so that stdout stays for results."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._rich = RichConsole(stderr=True, quiet=quiet, highlight=False)

    def say(self, text: str) -> None:
        """One line of news."""
        self._rich.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """One line about something that was left out or is doubtful."""
        self._rich.print(text, markup=False, style="yellow", soft_wrap=True)

    @contextmanager
    def bar(self, what: str, total: float) -> Iterator[Bar]:
        """Show a progress bar while the block runs."""
        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}"),
        )
        with Progress(*columns, console=self._rich) as progress:
            yield Bar(progress, progress.add_task(what, total=total, state=""))

    @contextmanager
    def wait(self, what: str) -> Iterator[None]:
        """Say what is going on while the block runs."""
        with self._rich.status(what):
            yield
