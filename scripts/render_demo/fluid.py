"""Hot gas in a box: a solver for smoke and flames on a grid, with open sides and a floor.

Semi-Lagrangian transport (MacCormack for what is seen), buoyancy, fuel that burns to heat and soot
and makes the gas expand, vorticity confinement against the loss of eddies, and a pressure solve by
red-black over-relaxation. Units are cells and steps inside, metres and seconds outside.
Fields are float32 (depth, height, width); height counts up from the floor.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.kernel import kernel, prange

Field = NDArray[np.float32]


@kernel()
def sample(f: Field, z: float, y: float, x: float) -> Any:
    """Trilinear value at a place in cells, held inside the grid."""
    nz, ny, nx = f.shape
    x = min(max(x, 0.0), nx - 1.001)
    y = min(max(y, 0.0), ny - 1.001)
    z = min(max(z, 0.0), nz - 1.001)
    i, j, k = int(x), int(y), int(z)
    fx, fy, fz = x - i, y - j, z - k
    low = (f[k, j, i] * (1 - fx) + f[k, j, i + 1] * fx) * (1 - fy) + (
        f[k, j + 1, i] * (1 - fx) + f[k, j + 1, i + 1] * fx
    ) * fy
    high = (f[k + 1, j, i] * (1 - fx) + f[k + 1, j, i + 1] * fx) * (1 - fy) + (
        f[k + 1, j + 1, i] * (1 - fx) + f[k + 1, j + 1, i + 1] * fx
    ) * fy
    return low * (1 - fz) + high * fz


@kernel(parallel=True)
def carry(f: Field, u: Field, v: Field, w: Field, step: float) -> Field:
    """Transport a field along the flow for ``step`` (backwards in time where negative)."""
    nz, ny, nx = f.shape
    out = np.empty_like(f)
    for k in prange(nz):
        for j in range(ny):
            for i in range(nx):
                a, b, c = u[k, j, i], v[k, j, i], w[k, j, i]
                x, y, z = i - 0.5 * step * a, j - 0.5 * step * b, k - 0.5 * step * c
                if abs(a) + abs(b) + abs(c) > 1.0:
                    a, b, c = sample(u, z, y, x), sample(v, z, y, x), sample(w, z, y, x)
                out[k, j, i] = sample(f, k - step * c, j - step * b, i - step * a)
    return out


@kernel(parallel=True)
def correct(f: Field, there: Field, back: Field, u: Field, v: Field, w: Field, dt: float) -> Field:
    """MacCormack: take back half the error of a round trip, within what was there before."""
    nz, ny, nx = f.shape
    out = np.empty_like(f)
    for k in prange(nz):
        for j in range(ny):
            for i in range(nx):
                x = min(max(i - dt * u[k, j, i], 0.0), nx - 1.001)
                y = min(max(j - dt * v[k, j, i], 0.0), ny - 1.001)
                z = min(max(k - dt * w[k, j, i], 0.0), nz - 1.001)
                a, b, c = int(x), int(y), int(z)
                low, high = f[c, b, a], f[c, b, a]
                for dk in range(2):
                    for dj in range(2):
                        for di in range(2):
                            value = f[c + dk, b + dj, a + di]
                            low, high = min(low, value), max(high, value)
                value = there[k, j, i] + 0.5 * (f[k, j, i] - back[k, j, i])
                out[k, j, i] = min(max(value, low), high)
    return out


@kernel(parallel=True)
def confine(u: Field, v: Field, w: Field, heat: Field, soot: Field, strength: float) -> None:
    """Give eddies back what the grid took from them, where there is something to see."""
    nz, ny, nx = u.shape
    cx, cy, cz = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    size = np.zeros_like(u)
    for k in prange(1, nz - 1):
        for j in range(1, ny - 1):
            for i in range(1, nx - 1):
                a = (w[k, j + 1, i] - w[k, j - 1, i] - v[k + 1, j, i] + v[k - 1, j, i]) * 0.5
                b = (u[k + 1, j, i] - u[k - 1, j, i] - w[k, j, i + 1] + w[k, j, i - 1]) * 0.5
                c = (v[k, j, i + 1] - v[k, j, i - 1] - u[k, j + 1, i] + u[k, j - 1, i]) * 0.5
                cx[k, j, i], cy[k, j, i], cz[k, j, i] = a, b, c
                size[k, j, i] = math.sqrt(a * a + b * b + c * c)
    for k in prange(2, nz - 2):
        for j in range(2, ny - 2):
            for i in range(2, nx - 2):
                seen = min(heat[k, j, i] + soot[k, j, i], 1.0)
                if seen < 0.01:
                    continue
                gx = size[k, j, i + 1] - size[k, j, i - 1]
                gy = size[k, j + 1, i] - size[k, j - 1, i]
                gz = size[k + 1, j, i] - size[k - 1, j, i]
                n = strength * seen / (math.sqrt(gx * gx + gy * gy + gz * gz) + 1e-4)
                a, b, c = cx[k, j, i], cy[k, j, i], cz[k, j, i]
                u[k, j, i] += n * (gy * c - gz * b)
                v[k, j, i] += n * (gz * a - gx * c)
                w[k, j, i] += n * (gx * b - gy * a)


@kernel(parallel=True)
def project(u: Field, v: Field, w: Field, p: Field, swell: Field, rounds: int) -> None:
    """Make the flow free of sources but for ``swell``; ``p`` is the guess and keeps the result.

    The floor lets nothing through; at the other five sides the pressure is that of the outside.
    """
    nz, ny, nx = u.shape
    d = np.zeros_like(u)
    for k in prange(1, nz - 1):
        for j in range(1, ny - 1):
            for i in range(1, nx - 1):
                below = v[k, j - 1, i] if j > 1 else -v[k, j, i]
                d[k, j, i] = (
                    0.5
                    * (
                        u[k, j, i + 1]
                        - u[k, j, i - 1]
                        + v[k, j + 1, i]
                        - below
                        + w[k + 1, j, i]
                        - w[k - 1, j, i]
                    )
                    - swell[k, j, i]
                )
    for turn in range(2 * rounds):
        for k in prange(1, nz - 1):
            for j in range(1, ny - 1):
                for i in range(1 + (k + j + turn) % 2, nx - 1, 2):
                    below = p[k, j - 1, i] if j > 1 else p[k, j, i]
                    around = (
                        p[k, j, i + 1]
                        + p[k, j, i - 1]
                        + p[k, j + 1, i]
                        + below
                        + p[k + 1, j, i]
                        + p[k - 1, j, i]
                    )
                    p[k, j, i] += 1.75 * ((around - d[k, j, i]) / 6 - p[k, j, i])
    for k in prange(1, nz - 1):
        for j in range(1, ny - 1):
            for i in range(1, nx - 1):
                below = p[k, j - 1, i] if j > 1 else p[k, j, i]
                u[k, j, i] -= 0.5 * (p[k, j, i + 1] - p[k, j, i - 1])
                v[k, j, i] -= 0.5 * (p[k, j + 1, i] - below)
                w[k, j, i] -= 0.5 * (p[k + 1, j, i] - p[k - 1, j, i])


@kernel(parallel=True)
def react(
    fuel: Field,
    heat: Field,
    soot: Field,
    v: Field,
    swell: Field,
    dt: float,
    burn: float,
    cool: float,
    fade: float,
    lift: float,
    soot_yield: float,
) -> None:
    """Burn fuel, make heat and soot, lose both with time, and lift what is hot."""
    nz, ny, nx = fuel.shape
    for k in prange(nz):
        for j in range(ny):
            for i in range(nx):
                used = min(fuel[k, j, i], burn * dt * (0.25 + fuel[k, j, i]))
                fuel[k, j, i] -= used
                hot = heat[k, j, i] + 2.6 * used
                hot = min(hot, 1.25)
                hot -= cool * dt * (0.18 * hot + hot * hot * hot)
                heat[k, j, i] = max(hot, 0.0)
                soot[k, j, i] = (soot[k, j, i] + soot_yield * used) * (1 - fade * dt)
                swell[k, j, i] = 0.12 * used
                v[k, j, i] += dt * lift * heat[k, j, i]


@dataclass(frozen=True)
class Gas:
    """What burns and how; rates are per second."""

    burn: float
    """How fast fuel turns to heat."""
    cool: float
    """How fast heat is lost; what cools fast has short flames."""
    fade: float
    """How fast soot or smoke thins out."""
    lift: float
    """Upward pull of the hottest gas, metres per second squared."""
    soot_yield: float
    """Soot for a unit of fuel."""
    eddies: float
    """Strength of the vorticity confinement."""
    wind: tuple[float, float]
    """Steady drift along x and z, metres per second, full at the top."""


class Box:
    """A box of gas: its fields, and how they go on."""

    def __init__(self, shape: tuple[int, int, int], cell_metres: float, gas: Gas) -> None:
        self.cell = cell_metres
        self.gas = gas
        self.u, self.v, self.w, self.fuel, self.heat, self.soot, self.swell, self.p = (
            np.zeros(shape, np.float32) for _ in range(8)
        )
        depth, height, width = shape
        z, y, x = (np.arange(n, dtype=np.float32) for n in shape)
        rim = 8.0
        inside = (
            np.clip(np.minimum(z, depth - 1 - z) / rim, 0, 1)[:, None, None]
            * np.clip((height - 1 - y) / rim, 0, 1)[None, :, None]
            * np.clip(np.minimum(x, width - 1 - x) / rim, 0, 1)[None, None, :]
        )
        self._keep = np.sqrt(inside).astype(np.float32)
        self._breeze = (0.25 + 0.75 * y / height).astype(np.float32)[None, :, None]

    def step(self, dt: float, fuel: Field, heat: Field, soot: Field, push: Field) -> None:
        """Go on by ``dt`` seconds.

        Args:
            fuel, heat, soot: amounts to add per second.
            push: (3, depth, height, width): acceleration along x, y and z, metres per second
                squared: gusts that break the symmetry.
        """
        gas, scale = self.gas, dt / self.cell
        self.fuel += dt * fuel
        self.heat += dt * heat
        self.soot += dt * soot
        react(
            self.fuel, self.heat, self.soot, self.v, self.swell,
            dt, gas.burn, gas.cool, gas.fade, gas.lift, gas.soot_yield,
        )  # fmt: skip
        self.u += dt * push[0]
        self.v += dt * push[1]
        self.w += dt * push[2]
        self.u += dt * 1.5 * (gas.wind[0] * self._breeze - self.u) * 0.35
        self.w += dt * 1.5 * (gas.wind[1] * self._breeze - self.w) * 0.35
        confine(self.u, self.v, self.w, self.heat, self.soot, gas.eddies * dt)
        u, v, w = (np.asarray(f * np.float32(scale), np.float32) for f in (self.u, self.v, self.w))
        project(u, v, w, self.p, self.swell, 16)
        moved = [carry(f, u, v, w, 1.0) for f in (u, v, w)]
        for name, seen in (("fuel", False), ("heat", gas.burn > 0), ("soot", True)):
            old = getattr(self, name)
            if not old.any():
                continue
            new = carry(old, u, v, w, 1.0)
            if seen:
                new = correct(old, new, carry(new, u, v, w, -1.0), u, v, w, 1.0)
            setattr(self, name, new * self._keep)
        self.u, self.v, self.w = (f / np.float32(scale) for f in moved)
        self.v[:, :1] = 0
