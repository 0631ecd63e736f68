"""What holds for all tests."""

from hypothesis import settings

# A busy machine is no fault of the code: time is measured by the benchmark, not by property tests.
settings.register_profile("emberwatch", deadline=None)
settings.load_profile("emberwatch")
