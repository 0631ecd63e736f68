from collections import Counter
from pathlib import Path

import numpy as np

from tests.support.pictures import write_folders, write_picture
from trainer.augment import Recipe
from trainer.dataset import Example, scan
from trainer.views import Pictures, Sampler

LABELS = ("fire", "misc", "smoke")


def sampler(folder: Path, batch_size: int = 8) -> Sampler:
    shares = {"fire": 0.6, "misc": 0.4, "smoke": 0.0}
    return Sampler(scan(folder), LABELS, shares, "misc", Recipe(small=0.5), batch_size, seed=3)


def test_a_step_gives_the_same_batch_each_time_and_steps_differ(tmp_path: Path) -> None:
    write_folders(tmp_path, 6)
    first, again, other = (sampler(tmp_path).batch(step) for step in (4, 4, 5))
    np.testing.assert_array_equal(first.pictures, again.pictures)
    assert (first.pictures != other.pictures).any()


def test_labels_are_drawn_by_their_shares(tmp_path: Path) -> None:
    write_folders(tmp_path, 6)
    counts = Counter(sampler(tmp_path, 200).batch(0).targets.tolist())
    assert 2 not in counts
    assert 95 < counts[0] < 145


def test_large_pictures_are_kept_small(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "large.png", np.zeros((900, 1200, 3), np.uint8))
    assert Pictures([Example(path, "large.png", "misc", "")]).read(0).shape == (400, 533, 3)
