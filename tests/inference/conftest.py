"""Bundles that are built once for all tests of this room."""

import pytest

from monitor.inference.bundle import Bundle
from tests.support.bundles import tiny_bundle, tiny_keras_bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle with its OpenVINO form alone."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_keras(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle with both forms."""
    return tiny_keras_bundle(tmp_path_factory.mktemp("tiny-keras"))
