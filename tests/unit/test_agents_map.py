"""The map of who calls whom: what is on it, what is broken on it, and how it is drawn."""

from itertools import pairwise

import pytest

from services.inventory.agents_map import map_of, rows_of
from services.inventory.agents_use import uses_of
from tests.unit.agent_rows import board, calls, entry, function, row, team
from ui.charts import dependencies

MARKUP = '<img src=x onerror=alert(1)> <b>x</b> "end" & $a$'


def test_a_team_is_four_columns_with_figures_on_its_lines() -> None:
    rows = [
        row("connected", "foo_bot", leader_id="asst_lead", p95_ms=2000.0),
        row("tool", "foo", leader_id="asst_lead", agent="foo_bot", p95_ms=1500.0),
        row("queue", "foo-in", p95_ms=300.0),
    ]
    shown = team()
    found = map_of(shown, uses_of(rows, shown), shown.entries)

    assert [(place.column, place.name) for place in found.places] == [
        ("orchestrator", "orchestrator"),
        ("agent", "foo_bot"),
        ("tool", "foo"),
        ("queue", "foo-in"),
        ("queue", "foo-out"),
    ]
    assert [(line.kind, line.use.p95_s if line.use else None) for line in found.lines] == [
        ("call", 2.0),
        ("call", 1.5),
        ("wait", 0.3),
        ("reply", None),
    ]
    assert found.broken == 0


def test_what_does_not_exist_is_broken() -> None:
    lead = entry("asst_lead", calls("asst_gone", "vanished"))
    shown = board(lead, entry("asst_foo", function()), queues={"foo-out"})
    found = map_of(shown, None, shown.entries)
    assert {place.name for place in found.places if place.is_broken} == {"vanished", "foo-in"}
    assert sorted(line.kind for line in found.lines if line.is_broken) == ["call", "wait"]


@pytest.mark.parametrize("state", ["indexing", "partial"])
def test_what_was_not_read_yet_is_not_broken(state: str) -> None:
    shown = board(entry("asst_lead", calls("asst_gone", "later")), state=state)
    found = map_of(shown, None, shown.entries)
    assert found.broken == 0
    assert "not read yet" in found.places[1].note


def test_two_that_use_one_tool_meet_there() -> None:
    shown = board(entry("asst_a", function()), entry("asst_b", function()), queues={"foo-in", "foo-out"})
    assert len(map_of(shown, None, shown.entries).column("tool")) == 1


def test_of_many_the_broken_and_the_busy_are_drawn_and_the_rest_is_counted() -> None:
    many = [entry(f"asst_{number}") for number in range(40)]
    broken = entry("asst_broken", function())
    busy = uses_of([row("agent", "x", agent_id="asst_39", calls=5)], board(*many))
    shown = board(*many, broken, queues=set())

    found = map_of(shown, busy, shown.entries, most=3)

    drawn = [place.key for place in found.places if place.column == "agent"]
    assert drawn[:2] == ["asst_broken", "asst_39"] and len(drawn) == 3
    assert found.left_out == 38


def test_no_two_places_of_a_column_share_a_row() -> None:
    leaders = [entry(f"asst_l{n}", *(calls(f"asst_{m}", f"a{m}") for m in range(3))) for n in range(2)]
    shown = board(*leaders, *(entry(f"asst_{m}", function(f"f{m}")) for m in range(3)), queues=set())
    found = map_of(shown, None, shown.entries)
    rows = rows_of(found)
    for column in ("orchestrator", "agent", "tool", "queue"):
        taken = sorted(rows[place.key] for place in found.column(column))
        assert all(after - before >= 1 for before, after in pairwise(taken))


def test_a_circle_of_agents_ends() -> None:
    shown = board(entry("asst_a", calls("asst_b", "b")), entry("asst_b", calls("asst_a", "a")))
    found = map_of(shown, None, shown.entries)
    assert len(found.lines) == 2
    assert dependencies.figure(found, "dark").data


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_carries_no_markup_of_others(theme: str) -> None:
    """plotly takes some HTML in texts; a name must not become any."""
    shown = board(entry("asst_x", function(MARKUP), name=MARKUP), queues=set())
    drawn = dependencies.figure(map_of(shown, None, shown.entries), theme)
    texts = [text for one in drawn.data for shown in (one.text, one.hovertext) for text in shown or ()]
    assert not any("<img" in text or "<b>x" in text for text in texts)
    assert any("&lt;img" in text for text in texts)


def test_only_an_agent_that_exists_can_be_clicked() -> None:
    shown = board(entry("asst_lead", calls("asst_gone", "vanished")))
    drawn = dependencies.figure(map_of(shown, None, shown.entries), "light")
    assert [one for one in drawn.data[-1].customdata if one] == ["asst_lead"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("foo_bot", ["foo_bot"]),
        ("order_status_desk", ["order_status_", "desk"]),
        ("abcdefghijklmnopqrstuvwxyz0123456789", ["abcdefghijklmn", "opqrstuvwxyz0…"]),
        ("", ["no name"]),
    ],
    ids=["short", "broken where a word ends", "cut", "nameless"],
)
def test_a_name_fits_its_box(name: str, lines: list[str]) -> None:
    shown = board(entry("asst_x", name=name))
    (place,) = map_of(shown, None, shown.entries).places
    assert dependencies.lines_of(place) == lines
