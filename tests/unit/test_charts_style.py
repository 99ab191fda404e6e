"""What every figure has in common."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.monitor.overview import QueuePast
from services.monitor.results import Result
from services.monitor.usage import Lines
from ui.charts import panels, queue_strips, style
from ui.time_range import View

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
END = START + timedelta(hours=1)


def points(*values: float | None) -> tuple[tuple[datetime, float | None], ...]:
    return tuple((START + timedelta(minutes=5 * place), value) for place, value in enumerate(values))


def test_only_bars_with_a_height_are_drawn() -> None:
    some = points(0, 2.0, None, 0, 1.0)
    assert style.tall(some) == (some[1], some[4])


def test_of_bars_without_any_height_one_stays_for_the_legend() -> None:
    assert style.tall(points(0, None)) == points(0)
    assert style.tall(()) == ()


def test_a_drawing_is_another_when_anything_in_it_is() -> None:
    def key(query: str = "a", read_at: datetime = START, zone: str = "UTC", **more: str) -> tuple[str, ...]:
        found = Result(query, "ok", (), read_at)
        seen = View(START, END, more.pop("label", "1h"), END - START, None, ZoneInfo(zone))
        return style.key_of([found], seen, *more.values())

    assert key() == key()
    others = [
        key("b"),
        key(read_at=END),
        key(zone="Europe/Berlin"),
        key(label="6h"),
        key(pair="x"),
        key(pair="y"),
    ]
    assert len({key(), *others}) == 1 + len(others)


def test_all_queues_share_an_axis_of_time_on_each_side() -> None:
    pasts = [QueuePast(name, points(1, 0), points(2.0, None)) for name in ("a", "b", "c")]
    drawn = queue_strips.figure(pasts, start=START, end=END, theme="light", zone=UTC).to_plotly_json()

    axes = [name for name in drawn["layout"] if "axis" in name]
    assert sorted(axes) == sorted(["xaxis", "xaxis2", "yaxis", *(f"yaxis{number}" for number in range(2, 7))])
    assert (drawn["layout"]["xaxis"]["anchor"], drawn["layout"]["xaxis2"]["anchor"]) == ("y5", "y6")
    lines = [trace for trace in drawn["data"] if trace["mode"] == "lines"]
    assert [(line.get("xaxis", "x"), line.get("yaxis", "y")) for line in lines] == [
        ("x", "y"),
        ("x2", "y2"),
        ("x", "y3"),
        ("x2", "y4"),
        ("x", "y5"),
        ("x2", "y6"),
    ]


def test_between_two_rows_of_panels_there_is_room_for_a_time_its_day_and_a_name() -> None:
    parts = [Lines(name, *[points(1.0)] * (len(fields(Lines)) - 1)) for name in "abcd"]
    look = panels.durations(parts, start=START, end=END, theme="light", zone=UTC).to_plotly_json()["layout"]
    drawn_px = look["height"] - look["margin"]["t"] - look["margin"]["b"]

    between = look["yaxis"]["domain"][0] - look["yaxis4"]["domain"][1]
    assert (
        between * drawn_px >= 2 * 17 + 4 + 20
    )  # two lines of times, what keeps them from the axis, a bold line
    assert look["yaxis4"]["domain"][0] == 0
    assert look["height"] == panels.height_px(4)
