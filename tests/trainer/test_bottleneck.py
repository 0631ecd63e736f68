from pathlib import Path

import numpy as np

from tests.support.backbones import write_tiny_backbone
from tests.support.pictures import write_folders
from trainer.backbone import load_backbone
from trainer.bottleneck import Bottlenecks, compute_bottlenecks
from trainer.dataset import scan


def test_a_second_run_finds_what_the_first_computed_to_the_last_bit(tmp_path: Path) -> None:
    examples = scan(write_folders(tmp_path / "images", 6))
    (tmp_path / "images" / "fire" / "fire-03.jpg").write_bytes(b"\xff\xd8\xff")
    backbone = load_backbone(str(write_tiny_backbone(tmp_path / "tiny")))

    def run() -> Bottlenecks:
        return compute_bottlenecks(examples, backbone, tmp_path / "cache", lambda _: None)

    first, again = run(), run()
    readable = [e.name for e in examples if e.name != "fire/fire-03.jpg"]
    assert [e.name for e in first.examples] == [e.name for e in again.examples] == readable
    assert [broken.example.name for broken in first.unreadable] == ["fire/fire-03.jpg"]
    assert first.digests == again.digests
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.thumbnails, again.thumbnails)
