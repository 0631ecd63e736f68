"""The renderer of the demo's footage: rays, gas and electronics, on scenes of a few cells."""

import math
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.render_demo.__main__ import Film
from scripts.render_demo.actors import Car, Person
from scripts.render_demo.actors import Path as Way
from scripts.render_demo.clips import FPS, clips
from scripts.render_demo.fluid import Box, Gas, carry
from scripts.render_demo.geometry import Solids
from scripts.render_demo.rays import FAR, hit, hit_one, world
from scripts.render_demo.sensor import Sensor
from scripts.render_demo.volume import glow_ramp

GREY = (0.5, 0.5, 0.5)
coordinate = st.floats(-3, 3)
place = st.tuples(coordinate, coordinate, coordinate)


def random_solids(seed: int) -> Solids:
    rng = np.random.default_rng(seed)
    solids = Solids()
    for _ in range(12):
        a, b = (tuple(rng.uniform(-3, 3, 3)) for _ in range(2))
        size = tuple(rng.uniform(0.2, 1.5, 3))
        solids.box((a[0], a[1], a[2]), (size[0], size[1], size[2]), GREY, 0, rng.uniform(0, 90))
        solids.capsule((a[0], a[1], a[2]), (b[0], b[1], b[2]), 0.2, GREY)
        solids.cylinder((b[0], b[1], b[2]), (a[0], b[1], b[2]), 0.3, GREY)
    solids.prism(((-1, 0), (1, 0), (0.5, 1)), 1.0, (0, 0, 0), 30, GREY, taper=0.1)
    return solids


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 50), start=place, towards=place)
def test_the_tree_finds_what_asking_every_solid_finds(
    seed: int, start: tuple[float, float, float], towards: tuple[float, float, float]
) -> None:
    direction = np.array(towards) - np.array(start)
    length = float(np.linalg.norm(direction))
    if length < 1e-3:
        return
    dx, dy, dz = (float(part) for part in direction / length)
    x, y, z = start
    scene = world(random_solids(seed))
    found = hit(
        scene.rows, scene.planes, scene.bounds, scene.links, x, y, z, dx, dy, dz, FAR, False
    )
    each = min(hit_one(row, scene.planes, x, y, z, dx, dy, dz)[0] for row in scene.rows)
    assert found[0] == pytest.approx(each)
    assert (found[4] >= 0) == (each < FAR)
    if found[4] >= 0:
        assert math.hypot(*found[1:4]) == pytest.approx(1)


def test_a_ray_meets_a_box_where_it_stands() -> None:
    solids = Solids()
    solids.standing(0, 5, (2, 2, 2), GREY)
    scene = world(solids)
    t, nx, ny, nz, which = hit(
        scene.rows, scene.planes, scene.bounds, scene.links, 0, 1, 0, 0, 0, 1, FAR, False
    )
    assert t == pytest.approx(4)
    assert (nx, ny, nz, which) == (0, 0, -1, 0)


def test_people_walk_on_the_ground_through_all_of_every_clip() -> None:
    for clip in clips().values():
        for person in clip.cast:
            if not isinstance(person, Person):
                continue
            for second in np.arange(0, clip.seconds, 0.5):
                solids = Solids()
                person.build(solids, float(second))
                lowest, highest = world(solids).bounds[0, [1, 4]]
                assert -0.06 < lowest < 0.15
                assert 1.7 < highest < 2.0


def test_cars_stand_on_the_ground_as_wide_as_they_are() -> None:
    car = Car(Way(((0.0, 1.0, 2.0), (1.0, 1.0, 2.5)), stays=True), GREY)
    solids = Solids()
    car.build(solids, 2.0)
    low, high = np.split(world(solids).bounds[0], 2)
    assert low[1] == pytest.approx(0, abs=0.01)
    assert 1.4 < high[1] < 1.6
    assert 1.8 < high[0] - low[0] < 2.5
    assert 4.0 < high[2] - low[2] < 4.6


def test_a_path_is_walked_at_its_times_and_then_left() -> None:
    way = Way(((0.0, 0.0, 0.0), (2.0, 0.0, 4.0), (4.0, 3.0, 4.0)))
    assert way.at(1.0)[:2] == pytest.approx((0.0, 2.0))
    assert way.at(3.0) == pytest.approx((1.5, 4.0, 90.0, 5.5))
    assert not way.gone(3.9)
    assert way.gone(4.0)
    assert not Way(way.points, stays=True).gone(9.0)
    assert isinstance(clips()["yard"].cast[0], Car)
    assert isinstance(clips()["gate"].cast[1], Person)


def gas_box() -> Box:
    return Box((12, 20, 12), 0.1, Gas(2.0, 0.5, 0.1, 10.0, 0.5, 2.0, (0.0, 0.0)))


def test_what_burns_gets_hot_makes_soot_and_rises() -> None:
    box = gas_box()
    shape = box.heat.shape
    fuel = np.zeros(shape, np.float32)
    fuel[5:7, 2:4, 5:7] = 4.0
    calm = np.zeros((3, *shape), np.float32)
    heights = np.arange(shape[1])[None, :, None]
    centres = []
    for _ in range(4):
        box.step(0.05, fuel, fuel, fuel * 0, calm)
        centres.append(float((box.heat * heights).sum() / box.heat.sum()))
    assert centres == sorted(centres)
    assert box.v[5:7, 3:6, 5:7].mean() > 0
    assert box.soot.max() > 0
    assert all(np.isfinite(f).all() for f in (box.u, box.v, box.w, box.heat, box.soot, box.p))


def test_still_gas_stays_where_it_is() -> None:
    still = np.zeros((4, 5, 6), np.float32)
    field = np.random.default_rng(1).random((4, 5, 6), np.float32)
    moved = carry(field, still, still, still, 1.0)
    np.testing.assert_allclose(moved, field, atol=0.01)


def test_hotter_soot_is_brighter_and_never_blue() -> None:
    ramp = glow_ramp()
    assert ramp[0].max() == 0, "cool smoke does not glow"
    assert (np.diff(ramp[:, 0]) >= 0).all()
    assert (ramp[:, 0] >= ramp[:, 1]).all()
    assert (ramp[:, 1] >= ramp[:, 2]).all()


def test_the_sensor_gives_a_noisy_stamped_picture_and_opens_up_in_the_dark() -> None:
    when = datetime(2026, 3, 11, 18, 42, tzinfo=UTC)

    def picture(light: float, seed: int = 1) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        return Sensor("CAM", 160, 96, 1.0, seed).expose(np.full((96, 160, 3), light), when)

    dim, bright = picture(0.05), picture(0.4)
    assert dim.shape == (96, 160, 3)
    assert dim.dtype == np.uint8
    assert dim[40:60].std() > 1, "a picture without noise looks frozen"
    assert bright[40:60].mean() > dim[40:60].mean()
    assert dim[10:26, :150].max() > dim[40:60].max() + 50, "the time stands at the top"
    assert (picture(0.05) == dim).all()
    assert (picture(0.05, seed=2) != dim).any()


def test_a_film_has_a_key_frame_every_second(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film = Film(path, 64, 48, 30)
    rng = np.random.default_rng(3)
    for _ in range(2 * FPS + 5):
        film.add(rng.integers(0, 255, (48, 64, 3), np.uint8))
    film.close()
    with av.open(str(path)) as container:
        keys = [frame.key_frame for frame in container.decode(video=0)]
    assert [n for n, key in enumerate(keys) if key] == [0, FPS, 2 * FPS]
    assert len(keys) == 2 * FPS + 5
