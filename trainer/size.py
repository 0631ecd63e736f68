"""The size of what the network sees, for those who need nothing else of it."""

SIZE = 299
"""Width and height of the model's input, pixels."""
