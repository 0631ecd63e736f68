"""The three clips: what they show, who moves where, and what burns when."""

from dataclasses import dataclass
from datetime import UTC, datetime

from scripts.render_demo import scenes
from scripts.render_demo.actors import Car, Path, Person
from scripts.render_demo.fluid import Gas
from scripts.render_demo.scenes import Scene

FPS = 12


@dataclass(frozen=True)
class Event:
    """Something that burns or smokes: a box of gas at the scene's hearth."""

    begins: float
    """Seconds into the clip."""
    grows: float
    """Seconds until it is at full size."""
    shape: tuple[int, int, int]
    """Cells along depth, height and width."""
    cell: float
    """Metres."""
    anchor: tuple[float, float]
    """Where the hearth stands in the box: share of its width and of its depth."""
    gas: Gas
    spread: tuple[float, float, float]
    """Half sizes of the bed of sources along width, height and depth, metres."""
    spot: tuple[float, float]
    """Smallest and largest radius of a source, metres."""
    spots: int
    fuel: float
    heat: float
    soot: float
    gusts: float
    """Strength of random pushes, metres per second squared."""
    substeps: int
    brightness: float
    """Light of the hottest gas for each metre of it."""
    density: float
    """Opacity of soot or smoke for each metre of it."""


@dataclass(frozen=True)
class Clip:
    """One clip of the demo."""

    scene: Scene
    title: str
    seconds: float
    start: datetime
    cast: tuple[Person | Car, ...]
    room: float
    """Strength of the steady light."""
    event: Event | None = None


CARTON_FIRE = Event(
    begins=6.0,
    grows=2.0,
    shape=(56, 124, 84),
    cell=0.04,
    anchor=(0.5, 0.5),
    gas=Gas(1.6, 1.15, 0.35, 11.0, 0.35, 9.0, (0.0, 0.0)),
    spread=(0.75, 0.3, 0.6),
    spot=(0.26, 0.42),
    spots=15,
    fuel=3.0,
    heat=2.0,
    soot=0.0,
    gusts=8.0,
    substeps=2,
    brightness=9.0,
    density=2.2,
)

WASTE_SMOKE = Event(
    begins=6.0,
    grows=1.0,
    shape=(54, 92, 126),
    cell=0.108,
    anchor=(0.4, 0.55),
    gas=Gas(0.0, 0.3, 0.03, 26.0, 0.0, 12.0, (0.8, -0.5)),
    spread=(1.2, 0.25, 0.55),
    spot=(0.4, 0.65),
    spots=9,
    fuel=0.0,
    heat=0.25,
    soot=3.2,
    gusts=5.0,
    substeps=1,
    brightness=0.0,
    density=1.1,
)


def clips() -> dict[str, Clip]:
    """All clips by their file's name."""
    carrier = Person(
        Path(((0.0, 2.6, 15.0), (2.6, 2.5, 11.5), (4.6, -0.6, 10.4), (8.0, -6.0, 8.6))),
        jacket=(0.10, 0.16, 0.32),
        trousers=(0.05, 0.06, 0.09),
        carries_carton=True,
    )
    foreman = Person(
        Path(((0.0, -2.3, 4.6), (3.2, -0.4, 6.4), (6.4, -4.6, 2.2))),
        jacket=(0.42, 0.43, 0.10),
        trousers=(0.07, 0.07, 0.08),
    )
    driver = Car(
        Path(((0.0, 16.0, 19.4), (3.6, 6.0, 19.3), (5.4, 4.2, 20.4), (7.0, 4.1, 23.2)), stays=True),
        paint=(0.30, 0.03, 0.03),
    )
    walker = Person(
        Path(((0.0, -8.0, 12.6), (8.0, 2.5, 10.4), (14.0, 12.5, 8.0))),
        jacket=(0.08, 0.12, 0.2),
        trousers=(0.16, 0.14, 0.1),
    )
    leaver = Car(
        Path(((0.0, -3.0, 12.4), (5.5, 9.0, 14.0), (9.5, 16.0, 20.5))), paint=(0.62, 0.63, 0.64)
    )
    guard = Person(
        Path(((0.0, 4.5, 3.2), (10.0, 8.2, 10.4))),
        jacket=(0.16, 0.26, 0.20),
        trousers=(0.05, 0.05, 0.07),
    )
    evening = datetime(2026, 3, 11, 18, 42, 7, tzinfo=UTC)
    afternoon = datetime(2026, 3, 11, 15, 17, 31, tzinfo=UTC)
    return {
        "warehouse": Clip(
            scenes.warehouse(),
            "CAM 02  WAREHOUSE",
            20.0,
            evening,
            (carrier, foreman),
            0.55,
            CARTON_FIRE,
        ),
        "yard": Clip(
            scenes.yard(), "CAM 05  YARD", 20.0, afternoon, (driver, walker), 1.0, WASTE_SMOKE
        ),
        "gate": Clip(scenes.gate(), "CAM 07  GATE", 10.0, afternoon, (leaver, guard), 1.0),
    }
