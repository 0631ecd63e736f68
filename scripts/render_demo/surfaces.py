"""Procedural surfaces: noise, the colour of each material, and the sky."""

import math

import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.geometry import (
    ASPHALT,
    BRICK,
    CARDBOARD,
    CONCRETE,
    GLASS,
    PLANKS,
    RIBBED,
    SLATS,
)
from scripts.render_demo.kernel import kernel

Array = NDArray[np.float64]


@kernel()
def hash3(x: float, y: float, z: float) -> float:
    """Noise of a lattice point, 0 to 1."""
    n = (int(x) * 374761393 + int(y) * 668265263 + int(z) * 2147483647) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 16)) * 2246822519) & 0xFFFFFFFF
    return float((n ^ (n >> 15)) & 0xFFFFFF) / 16777215.0


@kernel()
def noise3(x: float, y: float, z: float) -> float:
    """Smooth value noise, 0 to 1."""
    x0, y0, z0 = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - x0, y - y0, z - z0
    fx, fy, fz = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy), fz * fz * (3 - 2 * fz)
    total = 0.0
    for i in range(2):
        wx = fx if i else 1 - fx
        for j in range(2):
            wy = fy if j else 1 - fy
            for k in range(2):
                wz = fz if k else 1 - fz
                total += wx * wy * wz * hash3(x0 + i, y0 + j, z0 + k)
    return total


@kernel()
def fbm(x: float, y: float, z: float) -> float:
    """Four octaves of noise, 0 to 1."""
    return (
        0.5 * noise3(x, y, z)
        + 0.26 * noise3(2.1 * x + 7, 2.1 * y, 2.1 * z)
        + 0.15 * noise3(4.3 * x, 4.3 * y + 3, 4.3 * z)
        + 0.09 * noise3(8.9 * x, 8.9 * y, 8.9 * z + 5)
    )


@kernel()
def surface(
    s: Array, x: float, y: float, z: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float]:
    """Colour of a solid at a point, by its material."""
    material, seed = int(s[1]), s[14]
    u = z if abs(nx) > abs(nz) else x
    v = z if abs(ny) > 0.7 else y
    shade = 0.92 + 0.16 * fbm(3 * x + seed, 3 * y, 3 * z)
    r, g, b = s[11], s[12], s[13]
    if material == CONCRETE:
        stain = fbm(0.45 * x + seed, 0.45 * y, 0.45 * z)
        shade = 0.55 + 0.62 * stain + 0.22 * (noise3(19 * x, 19 * y, 19 * z) - 0.5)
        if abs(ny) > 0.7:
            joint = min(abs(x / 3.2 - round(x / 3.2)), abs(z / 3.2 - round(z / 3.2))) * 3.2
            if joint < 0.02:
                shade *= 0.6
            scuff = noise3(1.3 * x + 0.2 * z, 0.0, 6 * z)
            shade *= 1 - 0.22 * max(0.0, scuff - 0.6) * 2.5
    elif material == RIBBED:
        phase = u / 0.24 - math.floor(u / 0.24)
        rib = 0.55 if phase < 0.12 else (1.12 if phase > 0.88 else 1.0)
        shade *= rib * (0.85 + 0.25 * fbm(0.8 * x + seed, 0.35 * y, 0.8 * z))
    elif material == CARDBOARD:
        tint = hash3(seed * 97, 3, 1)
        shade *= 0.78 + 0.44 * tint
        dx, dy = x - s[2], y - s[3]
        if abs(ny) > 0.7:
            if abs(z - s[4]) < 0.03:
                r, g, b = 0.5, 0.4, 0.25
        elif abs(dy) > s[7] - 0.025:
            shade *= 0.7
        elif tint > 0.45 and abs(dy + 0.05) < 0.08 and abs(dx - 0.06) < 0.13:
            r, g, b = 0.7, 0.7, 0.68
            if int((x + z) * 60) % 3 == 0 and dy < -0.02:
                r, g, b = 0.12, 0.12, 0.12
    elif material == SLATS:
        phase = y / 0.16 - math.floor(y / 0.16)
        shade *= 0.6 if phase < 0.14 else 0.86 + 0.22 * phase
        shade *= 0.85 + 0.25 * fbm(0.7 * x, 0.5 * y, seed)
    elif material == ASPHALT:
        grain = noise3(31 * x, 0.0, 31 * z)
        patch = fbm(0.3 * x, seed, 0.3 * z)
        shade = 0.62 + 0.35 * grain + 0.5 * (patch - 0.5)
        crack = abs(fbm(0.55 * x + 9, 0.0, 0.55 * z) - 0.5)
        if crack < 0.0022:
            shade *= 0.55
    elif material == BRICK:
        row = math.floor(y / 0.085)
        along = u / 0.26 + 0.5 * (int(row) % 2)
        col = math.floor(along)
        if y / 0.085 - row < 0.13 or along - col < 0.045:
            r, g, b = 0.36, 0.34, 0.31
        else:
            tint = hash3(col, row, seed)
            shade *= 0.68 + 0.55 * tint
            g *= 0.9 + 0.2 * hash3(col, row, 7)
        shade *= 0.75 + 0.45 * fbm(0.5 * x, 0.5 * y, 0.5 * z)
    elif material == PLANKS:
        wide = (v if abs(ny) > 0.7 else y) / 0.13
        board = math.floor(wide)
        if wide - board < 0.1:
            shade *= 0.4
        shade *= 0.72 + 0.3 * hash3(board, seed * 31, 2) + 0.25 * fbm(1.5 * x, 14 * y, 14 * z)
    elif material == GLASS:
        shade *= 0.7 + 0.5 * noise3(0.7 * x, 0.7 * y, 0.7 * z)
    return (
        min(max(r * shade, 0.01), 0.92),
        min(max(g * shade, 0.01), 0.92),
        min(max(b * shade, 0.01), 0.92),
    )


@kernel()
def sky(dx: float, dy: float, dz: float) -> tuple[float, float, float]:
    """A clear afternoon sky with some thin cloud, linear, about 1 at the horizon."""
    up = max(dy, 0.0)
    fade = (1 - up) ** 3
    r, g, b = 0.16 + 0.56 * fade, 0.30 + 0.52 * fade, 0.66 + 0.30 * fade
    if dy > 0.02:
        cloud = fbm(1.4 * dx / (dy + 0.25) + 3, 0.3, 2.6 * dz / (dy + 0.25))
        cover = min(max((cloud - 0.52) * 3.2, 0.0), 0.75)
        r, g, b = r + (0.95 - r) * cover, g + (0.95 - g) * cover, b + (0.97 - b) * cover
    return r, g, b
