"""Rays against solids, with a tree of boxes around them so that most are never asked."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.geometry import BOX, CAPSULE, CONVEX, CYLINDER, GLOW, Solids
from scripts.render_demo.kernel import kernel

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
FAR = 1e9


@dataclass(frozen=True, eq=False)
class World:
    """Solids as the kernels take them."""

    rows: Array
    """(n, 15), see :mod:`scripts.render_demo.geometry`; sorted so that a leaf is a slice."""
    planes: Array
    """(m, 4): normal and offset of the faces of convex solids."""
    bounds: Array
    """(k, 6): lowest and highest corner of each node; node 0 is the root."""
    links: Ints
    """(k, 2): the two children, or for a leaf -1 - first row and the row after its last."""


def _boxes(rows: Array) -> Array:
    """Axis-aligned boxes (n, 6) around solids."""
    half = np.repeat(rows[:, 5:6], 3, axis=1)
    box = rows[:, 0] == BOX
    half[box, 0] = np.abs(rows[box, 6] * rows[box, 9]) + np.abs(rows[box, 8] * rows[box, 10])
    half[box, 1] = rows[box, 7]
    half[box, 2] = np.abs(rows[box, 6] * rows[box, 10]) + np.abs(rows[box, 8] * rows[box, 9])
    rod = (rows[:, 0] == CYLINDER) | (rows[:, 0] == CAPSULE)
    convex = rows[:, 0] == CONVEX
    half[convex] = rows[convex, 8:11]
    half[rod] = np.abs(rows[rod, 6:9]) * rows[rod, 9:10] + rows[rod, 10:11]
    return np.hstack([rows[:, 2:5] - half - 1e-6, rows[:, 2:5] + half + 1e-6])


def world(solids: Solids) -> World:
    """Build the tree: halves by the median along the longest side, leaves of at most two."""
    rows, planes = solids.arrays()
    boxes = _boxes(rows)
    bounds: list[Array] = []
    links: list[list[int]] = []
    order: list[int] = []

    def build(members: Ints) -> int:
        node = len(bounds)
        low, high = boxes[members, :3].min(axis=0), boxes[members, 3:].max(axis=0)
        bounds.append(np.concatenate([low, high]))
        links.append([0, 0])
        if len(members) <= 2:
            links[node] = [-1 - len(order), len(order) + len(members)]
            order.extend(members.tolist())
            return node
        centres = boxes[members, :3] + boxes[members, 3:]
        axis = int(np.argmax(np.ptp(centres, axis=0)))
        ranked = members[np.argsort(centres[:, axis], kind="stable")]
        middle = len(ranked) // 2
        links[node] = [build(ranked[:middle]), build(ranked[middle:])]
        return node

    build(np.arange(len(rows)))
    return World(rows[order], planes, np.array(bounds), np.array(links, np.int64))


@kernel()
def hit_one(
    s: Array, q: Array, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> tuple[float, float, float, float]:
    """Distance along the ray to one solid (FAR: missed) and the normal there."""
    cx, cy, cz = ox - s[2], oy - s[3], oz - s[4]
    b = cx * dx + cy * dy + cz * dz
    c = cx * cx + cy * cy + cz * cz - s[5] * s[5]
    if b * b - c < 0 or (c > 0 and b > 0):
        return FAR, 0.0, 0.0, 0.0
    kind = int(s[0])
    if kind == BOX:
        co, si = s[9], s[10]
        px, pz = co * cx - si * cz, si * cx + co * cz
        vx, vz = co * dx - si * dz, si * dx + co * dz
        near, far, axis, sign = -FAR, FAR, -1, 0.0
        for k in range(3):
            o = px if k == 0 else (cy if k == 1 else pz)
            v = vx if k == 0 else (dy if k == 1 else vz)
            if abs(v) < 1e-12:
                if abs(o) > s[6 + k]:
                    return FAR, 0.0, 0.0, 0.0
                continue
            t0, t1 = (-s[6 + k] - o) / v, (s[6 + k] - o) / v
            lo, hi = min(t0, t1), max(t0, t1)
            if lo > near:
                near, axis, sign = lo, k, -1.0 if v > 0 else 1.0
            far = min(far, hi)
        if near > far or near < 1e-4:
            return FAR, 0.0, 0.0, 0.0
        if axis == 1:
            return near, 0.0, sign, 0.0
        nx, nz = (sign, 0.0) if axis == 0 else (0.0, sign)
        return near, co * nx + si * nz, 0.0, -si * nx + co * nz
    if kind in (CYLINDER, CAPSULE):
        ax, ay, az, half, radius = s[6], s[7], s[8], s[9], s[10]
        ca, da = cx * ax + cy * ay + cz * az, dx * ax + dy * ay + dz * az
        qa = 1 - da * da
        qb = b - ca * da
        qc = cx * cx + cy * cy + cz * cz - ca * ca - radius * radius
        best, nx, ny, nz = FAR, 0.0, 0.0, 0.0
        disc = qb * qb - qa * qc
        if qa > 1e-9 and disc > 0:
            t = (-qb - math.sqrt(disc)) / qa
            along = ca + t * da
            if t > 1e-4 and abs(along) < half:
                best = t
                nx = (cx + t * dx - along * ax) / radius
                ny = (cy + t * dy - along * ay) / radius
                nz = (cz + t * dz - along * az) / radius
        for end in (-half, half):
            if kind == CAPSULE:
                ex, ey, ez = cx - end * ax, cy - end * ay, cz - end * az
                eb = ex * dx + ey * dy + ez * dz
                ed = eb * eb - (ex * ex + ey * ey + ez * ez - radius * radius)
                if ed > 0:
                    t = -eb - math.sqrt(ed)
                    if 1e-4 < t < best:
                        best = t
                        nx, ny, nz = (
                            (ex + t * dx) / radius,
                            (ey + t * dy) / radius,
                            (ez + t * dz) / radius,
                        )
            elif abs(da) > 1e-9:
                t = (end - ca) / da
                hx, hy, hz = cx + t * dx - end * ax, cy + t * dy - end * ay, cz + t * dz - end * az
                if 1e-4 < t < best and hx * hx + hy * hy + hz * hz < radius * radius:
                    sign = 1.0 if end > 0 else -1.0
                    best, nx, ny, nz = t, sign * ax, sign * ay, sign * az
        return best, nx, ny, nz
    near, far, plane = -FAR, FAR, -1
    first = int(s[6])
    for k in range(first, first + int(s[7])):
        v = q[k, 0] * dx + q[k, 1] * dy + q[k, 2] * dz
        o = q[k, 3] - (q[k, 0] * ox + q[k, 1] * oy + q[k, 2] * oz)
        if abs(v) < 1e-12:
            if o < 0:
                return FAR, 0.0, 0.0, 0.0
        elif v < 0:
            if o / v > near:
                near, plane = o / v, k
        else:
            far = min(far, o / v)
    if near > far or near < 1e-4:
        return FAR, 0.0, 0.0, 0.0
    return near, q[plane, 0], q[plane, 1], q[plane, 2]


@kernel()
def hit(
    rows: Array,
    planes: Array,
    bounds: Array,
    links: Ints,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    reach: float,
    any_will_do: bool,
) -> tuple[float, float, float, float, int]:
    """The nearest solid before ``reach``: distance, normal, its row (-1: none).

    With ``any_will_do`` the first one found is enough and lamps don't count: a shadow ray.
    """
    best, nx, ny, nz, which = reach, 0.0, 0.0, 0.0, -1
    ix = 1 / dx if abs(dx) > 1e-12 else 1e12
    iy = 1 / dy if abs(dy) > 1e-12 else 1e12
    iz = 1 / dz if abs(dz) > 1e-12 else 1e12
    stack = np.empty(48, np.int64)
    stack[0] = 0
    top = 1
    while top > 0:
        top -= 1
        node = stack[top]
        a, b = (bounds[node, 0] - ox) * ix, (bounds[node, 3] - ox) * ix
        near, far = min(a, b), max(a, b)
        a, b = (bounds[node, 1] - oy) * iy, (bounds[node, 4] - oy) * iy
        near, far = max(near, min(a, b)), min(far, max(a, b))
        a, b = (bounds[node, 2] - oz) * iz, (bounds[node, 5] - oz) * iz
        near, far = max(near, min(a, b)), min(far, max(a, b))
        if near > far or far < 0 or near > best:
            continue
        left, right = links[node, 0], links[node, 1]
        if left >= 0:
            stack[top], stack[top + 1] = left, right
            top += 2
            continue
        for i in range(-1 - left, right):
            if any_will_do and int(rows[i, 1]) == GLOW:
                continue
            t, a, b, c = hit_one(rows[i], planes, ox, oy, oz, dx, dy, dz)
            if t < best:
                best, nx, ny, nz, which = t, a, b, c, i
                if any_will_do:
                    return best, nx, ny, nz, which
    return best, nx, ny, nz, which
