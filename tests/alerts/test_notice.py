"""How news reads."""

from dataclasses import replace

from monitor.drill import drill_notices
from tests.support.news import fire, notice, over, smoke


def test_each_kind_says_what_happened_where() -> None:
    titles = [
        notice(smoke(site="hall")).title,
        notice(fire(), "upgraded").title,
        notice(over(fire()), "resolved").title,
        notice(smoke(), "escalation").title,
        notice(smoke(), "pending").title,
    ]
    assert titles == [
        "Smoke at dock (hall)",
        "Now fire at dock",
        "Over: fire at dock",
        "Smoke at dock, and nobody has acknowledged it",
        "Smoke suspected at dock",
    ]


def test_body_has_the_figures_and_the_link() -> None:
    told = replace(notice(smoke()), external_url="https://x.example/")
    assert "Score 0.88 against a threshold of 0.65" in told.body
    assert told.body.endswith("https://x.example/events/7")
    assert "It lasted 60 s; the highest score was 0.91." in notice(over(smoke()), "resolved").body


def test_drill_is_marked_wherever_it_is_read() -> None:
    for drill in drill_notices(1.7e9, "https://x.example"):
        assert drill.title.startswith("DRILL, nothing burns: ")
        assert "Nothing burns" in drill.body
        assert drill.link == "https://x.example"
