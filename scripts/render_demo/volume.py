"""How hot gas looks: light through and out of a box of it, seen by the camera."""

import math

import numpy as np
from numpy.typing import NDArray

from scripts.render_demo.fluid import Field, sample
from scripts.render_demo.kernel import kernel, prange
from scripts.render_demo.trace import ray

Array = NDArray[np.float64]


def glow_ramp(entries: int = 256) -> Array:
    """Colour and strength of glowing soot over heat 0 to 1.25: (entries, 3), linear.

    Planck's law at three wavelengths, against a white of 4,200 K, from 950 K up.
    """
    heat = np.linspace(0, 1.25, entries)
    kelvin = 1050 + 1000 * heat
    waves = np.array([0.605, 0.540, 0.455])
    planck = np.exp(-14388.0 / (waves * kelvin[:, None])) / np.exp(-14388.0 / (waves * 3600.0))
    edge = np.clip((heat - 0.12) / 0.75, 0, 1) ** 1.5
    ramp: Array = planck / planck[:, :1] * edge[:, None] * np.array([1.0, 0.88, 0.7])
    return ramp


@kernel(parallel=True)
def shade(soot: Field, toward: Array, density: float, cell: float) -> Field:
    """Share of the sun's light that reaches each cell of a grid of half the resolution."""
    nz, ny, nx = soot.shape
    out = np.empty((nz // 2, ny // 2, nx // 2), np.float32)
    for k in prange(nz // 2):
        for j in range(ny // 2):
            for i in range(nx // 2):
                x, y, z = 2 * i + 0.5, 2 * j + 0.5, 2 * k + 0.5
                depth = 0.0
                step = 1.5
                for _ in range(22):
                    x, y, z = x + step * toward[0], y + step * toward[1], z + step * toward[2]
                    if x < 0 or y < 0 or z < 0 or x >= nx or y >= ny or z >= nz:
                        break
                    depth += step * sample(soot, z, y, x)
                    step *= 1.12
                # Light that is scattered goes on, mostly forward: thick smoke isn't black.
                t = depth * density * cell
                out[k, j, i] = 0.7 * math.exp(-t) + 0.3 * math.exp(-0.25 * t)
    return out


@kernel(parallel=True)
def march(
    heat: Field,
    soot: Field,
    sunlit: Field,
    firelit: Field,
    ramp: Array,
    basis: Array,
    frame: Array,
    depth: Array,
    window: NDArray[np.int64],
    origin: Array,
    axes: Array,
    cell: float,
    brightness: float,
    density: float,
    flame_density: float,
    sun: Array,
    ambient: Array,
    firelight: Array,
    jitter: int,
) -> None:
    """Draw the gas into ``frame`` (height, width, 3), linear light, in place.

    Args:
        sunlit: share of sunlight, half resolution.
        firelit: light of the flames on the smoke, an eighth of the resolution.
        depth: distance of the background in each pixel; gas behind it is hidden.
        window: top, bottom, left, right of the pixels to look at.
        origin: place of cell 0, 0, 0; axes: (3, 3) unit vectors of width, height and depth.
        sun, ambient, firelight: colours that fall on the smoke.
    """
    nz, ny, nx = heat.shape
    height, width, _ = frame.shape
    entries = ramp.shape[0]
    for row in prange(window[0], window[1]):
        np.random.seed(row * 7919 + jitter)
        for col in range(window[2], window[3]):
            d = ray(basis, width, height, col + 0.5, row + 0.5)
            near, far = 0.0, depth[row, col]
            o = np.empty(3)
            g = np.empty(3)
            for a in range(3):
                o[a] = 0.0
                g[a] = 0.0
                for b in range(3):
                    o[a] += axes[a, b] * (basis[0, b] - origin[b])
                    g[a] += axes[a, b] * d[b]
                size = cell * ((nx if a == 0 else (ny if a == 1 else nz)) - 1)
                if abs(g[a]) < 1e-9:
                    g[a] = 1e-9
                t0, t1 = -o[a] / g[a], (size - o[a]) / g[a]
                near, far = max(near, min(t0, t1)), min(far, max(t0, t1))
            if near >= far:
                continue
            step = cell * 0.8
            t = near + step * np.random.random()
            through = 1.0
            red, green, blue = 0.0, 0.0, 0.0
            while t < far and through > 0.01:
                x, y, z = (
                    (o[0] + t * g[0]) / cell,
                    (o[1] + t * g[1]) / cell,
                    (o[2] + t * g[2]) / cell,
                )
                s = sample(soot, z, y, x)
                h = sample(heat, z, y, x)
                t += step
                if s < 0.004 and h < 0.1:
                    continue
                at = min(int(h / 1.25 * (entries - 1)), entries - 1)
                glow = brightness * step
                opaque = density * s + flame_density * ramp[at, 0]
                kept = math.exp(-opaque * step)
                lit = sample(sunlit, z / 2, y / 2, x / 2)
                warm = sample(firelit, z / 8, y / 8, x / 8)
                cover = through * (1 - math.exp(-density * s * step))
                open_sky = 0.35 + 0.65 * lit
                red += through * glow * ramp[at, 0] + cover * (
                    sun[0] * lit + ambient[0] * open_sky + firelight[0] * warm
                )
                green += through * glow * ramp[at, 1] + cover * (
                    sun[1] * lit + ambient[1] * open_sky + firelight[1] * warm
                )
                blue += through * glow * ramp[at, 2] + cover * (
                    sun[2] * lit + ambient[2] * open_sky + firelight[2] * warm
                )
                through *= kept
            frame[row, col, 0] = frame[row, col, 0] * through + red
            frame[row, col, 1] = frame[row, col, 1] * through + green
            frame[row, col, 2] = frame[row, col, 2] * through + blue


@kernel(parallel=True)
def spread(emission: Field, cell: float) -> Field:
    """Light that each coarse cell gets from all others, falling with the square of distance."""
    nz, ny, nx = emission.shape
    out = np.zeros_like(emission)
    for k in prange(nz):
        for j in range(ny):
            for i in range(nx):
                total = 0.0
                for c in range(nz):
                    for b in range(ny):
                        for a in range(nx):
                            e = emission[c, b, a]
                            if e > 0:
                                q = (a - i) ** 2 + (b - j) ** 2 + (c - k) ** 2 + 1.0
                                total += e / (q * cell * cell)
                out[k, j, i] = total
    return out


def firelight_on_smoke(
    heat: Field, ramp: Array, brightness: float, cell: float
) -> tuple[Field, float, float]:
    """Light of the flames on an eighth of the grid, and the power of their lower and upper half.

    The powers are what a point lamp of the same light would have at one metre.
    """
    index = np.minimum((heat / 1.25 * (len(ramp) - 1)).astype(np.int32), len(ramp) - 1)
    emitted = (ramp[:, 0].astype(np.float32) * np.float32(brightness))[index]
    nz, ny, nx = (n // 8 * 8 for n in heat.shape)
    coarse = emitted[:nz, :ny, :nx].reshape(nz // 8, 8, ny // 8, 8, nx // 8, 8).sum(axis=(1, 3, 5))
    coarse *= np.float32(cell**3)
    lit = spread(np.ascontiguousarray(coarse), 8 * cell)
    middle = coarse.shape[1] // 3
    return lit, float(coarse[:, :middle].sum()), float(coarse[:, middle:].sum())
