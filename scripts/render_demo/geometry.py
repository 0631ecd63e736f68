"""Solids that scenes and actors are made of, as rows of one array that the kernels read.

Metres; x to the right, y up, z away from where the camera stands. A row holds::

    0     kind (BOX, CYLINDER, CAPSULE, CONVEX)     1      material
    2-4   centre                                     5      radius of the sphere around it
    6-10  box: half sizes, cos and sin of its turn about the vertical
          cylinder, capsule: unit axis, half length, radius
          convex: first plane, number of planes, half sizes of the upright box around it
    11-13 base colour, linear                        14     seed of its texture
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

BOX, CYLINDER, CAPSULE, CONVEX = 0, 1, 2, 3
PLAIN, CONCRETE, RIBBED, CARDBOARD, SLATS, ASPHALT, BRICK, PLANKS, GLOW, GLASS = range(10)
ROW = 15

SKY, SUN, LAMPS, FLICKER, FIRE_LOW, FIRE_HIGH = range(6)
"""Layers of light that are traced apart."""

Vector = tuple[float, float, float]


@dataclass
class Solids:
    """A growing list of solids."""

    rows: list[list[float]] = field(default_factory=list)
    planes: list[tuple[float, float, float, float]] = field(default_factory=list)

    def _add(self, kind: int, material: int, head: Sequence[float], colour: Vector) -> None:
        seed = float(len(self.rows)) * 0.618034
        self.rows.append([kind, material, *head, *colour, seed])

    def box(
        self,
        centre: Vector,
        size: Vector,
        colour: Vector,
        material: int = PLAIN,
        turn_degrees: float = 0.0,
    ) -> None:
        """A box by its centre and full sizes."""
        half = [s / 2 for s in size]
        turn = math.radians(turn_degrees)
        head = [*centre, math.hypot(*half), *half, math.cos(turn), math.sin(turn)]
        self._add(BOX, material, head, colour)

    def standing(
        self,
        x: float,
        z: float,
        size: Vector,
        colour: Vector,
        material: int = PLAIN,
        turn_degrees: float = 0.0,
        base: float = 0.0,
    ) -> None:
        """A box that stands on height ``base``."""
        self.box((x, base + size[1] / 2, z), size, colour, material, turn_degrees)

    def glow(self, centre: Vector, size: Vector, strength: float, layer: int) -> None:
        """A lamp's bright face, seen in the light layer of its own."""
        self.box(centre, size, (strength, strength * 0.97, strength * 0.9), GLOW)
        self.rows[-1][14] = layer

    def _rod(
        self, kind: int, a: Vector, b: Vector, radius: float, colour: Vector, material: int
    ) -> None:
        start, end = np.array(a, float), np.array(b, float)
        length = float(np.linalg.norm(end - start))
        axis = (end - start) / max(length, 1e-9)
        around = length / 2 + radius if kind == CAPSULE else math.hypot(length / 2, radius)
        middle = (start + end) / 2
        head = [*middle.tolist(), around, *axis.tolist(), length / 2, radius]
        self._add(kind, material, head, colour)

    def cylinder(
        self, a: Vector, b: Vector, radius: float, colour: Vector, material: int = PLAIN
    ) -> None:
        """A cylinder with flat ends at ``a`` and ``b``."""
        self._rod(CYLINDER, a, b, radius, colour, material)

    def capsule(
        self, a: Vector, b: Vector, radius: float, colour: Vector, material: int = PLAIN
    ) -> None:
        """A cylinder with round ends; with ``a`` equal to ``b`` a ball."""
        if a == b:
            b = (b[0], b[1] + 1e-4, b[2])
        self._rod(CAPSULE, a, b, radius, colour, material)

    def prism(
        self,
        profile: Sequence[tuple[float, float]],
        width: float,
        origin: Vector,
        heading_degrees: float,
        colour: Vector,
        *,
        taper: float = 0.0,
        material: int = PLAIN,
    ) -> None:
        """A convex profile (along, up), counter-clockwise, made ``width`` wide.

        ``taper`` leans the two sides inwards, metres a metre of height: how a car is built.
        """
        heading = math.radians(heading_degrees)
        forward = np.array([math.sin(heading), 0.0, math.cos(heading)])
        side = np.array([math.cos(heading), 0.0, -math.sin(heading)])
        up = np.array([0.0, 1.0, 0.0])
        base = np.array(origin, float)
        points = np.array(profile, float)
        first = len(self.planes)
        for (s0, t0), (s1, t1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            normal = forward * (t1 - t0) + up * (s0 - s1)
            normal /= np.linalg.norm(normal)
            on_plane = base + forward * s0 + up * t0
            self.planes.append((*normal.tolist(), float(normal @ on_plane)))
        low = float(points[:, 1].min())
        for sign in (-1.0, 1.0):
            normal = sign * side + taper * up
            normal /= np.linalg.norm(normal)
            on_plane = base + sign * side * width / 2 + up * low
            self.planes.append((*normal.tolist(), float(normal @ on_plane)))
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        spread = float(np.hypot(*(points - middle).T).max())
        centre = base + forward * middle[0] + up * middle[1]
        along, high = (points.max(axis=0) - points.min(axis=0)) / 2
        around = np.abs(forward) * along + np.abs(side) * width / 2 + up * high
        reach = math.hypot(spread, width / 2)
        head = [*centre.tolist(), reach, first, len(points) + 2, *around.tolist()]
        self._add(CONVEX, material, head, colour)

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rows (n, 15) and the planes (m, 4) as the kernels take them."""
        rows = np.array(self.rows, np.float64).reshape(-1, ROW)
        planes = np.array(self.planes or [(0.0, 1.0, 0.0, 0.0)], np.float64)
        return rows, planes
