"""Puts the frames of a clip together: traced background, moving cast, burning gas, sensor."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scripts.render_demo import actors, trace, volume
from scripts.render_demo.clips import FPS, Clip, Event
from scripts.render_demo.fluid import Box, Field
from scripts.render_demo.geometry import FIRE_HIGH, FIRE_LOW, FLICKER, LAMPS, SKY, SUN, Solids
from scripts.render_demo.rays import World, world
from scripts.render_demo.scenes import Scene
from scripts.render_demo.sensor import Sensor, moment

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Background:
    """What is traced once."""

    still: World
    light: Array
    """(height, width, layers, 3)."""
    depth: Array
    """(height, width)."""


def trace_background(scene: Scene, samples: int) -> Background:
    """Trace the fixed part of a scene; ``samples`` paths for each pixel."""
    still = world(scene.solids)
    view = scene.view
    lamps = scene.lamps
    _, first, count = np.unique(lamps[:, 7], return_index=True, return_counts=True)
    groups = np.stack([first, count], axis=1).astype(np.int64)
    light, colour, guide = trace.trace(
        still.rows, still.planes, still.bounds, still.links, view.basis(), view.width, view.height,
        scene.sun, lamps, groups, scene.layers, samples,
    )  # fmt: skip
    for step in (1, 2, 4):
        light = trace.smooth(light, colour, guide, step)
    return Background(still, light, np.ascontiguousarray(guide[..., 3]))


class Burning:
    """An event as it goes on: its gas, its sources, and its light."""

    def __init__(self, event: Event, scene: Scene, seed: int) -> None:
        self._event = event
        self._rng = np.random.default_rng(seed)
        self.box = Box(event.shape, event.cell, event.gas)
        self.ramp = volume.glow_ramp()
        forward = scene.view.basis()[3].copy()
        forward[1] = 0
        forward /= np.linalg.norm(forward)
        right = np.array([forward[2], 0.0, -forward[0]])
        self.axes = np.array([right, [0.0, 1.0, 0.0], forward])
        depth, _, width = event.shape
        self.origin = np.array(scene.hearth)
        self.origin -= right * width * event.cell * event.anchor[0]
        self.origin -= forward * depth * event.cell * event.anchor[1]
        self.origin[1] = 0.0
        rng, (sx, sy, sz) = self._rng, event.spread
        self._spots = [
            (
                rng.uniform(-sx, sx),
                scene.hearth[1] + rng.uniform(-sy, sy),
                rng.uniform(-sz, sz),
                rng.uniform(*event.spot),
            )
            for _ in range(event.spots)
        ]
        self._wind = rng.standard_normal((3, 10, 16, 12)).astype(np.float32)
        self._time = 0.0

    def _sources(self) -> Field:
        """Where fuel or smoke comes out now, and how much."""
        event = self._event
        out = np.zeros(event.shape, np.float32)
        depth, height, width = (np.arange(n, dtype=np.float32) * event.cell for n in event.shape)
        grown = min(1.0, (self._time + 0.2) / event.grows)
        for n, (x, y, z, radius) in enumerate(self._spots[: max(1, round(grown * event.spots))]):
            across = (width - event.anchor[0] * event.shape[2] * event.cell - x) ** 2
            up = 4 * (height - y) ** 2
            away = (depth - event.anchor[1] * event.shape[0] * event.cell - z) ** 2
            near = across[None, None, :] + up[None, :, None] + away[:, None, None]
            flutter = 1 + 0.5 * np.sin(
                self._time * (3 + 6 * event.brightness / 8 + 0.8 * n) + 1.7 * n
            )
            out += np.float32(flutter) * np.exp(-2 * near / radius**2)
        return out

    def _gusts(self) -> Field:
        """A smooth random push that changes over tenths of a second."""
        fresh = self._rng.standard_normal(self._wind.shape).astype(np.float32)
        self._wind = np.float32(0.92) * self._wind + np.float32(0.39) * fresh
        depth, height, width = self._event.shape
        places = np.linspace(0, self._wind.shape[1] - 1.001, depth)
        out = np.empty((3, *self._event.shape), np.float32)
        for axis in range(3):
            wide = np.stack(
                [
                    cv2.resize(p, (width, height), interpolation=cv2.INTER_CUBIC)
                    for p in self._wind[axis]
                ]
            )
            for k, place in enumerate(places):
                low, part = int(place), np.float32(place % 1)
                out[axis, k] = wide[low] * (1 - part) + wide[low + 1] * part
        seen = np.clip(self.box.heat + self.box.soot + 0.08, 0, 1)
        return np.asarray(out * (seen * np.float32(self._event.gusts)), np.float32)

    def advance(self, seconds: float) -> None:
        """Go on by one frame."""
        event = self._event
        dt = seconds / event.substeps
        for _ in range(event.substeps):
            source = self._sources()
            self.box.step(
                dt,
                source * np.float32(event.fuel),
                source * np.float32(event.heat),
                source * np.float32(event.soot),
                self._gusts(),
            )
            if not event.fuel:
                # Smoke from a smoulder: warm enough to rise, too cool to glow.
                np.minimum(self.box.heat, np.float32(0.118), out=self.box.heat)
            self._time += dt


class Studio:
    """Puts the frames of one clip together."""

    def __init__(self, clip: Clip, samples: int, seed: int = 5) -> None:
        self._clip = clip
        self._back = trace_background(clip.scene, samples)
        view = clip.scene.view
        self._basis = view.basis()
        self._sensor = Sensor(clip.title, view.width, view.height, clip.scene.exposure, seed)
        self._burning = Burning(clip.event, clip.scene, seed) if clip.event else None
        self._rng = np.random.default_rng(seed)
        self._buzz = 1.0

    def _steady(self) -> tuple[Array, Array]:
        """Light from all around, and from sun or lamps, now."""
        light, clip = self._back.light, self._clip
        if clip.scene.sun[3] > 0:
            return light[:, :, SKY] * (0.75 * clip.room), light[:, :, SUN] * (1.5 * clip.room)
        # A tired tube: mostly on, at times stuttering.
        self._buzz = float(self._rng.choice([1.0, 0.25, self._buzz], p=[0.25, 0.1, 0.65]))
        lamps = (light[:, :, LAMPS] + self._buzz * light[:, :, FLICKER]) * clip.room
        return 0.35 * lamps, 0.65 * lamps

    def _draw_cast(
        self, frame: Array, depth: Array, ambient: Array, direct: Array, at: float
    ) -> None:
        clip, still = self._clip, self._back.still
        view = clip.scene.view
        outdoors = clip.scene.sun[3] > 0
        lamps = (
            clip.scene.lamps[clip.scene.lamps[:, 7] < FIRE_LOW]
            if not outdoors
            else clip.scene.lamps
        )
        if outdoors:
            around, straight = np.array([0.42, 0.46, 0.55]), np.array([1.5, 1.4, 1.2])
        else:
            around, straight = np.full(3, 0.45 * clip.room), np.full(3, 0.9 * clip.room)
        for n, actor in enumerate(clip.cast):
            if actor.path.gone(at):
                continue
            solids = Solids()
            actor.build(solids, at)
            body = world(solids)
            window = actors.window_of(
                body, self._basis, view.width, view.height, 2.6 if outdoors else 1.0
            )
            if window[0] >= window[1] or window[2] >= window[3]:
                continue
            actors.draw(
                body.rows, body.planes, body.bounds, body.links,
                still.rows, still.planes, still.bounds, still.links,
                self._basis, frame, ambient, direct, depth, window,
                clip.scene.sun, lamps, around, straight, int(at * 1000) + n,
            )  # fmt: skip

    def _draw_gas(
        self, frame: Array, depth: Array, burning: Burning, event: Event, number: int
    ) -> Array:
        """Light the scene by the flames, then draw the gas over it."""
        clip, box = self._clip, burning.box
        lit, low, high = volume.firelight_on_smoke(
            box.heat, burning.ramp, event.brightness, event.cell
        )
        glow = np.array([1.0, 0.42, 0.11])
        if event.brightness:
            light = self._back.light
            frame = frame + 0.8 * glow * (
                low * light[:, :, FIRE_LOW] + high * light[:, :, FIRE_HIGH]
            )
        sun = clip.scene.sun
        toward = burning.axes @ (sun[:3] if sun[3] > 0 else np.array([0.0, 1.0, 0.0]))
        sunlit = volume.shade(box.soot, toward, event.density, event.cell)
        if sun[3] > 0:
            straight, around = np.array([1.45, 1.36, 1.22]), np.array([0.52, 0.55, 0.6])
        else:
            straight = around = np.full(3, 0.07 * clip.room)
        view = clip.scene.view
        everywhere = np.array([0, view.height, 0, view.width], np.int64)
        volume.march(
            box.heat if event.brightness else np.zeros_like(box.heat), box.soot, sunlit, lit,
            burning.ramp, self._basis, frame, depth, everywhere, burning.origin, burning.axes,
            event.cell, event.brightness, event.density, 1.5, straight, around, 0.06 * glow, number,
        )  # fmt: skip
        return frame

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Yield each frame: uint8 (height, width, 3), RGB."""
        clip = self._clip
        for number in range(round(clip.seconds * FPS)):
            at = number / FPS
            ambient, direct = self._steady()
            frame = ambient + direct
            depth = self._back.depth.copy()
            self._draw_cast(frame, depth, ambient, direct, at)
            if self._burning is not None and clip.event is not None and at >= clip.event.begins:
                self._burning.advance(1 / FPS)
                frame = self._draw_gas(frame, depth, self._burning, clip.event, number)
            yield self._sensor.expose(frame, moment(clip.start, at))
