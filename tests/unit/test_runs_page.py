"""What the Runs page makes of an address, of pages and of selections; and its files."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.errors import Throttled, Unavailable
from services.monitor.kql import bind
from services.monitor.results import Ask, Result, Row
from ui import runs_data, runs_filters, runs_parts, runs_table, safe
from ui.charts import runs as charts
from ui.runs_export import COLUMNS, EXPORT_ROWS, Export, as_csv
from ui.runs_filters import Filters, Stretch, Wanted, parse
from ui.time_range import View

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE = [
    '" or 1 == 1 //',
    "'; drop table x",
    "<script>alert(1)</script>",
    "$x$",
    "run_1\n| take 1",
    "a\u202eb",
    "\x00",
    "x" * 5000,
]


def view(**changes: object) -> View:
    known = {
        "start": NOW - timedelta(hours=1),
        "end": NOW,
        "label": "1h",
        "grain": timedelta(minutes=1),
        "refresh_s": 5.0,
        "zone": BERLIN,
    }
    return View(**{**known, **changes})  # type: ignore[arg-type]  # fields by name


def wanted(**address: str) -> Wanted:
    return parse({f"runs-{name}": value for name, value in address.items()}, view())


def row(**changes: object) -> Row:
    texts = (
        "answer_id",
        "outcome",
        "problem_title",
        "thread_id",
        "run_id",
        "agent_name",
        "agents",
        "tools",
        "model",
        "certainty",
    )
    reals = ("took_ms", "wait_ms", "function_ms", "model_ms", "input_tokens", "output_tokens")
    known: dict[str, object] = {
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(reals),
        "started": NOW,
        "demo": False,
    }
    return {**known, **changes}  # type: ignore[dict-item]  # cells by name


def test_an_address_says_all_filters() -> None:
    """A link shows another person the same list."""
    found = wanted(
        outcome="expired,failed",
        agent="clerk",
        tool="foo",
        min="2.5",
        wait="0.1",
        problem="silent",
        text="run_1",
        sort="longest",
        page="3",
        run="run_1",
        **{"from": "2026-11-22T11:10:00Z", "to": "2026-11-22T11:20:00Z"},
    )

    assert found.problems == ()
    assert found.filters == Filters(
        ("failed", "expired"),
        "clerk",
        "foo",
        2.5,
        0.1,
        "silent",
        "run_1",
        Stretch(NOW - timedelta(minutes=50), NOW - timedelta(minutes=40)),
    )
    assert (found.sort, found.page, found.run) == ("longest", 3, "run_1")
    assert (found.filters.values()["min_ms"], found.filters.values()["min_wait_ms"]) == (2500, 100)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("outcome", "lost"),
        ("agent", "x" * 201),
        ("tool", "a\x00b"),
        ("min", "soon"),
        ("min", "-1"),
        ("min", "nan"),
        ("min", "inf"),
        ("wait", "1e9"),
        ("problem", "a\u2028b"),
        ("text", "a\u202eb"),
        ("sort", "random"),
        ("page", "0"),
        ("page", "-3"),
        ("page", "9" * 40),
        ("page", "١"),
        ("run", "../../x"),
        ("from", "yesterday"),
        ("from", "2026-11-22T13:00:00Z"),
    ],
)
def test_what_cannot_be_meant_is_left_out_and_told(name: str, value: str) -> None:
    """Never silently: the reader would take the whole list for the filtered one."""
    found = wanted(**({name: value, "to": "2026-11-22T14:00:00Z"} if name == "from" else {name: value}))

    assert len(found.problems) == 1
    assert found == Wanted(problems=found.problems)


@pytest.mark.parametrize(
    "name", ["outcome", "agent", "tool", "min", "wait", "problem", "text", "sort", "page", "run", "from"]
)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_an_address_holds_the_queries_can_be_formed(name: str, value: str) -> None:
    found = wanted(**{name: value})
    kinds = {
        "outcomes": "list",
        "agent": "string",
        "tool": "string",
        "min_ms": "int",
        "min_wait_ms": "int",
        "problem": "string",
        "words": "string",
    }
    text = bind("X", kinds, found.filters.values())  # type: ignore[arg-type]  # kinds by name

    assert len(text.splitlines()) == len(kinds) + 1


def test_a_stretch_is_cut_to_the_range_and_put_the_right_way_round() -> None:
    found = wanted(**{"from": "2026-11-22T11:30:00Z", "to": "2026-11-22T09:00:00Z"})
    assert found.filters.stretch == Stretch(NOW - timedelta(hours=1), NOW - timedelta(minutes=30))


def test_a_stretch_in_the_address_holds_all_of_what_was_marked() -> None:
    start, end = NOW + timedelta(milliseconds=300), NOW + timedelta(seconds=9, milliseconds=300)
    told = runs_filters.stretch_parameters(start.astimezone(BERLIN), end.astimezone(BERLIN))
    assert told == {"from": "2026-11-22T12:00:00Z", "to": "2026-11-22T12:00:10Z"}


@pytest.mark.parametrize(("runs", "pages"), [(0, 1), (1, 1), (50, 1), (51, 2), (1204, 25)])
def test_pages_hold_fifty(runs: int, pages: int) -> None:
    assert runs_data.pages_of(runs) == pages


def test_the_place_among_all_is_said() -> None:
    assert runs_data.place_words(1, 50, 1204) == "1-50 of 1,204"
    assert runs_data.place_words(25, 4, 1204) == "1,201-1,204 of 1,204"
    assert runs_data.place_words(1, 3, None) == "1-3 of an unknown number"


def test_a_dragged_box_is_read_in_the_zone_of_the_axis() -> None:
    """plotly tells the hands of the clock it was given: 12:10 in Berlin is 11:10 UTC."""
    chosen = {"box": [{"x": ["2026-11-22 12:20:00.5", "2026-11-22 12:10"]}]}
    found = runs_parts.stretch_of(chosen, view())  # type: ignore[arg-type]  # what the browser sent

    assert found is not None
    assert [moment.astimezone(UTC) for moment in found] == [
        datetime(2026, 11, 22, 11, 10, tzinfo=UTC),
        datetime(2026, 11, 22, 11, 20, 0, 500_000, tzinfo=UTC),
    ]


def test_a_clicked_bar_means_its_stretch_and_an_empty_selection_means_none() -> None:
    found = runs_parts.stretch_of({"points": [{"x": "2026-11-22 12:10"}]}, view())
    assert found is not None
    assert found[1] - found[0] == timedelta(minutes=1)
    nothing: list[dict[str, list[dict[str, object]]]] = [
        {},
        {"box": []},
        {"box": [{"x": ["a", "b"]}]},
        {"points": [{"x": None}]},
    ]
    assert [runs_parts.stretch_of(one, view()) for one in nothing] == [None] * 4


def test_a_row_says_what_is_not_known() -> None:
    """None is drawn as `not known`; 0.0 is a run that waited for nothing."""
    shown = runs_table.as_row(row(outcome="failed", took_ms=1500.0, wait_ms=0.0, run_id="run_1"), view())

    assert shown["Status"] == ["✕ Failed"]
    assert (shown["Duration"], shown["Queue wait"], shown["Function"], shown["Tokens"]) == (
        1.5,
        0.0,
        None,
        None,
    )
    assert (shown["Run"], shown["Agents"], shown["Certainty"]) == ("run_1", None, None)


def test_made_up_history_and_strange_outcomes_are_marked() -> None:
    shown = runs_table.as_row(row(outcome="lost", demo=True, run_id="<b>x</b>"), view())
    assert shown["Status"] == ["? Not known", "demo"]
    assert shown["Run"] is None


def test_only_ids_get_into_a_link() -> None:
    assert runs_table.link_of("run_1", "thread_1") == {"run": "run_1", "thread": "thread_1"}
    assert runs_table.link_of("javascript:alert(1)//", "a b") == {}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r\n=", " =", "＝", "\u200b="])
def test_no_text_in_a_file_is_a_formula(start: str) -> None:
    """`=cmd|' /C calc'!A0` in a problem's title would run on the analyst's machine."""
    assert safe.for_spreadsheet(f"{start}cmd|' /C calc'!A0").startswith("'")
    table = list(csv.reader(io.StringIO(as_csv([row(problem_title=f"{start}1+1")]).decode("utf-8-sig"))))
    assert table[1][list(COLUMNS).index("problem")].startswith("'")


def test_a_file_has_every_column_and_leaves_empty_what_is_not_known() -> None:
    table = list(
        csv.DictReader(io.StringIO(as_csv([row(took_ms=1500.0, run_id="run_1")]).decode("utf-8-sig")))
    )

    assert list(table[0]) == list(COLUMNS)
    assert table[0]["started_utc"] == "2026-11-22T12:00:00.000Z"
    assert (table[0]["took_ms"], table[0]["queue_wait_ms"], table[0]["demo"]) == ("1500", "", "false")


def export(matching: int | None = 2) -> Export:
    return Export(Ask("runs", {}), NOW - timedelta(hours=1), NOW, {"agent": "x"}, matching)


def test_a_json_file_says_what_it_is() -> None:
    rows = (row(run_id="run_1"), row(run_id="run_2", wait_ms=20.0))
    told = json.loads(export().content("json", lambda _: Result("runs", "ok", rows, NOW)))

    assert (told["matching"], told["exported"], told["whole"], told["filters"]) == (
        2,
        2,
        True,
        {"agent": "x"},
    )
    assert told["runs"][0]["queue_wait_ms"] is None
    assert told["runs"][1]["queue_wait_ms"] == 20


def test_a_part_of_the_runs_is_never_called_the_whole() -> None:
    told = json.loads(
        export(9).content("json", lambda _: Result("runs", "partial", (row(),), NOW, said="too long"))
    )
    assert (told["whole"], told["note"]) == (False, "too long")


def test_runs_that_cannot_be_read_make_no_empty_file() -> None:
    problem = Throttled("Wait.", operation="query the logs")
    with pytest.raises(Throttled):
        export().content("csv", lambda _: Result("runs", "throttled", problem=problem))
    with pytest.raises(Unavailable):
        export().content("csv", lambda _: None)


def test_a_file_is_named_after_its_range_and_its_bound() -> None:
    assert export().file_name("csv") == "relaydeck-runs-20261122T110000Z-20261122T120000Z.csv"
    cut = export(EXPORT_ROWS + 1)
    assert cut.file_name("json").endswith(f"-first-{EXPORT_ROWS}.json")
    assert "first 5,000 of 5,001" in cut.words


def test_points_carry_their_ids_and_no_markup() -> None:
    hostile = row(outcome="failed", run_id="run_1", agent_name="<img src=x>", took_ms=None)
    drawn = charts.scatter([hostile, row(outcome="odd")], start=NOW, end=NOW, theme="light", zone=UTC)
    told = drawn.data[0].customdata[0]

    assert told[0] == "run_1"
    assert "&lt;img" in told[5]
    assert len(drawn.data) == 2


def test_density_counts_all_runs_of_a_cell() -> None:
    cells: list[Row] = [
        {"bucket": NOW, "outcome": outcome, "step": 30, "runs": 2} for outcome in ("failed", "answered")
    ]
    drawn = charts.density(cells, start=NOW, end=NOW, grain=timedelta(minutes=1), theme="dark", zone=UTC)

    assert drawn.data[0].z[0][0] == 4
    assert drawn.data[0].y[0] == pytest.approx(1.0)
    assert (
        charts.density([], start=NOW, end=NOW, grain=timedelta(minutes=1), theme="dark", zone=UTC).data == ()
    )
