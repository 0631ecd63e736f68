"""The camera's own state, from sequences of pictures."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from monitor.ingest.frame import Health
from monitor.ingest.health import HealthJudge, thumbnail
from monitor.layout import Image
from tests.support.clips import make_clip
from tests.support.sources import frames_of, settings_for

Picture = NDArray[np.uint8]


def scene(rows: int = 180, columns: int = 320, level: float = 110.0) -> NDArray[np.float64]:
    """A still scene with objects of several sizes."""
    random = np.random.default_rng(7)
    picture = np.full((rows, columns), level)
    for side in (6, 20, 50):
        cells = random.normal(0, 18, (rows // side + 1, columns // side + 1))
        picture += np.kron(cells, np.ones((side, side)))[:rows, :columns]
    return picture


def seen(picture: NDArray[np.float64], noise: float, index: int) -> Picture:
    """What a camera with this noise gives of it."""
    random = np.random.default_rng(index)
    noisy = picture + random.normal(0, noise, picture.shape) if noise else picture
    grey = np.clip(noisy, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def with_clock(picture: Picture, index: int) -> Picture:
    """The same with a clock in a corner, different each time."""
    shown = picture.copy()
    digits = np.random.default_rng(index).integers(0, 2, (2, 12)) * 255
    shown[4:16, 4:76] = np.kron(digits, np.ones((6, 6)))[..., None].astype(np.uint8)
    return shown


def judge(pictures: list[Picture], every_seconds: float = 1.0) -> list[Health]:
    judged = HealthJudge()
    return [
        judged.update(Image.of(picture), index * every_seconds)
        for index, picture in enumerate(pictures)
    ]


@pytest.mark.parametrize("noise", [1.0, 3.0])
@pytest.mark.parametrize("level", [40.0, 110.0])
def test_a_still_scene_with_sensor_noise_is_healthy(noise: float, level: float) -> None:
    still = scene(level=level)
    assert set(judge([seen(still, noise, index) for index in range(120)])) == {Health.OK}


def test_a_frozen_picture_is_told_after_the_window_and_not_before() -> None:
    frozen = seen(scene(), 3.0, 0)
    states = judge([frozen] * 60)
    assert states[:30] == [Health.OK] * 30
    assert set(states[31:]) == {Health.FROZEN}


def test_a_camera_that_tingled_until_then_is_found_frozen_sooner() -> None:
    alive = [seen(scene(), 2.0, index) for index in range(40)]
    states = judge([*alive, *[alive[-1]] * 30])
    assert set(states[:54]) == {Health.OK}
    assert set(states[55:]) == {Health.FROZEN}


def test_a_judge_that_resumes_a_picture_that_tingled_finds_it_frozen_as_soon() -> None:
    alive = [seen(scene(), 2.0, index) for index in range(40)]
    first = HealthJudge()
    for index, picture in enumerate([*alive, *[alive[-1]] * 16]):
        state = first.update(Image.of(picture), float(index))
    assert state is Health.FROZEN
    second = HealthJudge()
    second.resume(Image.of(alive[-1]), first.still_since, first.still_from_lively)
    assert second.update(Image.of(alive[-1]), 56.0) is Health.FROZEN


def test_a_quiet_encoder_that_shows_noise_now_and_then_gets_the_longer_window() -> None:
    """Noise in the key frames alone, every fourth picture; then 25 s without any."""
    pictures = [seen(scene(), 2.0, index // 4) for index in range(80)]
    states = judge([*pictures, *[pictures[-1]] * 25])
    assert set(states) == {Health.OK}


def test_motion_in_a_scene_without_noise_does_not_shorten_the_window() -> None:
    """Somebody passes every 20 s; long ago the camera had noise."""
    still = seen(scene(), 0.0, 0)
    pictures = [seen(scene(), 2.0, index) for index in range(60)]
    pictures += [still if index % 20 else with_flame(still, index) for index in range(240)]
    states = judge(pictures)
    assert set(states[:60]) == {Health.OK}
    assert Health.FROZEN not in states[180:]


def test_a_loop_of_living_pictures_is_told_after_minutes_and_scored() -> None:
    loop = [seen(scene(), 2.0, index) for index in range(7)]
    judged = HealthJudge()
    states = [judged.update(Image.of(loop[index % 7]), float(index)) for index in range(330)]
    assert set(states[:300]) == {Health.OK}
    assert set(states[308:]) == {Health.LOOPED}
    assert Health.LOOPED.scorable
    assert judged.update(Image.of(seen(scene(), 2.0, 100)), 330.0) is Health.OK
    meant = HealthJudge(may_loop=True)
    assert {meant.update(Image.of(loop[index % 7]), float(index)) for index in range(330)} == {
        Health.OK
    }


def test_a_clock_in_a_frozen_picture_does_not_hide_it() -> None:
    frozen = seen(scene(), 3.0, 0)
    states = judge([with_clock(frozen, index) for index in range(60)])
    assert set(states[31:]) == {Health.FROZEN}


def with_flame(picture: Picture, index: int, top: int = 90, left: int = 140) -> Picture:
    """The same with a small flame that flickers: 2 % of the area."""
    shown = picture.copy()
    flicker = np.random.default_rng(index).integers(120, 256, (6, 6))
    shown[top : top + 36, left : left + 36] = np.kron(flicker, np.ones((6, 6)))[..., None]
    return shown


@pytest.mark.parametrize("clock", [False, True])
@pytest.mark.parametrize("top", [90, 144])
def test_a_small_flame_in_a_scene_without_noise_is_scored(clock: bool, top: int) -> None:
    still = seen(scene(), 0.0, 0)
    pictures = [with_clock(still, index) if clock else still for index in range(40)]
    pictures += [with_flame(pictures[index % 40], index, top) for index in range(40, 120)]
    states = judge(pictures)
    assert states[39] is Health.FROZEN
    assert set(states[40:]) == {Health.OK}
    after = judge(pictures + [pictures[0]] * 40)
    assert after[-1] is Health.FROZEN


def with_plume(picture: Picture, levels: int, area: tuple[slice, slice]) -> Picture:
    """The same, brighter or darker by so many levels where slow smoke stands."""
    shown = picture.astype(np.int16)
    shown[area] += levels
    return np.clip(shown, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("clock", [False, True])
def test_smoke_that_brightens_by_a_level_a_second_is_not_frozen(clock: bool) -> None:
    still = seen(scene(), 0.0, 0)
    area = (slice(60, 180), slice(0, 200))
    pictures = [with_plume(still, min(85, max(0, index - 5)), area) for index in range(180)]
    if clock:
        pictures = [with_clock(picture, index) for index, picture in enumerate(pictures)]
    states = judge(pictures)
    assert Health.FROZEN not in states[:90]
    assert states[-1] is Health.FROZEN


def test_smoke_that_drifts_at_the_edge_is_not_taken_for_the_clock() -> None:
    still = seen(scene(), 0.0, 0)
    area = (slice(150, 180), slice(0, 320))
    pictures = [with_clock(with_plume(still, index, area), index) for index in range(100)]
    assert set(judge(pictures)[45:]) == {Health.OK}


def test_what_brightens_little_by_little_until_it_is_white_is_not_frozen_at_once() -> None:
    still = seen(scene(), 0.0, 0)
    area = (slice(28, 69), slice(0, 41))
    pictures = [with_plume(still, 6 * min(23, max(0, index - 16)), area) for index in range(80)]
    states = judge([with_clock(picture, index) for index, picture in enumerate(pictures)])
    assert Health.FROZEN not in states[:68]
    assert set(states[71:]) == {Health.FROZEN}


def test_a_frozen_picture_whose_clock_runs_is_found_as_soon_after_slow_smoke() -> None:
    still = seen(scene(), 0.0, 0)
    area = (slice(60, 180), slice(0, 200))
    pictures = [with_plume(still, min(20, index), area) for index in range(80)]
    states = judge([with_clock(picture, index) for index, picture in enumerate(pictures)])
    assert Health.FROZEN not in states[:44]
    assert set(states[51:]) == {Health.FROZEN}


@given(
    steps=st.lists(st.integers(0, 6), min_size=40, max_size=90),
    brighter=st.booleans(),
    top=st.integers(28, 130),
    left=st.integers(0, 310),
    side=st.integers(10, 200),
    clock=st.booleans(),
)
def test_what_has_added_up_within_the_window_is_not_frozen(
    steps: list[int], brighter: bool, top: int, left: int, side: int, clock: bool
) -> None:
    """However small each step is."""
    still = seen(scene(), 0.0, 0)
    area = (slice(top, top + side), slice(left, left + side))
    levels = np.cumsum(steps) * (1 if brighter else -1)
    pictures = [with_plume(still, int(level), area) for level in levels]
    shown = [with_clock(p, n) for n, p in enumerate(pictures)] if clock else pictures
    looked_at = [thumbnail(Image.of(picture))[14:70].astype(np.int16) for picture in pictures]
    for index, state in enumerate(judge(shown)[30:], 30):
        if np.abs(looked_at[index] - looked_at[index - 30]).max() > 6:
            assert state is not Health.FROZEN


def test_a_flame_that_burns_from_the_beginning_is_scored() -> None:
    still = seen(scene(), 0.0, 0)
    pictures = [with_flame(with_clock(still, index), index) for index in range(90)]
    assert set(judge(pictures)) == {Health.OK}


def test_the_minutes_of_a_clock_may_change_beside_its_seconds() -> None:
    frozen = seen(scene(), 3.0, 0)
    pictures = []
    for index in range(100):
        shown = frozen.copy()
        shown[4:16, 60:70] = 255 * (index % 2)
        shown[4:16, 25:35] = 255 * (index // 60)
        pictures.append(shown)
    assert set(judge(pictures)[31:]) == {Health.FROZEN}


def test_a_judge_that_resumes_finds_the_clock_again() -> None:
    frozen = seen(scene(), 3.0, 0)
    judged = HealthJudge()
    judged.resume(Image.of(frozen), 0.0)
    # Five pictures a second, and the clock moves once a second.
    states = [
        judged.update(Image.of(with_clock(frozen, 40 + index // 5)), 40 + index / 5)
        for index in range(500)
    ]
    assert set(states) == {Health.FROZEN}


def test_the_first_picture_that_moves_again_is_healthy() -> None:
    still = scene()
    frozen = seen(still, 3.0, 0)
    states = judge([frozen] * 40 + [seen(still, 3.0, index) for index in range(1, 5)])
    assert states[39] is Health.FROZEN
    assert states[40:] == [Health.OK] * 4


def test_a_judge_that_resumes_finds_a_frozen_picture_frozen_at_once() -> None:
    frozen = seen(scene(), 3.0, 0)
    first = HealthJudge()
    for index in range(40):
        first.update(Image.of(with_clock(frozen, index)), float(index))
    assert first.still_since == 0.0
    second = HealthJudge()
    second.resume(Image.of(with_clock(frozen, 39)), first.still_since)
    assert second.update(Image.of(with_clock(frozen, 41)), 41.0) is Health.FROZEN
    third = HealthJudge()
    third.resume(Image.of(with_clock(frozen, 39)), first.still_since)
    assert third.update(Image.of(seen(scene(), 3.0, 42)), 42.0) is Health.OK


def test_a_judge_that_resumes_goes_on_counting_where_the_other_was() -> None:
    frozen = seen(scene(), 3.0, 0)
    first = HealthJudge()
    for index in range(20):
        first.update(Image.of(frozen), float(index))
    second = HealthJudge()
    second.resume(Image.of(frozen), first.still_since)
    states = [second.update(Image.of(frozen), float(index)) for index in range(20, 35)]
    assert states == [Health.OK] * 10 + [Health.FROZEN] * 5


def test_a_scene_that_lives_is_not_still() -> None:
    judged = HealthJudge()
    for index in range(20):
        judged.update(Image.of(seen(scene(), 3.0, index)), float(index))
    assert judged.still_since == 19.0


def test_a_few_pictures_do_not_make_a_freeze_however_rare_they_are() -> None:
    states = judge([seen(scene(), 3.0, 0)] * 5, every_seconds=60.0)
    assert set(states) == {Health.OK}


def test_a_scene_clipped_to_black_but_for_a_lamp_is_not_frozen() -> None:
    night = np.zeros((180, 320)) - 20
    night[40:80, 100:160] = 120
    night[140:180, :] = 30
    assert Health.FROZEN not in judge([seen(night, 2.0, index) for index in range(90)])


@pytest.mark.parametrize(
    ("noise", "clock", "expected"),
    [(0.0, False, Health.FROZEN), (0.0, True, Health.FROZEN), (0.7, False, Health.OK)],
)
def test_it_holds_for_strongly_compressed_video(
    noise: float, clock: bool, expected: Health, tmp_path: Path
) -> None:
    still = scene(360, 640)

    def picture(index: int) -> Picture:
        shown = seen(still, noise, index)
        return with_clock(shown, index) if clock else shown

    clip = make_clip(tmp_path / "clip.mp4", picture, seconds=50, fps=5, gop=20, bit_rate=200_000)
    judged = HealthJudge()
    states = Counter(
        judged.update(frame.image, frame.media_seconds)
        for frame in frames_of(settings_for(clip, fps=1))
    )
    if expected is Health.OK:
        assert set(states) == {Health.OK}
    else:
        assert states[Health.FROZEN] >= 10


def test_dark_and_blown_out_pictures() -> None:
    assert judge([seen(np.full((90, 160), 5.0), 2.0, 0)]) == [Health.DARK]
    assert judge([seen(np.full((90, 160), 254.0), 2.0, 0)]) == [Health.BRIGHT]


def test_a_flame_in_the_dark_does_not_make_it_light() -> None:
    night = np.full((180, 320), 4.0)
    night[80:95, 100:112] = 255
    assert judge([seen(night, 2.0, 0)]) == [Health.DARK]


def test_a_covered_lens_is_told_once_the_scene_is_known() -> None:
    still = scene()
    covered = np.full_like(still, 90.0)
    known = [seen(still, 2.0, index) for index in range(90)]
    states = judge(known + [seen(covered, 2.0, index) for index in range(30)])
    assert set(states[:100]) == {Health.OK}
    assert set(states[101:]) == {Health.COVERED}


def test_an_uncovered_lens_is_healthy_at_once() -> None:
    still = scene()
    covered = np.full_like(still, 90.0)
    pictures = [seen(still, 2.0, index) for index in range(90)]
    pictures += [seen(covered, 2.0, index) for index in range(30)]
    pictures += [seen(still, 2.0, 1000)]
    assert judge(pictures)[-1] is Health.OK


def test_a_plain_wall_is_not_covered() -> None:
    wall = np.full((180, 320), 160.0)
    assert set(judge([seen(wall, 2.0, index) for index in range(150)])) == {Health.OK}


def test_a_change_of_size_starts_anew() -> None:
    judged = HealthJudge()
    picture = seen(scene(), 2.0, 0)
    for second in range(40):
        state = judged.update(Image.of(picture), float(second))
    assert state is Health.FROZEN
    assert judged.update(Image.of(picture[:90]), 40.0) is Health.OK


@given(
    picture=hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    times=st.lists(st.floats(0, 1e6), max_size=8),
)
def test_any_pictures_and_times_are_survived(picture: Picture, times: list[float]) -> None:
    judged = HealthJudge()
    for at in times:
        assert judged.update(Image.of(picture), at) in Health


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_thumbnails_are_small(rows: int, columns: int) -> None:
    picture = np.broadcast_to(np.uint8(7), (rows, columns, 3))
    small = thumbnail(Image.of(picture))
    assert small.shape[0] <= min(rows, 144)
    assert small.shape[1] <= min(columns, 256)
    assert (small == 7).all()


def test_a_camera_that_was_turned_is_told() -> None:
    elsewhere = np.roll(scene(), 90, axis=1)
    judged = HealthJudge()
    states = [judged.update(Image.of(seen(scene(), 3.0, n)), 20.0 * n) for n in range(40)]
    states += [judged.update(Image.of(seen(elsewhere, 3.0, n)), 20.0 * n) for n in range(40, 50)]
    assert set(states[:40]) == {Health.OK}
    assert states[-1] is Health.MOVED
    assert Health.MOVED.scorable
