from pathlib import Path

import pytest

from tests.support.backbones import write_random_weights


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of Keras's InceptionV3 without its top."""
    return write_random_weights(tmp_path_factory.mktemp("weights") / "random.weights.h5")
