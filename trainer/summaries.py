"""Training curves for TensorBoard, written without TensorBoard.

The files are records of TensorFlow's own event messages, one folder for training and one for
validation, as TensorBoard wants them.
"""

import math
import os
import time
from pathlib import Path

import tensorflow as tf

from monitor.errors import TrainingError

_VERSION = "brain.Event:2"
"""What TensorBoard looks for at the start of a file."""


class Summaries:
    """Writes scalars below a folder, or nothing where none is given. Old runs are left alone."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writers: dict[str, tf.io.TFRecordWriter] = {}

    def add(self, side: str, step: int, **values: float | None) -> None:
        """Write values of one step; None and what is no finite number is left out.

        Args:
            side: ``train`` or ``validation``: the folder, and the curve's colour.
            step: of the training.
            values: by their names; ``__`` stands for the slash between group and name.

        Raises:
            TrainingError: the file cannot be written.
        """
        known = {
            name.replace("__", "/"): value
            for name, value in values.items()
            if value is not None and math.isfinite(value)
        }
        if self._folder is None or not known:
            return
        event = tf.compat.v1.Event(wall_time=time.time(), step=step)
        for name, value in known.items():
            event.summary.value.add(tag=name, simple_value=value)
        try:
            writer = self._writers.get(side) or self._open(self._folder / side, side)
            writer.write(event.SerializeToString())
            writer.flush()
        except (OSError, tf.errors.OpError) as error:
            raise TrainingError(
                f"{self._folder}: the summaries cannot be written ({error}); free space, or give "
                "another folder"
            ) from error

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _open(self, folder: Path, side: str) -> tf.io.TFRecordWriter:
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        writer = tf.io.TFRecordWriter(
            str(folder / f"events.out.tfevents.{now:.6f}.{os.getpid()}.emberwatch")
        )
        self._writers[side] = writer
        writer.write(tf.compat.v1.Event(wall_time=now, file_version=_VERSION).SerializeToString())
        return writer
