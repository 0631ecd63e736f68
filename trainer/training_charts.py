"""Charts of how training went: loss and accuracy of the head and of fine-tuning."""

from collections.abc import Sequence

from monitor.chart import Axis, Chart, Line, chart, fitting
from trainer.head import Progress
from trainer.plan import Status

_TRAIN, _VALIDATION = 0, 1


def head_charts(history: Sequence[Progress]) -> list[Chart]:
    """Loss and accuracy over the steps of the head's training."""
    return _charts(
        "Head",
        [(now.step, now.loss, now.train_accuracy) for now in history],
        [(now.step, now.validation_loss, now.validation_accuracy) for now in history],
    )


def fine_tuning_charts(history: Sequence[Status]) -> list[Chart]:
    """The same of fine-tuning; none where it was not done."""
    return _charts(
        "Fine-tuning",
        _smoothed([(now.step, now.loss, now.train_accuracy) for now in history]),
        [
            (now.step, now.validation_loss, now.validation_accuracy)
            for now in history
            if now.validation_loss is not None and now.validation_accuracy is not None
        ],
    )


_Row = tuple[int, float, float]
"""Step, loss, accuracy."""


def _charts(what: str, train: Sequence[_Row], validation: Sequence[_Row]) -> list[Chart]:
    steps = [row[0] for row in (*train, *validation)]
    if not steps:
        return []
    across = Axis("step", 0.0, float(max(1, *steps)))
    made = []
    for number, (name, percent) in enumerate((("loss", False), ("accuracy", True)), 1):
        lines = [
            Line(
                side,
                tuple((float(row[0]), float(row[number])) for row in rows),
                colour,
                note=_last([row[number] for row in rows], percent=percent),
                dots=colour == _VALIDATION and len(rows) <= 60,
            )
            for side, colour, rows in (
                ("train", _TRAIN, train), ("validation", _VALIDATION, validation)
            )
        ]  # fmt: skip
        values = [row[number] for row in (*train, *validation)]
        up = fitting(name, values, percent=percent)
        made.append(chart(f"{what}: {name}", across, up, lines))
    return made


def _smoothed(rows: Sequence[_Row], most: int = 150) -> list[_Row]:
    """Means of neighbours, so that the noise of single batches does not hide the course."""
    size = -(-len(rows) // most)
    if size <= 1:
        return list(rows)
    finite = [row for row in rows if row[1] == row[1]]
    parts = [finite[at : at + size] for at in range(0, len(finite), size)]
    return [
        (part[-1][0], sum(r[1] for r in part) / len(part), sum(r[2] for r in part) / len(part))
        for part in parts
    ]


def _last(values: Sequence[float], *, percent: bool) -> str:
    finite = [value for value in values if value == value]
    if not finite:
        return ""
    return f"{finite[-1]:.1%}" if percent else f"{finite[-1]:.3f}"
