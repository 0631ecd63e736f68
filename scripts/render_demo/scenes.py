"""What stands in the three views: a warehouse, a yard, and the gate of that yard."""

import math
import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.geometry import (
    ASPHALT,
    BRICK,
    CARDBOARD,
    CONCRETE,
    FIRE_HIGH,
    FIRE_LOW,
    FLICKER,
    GLASS,
    LAMPS,
    PLANKS,
    RIBBED,
    SLATS,
    Solids,
    Vector,
)
from scripts.render_demo.trace import View

CARTON: Vector = (0.46, 0.31, 0.18)
WOOD: Vector = (0.42, 0.28, 0.15)
YELLOW: Vector = (0.72, 0.50, 0.05)
WHITE: Vector = (0.72, 0.72, 0.70)
STEEL: Vector = (0.32, 0.33, 0.34)
BLUE: Vector = (0.05, 0.13, 0.42)
ORANGE: Vector = (0.62, 0.20, 0.04)


@dataclass(frozen=True)
class Scene:
    """A background to trace once, and where its event happens."""

    name: str
    view: View
    solids: Solids
    sun: NDArray[np.float64]
    """(4,): unit direction to the sun and its strength; strength 0 indoors."""
    lamps: NDArray[np.float64]
    """(n, 8): centre, half sizes along x, y and z, strength, light layer."""
    exposure: float
    hearth: Vector = (0.0, 0.0, 0.0)
    """Where fire or smoke begins."""
    layers: int = field(default=FIRE_HIGH + 1)


def _sun(azimuth_degrees: float, height_degrees: float, strength: float) -> NDArray[np.float64]:
    a, h = math.radians(azimuth_degrees), math.radians(height_degrees)
    return np.array([math.sin(a) * math.cos(h), math.sin(h), math.cos(a) * math.cos(h), strength])


def _pallet(s: Solids, x: float, z: float, turn: float, base: float = 0.0) -> float:
    """A wooden pallet; returns the height of its top."""
    for offset in (-0.5, 0.0, 0.5):
        dx, dz = offset * math.cos(math.radians(turn)), -offset * math.sin(math.radians(turn))
        s.standing(x + dx, z + dz, (0.1, 0.1, 1.0), WOOD, PLANKS, turn, base)
    s.standing(x, z, (1.2, 0.04, 1.0), WOOD, PLANKS, turn, base + 0.1)
    return base + 0.14


def _load(s: Solids, rng: random.Random, x: float, z: float, turn: float, high: int) -> None:
    """Cartons in rows on a pallet, some missing on top."""
    top = _pallet(s, x, z, turn)
    c, n = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    for level in range(high):
        for i in range(3):
            for j in range(2):
                if level == high - 1 and rng.random() < 0.35:
                    continue
                a, b = (i - 1) * 0.39 + rng.uniform(-0.01, 0.01), (j - 0.5) * 0.48
                s.standing(
                    x + a * c + b * n,
                    z - a * n + b * c,
                    (0.37, 0.36, 0.46),
                    CARTON,
                    CARDBOARD,
                    turn + rng.uniform(-2, 2),
                    top + level * 0.365,
                )


def _rack(
    s: Solids, rng: random.Random, x: float, z: float, along_z: bool, bays: int, levels: int
) -> None:
    """A pallet rack with uprights, beams and goods."""
    bay, deep, rise = 2.5, 1.0, 1.45
    for k in range(bays + 1):
        for side in (-0.5, 0.5):
            px, pz = (x + side * deep, z + k * bay) if along_z else (x + k * bay, z + side * deep)
            s.standing(px, pz, (0.09, rise * levels + 0.5, 0.09), BLUE)
    for level in range(levels):
        y = 0.18 + level * rise
        for k in range(bays):
            a = (k + 0.5) * bay
            for side in (-0.5, 0.5):
                if along_z:
                    s.box((x + side * deep, y, z + a), (0.05, 0.12, bay - 0.1), ORANGE)
                else:
                    s.box((x + a, y, z + side * deep), (bay - 0.1, 0.12, 0.05), ORANGE)
            px, pz = (x, z + a) if along_z else (x + a, z)
            size = (deep, 0.03, bay) if along_z else (bay, 0.03, deep)
            s.box((px, y + 0.06, pz), size, WOOD, PLANKS)
            spot = -bay / 2 + 0.15
            while spot < bay / 2 - 0.4:
                wide = rng.uniform(0.4, 0.85)
                high = rng.uniform(0.35, 1.05)
                if rng.random() < 0.84:
                    colour: Vector = CARTON
                    material = CARDBOARD
                    if rng.random() < 0.28:
                        material = 0
                        colour = rng.choice(
                            [(0.5, 0.52, 0.55), (0.1, 0.22, 0.3), (0.14, 0.3, 0.16), WHITE]
                        )
                    cx, cz = (x, pz + spot + wide / 2) if along_z else (px + spot + wide / 2, z)
                    box = (0.8, high, wide) if along_z else (wide, high, 0.8)
                    s.standing(cx, cz, box, colour, material, rng.uniform(-4, 4), y + 0.08)
                spot += wide + 0.06


def warehouse() -> Scene:
    """A store room from a high corner; a pallet of cartons in its middle will burn."""
    rng = random.Random(4)  # noqa: S311 - decoration, no secret
    s = Solids()
    s.box((0, -0.1, 8), (16, 0.2, 20), (0.40, 0.39, 0.37), CONCRETE)
    s.box((0, 6.6, 8), (16, 0.2, 20), (0.5, 0.5, 0.48))
    s.box((0, 3, 17.1), (16, 8, 0.2), (0.50, 0.55, 0.52), RIBBED)
    s.box((7.6, 3, 8), (0.2, 8, 20), (0.45, 0.24, 0.17), BRICK)
    s.box((-7.6, 3, 8), (0.2, 8, 20), (0.55, 0.53, 0.47))
    s.box((0, 3, -1.6), (16, 8, 0.2), (0.5, 0.5, 0.47))
    s.box((0.4, 2.0, 16.98), (4.2, 4.0, 0.08), (0.42, 0.46, 0.50), SLATS)
    for x in (-1.85, 2.65):
        s.box((x, 2.1, 16.95), (0.3, 4.2, 0.16), YELLOW)
    s.box((-4.6, 1.05, 16.97), (1.0, 2.1, 0.08), (0.12, 0.25, 0.2))
    s.box((-4.6, 2.45, 16.95), (0.7, 0.25, 0.06), (0.06, 0.5, 0.2))
    for x in (-2.6, 3.4):
        s.box((x, 0.004, 9), (0.1, 0.01, 15), YELLOW)
    _rack(s, rng, 6.7, 5.0, True, 4, 3)
    _rack(s, rng, 3.9, 15.9, False, 1, 3)
    _rack(s, rng, -7.0, 8.2, True, 3, 3)
    _load(s, rng, 0.9, 8.6, 8, 2)
    _load(s, rng, 4.6, 10.2, -4, 3)
    _load(s, rng, 4.5, 7.6, 3, 2)
    _load(s, rng, 1.7, 13.4, 12, 3)
    _load(s, rng, -4.6, 14.2, -6, 2)
    for k in range(7):
        _pallet(s, -4.4, 11.4, 4 + k, k * 0.145)
    for x, z, colour in ((5.3, 5.2, BLUE), (5.0, 4.5, BLUE), (5.75, 4.55, (0.35, 0.36, 0.36))):
        s.cylinder((x, 0, z), (x, 0.88, z), 0.29, colour)
        s.cylinder((x, 0.3, z), (x, 0.34, z), 0.3, colour)
    s.box((-1.0, 0.12, 11.8), (0.18, 0.09, 1.2), (0.55, 0.1, 0.03), turn_degrees=20)
    s.box((-0.6, 0.12, 11.65), (0.18, 0.09, 1.2), (0.55, 0.1, 0.03), turn_degrees=20)
    s.capsule((-1.15, 0.15, 11.1), (-1.3, 1.2, 10.7), 0.04, (0.55, 0.1, 0.03))
    lamps: list[list[float]] = []
    for x in (-3.4, 3.4):
        for z in (3.0, 8.0, 13.0):
            layer = FLICKER if (x, z) == (-3.4, 13.0) else LAMPS
            s.glow((x, 5.55, z), (0.28, 0.05, 1.5), 9.0, layer)
            s.box((x, 5.63, z), (0.36, 0.06, 1.6), STEEL)
            lamps.append([x, 5.5, z, 0.13, 0.0, 0.7, 9.0, layer])
    hearth = (0.9, 0.75, 8.5)
    lamps.append([hearth[0], 1.15, hearth[2], 0.4, 0.35, 0.4, 1.0, FIRE_LOW])
    lamps.append([hearth[0], 2.4, hearth[2], 0.35, 0.6, 0.35, 1.0, FIRE_HIGH])
    view = View((-4.6, 4.7, 0.4), (1.05, 1.15, 9.0), 60)
    return Scene("warehouse", view, s, np.array([0.0, 1.0, 0.0, 0.0]), np.array(lamps), 1.0, hearth)


def _tree(s: Solids, rng: random.Random, x: float, z: float, high: float) -> None:
    s.capsule((x, 0, z), (x, high * 0.6, z), 0.16, (0.16, 0.11, 0.07))
    for _ in range(150):
        a, t = rng.uniform(0, 6.28), rng.uniform(0, 1)
        r = 1.5 * math.sqrt(rng.uniform(0.05, 1)) * math.sin(math.pi * (0.12 + 0.8 * t))
        y = high * (0.38 + 0.62 * t)
        ball = (x + r * math.cos(a), y, z + r * math.sin(a))
        green = rng.uniform(0.7, 1.3)
        s.capsule(ball, ball, rng.uniform(0.14, 0.34), (0.07 * green, 0.15 * green, 0.035))


def _yard_solids() -> Solids:
    """The yard of both outdoor views: hall with doors, containers, fence, trees, markings."""
    rng = random.Random(9)  # noqa: S311 - decoration, no secret
    s = Solids()
    s.box((0, -0.1, 20), (120, 0.2, 90), (0.20, 0.195, 0.19), ASPHALT)
    s.box((3, 3.4, 30), (34, 6.8, 8), (0.46, 0.22, 0.14), BRICK)
    s.box((3, 6.95, 30), (34.6, 0.3, 8.6), (0.24, 0.25, 0.26))
    for x in (-7.0, 1.0, 9.0):
        s.box((x, 2.0, 25.98), (4.4, 4.0, 0.1), (0.16, 0.26, 0.36), SLATS)
        s.box((x, 4.15, 25.9), (4.9, 0.3, 0.3), (0.5, 0.5, 0.48))
        for side in (-2.5, 2.5):
            s.standing(x + side, 25.5, (0.22, 1.0, 0.22), YELLOW)
    for x in (-11.3, -3.0, 5.0, 13.5):
        s.box((x, 5.0, 25.98), (1.6, 1.0, 0.08), (0.07, 0.09, 0.11), GLASS)
        s.box((x, 4.45, 25.94), (1.8, 0.1, 0.2), WHITE)
    s.standing(-13.2, 20, (2.5, 2.6, 6.2), (0.09, 0.2, 0.34), RIBBED, 4)
    s.standing(-13.0, 20.2, (2.5, 2.6, 6.2), (0.42, 0.12, 0.06), RIBBED, 2, 2.6)
    s.standing(-12.4, 12.6, (2.5, 2.6, 6.2), (0.16, 0.3, 0.18), RIBBED, -3)
    for k in range(8):
        s.box((-3.2 + 2.9 * k, 0.003, 22.6), (0.11, 0.01, 4.6), WHITE)
    s.box((0, 0.003, 10.5), (30, 0.01, 0.12), YELLOW)
    for k in range(15):
        at = 2 + 2.4 * k
        s.cylinder((17.5, 0, at), (17.5, 2.2, at), 0.05, STEEL)
    for y in (0.3, 0.75, 1.2, 1.65, 2.1):
        s.box((17.5, y, 19), (0.03, 0.035, 36), STEEL)
    for x, z in ((21.0, 12.0), (22.5, 17.0), (20.6, 23.5), (24.0, 9.0), (-20.0, 28.0)):
        _tree(s, rng, x, z, rng.uniform(4.5, 6.5))
    for x, z in ((8.4, 16.6), (9.9, 16.9)):
        _load(s, rng, x, z, rng.uniform(-8, 8), 3)
    for k in range(5):
        _pallet(s, 11.6, 16.4, 3 * k, k * 0.145)
    s.standing(0.7, 16.3, (2.6, 1.25, 1.5), (0.08, 0.24, 0.13), RIBBED, 6)
    s.standing(0.7, 16.3, (2.7, 0.1, 1.6), (0.06, 0.18, 0.1), 0, 6, 1.25)
    return s


def yard() -> Scene:
    """A loading yard in the afternoon; a waste container in its middle will smoke."""
    view = View((-4.5, 6.0, -0.5), (1.2, 2.1, 17.0), 58)
    return Scene(
        "yard",
        view,
        _yard_solids(),
        _sun(-125, 38, 2.1),
        np.zeros((0, 8)),
        0.62,
        (0.8, 1.3, 16.2),
        layers=2,
    )


def gate() -> Scene:
    """The way into the yard: a barrier, a gatehouse, cars and people, and nothing that burns."""
    s = _yard_solids()
    s.standing(12.4, 8.2, (2.4, 2.7, 2.4), (0.52, 0.50, 0.44))
    s.standing(12.4, 8.2, (2.9, 0.18, 2.9), (0.18, 0.2, 0.22), 0, 0, 2.7)
    s.box((11.18, 1.75, 8.2), (0.06, 0.9, 1.6), (0.07, 0.09, 0.11), GLASS)
    s.box((12.4, 1.75, 6.98), (1.6, 0.9, 0.06), (0.07, 0.09, 0.11), GLASS)
    s.standing(10.4, 6.6, (0.35, 1.05, 0.35), YELLOW)
    for k in range(10):
        colour = (0.55, 0.05, 0.04) if k % 2 else WHITE
        low, high = (10.3 - 0.42 * k, 0.98 + 0.27 * k, 6.6), (9.88 - 0.42 * k, 1.25 + 0.27 * k, 6.6)
        s.cylinder(low, high, 0.06, colour)
    view = View((1.0, 4.6, -3.0), (10.5, 1.4, 10.5), 62)
    return Scene("gate", view, s, _sun(-125, 38, 2.1), np.zeros((0, 8)), 0.62, layers=2)
