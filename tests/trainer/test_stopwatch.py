from itertools import count

import pytest

from trainer.stopwatch import Stopwatch


def test_stages_add_up_in_the_order_in_which_they_began() -> None:
    ticks = count()
    watch = Stopwatch(lambda: float(next(ticks)))
    for name in ("read", "learn", "read"):
        with watch.stage(name):
            pass
    assert watch.stages == (("read", 2.0), ("learn", 1.0))
    assert watch.total_seconds == 7


def test_a_stage_that_fails_is_counted_too() -> None:
    ticks = count()
    watch = Stopwatch(lambda: float(next(ticks)))
    with pytest.raises(ValueError, match="broken"), watch.stage("read"):
        raise ValueError("broken")
    assert watch.stages == (("read", 1.0),)
