"""People and cars: solids that move, drawn over the traced background with their shadows."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.geometry import Solids, Vector
from scripts.render_demo.kernel import kernel, prange
from scripts.render_demo.rays import FAR, World, hit
from scripts.render_demo.surfaces import surface
from scripts.render_demo.trace import ray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SKIN: Vector = (0.45, 0.28, 0.20)
RUBBER: Vector = (0.03, 0.03, 0.032)
WINDOW: Vector = (0.05, 0.06, 0.07)


@dataclass(frozen=True)
class Path:
    """Way points (seconds, x, z)."""

    points: tuple[tuple[float, float, float], ...]
    stays: bool = False
    """Stand still after the last point; else it has left the view by then."""

    def gone(self, seconds: float) -> bool:
        """Whether the view was left."""
        return not self.stays and seconds >= self.points[-1][0]

    def at(self, seconds: float) -> tuple[float, float, float, float]:
        """Place x, z, heading in degrees (0: along z, 90: along x) and metres walked so far."""
        walked = 0.0
        heading = 0.0
        x, z = self.points[0][1:]
        for (t0, x0, z0), (t1, x1, z1) in zip(self.points, self.points[1:], strict=False):
            leg = math.hypot(x1 - x0, z1 - z0)
            if leg > 0:
                heading = math.degrees(math.atan2(x1 - x0, z1 - z0))
            part = min(max((seconds - t0) / (t1 - t0), 0.0), 1.0)
            part = part * part * (3 - 2 * part) if len(self.points) == 2 else part
            x, z = x0 + part * (x1 - x0), z0 + part * (z1 - z0)
            walked += part * leg
            if seconds <= t1:
                break
        return x, z, heading, walked


@dataclass(frozen=True)
class Person:
    """A walking figure."""

    path: Path
    jacket: Vector
    trousers: Vector
    carries_carton: bool = False

    def build(self, solids: Solids, seconds: float) -> None:
        """Add the figure as it stands at this moment."""
        x, z, heading, walked = self.path.at(seconds)
        turn = math.radians(heading)
        moving = abs(self.path.at(seconds + 0.1)[3] - walked) > 0.01
        swing = math.sin(walked / 0.72 * math.pi) if moving else 0.1
        lift = 0.02 * abs(swing)

        def place(forward: float, up: float, side: float) -> Vector:
            return (
                x + forward * math.sin(turn) + side * math.cos(turn),
                up + lift,
                z + forward * math.cos(turn) - side * math.sin(turn),
            )

        for sign in (-1.0, 1.0):
            a = 0.5 * swing * sign
            knee = place(0.42 * math.sin(a) + 0.03, 0.92 - 0.42 * math.cos(a), 0.1 * sign)
            bend = a - 0.5 * max(0.0, -a) - 0.1
            foot = (
                knee[0] + 0.42 * math.sin(bend) * math.sin(turn),
                max(knee[1] - 0.42 * math.cos(bend), 0.07),
                knee[2] + 0.42 * math.sin(bend) * math.cos(turn),
            )
            solids.capsule(place(0, 0.92, 0.1 * sign), knee, 0.085, self.trousers)
            solids.capsule(knee, foot, 0.06, self.trousers)
            toe = (foot[0] + 0.13 * math.sin(turn), foot[1] - 0.02, foot[2] + 0.13 * math.cos(turn))
            solids.capsule(foot, toe, 0.05, RUBBER)
            shoulder = place(0, 1.42, 0.21 * sign)
            if self.carries_carton:
                elbow, hand = place(0.08, 1.15, 0.25 * sign), place(0.36, 1.1, 0.17 * sign)
            else:
                elbow = place(-0.28 * math.sin(a), 1.16, 0.25 * sign)
                hand = place(-0.28 * math.sin(a) + 0.1 - 0.2 * a, 0.93, 0.24 * sign)
            solids.capsule(shoulder, elbow, 0.055, self.jacket)
            solids.capsule(elbow, hand, 0.045, self.jacket)
            solids.capsule(hand, hand, 0.05, SKIN)
            solids.capsule(place(0, 0.98, 0.0), place(0.02, 1.38, 0.0), 0.13, self.jacket)
            solids.capsule(
                place(0, 0.98, 0.08 * sign), place(0.02, 1.4, 0.13 * sign), 0.125, self.jacket
            )
        solids.capsule(place(0.01, 1.5, 0), place(0.02, 1.56, 0), 0.06, SKIN)
        solids.capsule(place(0.03, 1.66, 0), place(0.02, 1.72, 0), 0.105, SKIN)
        solids.capsule(place(0.0, 1.71, 0), place(-0.02, 1.76, 0), 0.108, (0.06, 0.04, 0.03))
        if self.carries_carton:
            solids.box(place(0.42, 1.18, 0), (0.42, 0.32, 0.36), (0.46, 0.31, 0.18), 3, heading)


@dataclass(frozen=True)
class Car:
    """A hatchback."""

    path: Path
    paint: Vector

    def build(self, solids: Solids, seconds: float) -> None:
        """Add the car as it stands at this moment."""
        x, z, heading, _ = self.path.at(seconds)
        origin = (x, 0.0, z)
        body = (
            (-2.05, 0.3),
            (2.05, 0.3),
            (2.12, 0.55),
            (2.0, 0.75),
            (1.1, 0.92),
            (-2.0, 0.95),
            (-2.1, 0.6),
        )
        cabin = ((-1.95, 0.9), (1.15, 0.88), (0.35, 1.42), (-0.3, 1.47), (-1.5, 1.42))
        glass = ((-1.78, 0.97), (0.96, 0.95), (0.33, 1.35), (-0.3, 1.38), (-1.46, 1.34))
        solids.prism(body, 1.74, origin, heading, self.paint, taper=0.06)
        solids.prism(cabin, 1.6, origin, heading, self.paint, taper=0.32)
        solids.prism(glass, 1.6, origin, heading, WINDOW, taper=0.27)
        screen = ((0.5, 0.95), (1.13, 0.915), (0.5, 1.34), (0.4, 1.36))
        solids.prism(screen, 1.36, origin, heading, WINDOW, taper=0.3)
        turn = math.radians(heading)

        def place(forward: float, up: float, side: float) -> Vector:
            return (
                x + forward * math.sin(turn) + side * math.cos(turn),
                up,
                z + forward * math.cos(turn) - side * math.sin(turn),
            )

        for forward in (-1.3, 1.32):
            for sign in (-1.0, 1.0):
                solids.cylinder(
                    place(forward, 0.31, 0.66 * sign),
                    place(forward, 0.31, 0.885 * sign),
                    0.31,
                    RUBBER,
                )
                solids.cylinder(
                    place(forward, 0.31, 0.8 * sign),
                    place(forward, 0.31, 0.9 * sign),
                    0.19,
                    (0.4, 0.4, 0.42),
                )
        for sign in (-1.0, 1.0):
            lamp = place(2.06, 0.64, 0.62 * sign)
            solids.box(lamp, (0.36, 0.13, 0.1), (0.85, 0.85, 0.8), 0, heading)
            tail = place(-2.05, 0.72, 0.66 * sign)
            solids.box(tail, (0.26, 0.16, 0.12), (0.3, 0.02, 0.02), 0, heading)
            solids.capsule(
                place(0.62, 0.98, 0.9 * sign), place(0.62, 1.02, 0.98 * sign), 0.07, self.paint
            )


def window_of(actors: World, basis: Array, width: int, height: int, margin: float) -> Ints:
    """Top, bottom, left and right of the pixels that actors and their shadows can touch."""
    low, high = actors.bounds[0, :3] - margin, actors.bounds[0, 3:] + margin
    low[1], high[1] = 0.0, actors.bounds[0, 4]
    corners = np.array(
        [[a, b, c] for a in (low[0], high[0]) for b in (low[1], high[1]) for c in (low[2], high[2])]
    )
    away = corners - basis[0]
    deep = np.maximum(away @ basis[3], 0.3)
    reach = basis[2] @ basis[2]
    px = (away @ basis[1] / reach / deep * height + width) / 2
    py = (height - away @ basis[2] / reach / deep * height) / 2
    bounds = [py.min(), py.max() + 1, px.min(), px.max() + 1]
    limit = [height, height, width, width]
    return np.array([int(min(max(b, 0), m)) for b, m in zip(bounds, limit, strict=True)], np.int64)


@kernel(parallel=True)
def draw(
    rows: Array,
    planes: Array,
    bounds: Array,
    links: Ints,
    still_rows: Array,
    still_planes: Array,
    still_bounds: Array,
    still_links: Ints,
    basis: Array,
    frame: Array,
    ambient_layer: Array,
    direct_layer: Array,
    depth: Array,
    window: Ints,
    sun: Array,
    lamps: Array,
    ambient: Array,
    direct: Array,
    jitter: int,
) -> None:
    """Draw actors and their shadows into ``frame`` and ``depth``, in place.

    Args:
        ambient_layer, direct_layer: light of the background from all around, and from sun or
            lamps: what shadows take away.
        sun: direction and strength; strength 0: the lamps (n, 8) give the direct light.
        ambient, direct: colour of the light that falls on the actors.
    """
    height, width, _ = frame.shape
    for row in prange(window[0], window[1]):
        np.random.seed(row * 5231 + jitter)
        for col in range(window[2], window[3]):
            behind = depth[row, col]
            total = np.zeros(3)
            nearest = behind
            for _ in range(2):
                dx, dy, dz = ray(
                    basis, width, height, col + np.random.random(), row + np.random.random()
                )
                ox, oy, oz = basis[0, 0], basis[0, 1], basis[0, 2]
                t, nx, ny, nz, which = hit(
                    rows, planes, bounds, links, ox, oy, oz, dx, dy, dz, behind, False
                )
                if which < 0:
                    if behind > 1e8:
                        for k in range(3):
                            total[k] += frame[row, col, k]
                        continue
                    t = behind
                    nx, ny, nz = 0.0, 1.0, 0.0
                x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
                x, y, z = x + 2e-3 * nx, y + 2e-3 * ny, z + 2e-3 * nz
                straight, possible = 0.0, 1e-6
                if sun[3] > 0:
                    facing = max(nx * sun[0] + ny * sun[1] + nz * sun[2], 0.0) * sun[3]
                    possible = 1.0
                    free = (
                        hit(
                            rows, planes, bounds, links,
                            x, y, z, sun[0], sun[1], sun[2], FAR, True,
                        )[4]
                        < 0
                    )  # fmt: skip
                    if which >= 0 and free:
                        free = (
                            hit(
                                still_rows, still_planes, still_bounds, still_links,
                                x, y, z, sun[0], sun[1], sun[2], FAR, True,
                            )[4]
                            < 0
                        )  # fmt: skip
                    if free:
                        straight = facing if which >= 0 else 1.0
                else:
                    for k in range(lamps.shape[0]):
                        lx = lamps[k, 0] + lamps[k, 3] * (2 * np.random.random() - 1) - x
                        ly = lamps[k, 1] - y
                        lz = lamps[k, 2] + lamps[k, 5] * (2 * np.random.random() - 1) - z
                        far = math.sqrt(lx * lx + ly * ly + lz * lz)
                        lx, ly, lz = lx / far, ly / far, lz / far
                        power = (
                            max(nx * lx + ny * ly + nz * lz, 0.0)
                            * max(ly, 0.0)
                            * lamps[k, 6]
                            / (far * far)
                        )
                        possible += power
                        if hit(rows, planes, bounds, links, x, y, z, lx, ly, lz, far, True)[4] < 0:
                            straight += power
                    if which < 0:
                        straight = straight / possible
                open_sky = 0.0
                for _ in range(3):
                    phi = 2 * math.pi * np.random.random()
                    w = 2 * np.random.random() - 1
                    r = math.sqrt(max(1 - w * w, 0.0))
                    ax, ay, az = nx + r * math.cos(phi), ny + w, nz + r * math.sin(phi)
                    n = 1 / math.sqrt(ax * ax + ay * ay + az * az + 1e-9)
                    reach = 1.6
                    free = (
                        hit(
                            rows, planes, bounds, links,
                            x, y, z, ax * n, ay * n, az * n, reach, True,
                        )[4]
                        < 0
                    )  # fmt: skip
                    if free:
                        open_sky += 1 / 3
                if which < 0:
                    for k in range(3):
                        lost = ambient_layer[row, col, k] * (1 - open_sky) + direct_layer[
                            row, col, k
                        ] * (1 - straight)
                        total[k] += max(frame[row, col, k] - lost, 0.0)
                    continue
                nearest = min(nearest, t)
                colour = surface(rows[which], x, y, z, nx, ny, nz)
                above = (0.55 + 0.45 * ny) * (0.3 + 0.7 * open_sky)
                for k in range(3):
                    total[k] += colour[k] * (ambient[k] * above + direct[k] * straight)
            for k in range(3):
                frame[row, col, k] = total[k] / 2
            depth[row, col] = nearest
