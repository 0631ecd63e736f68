"""The real daemon with a candidate model: alerts are raised whatever becomes of it."""

from pathlib import Path

import yaml

from tests.support.bundles import FIRE_COLOUR, plain, tiny_bundle
from tests.support.daemon import running_daemon, wait_for, write_config
from tests.support.pictures import write_picture

SECONDS = 120.0
"""The candidate has a lower priority, and the machine may be busy."""


def test_a_candidate_comes_and_goes_with_reloads_and_a_broken_one_harms_nothing(
    tmp_path: Path,
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index, shade in enumerate((0, 8, 16, 24)):
        colour = (FIRE_COLOUR[0], FIRE_COLOUR[1] + shade, FIRE_COLOUR[2])
        write_picture(pictures / f"{index}.jpg", plain(colour))
    camera = {"name": "yard", "url": str(pictures), "loop": True, "fps": 5}
    path = write_config(tmp_path, [camera])
    document = yaml.safe_load(path.read_text("utf-8"))

    def configure(bundle: str | None) -> None:
        inference = dict(document["inference"])
        if bundle is not None:
            inference["shadow"] = {"bundle": bundle, "share": 1.0}
        path.write_text(yaml.safe_dump({**document, "inference": inference}), "utf-8")

    configure("missing")
    with running_daemon(path) as daemon:
        daemon.wait_logged("shadow_given_up", "missing")
        wait_for(daemon.ready, "the daemon is ready", SECONDS)
        assert daemon.value("shadow_up") == 0
        wait_for(
            lambda: daemon.value("alert_state", camera="yard", alert="fire") == 2,
            "the alert fires",
            SECONDS,
        )

        tiny_bundle(tmp_path / "candidate")
        configure("candidate")
        daemon.reload()
        wait_for(
            lambda: (daemon.value("shadow_frames_total", camera="yard") or 0) > 2,
            "the candidate scores",
            SECONDS,
        )
        for kind in ("label", "raised", "missed"):
            assert daemon.value("shadow_disagreements_total", camera="yard", kind=kind) == 0

        configure(None)
        daemon.reload()
        wait_for(lambda: daemon.value("shadow_up") is None, "the candidate is gone", SECONDS)
        assert not daemon.logged("model_loading")
        scored = daemon.scored("yard")
        wait_for(lambda: daemon.scored("yard") > scored, "watching goes on", SECONDS)
        wait_for(daemon.ready, "the daemon is ready", SECONDS)
