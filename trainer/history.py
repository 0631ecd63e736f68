"""How fine-tuning went, kept on disk beside its checkpoints: a run that was stopped and goes on
still shows its whole course in the report."""

import json
from dataclasses import asdict
from pathlib import Path

from monitor.errors import TrainingError
from trainer.plan import Status

HISTORY_NAME = "history.jsonl"


class History:
    """The statuses of one run, of this process and of those before it."""

    def __init__(self, folder: Path) -> None:
        """Read what earlier processes wrote into the folder of the run's checkpoints."""
        self._path = folder / HISTORY_NAME
        self._known = _read(self._path)

    @property
    def statuses(self) -> tuple[Status, ...]:
        """All, by rising step."""
        return tuple(self._known)

    def add(self, status: Status) -> None:
        """Note how it stands.

        A run goes on from its last checkpoint, so it may come again to steps that are noted
        already: what is new stands in their place.

        Raises:
            TrainingError: the file cannot be written.
        """
        kept = [known for known in self._known if known.step < status.step]
        fresh = len(kept) == len(self._known)
        self._known = [*kept, status]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a" if fresh else "w", encoding="utf-8") as file:
                file.writelines(
                    json.dumps(asdict(one)) + "\n" for one in ([status] if fresh else self._known)
                )
        except OSError as error:
            raise TrainingError(
                f"{self._path}: the course of training cannot be written: {error.strerror}; free "
                "space, or give another --cache-dir"
            ) from error


def _read(path: Path) -> list[Status]:
    """What can be read of it: a line that a kill cut off is left out."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found: list[Status] = []
    for line in lines:
        try:
            found.append(Status(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found
