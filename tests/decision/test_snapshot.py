"""What a decision remembers over a restart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decision.snapshot import DeciderSnapshot
from monitor.decision.state import AlertState
from tests.support.decisions import LABELS, decider, feed, frame


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"format": 99}', '{"format": 1, "camera": "dock"}']
)
def test_text_that_is_no_snapshot_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        DeciderSnapshot.from_json(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        DeciderSnapshot.from_json(text)


def test_state_that_is_none_of_ours_is_refused() -> None:
    text = decider().snapshot().to_json().replace('"inactive"', '"asleep"')
    with pytest.raises(ValueError, match="ASLEEP"):
        DeciderSnapshot.from_json(text)


def test_snapshot_of_another_camera_is_refused() -> None:
    text = decider().snapshot().to_json().replace('"dock"', '"gate"')
    with pytest.raises(ValueError, match="'gate'"):
        decider().restore(DeciderSnapshot.from_json(text))


def test_scores_are_dropped_where_the_labels_changed_and_alerts_are_kept() -> None:
    before = decider(hold=0, half_life=4.0)
    feed(before, [frame(0, fire=1.0)])
    labels = '","'.join(LABELS)
    text = before.snapshot().to_json().replace(f'"{labels}"', '"fire","smoke","misc"')
    after = decider(hold=0, half_life=4.0)
    after.restore(DeciderSnapshot.from_json(text))
    assert after.states()["fire"] is AlertState.FIRING
    assert after.snapshot().regions == ()


def test_a_snapshot_of_format_1_is_read_and_knows_no_baseline() -> None:
    before = decider(hold=0, half_life=4.0)
    feed(before, [frame(0, fire=1.0)])
    raw = json.loads(before.snapshot().to_json())
    del raw["baseline"]
    read = DeciderSnapshot.from_json(json.dumps(raw | {"format": 1}))
    assert read.baseline is None
    after = decider(hold=0, half_life=4.0)
    after.restore(read)
    assert after.states() == before.states()
    assert after.snapshot().regions == before.snapshot().regions
    assert after.snapshot().format == 2


def test_scores_are_dropped_where_the_kind_of_smoothing_changed() -> None:
    before = decider(half_life=4.0)
    feed(before, [frame(0, fire=1.0)])
    text = before.snapshot().to_json().replace('"exponential"', '"median"')
    after = decider(half_life=4.0)
    after.restore(DeciderSnapshot.from_json(text))
    assert after.snapshot().regions == ()


def test_recent_evidence_survives_and_a_snapshot_from_before_it_is_read() -> None:
    before = decider()
    feed(before, [frame(float(at), 0.3) for at in range(5)])
    text = before.snapshot().to_json()
    after = decider()
    after.restore(DeciderSnapshot.from_json(text))
    (pending,) = after.update(frame(5.0, 0.9))
    assert [value for _, value in pending.why.evidence] == [0.3] * 5 + [0.9]
    raw = json.loads(text)
    del raw["recent"]
    older = decider()
    older.restore(DeciderSnapshot.from_json(json.dumps(raw)))
    (pending,) = older.update(frame(5.0, 0.9))
    assert pending.why.evidence == ((0.0, 0.9),)
    with pytest.raises(ValueError, match="recent evidence"):
        DeciderSnapshot.from_json(json.dumps(raw | {"recent": [[1.0, 0.5]]}))
