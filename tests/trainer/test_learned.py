import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import TrainingError
from monitor.inference.bundle import load_bundle, write_manifest
from tests.support.bundles import tiny_bundle
from trainer.dataset import Dataset, Example, Side
from trainer.learned import (
    LEARNED_NAME,
    Learned,
    learned_by,
    read_learned,
    unseen,
    write_learned,
)

prefixes = st.sets(st.binary(min_size=8, max_size=8).map(bytes.hex)).map(frozenset)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def example(name: str, side: Side = Side.TRAIN, source: str = "", label: str = "fire") -> Example:
    return Example(Path(name), name, label, name, side, source=source)


@given(prefixes, st.booleans())
def test_a_list_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, known: frozenset[str], complete: bool
) -> None:
    folder = tmp_path_factory.mktemp("list")
    write_learned(folder, Learned(known, complete))
    assert read_learned(folder / LEARNED_NAME) == Learned(known, complete)


def test_the_list_is_sorted_and_short(tmp_path: Path) -> None:
    write_learned(tmp_path, Learned(frozenset({"b" * 16, "a" * 16})))
    assert (tmp_path / LEARNED_NAME).read_text().splitlines()[1:] == ["a" * 16, "b" * 16]


@pytest.mark.parametrize("text", ["abc\n", "A" * 16 + "\n", "a" * 17 + "\n", "\n"])
def test_a_list_that_is_none_names_the_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / LEARNED_NAME
    path.write_text("# a remark\n" + text)
    with pytest.raises(TrainingError, match="line 2 is no start of a sha256"):
        read_learned(path)


def test_only_the_training_side_is_learned_and_what_was_known_stays() -> None:
    examples = (example("a"), example("b", Side.TEST), example("c", Side.VALIDATION))
    found = Learned(frozenset({"f" * 16})).extended(
        Dataset(("fire",), examples), [digest(name) for name in "abc"]
    )
    assert found.prefixes == {"f" * 16, digest("a")[:16]}


def test_a_group_with_one_learned_picture_is_known_whatever_its_name() -> None:
    known = Learned(frozenset({digest("a")[:16]}))
    group = [Example(Path(n), n, "fire", "scene") for n in ("renamed", "other")]
    assert known.groups([*group, example("z")], [digest(n) for n in "abz"]) == {"scene"}


def test_a_clip_of_which_a_frame_was_learned_is_known_by_its_other_frames() -> None:
    frame = example("clip/a.mp4/1.jpg", source="c" * 16)
    known = Learned(frozenset()).extended(Dataset(("fire",), (frame,)), [digest("1")])
    other = example("clip/a.mp4/9.jpg", source="c" * 16)
    assert known.groups([other], [digest("another frame")]) == {other.group}


def test_a_picture_without_a_clip_is_not_known_by_that() -> None:
    assert not Learned(frozenset({"c" * 16})).groups([example("a")], [digest("a")])


def test_a_bundle_without_a_list_is_one_that_does_not_say(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "older")
    found = learned_by(str(tmp_path / "older"))
    assert found == Learned(frozenset(), complete=False)
    assert learned_by("imagenet") is None


def test_what_follows_from_an_incomplete_list_is_incomplete() -> None:
    found = Learned(frozenset(), complete=False).extended(
        Dataset(("fire",), (example("a"),)), [digest("a")]
    )
    assert not found.complete


def test_a_label_with_too_few_unseen_test_pictures_is_told_with_numbers() -> None:
    known = [example(str(n)) for n in range(30)]
    new = [example(f"new {n}", Side.TEST) for n in range(3)]
    calm = [example(f"calm {n}", Side.TEST, label="misc") for n in range(3)]
    dataset = Dataset(("fire", "misc"), (*known, *new, *calm))
    found = unseen(dataset, frozenset(e.group for e in known), True)
    assert found.scarce == ("fire",)
    (sentence,) = found.warnings
    assert "from 30 of its 33 pictures; 3 that it has not seen" in sentence
    assert found.metrics() == {
        "learned_before": 30, "unseen_test_fire": 3, "unseen_test_misc": 3,
    }  # fmt: skip


def test_an_older_bundle_warns_once_and_says_so_in_the_metrics() -> None:
    found = unseen(Dataset(("fire",), (example("a"),)), frozenset(), False)
    assert len(found.warnings) == 1
    assert found.metrics()["learned_before_unknown"] == 1


def test_a_changed_list_is_refused_with_its_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    tiny_bundle(folder)
    (folder / LEARNED_NAME).write_text("# first\n")
    write_manifest(folder, load_bundle(folder).manifest)
    assert learned_by(str(folder)) == Learned(frozenset())
    (folder / LEARNED_NAME).write_text("# another\n")
    with pytest.raises(TrainingError, match=r"learned\.txt was changed"):
        learned_by(str(folder))
