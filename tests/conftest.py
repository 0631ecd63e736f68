"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: time is measured by the benchmark, not by property tests.
settings.register_profile("emberwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emberwatch")
