"""What was counted of evidence, in tests."""

from collections import Counter


class Counts:
    """What was counted."""

    def __init__(self) -> None:
        self.bytes = 0
        self.up = True
        self.files: Counter[tuple[str, bool]] = Counter()
        self.dropped: Counter[str] = Counter()
        self.deleted: Counter[str] = Counter()

    def set_bytes(self, size: int) -> None:
        self.bytes = size

    def set_up(self, up: bool) -> None:
        self.up = up

    def count_file(self, kind: str, *, failed: bool = False) -> None:
        self.files[kind, failed] += 1

    def count_dropped(self, reason: str) -> None:
        self.dropped[reason] += 1

    def count_deleted(self, reason: str, files: int) -> None:
        self.deleted[reason] += files
