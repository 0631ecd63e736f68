"""A small path tracer for the fixed background.

The light is kept apart by its source (one layer for each group), so that a lamp may flicker and a
fire may grow over a background that is traced once.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.geometry import FIRE_LOW, GLOW
from scripts.render_demo.kernel import kernel, prange
from scripts.render_demo.rays import FAR, hit
from scripts.render_demo.surfaces import sky, surface

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """A fixed camera with a rectilinear lens."""

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view_degrees: float
    width: int = 960
    height: int = 540

    def basis(self) -> Array:
        """Rows (4, 3): position, then right and up for one half of the height, and forward."""
        position = np.array(self.position)
        forward = np.array(self.target) - position
        forward /= np.linalg.norm(forward)
        right = np.cross([0.0, 1.0, 0.0], forward)
        right /= np.linalg.norm(right)
        up = np.cross(forward, right)
        reach = math.tan(math.radians(self.field_of_view_degrees) / 2) * self.height / self.width
        return np.array([position, right * reach, up * reach, forward])


@kernel()
def ray(basis: Array, width: int, height: int, px: float, py: float) -> tuple[float, float, float]:
    """Unit direction through the picture at pixel coordinates."""
    a = (2 * px - width) / height
    b = (height - 2 * py) / height
    dx = basis[3, 0] + a * basis[1, 0] + b * basis[2, 0]
    dy = basis[3, 1] + a * basis[1, 1] + b * basis[2, 1]
    dz = basis[3, 2] + a * basis[1, 2] + b * basis[2, 2]
    n = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    return dx * n, dy * n, dz * n


@kernel(parallel=True)
def trace(
    rows: Array,
    planes: Array,
    bounds: Array,
    links: Ints,
    basis: Array,
    width: int,
    height: int,
    sun: Array,
    lamps: Array,
    lamp_groups: Ints,
    groups: int,
    samples: int,
) -> tuple[Array, Array, Array]:
    """Path-trace the background.

    Args:
        sun: (4,): unit direction to it and its strength; 0 leaves sun and sky out.
        lamps: (n, 8): centre, half sizes along x, y and z, strength, group (from 2); sorted.
        lamp_groups: (m, 2): first lamp and number of lamps of each group that has any.
        groups: number of light layers: 0 sky, 1 sun, from 2 on the lamps.

    Returns:
        light (height, width, groups, 3), surface colour (height, width, 3) and, for the pixel's
        centre, normal and distance (height, width, 4).
    """
    light = np.zeros((height, width, groups, 3))
    colour = np.zeros((height, width, 3))
    guide = np.zeros((height, width, 4))
    for row in prange(height):
        np.random.seed(row + 17)
        for col in range(width):
            dx, dy, dz = ray(basis, width, height, col + 0.5, row + 0.5)
            ox, oy, oz = basis[0, 0], basis[0, 1], basis[0, 2]
            t, nx, ny, nz, which = hit(
                rows, planes, bounds, links, ox, oy, oz, dx, dy, dz, FAR, False
            )
            guide[row, col, 0], guide[row, col, 1], guide[row, col, 2] = nx, ny, nz
            guide[row, col, 3] = t
            for _ in range(samples):
                px, py = col + np.random.random(), row + np.random.random()
                dx, dy, dz = ray(basis, width, height, px, py)
                ox, oy, oz = basis[0, 0], basis[0, 1], basis[0, 2]
                wr, wg, wb = 1.0 / samples, 1.0 / samples, 1.0 / samples
                for bounce in range(3):
                    t, nx, ny, nz, which = hit(
                        rows, planes, bounds, links, ox, oy, oz, dx, dy, dz, FAR, False
                    )
                    if which < 0:
                        if sun[3] > 0:
                            r, g, b = sky(dx, dy, dz)
                            light[row, col, 0, 0] += wr * r
                            light[row, col, 0, 1] += wg * g
                            light[row, col, 0, 2] += wb * b
                        if bounce == 0:
                            for k in range(3):
                                colour[row, col, k] += 1.0 / samples
                        break
                    s = rows[which]
                    x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
                    if int(s[1]) == GLOW:
                        if bounce == 0:
                            group = int(s[14])
                            light[row, col, group, 0] += wr * s[11]
                            light[row, col, group, 1] += wg * s[12]
                            light[row, col, group, 2] += wb * s[13]
                            for k in range(3):
                                colour[row, col, k] += 1.0 / samples
                        break
                    r, g, b = surface(s, x, y, z, nx, ny, nz)
                    if bounce == 0:
                        colour[row, col, 0] += r / samples
                        colour[row, col, 1] += g / samples
                        colour[row, col, 2] += b / samples
                    wr, wg, wb = wr * r, wg * g, wb * b
                    x, y, z = x + 1e-3 * nx, y + 1e-3 * ny, z + 1e-3 * nz
                    if sun[3] > 0:
                        sx = sun[0] + 0.012 * (np.random.random() - 0.5)
                        sy = sun[1] + 0.012 * (np.random.random() - 0.5)
                        sz = sun[2] + 0.012 * (np.random.random() - 0.5)
                        n = 1 / math.sqrt(sx * sx + sy * sy + sz * sz)
                        sx, sy, sz = sx * n, sy * n, sz * n
                        facing = (nx * sx + ny * sy + nz * sz) * sun[3]
                        if facing > 0 and (
                            hit(rows, planes, bounds, links, x, y, z, sx, sy, sz, FAR, True)[4] < 0
                        ):
                            light[row, col, 1, 0] += wr * facing * 1.0
                            light[row, col, 1, 1] += wg * facing * 0.93
                            light[row, col, 1, 2] += wb * facing * 0.80
                    for pick in range(lamp_groups.shape[0]):
                        first, count = lamp_groups[pick, 0], lamp_groups[pick, 1]
                        k = first + int(np.random.random() * count)
                        lx = lamps[k, 0] + lamps[k, 3] * (2 * np.random.random() - 1) - x
                        ly = lamps[k, 1] + lamps[k, 4] * (2 * np.random.random() - 1) - y
                        lz = lamps[k, 2] + lamps[k, 5] * (2 * np.random.random() - 1) - z
                        far = math.sqrt(lx * lx + ly * ly + lz * lz) + 1e-6
                        lx, ly, lz = lx / far, ly / far, lz / far
                        facing = nx * lx + ny * ly + nz * lz
                        group = int(lamps[k, 7])
                        if group < FIRE_LOW:
                            facing *= max(ly, 0.0)
                        if facing <= 0 or (
                            hit(rows, planes, bounds, links, x, y, z, lx, ly, lz, far - 0.01, True)[
                                4
                            ]
                            >= 0
                        ):
                            continue
                        power = count * facing * lamps[k, 6] / (far * far + 0.05)
                        light[row, col, group, 0] += wr * power
                        light[row, col, group, 1] += wg * power
                        light[row, col, group, 2] += wb * power
                    phi = 2 * math.pi * np.random.random()
                    w = 2 * np.random.random() - 1
                    h = math.sqrt(max(1 - w * w, 0.0))
                    dx, dy, dz = nx + h * math.cos(phi), ny + w, nz + h * math.sin(phi)
                    n = 1 / math.sqrt(dx * dx + dy * dy + dz * dz + 1e-12)
                    dx, dy, dz = dx * n, dy * n, dz * n
                    ox, oy, oz = x, y, z
    return light, colour, guide


@kernel(parallel=True)
def smooth(light: Array, colour: Array, guide: Array, step: int) -> Array:
    """One pass of an edge-avoiding blur of the light alone: textures and edges stay sharp."""
    height, width, groups, _ = light.shape
    out = np.empty_like(light)
    for row in prange(height):
        for col in range(width):
            total = 0.0
            acc = np.zeros((groups, 3))
            depth = guide[row, col, 3]
            for j in range(-2, 3):
                for i in range(-2, 3):
                    y, x = row + j * step, col + i * step
                    if y < 0 or y >= height or x < 0 or x >= width:
                        continue
                    same = 0.0
                    for k in range(3):
                        same += guide[row, col, k] * guide[y, x, k]
                    if depth > 1e8 or same < 0.9:
                        if i or j:
                            continue
                        same = 1.0
                    apart = abs(guide[y, x, 3] - depth) / (0.02 * depth * step + 1e-3)
                    weight = math.exp(-apart - 0.25 * (i * i + j * j))
                    total += weight
                    for g in range(groups):
                        for k in range(3):
                            acc[g, k] += weight * light[y, x, g, k] / colour[y, x, k]
            for g in range(groups):
                for k in range(3):
                    out[row, col, g, k] = acc[g, k] / total * colour[row, col, k]
    return out
