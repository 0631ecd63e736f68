"""The model of a configuration, in the engine that it names, warm."""

import os
from pathlib import Path

from monitor.config import Config
from monitor.inference.bundle import Bundle
from monitor.inference.load import load_engine
from monitor.inference.swap import Loaded


def load_model(config: Config, bundle: Bundle) -> Loaded:
    """The bundle in the engine that the configuration wants, warm. Takes seconds.

    Raises:
        BundleError: the bundle lacks what the engine needs.
        EngineError: the engine cannot run here.
    """
    inference = config.inference
    engine = load_engine(
        bundle,
        inference.engine,
        precision=inference.precision,
        threads=inference.threads,
        max_batch=inference.batch.max_size,
        cache_dir=cache_dir(config),
    )
    engine.warm_up()
    return Loaded(bundle, engine)


def cache_dir(config: Config) -> Path:
    """Where compiled models are kept: systemd's CacheDirectory, else beside the state."""
    given = os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else config.state_dir / "cache"
