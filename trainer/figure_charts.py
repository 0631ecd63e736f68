"""Charts of a detector: ROC, precision over recall, calibration, and what thresholds do."""

from monitor.chart import Axis, Chart, Line, Mark, chart, fitting
from trainer.curves import calibration_error
from trainer.figures import Figures

_LEFT_END = 0.1
"""False positives beyond this are of no use to anybody who watches cameras."""


def roc_chart(found: Figures, most: float = 1.0) -> Chart | None:
    """Recall over false positives, of the joint evidence and of each label; None without curves.

    Args:
        found: the figures.
        most: false positives at the right end.
    """
    lines = _lines(found, "roc", most)
    if not lines:
        return None
    marks = []
    whole = found.whole
    if whole.hazard_recall is not None and whole.false_positives is not None and found.hazards:
        at = (whole.false_positives.value, whole.hazard_recall.value)
        marks.append(Mark(f"operating point, threshold {whole.threshold:.3f}", at))
    across = Axis("false positives", 0.0, most, percent=True)
    if most < 1:
        least = min(up for line in lines for _, up in line.points[1:] or line.points)
        up = fitting("recall", [least, *(mark.at[1] for mark in marks)], percent=True)
        marks = [mark for mark in marks if mark.at[0] <= most]
        return chart(f"ROC up to {most:.0%} false positives", across, up, lines, marks)
    return chart("ROC", across, _share("recall"), lines, marks)


def pr_chart(found: Figures) -> Chart | None:
    """Precision over recall, of the same; None without curves."""
    lines = _lines(found, "pr")
    if not lines:
        return None
    marks = []
    point = _hazard_point(found)
    if point is not None:
        marks.append(Mark(f"operating point, threshold {found.whole.threshold:.3f}", point))
    return chart("Precision and recall", _share("recall"), _share("precision"), lines, marks)


def calibration_chart(found: Figures) -> Chart:
    """How often a score is right, over the score: an honest model lies on the diagonal."""
    bins = found.calibration
    lines = [
        Line("honest", ((0.0, 0.0), (1.0, 1.0)), colour=7, dashed=True),
        Line(
            "model",
            tuple((b.score, b.right) for b in bins),
            note=f"ECE {calibration_error(bins):.3f}",
            dots=True,
        ),
    ]
    return chart("Calibration", _share("highest score"), _share("right"), lines)


def threshold_chart(found: Figures) -> Chart | None:
    """Hazards found and false alarms over the threshold; None where a kind of picture lacks."""
    points = found.thresholds
    if not points:
        return None
    now = found.whole.threshold
    lines = [
        Line("hazards found", tuple((p.threshold, p.recall) for p in points), colour=0),
        Line("false alarms", tuple((p.threshold, p.false_positive_rate) for p in points), colour=1),
        Line(f"threshold {now:.3f}", ((now, 0.0), (now, 1.0)), colour=7, dashed=True),
    ]
    return chart(
        "What the threshold does", Axis("threshold of the joint evidence", 0, 1), _share("share"),
        lines,
    )  # fmt: skip


def figure_charts(found: Figures) -> list[Chart]:
    """All charts that these figures give."""
    charts = (
        roc_chart(found),
        roc_chart(found, _LEFT_END),
        pr_chart(found),
        threshold_chart(found),
        calibration_chart(found),
    )
    return [one for one in charts if one is not None]


def _share(name: str) -> Axis:
    return Axis(name, 0.0, 1.0, percent=True)


def _lines(found: Figures, kind: str, most: float = 1.0) -> list[Line]:
    wanted = [] if found.hazards is None else [("any hazard", found.hazards, 0)]
    # The background's curve would be the first one again, seen from the other side.
    wanted += [
        (one.label, one.curve, n)
        for n, one in enumerate(found.labels, 1)
        if one.label != found.background
    ]
    lines = []
    for name, curve, colour in wanted:
        points, area = (curve.roc, curve.roc_auc) if kind == "roc" else (curve.pr, curve.pr_auc)
        if points and area is not None:
            seen = tuple(point for point in points if point[0] <= most)
            lines.append(Line(name, seen, colour, note=f"{area:.4f}"))
    return lines


def _hazard_point(found: Figures) -> tuple[float, float] | None:
    """Recall and precision of any hazard at the operating point; None where nothing was raised."""
    whole = found.whole
    recall, false = whole.hazard_recall, whole.false_positives
    if recall is None or false is None or not recall.count:
        return None
    hits, alarms = recall.value * recall.count, false.value * false.count
    return (recall.value, hits / (hits + alarms)) if hits + alarms else None
