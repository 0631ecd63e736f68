import resource
from collections.abc import Iterator

import pytest

from monitor.errors import ConfigError
from monitor.ingest.descriptors import allow_descriptors


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_as_far_as_needed_and_never_lowered() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (600, hard))
    allow_descriptors(500)
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert raised >= 1500
    allow_descriptors(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == raised


def test_a_hard_limit_that_is_too_low_is_said_with_the_cure() -> None:
    with pytest.raises(ConfigError, match="LimitNOFILE"):
        allow_descriptors(10**12)
