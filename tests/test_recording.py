"""Recorded scores: what is written is read back, whatever happens in between."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.inference.scored import Region, ScoredFrame, ScoredRegion
from monitor.recording import Recorder, RecordingError, Source, read_recording

LABELS = ("fire", "misc", "smoke")
NOON = 1_700_000_000.0 - 1_700_000_000.0 % 3600


def source(*regions: str, bundle: str = "abc") -> Source:
    return Source(LABELS, regions or ("full",), bundle, 1.0)


def frame(at: float, fire: float, camera: str = "dock", wall: float | None = None) -> ScoredFrame:
    row = np.array([fire, 1 - fire, 0], np.float32)
    return ScoredFrame(
        camera, 0, NOON + at if wall is None else wall, at, (ScoredRegion(Region("full"), row),)
    )


def test_scores_are_read_back_in_order_within_half_precision(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for at in range(10):
        recorder.add(frame(at + 0.25, at / 10), source())
    recorder.flush()
    (part,) = read_recording(tmp_path)
    assert (part.camera, part.source) == ("dock", source())
    read = list(part.frames())
    assert [f.captured_monotonic for f in read] == pytest.approx([at + 0.25 for at in range(10)])
    assert [f.captured_at for f in read] == pytest.approx([NOON + at + 0.25 for at in range(10)])
    fires = [float(f.regions[0].scores[0]) for f in read]
    assert fires == pytest.approx([at / 10 for at in range(10)], abs=0.0005)


@settings(max_examples=20, deadline=None)
@given(
    gaps=st.lists(st.floats(0.01, 3000), min_size=1, max_size=30),
    flushes=st.sets(st.integers(0, 29)),
)
def test_no_frame_is_lost_or_doubled_over_hours_and_flushes(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[float], flushes: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("scores")
    recorder = Recorder(folder)
    at = 0.0
    times = []
    for index, gap in enumerate(gaps):
        at += gap
        times.append(at)
        recorder.add(frame(at, 0.5), source())
        if index in flushes:
            recorder.flush()
    recorder.flush()
    read = [f.captured_monotonic for part in read_recording(folder) for f in part.frames()]
    assert read == pytest.approx(times, abs=0.001)


def test_an_archive_that_is_being_written_is_never_seen_half(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add(frame(1, 0.5), source())
    recorder.flush()
    (archive,) = (tmp_path / "dock").glob("*.npz")
    (tmp_path / "dock" / "2023-11-14T22Z-9.part").write_bytes(archive.read_bytes()[:100])
    assert len(list(read_recording(tmp_path))) == 1


def test_a_second_recording_into_the_same_folder_overwrites_nothing(tmp_path: Path) -> None:
    for monotonic in (5.0, 1.0):  # the machine was restarted between them
        recorder = Recorder(tmp_path)
        recorder.add(frame(monotonic, 0.5, wall=NOON + 10 - monotonic), source())
        recorder.flush()
    assert [part.monotonic[0] for part in read_recording(tmp_path)] == [5.0, 1.0]


def test_another_model_begins_another_archive(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add(frame(1, 0.5), source(bundle="old"))
    recorder.add(frame(2, 0.5), source(bundle="new"))
    recorder.flush()
    assert [part.source.bundle for part in read_recording(tmp_path)] == ["old", "new"]


def test_a_disk_that_is_full_loses_nothing_once_it_is_freed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add(frame(1, 0.5), source())
    (tmp_path / "dock").write_bytes(b"in the way")  # writing fails, as on a full disk
    for at in (2, 4000):
        recorder.add(frame(at, 0.5), source())
        with pytest.raises(RecordingError, match="dock"):
            recorder.flush()
    (tmp_path / "dock").unlink()
    recorder.flush()
    assert [len(part.monotonic) for part in read_recording(tmp_path)] == [2, 1]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"no archive at all"])
def test_a_broken_archive_is_named(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "dock"
    folder.mkdir()
    (folder / "2026-01-01T00Z.npz").write_bytes(content)
    with pytest.raises(RecordingError, match=r"2026-01-01T00Z\.npz: cannot be read"):
        list(read_recording(tmp_path))


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.add(frame(1, 1.5), source())
    recorder.flush()
    with pytest.raises(RecordingError, match="no probabilities"):
        list(read_recording(tmp_path))


def test_a_folder_without_scores_and_an_unknown_camera_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no recorded scores"):
        list(read_recording(tmp_path / "nowhere"))
    recorder = Recorder(tmp_path)
    recorder.add(frame(1, 0.5), source())
    recorder.flush()
    with pytest.raises(RecordingError, match="no scores of camera 'gate'; there are dock"):
        list(read_recording(tmp_path, ["gate"]))
