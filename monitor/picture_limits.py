"""What is too large to be decoded, or too small to show anything, as a picture or
in a video; apart from ``image``, which loads OpenCV."""

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded: 192 MB as RGB; the largest common cameras give 61 million."""

MIN_SIDE = 4
"""Smallest side of a picture file that is scored, pixels: whatever the model says of less comes
from the scaling."""
