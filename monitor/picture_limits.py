"""What is too large to be decoded, as a picture or in a video; apart from ``image``, which loads
OpenCV."""

MAX_PIXELS = 64_000_000
"""Largest picture that is decoded: 192 MB as RGB; the largest common cameras give 61 million."""
