"""`emberwatch harvest` and `emberwatch events judge`: from what people say to training pictures."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from typer.testing import CliRunner

from monitor.alerts.events import EvidenceKind, VerdictError
from monitor.alerts.evidence_picture import jpeg
from monitor.alerts.reader import read_events
from monitor.alerts.store import EventStore
from monitor.cli import app
from monitor.decision.outage import OUTAGE
from monitor.decision.state import AlertState, Explanation, Transition
from monitor.evidence import EVIDENCE_FOLDER
from monitor.harvest_folder import TABLE, HarvestFolder
from tests.support.clips import green_scene, make_clip
from tests.support.decisions import decider, feed, frame
from trainer.dataset import scan
from trainer.groups import apply_groups, read_groups

NOW = 1_800_000_000.0


class Place:
    """A daemon's state with some events and their evidence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "pictures"
        self.config = folder / "monitor.yaml"
        document = {"state_dir": "state", "cameras": [{"name": "dock", "url": "rtsp://h/s"}]}
        self.config.write_text(yaml.safe_dump(document), encoding="utf-8")
        self.evidence = folder / "state" / EVIDENCE_FOLDER
        self.evidence.mkdir(parents=True)
        self.store = folder / "state" / "events.db"

    def events(self, count: int) -> None:
        """So many events that fired and ended, each with an original."""
        store = EventStore.open(self.store)
        target = decider()
        for index in range(count):
            begin = 100.0 * index
            levels = [0.9] * 8 + [0.0] * 20
            store.record(
                *feed(target, [frame(begin + n, fire=level) for n, level in enumerate(levels)])
            )
        store.close()
        for number in range(1, count + 1):
            self.add(number, "original", f"{number}.jpg", jpeg(noise(number), 90))

    def add(
        self, event: int, kind: EvidenceKind, name: str, data: bytes, later: float = 0.0
    ) -> None:
        """Keep evidence of an event, of when it fired and so much later."""
        (self.evidence / name).write_bytes(data)
        store = EventStore.open(self.store)
        found = store.event(event)
        assert found is not None
        assert found.fired_at is not None
        store.add_evidence(
            event,
            kind,
            name,
            size_bytes=len(data),
            captured_at=found.fired_at + later,
            created_at=NOW,
        )
        store.close()

    def run(self, *arguments: str) -> str:
        """What a command says; it must succeed."""
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    def judge(self, event: int, verdict: str) -> str:
        return self.run("events", "judge", str(event), verdict, "--config", str(self.config))

    def harvest(self, *options: str) -> str:
        return self.run(
            "harvest",
            str(self.config),
            "--output",
            str(self.output),
            "--background",
            "misc",
            *options,
        )

    def found(self, label: str) -> list[Path]:
        return sorted((self.output / label).glob("*.jpg"))


def noise(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 255, (60, 80, 3), np.uint8)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_was_judged_is_written_by_label_and_the_trainer_reads_it(place: Place) -> None:
    place.events(12)
    for event in range(1, 6):
        assert "it was fire" in place.judge(event, "confirmed")
    for event in range(6, 12):
        place.judge(event, "false")
    said = place.harvest()
    assert "11 pictures of 11 events" in said
    assert len(place.found("fire")) == 5
    assert len(place.found("misc")) == 6
    examples = apply_groups(
        scan(place.output), place.output, read_groups(place.output / "groups.tsv", "group")
    )
    assert {example.label for example in examples} == {"fire", "misc"}
    assert len({example.group for example in examples}) == 11
    assert all(example.group.startswith("group:incident-") for example in examples)
    assert place.found("fire")[0].read_bytes() == (place.evidence / "1.jpg").read_bytes()


def test_no_picture_is_written_twice(place: Place) -> None:
    place.events(2)
    place.add(2, "original", "copy.jpg", (place.evidence / "1.jpg").read_bytes())
    place.judge(1, "false")
    assert "1 pictures" in place.harvest()
    assert "No event was judged" in place.harvest()
    place.judge(2, "false")
    assert "1 were there already" in place.harvest()
    assert len(place.found("misc")) == 2
    assert (place.output / "groups.tsv").read_text().count("\n") == 3


def test_another_verdict_moves_the_pictures(place: Place) -> None:
    place.events(1)
    place.judge(1, "false")
    place.harvest()
    place.judge(1, "confirmed")
    assert "there under another label" in place.harvest()
    assert len(place.found("fire")) == 1
    assert place.found("misc") == []
    rows = read_groups(place.output / "groups.tsv", "group")
    assert list(rows) == ["fire/dock-event1-001.jpg"]
    place.judge(1, "none")
    assert "No event was judged" in place.harvest()


def test_pictures_of_a_harvest_that_was_killed_get_their_groups_with_the_next(
    tmp_path: Path,
) -> None:
    killed = HarvestFolder(tmp_path)
    killed.add("misc", "a.jpg", b"first", "incident-1")
    killed.add("misc", "b.jpg", b"second", "incident-2")
    killed.save()
    killed.add("fire", "b.jpg", b"second", "incident-2")
    killed.add("fire", "c.jpg", b"third", "incident-3")
    again = HarvestFolder(tmp_path)
    assert again.add("fire", "b.jpg", b"second", "incident-2") == "known"
    assert again.add("fire", "c.jpg", b"third", "incident-3") == "known"
    assert again.add("fire", "c.jpg", b"third", "incident-3") == "known"
    again.save()
    assert (tmp_path / TABLE).read_text().splitlines() == [
        "file\tgroup",
        "misc/a.jpg\tincident-1",
        "fire/b.jpg\tincident-2",
        "fire/c.jpg\tincident-3",
    ]


@pytest.mark.parametrize("verdict", ["confirmed", "false"])
def test_a_clip_gives_pictures_of_the_time_that_counts(place: Place, verdict: str) -> None:
    place.events(1)
    clip = make_clip(place.folder / "c.mp4", [noise(n) for n in range(80)], fps=10, gop=10)
    place.add(1, "clip", "clip.mp4", clip.read_bytes(), later=-4.0)
    place.judge(1, verdict)
    place.harvest("--frames", "8")
    count = len(place.found("fire" if verdict == "confirmed" else "misc"))
    # One a second is a key frame; a confirmed event gives none from before it fired.
    assert count == 1 + (4 if verdict == "confirmed" else 8)


def test_pictures_that_look_alike_are_taken_once(place: Place) -> None:
    place.events(1)
    clip = make_clip(place.folder / "c.mp4", green_scene(), seconds=8, fps=10, gop=10)
    place.add(1, "clip", "clip.mp4", clip.read_bytes())
    place.judge(1, "false")
    place.harvest("--frames", "8")
    assert len(place.found("misc")) == 2, "the original, and one of eight of a calm scene"


def test_evidence_that_is_gone_or_damaged_costs_no_other(place: Place) -> None:
    place.events(3)
    (place.evidence / "1.jpg").unlink()
    (place.evidence / "2.jpg").write_bytes(b"\xff\xd8\xff no picture")
    place.add(3, "clip", "clip.mp4", b"no clip")
    for event in (1, 2, 3):
        place.judge(event, "false")
    said = place.harvest()
    assert "1 pictures of 1 events" in said
    assert "2 judged events have no pictures any more" in said


def test_an_event_is_acknowledged_once_and_one_that_is_not_there_is_refused(place: Place) -> None:
    place.events(1)
    config = ("--config", str(place.config))
    assert "acknowledged by anna" in place.run(
        "events", "acknowledge", "1", "--by", "anna", *config
    )
    assert "acknowledged by anna" in place.run("events", "acknowledge", "1", "--by", "ben", *config)
    result = CliRunner().invoke(app, ["events", "judge", "7", "false", *config])
    assert "there is no event 7" in str(result.exception)


def test_the_background_label_is_asked_for_where_it_is_not_clear(place: Place) -> None:
    place.config.write_text(
        yaml.safe_dump(
            {
                "state_dir": "state",
                "cameras": [{"name": "dock", "url": "rtsp://h/s"}],
                "decision": {"hazards": ["fire"]},
            }
        ),
        encoding="utf-8",
    )
    place.events(1)
    place.judge(1, "false")
    result = CliRunner().invoke(app, ["harvest", str(place.config), "--output", str(place.output)])
    assert "--background" in str(result.exception)


def outage(place: Place) -> int:
    """A camera that was not watched for a while; the id of the event."""
    why = Explanation(1.0, 1.0, 1.0, 0.0, "refused", 0, 300.0)
    inactive, firing = AlertState.INACTIVE, AlertState.FIRING
    store = EventStore.open(place.store)
    store.record(
        Transition("dock", OUTAGE, OUTAGE, inactive, firing, NOW, 0.0, 1.0, why, OUTAGE),
        Transition("dock", OUTAGE, OUTAGE, firing, inactive, NOW + 60, 60.0, 0.0, why, OUTAGE),
    )
    store.close()
    (found,) = [one for one in read_events(place.store, limit=9) if one.outage]
    return found.id


def test_an_outage_is_acknowledged_and_not_judged(place: Place) -> None:
    number = outage(place)
    asked = ["events", "judge", str(number), "false", "--config", str(place.config)]
    refused = CliRunner().invoke(app, asked)
    assert isinstance(refused.exception, VerdictError)
    assert "is an outage of camera 'dock'" in str(refused.exception)
    assert "acknowledge it instead" in str(refused.exception)
    assert "acknowledged" in place.run(
        "events", "acknowledge", str(number), "--config", str(place.config)
    )
    assert "nothing is said" in place.judge(number, "none")


def test_an_outage_that_was_judged_before_is_no_business_of_the_harvest(place: Place) -> None:
    place.events(1)
    number = outage(place)
    store = EventStore.open(place.store)
    store.judge(number, "false", "anna", NOW)
    store.close()
    assert place.harvest() == "No event was judged since the last harvest.\n"
    place.judge(1, "confirmed")
    said = place.harvest()
    assert "1 pictures of 1 events" in said
    assert "no pictures any more" not in said


def test_an_event_that_is_in_memory_alone_is_told_with_the_cure(place: Place) -> None:
    place.events(1)
    for what in (("acknowledge", "7"), ("judge", "7", "false")):
        done = CliRunner().invoke(app, ["events", *what, "--config", str(place.config)])
        assert re.search(
            r"no event 7 in .*events\.db; .*in memory .*free space", str(done.exception)
        )
