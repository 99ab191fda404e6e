"""A figure's picture: its words as HTML, its marks as an image, and none where plotly draws what is not written there."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import plotly.graph_objects as go
import pytest

from chaos import payloads
from services.inventory.agents_map import DependencyMap, map_of
from services.inventory.agents_use import uses_of
from services.monitor.overview import QueuePast
from services.monitor.shapes import Bar
from tests.unit.agent_rows import board, calls, entry, function, row
from ui.charts import answer_times, dependencies, outcomes, picture, queue_strips, style, ticks, waterfall

START = datetime(2026, 11, 27, 10, tzinfo=UTC)
END = START + timedelta(hours=4)
GRAIN = timedelta(hours=1)
AXIS = {"range": [0, 10], "tickvals": [0, 5, 10], "ticktext": ["0", "5", "10"]}
LINE = {"color": "#123456", "width": 2}


def points(*values: float | None) -> tuple[tuple[datetime, float | None], ...]:
    return tuple((START + GRAIN * place, value) for place, value in enumerate(values))


def figure(*traces: Any, **layout: Any) -> go.Figure:
    look = style.layout("light")
    drawn = go.Figure(traces, {**look, "margin": style.legend_room(look["margin"])})
    return drawn.update_layout(xaxis=AXIS, yaxis=AXIS, **layout)


def bar(x: list[float], y: list[float | None], **look: Any) -> go.Bar:
    return go.Bar(
        **{"x": x, "y": y, "width": 1, "offset": 0, "name": "one", "marker": {"color": "#abcdef"}, **look}
    )


def html(drawn: go.Figure, alt: str = "a chart") -> str:
    found = picture.html_of(drawn, alt)
    assert found is not None
    return found


def images(written: str) -> list[str]:
    """Return the images between the axes, as SVG; those of the legend are left out."""
    found = re.findall(r'class="plot"[^>]*><img src="data:image/svg\+xml;base64,([^"]+)"', written)
    return [base64.b64decode(one).decode() for one in found]


def words(written: str) -> list[str]:
    shown = re.sub(r"<u>[^<]*</u>", "", written).replace("<br>", " ")
    return [one.strip() for one in re.sub(r"<[^>]*>", "\n", shown).split("\n") if one.strip()]


def team_map(name: str = "foo_bot") -> DependencyMap:
    shown = board(
        entry("asst_lead", calls("asst_foo", name), name="orchestrator"),
        entry("asst_foo", function(), name=name),
    )
    return map_of(shown, uses_of([row("queue", "foo-in", p95_ms=300.0)], shown), shown.entries)


def paths(image: str) -> list[str]:
    return re.findall(r' d="([^"]*)" fill="#abcdef"', image)


def test_what_a_chart_says_is_text() -> None:
    counted = {name: points(1, 0, 2, 49) for name in ("failed", "answered")}
    counted |= {name: points(0, 0, 0, 0) for name in ("expired", "cancelled")}
    drawn = outcomes.figure(counted, start=START, end=END, grain=GRAIN, theme="light", zone=UTC)
    written = html(drawn, 'Bars, "stacked"')

    said = words(written)
    assert said[:2] == ["answered", "failed"]  # as they lie on each other
    assert said[2:] == ["answers", "0", "20", "40", "60", "80", "100", *said[9:]]
    assert said[9:] == ["10:00 27 Nov", "11:00", "12:00", "13:00", "14:00"]
    assert 'aria-label="Bars, &quot;stacked&quot;"' in written
    assert "height:260px" in written


def test_bars_stand_at_their_place_and_on_each_other() -> None:
    (image,) = images(html(figure(bar([0, 5], [2, 4]), bar([5], [1], name="two"), barmode="stack")))
    # Across 0 to 4000 and down from 0 to 1000, for 0 to 10 either way.
    assert paths(image) == ["M0 1000v-200h400v200zM2000 1000v-400h400v400z", "M2000 600v-100h400v100z"]


def test_a_bar_without_an_offset_is_centred_and_one_without_a_height_is_not_drawn() -> None:
    centred = go.Bar(x=[5, 6, 7], y=[10, 0, None], width=2, marker={"color": "#abcdef"})
    (image,) = images(html(figure(centred)))
    assert paths(image) == ["M1600 1000v-1000h800v1000z"]


def test_a_hatched_bar_is_outside_of_what_is_stretched() -> None:
    hatched = bar([5], [4], marker={"color": "#abcdef", "pattern": {"shape": "/"}})
    (image,) = images(html(figure(hatched)))
    assert '<rect x="50.000%" y="60.000%" width="10.000%" height="40.000%" fill="url(#h0)"/>' in image
    assert 'stroke="#abcdef"' in image


def test_a_waterfall_has_its_names_its_bars_and_behind_them_their_lengths() -> None:
    bars = (
        Bar("a", None, "run", "question", 0, 10.0),
        Bar("b", "a", "wait", "input queue", 2, 4.0, certainty="strong"),
        Bar("c", "a", "function", "function", 6, 3.0, certainty="guess", blur_s=1.0, state="failed"),
    )
    written = html(waterfall.figure(bars, 10.0, "light"))
    (image,) = images(written)

    assert words(written)[:4] == ["agent run", "queue wait", "function", "failed"]
    assert [word for word in words(written) if "question" in word or "└" in word] == [
        "question", "└ input queue ≈", "└ function ?", "seconds since the question",
    ]  # fmt: skip
    # Of 12 s across, and of three rows with half a row's room above and below.
    assert '<rect x="0.000%" y="9.375%" width="83.333%" height="18.750%" fill="#96a2b8"/>' in image
    assert re.search(r'<g opacity="0.55"><rect x="16.667%" y="40.625%" width="33.333%"', image)
    assert re.search(r'<rect x="50.000%"[^>]*fill="url\(#(light|dark)\)" fill-opacity="0.5"/>', image)
    assert image.count('stroke-width="2"') == 1  # the edge of what was guessed
    assert re.search(r'<line x1="66.667%" x2="83.333%"', image)
    ends = re.findall(r'class="word" style="left:([\d.]+)%[^>]*>\u00a0([^<]*)<', written)
    assert ends == [("83.333", "10.0 s"), ("50.000", "4.0 s"), ("83.333", "3.0 s")]


def test_a_map_has_its_boxes_their_names_and_the_lines_between_them() -> None:
    written = html(dependencies.figure(team_map(), "light"))
    shapes = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)"', written)[:2]
    lines, boxes = (base64.b64decode(one).decode() for one in shapes)

    assert boxes.count("<rect ") == 5 + 1  # and what hides the line behind its label
    assert [word for word in words(written) if word != "0.3 s"] == [
        "Orchestrators", "Agents", "Tools", "Queues", "orchestrator", "foo_bot", "foo", "foo-in", "foo-out",
    ]  # fmt: skip
    assert 'd="M0 500L667 500L667 500L1333 500"' in lines  # from the first of four columns to the second
    assert 'd="M2667 500L3333 500L3333 250L4000 250"' in lines  # to the first of two queues
    assert 'class="word mid" style="left:83.333%;bottom:75.00%;font-size:11px;color:#' in written


@pytest.mark.parametrize(("theme", "stripes"), [("light", "light"), ("dark", "dark")])
def test_stripes_on_a_bar_are_light_where_it_is_dark(theme: str, stripes: str) -> None:
    """The green of a function is dark enough in the light theme alone."""
    guessed = (Bar("a", None, "function", "function", 0, 1.0, certainty="guess"),)
    (image,) = images(html(waterfall.figure(guessed, 1.0, theme)))
    assert re.findall(r"url\(#(\w+)\)", image) == [stripes]


def test_a_line_breaks_where_nothing_is_known() -> None:
    line = go.Scatter(x=[0, 1, 2, 3, 4], y=[0, 10, None, 5, 5], mode="lines", line=LINE)
    (image,) = images(html(figure(line)))
    assert 'd="M0 1000L400 0M1200 500L1600 500"' in image
    assert 'stroke-width="2"' in image and 'vector-effect="non-scaling-stroke"' in image


def test_steps_go_across_first_and_areas_down_to_nothing() -> None:
    line = go.Scatter(x=[1, 2, 3], y=[5, 10, 10], mode="lines", fill="tozeroy", line={**LINE, "shape": "hv"})
    (image,) = images(html(figure(line)))
    assert 'd="M400 500H800V0H1200V1000H400z" fill="#123456" opacity="0.5"' in image
    assert 'd="M400 500H800V0H1200"' in image


def test_dashes_are_as_long_as_plotly_s() -> None:
    for dash, width, written in (("dot", 1.6, "3,3"), ("dot", 4, "4,4"), ("dash", 1.2, "9,9")):
        line = go.Scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": "red", "dash": dash, "width": width}
        )
        assert f'stroke-dasharray="{written}"' in images(html(figure(line)))[0]


def test_dots_are_round_and_have_their_signs() -> None:
    marker = {"color": "#abcdef", "size": 8, "opacity": 0.5}
    dots = go.Scatter(x=[5], y=[2], mode="markers", marker=marker)
    (image,) = images(html(figure(dots)))
    assert '<g fill="#abcdef" fill-opacity="0.5"><circle cx="50.00%" cy="80.0%" r="4"/></g>' in image
    for symbol in ("square", "diamond", "x", "cross"):
        dots = go.Scatter(x=[5], y=[2], mode="markers", marker={**marker, "symbol": symbol})
        assert '<svg x="50.00%" y="80.0%" overflow="visible">' in images(html(figure(dots)))[0]


def test_a_logarithmic_axis_places_by_powers_of_ten() -> None:
    drawn = answer_times.figure(
        {name: points(1.0, 10.0, None, 0.1) for name in ("p50", "p95", "p99")},
        slo_s=10, start=START, end=END, theme="dark", zone=UTC,
    )  # fmt: skip
    found = re.findall(r"M0 (\d+)L1000 (\d+)", images(html(drawn))[0])
    (one, ten), *_ = [(int(low), int(high)) for low, high in found]
    axis = drawn.layout.yaxis.range
    assert one - ten == pytest.approx(1000 / (axis[1] - axis[0]), abs=1.5)


def test_each_pair_of_axes_has_an_image_and_the_axes_of_time_their_words_once() -> None:
    pasts = [QueuePast(name, points(1, 0, 4), points(2.0, None, 7.0)) for name in ("a", "b")]
    written = html(queue_strips.figure(pasts, start=START, end=END, theme="light", zone=UTC))
    assert len(images(written)) == 4
    assert written.count(">12:00<") == 2  # left and right
    assert "<b>a</b>" in written and "<b>b</b>" in written
    assert 'class="legend"' not in written


def test_names_of_anybody_are_words_and_nothing_else() -> None:
    for text in payloads.markup(200, 7, "127.0.0.1:9"):
        said = style.plain(text, 40)
        drawn = figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=LINE, name=said), barmode="stack")
        drawn.update_layout(annotations=[{
            "text": f"<b>{said}</b>", "x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left",
            "yanchor": "bottom", "showarrow": False,
        }])  # fmt: skip
        bars = (Bar("a", None, "run", text, 0, 1.0),)
        figures = (waterfall.figure(bars, 1.0, "light"), dependencies.figure(team_map(text), "light"))
        written = "".join([html(drawn, text), *map(html, figures)])
        tags = {tag.lower() for tag in re.findall(r"<\s*(\w+)", written)}
        assert tags <= {"div", "span", "img", "b", "u", "small", "br"}, text
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', "", written)), text


@pytest.mark.parametrize(
    "drawn",
    [
        figure(go.Heatmap(z=[[1]])),
        figure(bar([0], [1], orientation="h")),
        figure(bar([0], [1], width=None)),
        figure(bar([0], [1], marker={"color": ["red"]})),
        figure(go.Scatter(x=[0], y=[0], mode="lines+text", text=["a"], line=LINE)),
        figure(go.Scatter(x=[0], y=[0], mode="text", text=["a"], textposition="top center")),
        figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", fill="toself", line=LINE)),
        figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={**LINE, "dash": "longdash"})),
        figure(
            go.Scatter(x=[0], y=[0], mode="markers", marker={"symbol": "star", "size": 5, "color": "red"})
        ),
        figure(go.Scatter(x=[0], y=[0], mode="markers", marker={"size": [5], "color": "red"})),
        figure(go.Scatter(x=[0] * 1001, y=[0] * 1001, mode="markers", marker={"size": 5, "color": "red"})),
        figure(go.Scatter(x=[START], y=[0], mode="lines", line=LINE)),
        figure(bar([0], [1])).add_vrect(x0=0, x1=1),
        figure(bar([0], [1])).add_shape(type="circle", xref="paper", yref="paper", layer="below"),
        figure(bar([0], [1])).add_shape(
            type="rect", xref="paper", yref="paper", layer="below", line={"width": 1}
        ),
        figure(bar([0], [1])).add_annotation(text="arrow", x=0, y=0),
        go.Figure(bar([0], [1]), style.layout("light")),  # plotly would choose the range
        go.Figure(bar([0], [1])),
        figure(bar([0], [1]), margin={"autoexpand": True}),  # nobody knows yet how much room its legend makes
    ],
)
def test_of_what_is_not_written_here_there_is_no_picture(drawn: go.Figure) -> None:
    assert picture.html_of(drawn, "a chart") is None


def test_marks_outside_of_the_range_are_not_written() -> None:
    drawn = figure(go.Scatter(x=[0, 1], y=[1, 2], mode="lines", line=LINE))
    drawn.update_layout(yaxis=ticks.log_seconds([1.0]) | {"type": "log"})
    assert "0.1 s" not in words(html(drawn))
    assert "1 s" in words(html(drawn))
