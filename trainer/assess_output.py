"""An assessment as text for people and as JSON for programs."""

from collections.abc import Sequence
from typing import Any

from trainer.assess import Assessment
from trainer.curves import Detection, calibration_error
from trainer.evaluate import Figure
from trainer.figures import Figures, Part

_MOST_PARTS = 40
_WORST = 20


def as_text(found: Assessment) -> str:
    """A page of figures, the longest lists cut."""
    given = found.figures
    whole = given.whole
    lines = [
        f"bundle   {found.bundle.path} ({found.bundle.sha256[:12]})",
        f"engine   {found.engine}",
        f"pictures {whole.accuracy.count}"
        + (f", {len(found.unreadable)} more could not be read" if found.unreadable else ""),
        "",
        f"accuracy       {whole.accuracy}",
    ]
    if given.hazards is not None and whole.hazard_recall is not None:
        lines += [
            f"hazards found  {whole.hazard_recall}",
            f"false alarms   {whole.false_positives}",
            f"  at threshold {whole.threshold:.3f} of the joint evidence; {_areas(given.hazards)}",
        ]
    lines += ["", *_table(["label", "recall", "precision", "false positives", "areas"],
                          [[one.label, str(one.recall), str(one.precision),
                            str(one.false_positives), _areas(one.curve)]
                           for one in given.labels])]  # fmt: skip
    lines += ["", "is \\ was called, at the threshold"]
    rows = [
        [label, *(str(count) for count in row)]
        for label, row in zip(whole.labels, whole.confusion, strict=True)
    ]
    lines += _table(["", *whole.labels], rows)
    lines += ["", f"calibration error {calibration_error(given.calibration):.3f}"]
    lines += _table(
        ["highest score", "pictures", "mean", "right"],
        [[f"{b.low:.1f} to {b.high:.1f}", str(b.count), f"{b.score:.3f}", f"{b.right:.3f}"]
         for b in given.calibration],
    )  # fmt: skip
    if given.subsets:
        lines += ["", *_subsets(given.subsets)]
    lines += ["", *_parts("source", given.sources)]
    if given.groups:
        worst = sorted(given.groups, key=lambda part: (part.accuracy.value, -part.count))
        lines += ["", *_parts("group (worst first)", worst)]
    if whole.mistakes:
        lines += ["", f"mistakes: {len(whole.mistakes)}, the most confident first"]
        lines += _table(
            ["is", "called", "score", "picture"],
            [[m.label, m.said, f"{m.score:.3f}", _printable(m.name)]
             for m in whole.mistakes[:_WORST]],
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def as_dict(found: Assessment) -> dict[str, Any]:
    """Everything, ready for JSON."""
    return {
        "bundle": str(found.bundle.path),
        "sha256": found.bundle.sha256,
        "engine": found.engine,
        "unreadable": list(found.unreadable),
        **figures_as_dict(found.figures),
    }


def figures_as_dict(found: Figures) -> dict[str, Any]:
    """All figures, ready for JSON."""
    whole = found.whole
    return {
        "pictures": whole.accuracy.count,
        "background": found.background,
        "threshold": whole.threshold,
        "accuracy": _figure(whole.accuracy),
        "hazards": None
        if found.hazards is None
        else {
            "recall": _figure(whole.hazard_recall),
            "false_positive_rate": _figure(whole.false_positives),
            **_detection(found.hazards),
            "thresholds": [
                {"threshold": point.threshold, "recall": round(point.recall, 6),
                 "false_positive_rate": round(point.false_positive_rate, 6)}
                for point in found.thresholds
            ],
        },
        "labels": {
            one.label: {
                "pictures": one.count,
                "threshold": one.threshold,
                "recall": _figure(one.recall),
                "precision": _figure(one.precision),
                "false_positive_rate": _figure(one.false_positives),
                **_detection(one.curve),
            }
            for one in found.labels
        },
        "confusion": {
            label: dict(zip(whole.labels, (int(count) for count in row), strict=True))
            for label, row in zip(whole.labels, whole.confusion, strict=True)
        },
        "calibration": {
            "error": round(calibration_error(found.calibration), 6),
            "bins": [
                {"low": b.low, "high": b.high, "pictures": b.count,
                 "score": round(b.score, 6), "right": round(b.right, 6)}
                for b in found.calibration
            ],
        },
        "subsets": {part.name: _part(part) for part in found.subsets},
        "sources": {part.name: _part(part) for part in found.sources},
        "groups": {part.name: _part(part) for part in found.groups},
        "mistakes": [
            {"picture": m.name, "label": m.label, "called": m.said, "score": round(m.score, 6)}
            for m in whole.mistakes
        ],
    }  # fmt: skip


def _part(part: Part) -> dict[str, Any]:
    return {
        "pictures": part.count,
        "accuracy": _figure(part.accuracy),
        "hazard_recall": _figure(part.hazard_recall),
        "false_positive_rate": _figure(part.false_positives),
        "recall": {label: _figure(figure) for label, figure in part.recall.items()},
    }


def _figure(figure: Figure | None) -> dict[str, float | int] | None:
    """None where it is a share of nothing."""
    if figure is None or figure.count == 0:
        return None
    return {
        "value": round(figure.value, 6),
        "low": round(figure.low, 6),
        "high": round(figure.high, 6),
        "count": figure.count,
    }


def _detection(curve: Detection) -> dict[str, Any]:
    return {
        "roc_auc": None if curve.roc_auc is None else round(curve.roc_auc, 6),
        "pr_auc": None if curve.pr_auc is None else round(curve.pr_auc, 6),
        "roc": [list(point) for point in curve.roc],
        "pr": [list(point) for point in curve.pr],
    }


def _areas(curve: Detection) -> str:
    areas = (("ROC", curve.roc_auc), ("PR", curve.pr_auc))
    return ", ".join(f"{name} {area:.4f}" for name, area in areas if area is not None) or "none"


def _parts(what: str, parts: Sequence[Part]) -> list[str]:
    rows = [
        [_printable(part.name), str(part.accuracy), _maybe(part.hazard_recall),
         _maybe(part.false_positives)]
        for part in parts[:_MOST_PARTS]
    ]  # fmt: skip
    lines = _table([what, "accuracy", "hazards found", "false alarms"], rows)
    if len(parts) > _MOST_PARTS:
        lines.append(f"… and {len(parts) - _MOST_PARTS} more; --json lists all")
    return lines


def _subsets(parts: Sequence[Part]) -> list[str]:
    """Subsets, each with the recall of its labels below it."""
    rows = []
    for part in parts:
        rows.append([_printable(part.name), _maybe(part.accuracy) or "no picture",
                     _maybe(part.hazard_recall), _maybe(part.false_positives)])  # fmt: skip
        rows += [
            [f"  {label} called {label}", str(figure), "", ""]
            for label, figure in part.recall.items()
            if figure.count
        ]
    return _table(["subset", "accuracy", "hazards found", "false alarms"], rows)


def _maybe(figure: Figure | None) -> str:
    return "" if figure is None or figure.count == 0 else str(figure)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    ]


def _printable(text: str) -> str:
    """Text for a terminal: names of files may hold control characters and broken encodings."""
    return "".join(char if char.isprintable() else "?" for char in text)
