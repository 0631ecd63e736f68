"""From light to the picture that a cheap camera sends: glare, exposure, noise, sharpening, text."""

from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Sensor:
    """One camera's electronics; they keep their exposure from frame to frame."""

    def __init__(self, name: str, width: int, height: int, exposure: float, seed: int) -> None:
        self._name = name
        self._exposure = exposure
        self._gain = 1.0
        self._rng = np.random.default_rng(seed)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        a, b = (x - width / 2) / (width / 2), (y - height / 2) / (width / 2)
        square = a * a + b * b
        # A little barrel, scaled so that the corners stay inside.
        bend = (1 + 0.055 * square) / (1 + 0.055 * square.max())
        self._map_x = (a * bend * width / 2 + width / 2).astype(np.float32)
        self._map_y = (b * bend * width / 2 + height / 2).astype(np.float32)
        self._falloff = (1 / (1 + 0.28 * square) ** 2)[..., None].astype(np.float32)

    def expose(self, light: Array, when: datetime) -> NDArray[np.uint8]:
        """Turn linear light (height, width, 3) into uint8 RGB of the same size."""
        light = light.astype(np.float32)
        capped = np.minimum(light, 30.0)
        height, width = light.shape[:2]
        small = cv2.resize(capped, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        wide = 0.03 * cv2.GaussianBlur(small, (0, 0), 2.5) + 0.02 * cv2.GaussianBlur(
            small, (0, 0), 9.0
        )
        glare = 0.07 * cv2.GaussianBlur(capped, (0, 0), 2.0) + cv2.resize(wide, (width, height))
        seen = (0.9 * light + glare) * self._falloff * np.float32(self._exposure)
        # Automatic exposure follows the mean slowly, and only part of the way.
        wanted = float(np.clip((0.30 / np.minimum(seen, 1.5).mean()) ** 0.55, 0.45, 1.3))
        self._gain += 0.08 * (wanted - self._gain) if self._gain != 1.0 else wanted - 1.0
        seen = seen * np.float32(self._gain)
        signal = 1 - np.exp(np.float32(-1.25) * seen)
        noise = np.float32(0.8) * self._rng.standard_normal(signal.shape[:2], np.float32)[..., None]
        half = (signal.shape[0] // 2, signal.shape[1] // 2, 3)
        blotch = cv2.resize(self._rng.standard_normal(half, np.float32), signal.shape[1::-1])
        signal = signal + (noise + np.float32(0.6) * blotch) * (
            0.0035 + 0.011 * np.sqrt(np.clip(signal, 0, 1))
        )
        picture = np.clip(signal, 0, 1) ** (1 / 2.2)
        picture = cv2.remap(
            picture, self._map_x, self._map_y, cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )  # fmt: skip
        picture = picture + 0.45 * (picture - cv2.GaussianBlur(picture, (0, 0), 1.1))
        out = np.ascontiguousarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
        stamp = when.strftime("%Y-%m-%d %H:%M:%S")
        for text, corner in ((stamp, (14, 24)), (self._name, (14, out.shape[0] - 14))):
            for colour, thick in (((0, 0, 0), 3), ((245, 245, 245), 1)):
                cv2.putText(
                    out, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.52, colour, thick, cv2.LINE_AA
                )
        return out


def moment(start: datetime, seconds: float) -> datetime:
    """The wall clock of the scene."""
    return start + timedelta(seconds=seconds)
