"""Masks: which views of a region must be scored, and how their scores become one. Pure.

A mask for all labels is filled in every region that it touches. A mask for some labels alone (a
furnace must not raise fire, but its smoke counts) cannot be had from one picture: a model that does
not see the furnace does not see its smoke either. So a region that it touches is scored as several
*views*, each with other masks filled, and each label takes the highest score among the views that
hide all of its masks. What a mask hides from a label is in none of these, so it cannot raise it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from monitor.config import Camera, Mask
from monitor.inference.regions import plan_regions
from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.polygon import bounding_box


def camera_regions(camera: Camera, labels: Sequence[str]) -> tuple[Region, ...]:
    """All that is scored of a frame of a camera: its regions, with its masks.

    Args:
        camera: says which tiles, zones and masks there are.
        labels: those that can raise an alert.
    """
    return masked_views(plan_regions(camera.tiles, camera.zones), camera.masks, labels)


def masked_views(
    regions: Sequence[Region], masks: Sequence[Mask], labels: Sequence[str]
) -> tuple[Region, ...]:
    """The views that must be scored.

    Args:
        regions: the regions of a camera.
        masks: its masks.
        labels: those that can raise an alert; only these need views of their own.

    Returns:
        For each region at least one, in their order; the first has the region's name and the
        fewest masks. Others are named ``NAME:LABEL,…`` for the labels that they are for.
    """
    return tuple(view for region in regions for view in _views(region, masks, labels))


def join_views(scored: ScoredFrame, labels: Sequence[str]) -> ScoredFrame:
    """A frame with one set of scores for each region, out of those of its views.

    Labels that no alert is for share what the others leave of 1, in the proportions of the first
    view. Views of one region stand together, the first of them first, as :func:`masked_views`
    gives them. What else a view tells of the picture is taken from the one with the highest score.
    """
    if not any(part.region.view_of for part in scored.regions):
        return scored
    joined: list[ScoredRegion] = []
    views: list[ScoredRegion] = []
    for part in scored.regions:
        if views and not part.region.view_of:
            joined.append(_join(views, labels))
            views = []
        views.append(part)
    joined.append(_join(views, labels))
    return replace(scored, regions=tuple(joined))


def _views(region: Region, masks: Sequence[Mask], labels: Sequence[str]) -> list[Region]:
    near = [mask for mask in masks if _touches(region, mask)]
    groups: dict[frozenset[int], list[str]] = {}
    for label in labels:
        hides = (i for i, m in enumerate(near) if m.labels is None or label in m.labels)
        groups.setdefault(frozenset(hides), []).append(label)
    if not groups:  # no rule holds: the scores are shown all the same
        groups[frozenset(i for i, mask in enumerate(near) if mask.labels is None)] = []
    views: list[Region] = []
    for hidden, own in sorted(groups.items(), key=lambda group: len(group[0])):
        # A label may be raised by any view that hides all of its masks, and more.
        speaks = (names for other, names in groups.items() if other <= hidden)
        view = replace(
            region,
            hidden=tuple(near[index].points for index in sorted(hidden)),
            speaks_for=tuple(label for names in speaks for label in names),
        )
        if views:
            view = replace(view, name=f"{region.name}:{','.join(own)}", view_of=region.name)
        views.append(view)
    return views if len(views) > 1 else [replace(views[0], speaks_for=())]


def _touches(region: Region, mask: Mask) -> bool:
    left, top, right, bottom = bounding_box(mask.points)
    return (
        left < region.right and right > region.left and top < region.bottom and bottom > region.top
    )


def _join(views: Sequence[ScoredRegion], labels: Sequence[str]) -> ScoredRegion:
    first = views[0]
    if len(views) == 1:
        return first
    scores = np.zeros(len(labels), np.float32)
    free = np.ones(len(labels), np.bool_)
    leading = first
    for view in views:
        for label in view.region.speaks_for:
            index = labels.index(label)
            free[index] = False
            if view.scores[index] > scores.max():
                leading = view
            scores[index] = max(scores[index], view.scores[index])
    rest = max(0.0, 1.0 - float(scores.sum()))
    if free.any():
        shares = np.where(free, first.scores, 0.0)
        total = float(shares.sum())
        scores += rest * (shares / total if total > 0 else free / free.sum())
    region = replace(first.region, speaks_for=())
    return replace(leading, region=region, scores=scores)
