"""Who calls whom: agents, tools and queues in four columns, with what the calls between them took."""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from services.answers.narration import seconds
from services.inventory.agents_map import COLUMNS, Column, DependencyMap, Line, Place, rows_of
from services.monitor.shapes import BarKind
from ui import safe
from ui.charts import palette, style

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure, Scatter

NAMELESS = "no name"
HEADS: dict[Column, str] = {
    "orchestrator": "Orchestrators",
    "agent": "Agents",
    "tool": "Tools",
    "queue": "Queues",
}
ROW_PX, TOP_PX = 44, 26
BOX_PX, SIDE_PX = (86, 34), 48  # on a narrow screen there is still room between two boxes
TEXT_PX, LABEL_PX, HEAD_PX = 11, 11, 12
LETTER_PX = 5.5  # of a label, which hides the line that it stands on
LINE_LETTERS = 14
QUEUE_PREFIX = "azure-function-"  # by convention in front of every queue of a tool: it tells nothing apart
_BORDERS: dict[Column, BarKind] = {
    "orchestrator": "model",
    "agent": "run",
    "tool": "function",
    "queue": "wait",
}
At = tuple[float, float]  # across and up, as shares of the map
_PAPER = {"xref": "paper", "yref": "paper", "layer": "below"}  # what belongs to axes is cut off at their ends


def height(found: DependencyMap) -> int:
    return TOP_PX + round(ROW_PX * _rows(found))


def figure(found: DependencyMap, theme: str) -> "Figure":
    """Return the map. A click on an agent selects a point whose customdata is its id."""
    from ui.charts.figures import Figure

    places = {place.key: place for place in found.places}
    at = _placed(found)
    lines = sorted(found.lines, key=lambda line: line.is_broken)  # red on top
    ways = [_way(at[line.source], at[line.target]) for line in lines]
    said = [(line, _middle(line, way, places)) for line, way in zip(lines, ways, strict=True) if label(line)]
    shapes = [_line(line, way, theme) for line, way in zip(lines, ways, strict=True)]
    shapes += [_ground(label(line), middle, theme) for line, middle in said]
    shapes += [_box(place, at[place.key], theme) for place in found.places]
    layout = style.layout(theme, height=height(found))
    heads = [column for column in COLUMNS if found.column(column)]
    layout |= {
        **style.CLICKED,
        "showlegend": False,
        "margin": {"l": SIDE_PX, "r": SIDE_PX, "t": TOP_PX, "b": 0, "pad": 0},
        "shapes": shapes,
        "xaxis": {
            **style.AXIS,
            "range": [0, 1],
            "side": "top",
            "tickvals": [_across(column) for column in heads],
            "ticktext": [HEADS[column] for column in heads],
            "tickfont": {"size": HEAD_PX, "color": palette.WORDS[theme]["run"]},
            "showgrid": False,
            "zeroline": False,
        },
        "yaxis": {
            **style.AXIS,
            "range": [0, 1],
            "tickvals": [],
            "ticktext": [],
            "showgrid": False,
            "zeroline": False,
        },
    }
    return Figure([_labels(said, theme), _names(found, at, theme)], layout)


def _rows(found: DependencyMap) -> float:
    return max(rows_of(found).values(), default=0.0) + 1


def _across(column: Column) -> float:
    return COLUMNS.index(column) / (len(COLUMNS) - 1)


def _placed(found: DependencyMap) -> dict[str, At]:
    """Return where the middle of each place is."""
    rows, whole = rows_of(found), _rows(found)
    return {place.key: (_across(place.column), 1 - (rows[place.key] + 0.5) / whole) for place in found.places}


def label(line: Line) -> str:
    """Return `0.3 s`, `≤ 0.3 s` where several agents hand over; empty when nothing is known of the line."""
    if line.use is None or line.use.p95_s is None:
        return ""
    return style.plain(f"{'≤ ' if line.use.is_bound else ''}{seconds(line.use.p95_s)}")


def told(line: Line) -> str:
    """Return what is known of a line, in words."""
    if line.use is None or not line.use.calls:
        return "" if line.kind == "reply" else "no call told of in this range"
    what = "messages waited" if line.kind == "wait" else "calls"
    failed = f", {line.use.failed:,} failed" if line.use.failed else ""
    return f"{line.use.calls:,} {what}{failed}, p95 {label(line) or 'not known'}"


def _way(start: At, end: At) -> tuple[At, At, At, At]:
    """Return the corners of a line: across, up or down in the gap before its target, across; one that turns back does so in
    the gap behind both."""
    half = 0.5 / (len(COLUMNS) - 1)
    middle = end[0] - half if end[0] > start[0] else start[0] + half
    return start, (middle, start[1]), (middle, end[1]), end


def _middle(line: Line, way: tuple[At, At, At, At], places: Mapping[str, Place]) -> At:
    """Return where a line's label stands: beside the agent that a tool is called by, else beside what is called."""
    return way[1] if places[line.target].column == "tool" else way[2]


def _line(line: Line, way: Iterable[At], theme: str) -> dict[str, Any]:
    colour = palette.FAILED[theme] if line.is_broken else palette.KINDS[theme]["run"]
    pen = {
        "color": colour,
        "width": 2.0 if line.is_broken else 1.4,
        "dash": "dash" if line.is_broken else "dot" if line.kind == "reply" else "solid",
    }
    path = "L".join(f"{across:.4f},{up:.4f}" for across, up in way)
    return {**_PAPER, "type": "path", "path": f"M{path}", "line": pen}


def _rectangle(at: At, size_px: tuple[float, float], fill: str, line: dict[str, Any]) -> dict[str, Any]:
    """Return one around *at*, which keeps its size however wide the map is."""
    (width, height), (x, y) = size_px, at
    return {
        **_PAPER,
        "type": "rect",
        "xsizemode": "pixel",
        "ysizemode": "pixel",
        "xanchor": x,
        "yanchor": y,
        "x0": -width / 2,
        "x1": width / 2,
        "y0": -height / 2,
        "y1": height / 2,
        "fillcolor": fill,
        "line": line,
    }


def _ground(words: str, at: At, theme: str) -> dict[str, Any]:
    wide_px = LETTER_PX * len(html.unescape(words)) + 4
    return _rectangle(at, (wide_px, LABEL_PX + 3), palette.PAGE[theme], {"width": 0})


def _box(place: Place, at: At, theme: str) -> dict[str, Any]:
    border = palette.FAILED[theme] if place.is_broken else palette.KINDS[theme][_BORDERS[place.column]]
    return _rectangle(
        at, BOX_PX, palette.PANEL[theme], {"color": border, "width": 2.0 if place.is_broken else 1.4}
    )


def _labels(said: Sequence[tuple[Line, At]], theme: str) -> "Scatter":
    """Return what stands on the lines."""
    from ui.charts.figures import Scatter

    colours = [
        palette.WORDS[theme]["wait"] if line.kind == "wait" else palette.TEXT[theme] for line, _ in said
    ]
    return Scatter(
        x=[at[0] for _, at in said],
        y=[at[1] for _, at in said],
        mode="text",
        text=[label(line) for line, _ in said],
        textposition="middle center",
        textfont={"size": LABEL_PX, "color": colours},
        cliponaxis=False,
        hoverinfo="skip",
    )


def _names(found: DependencyMap, at: Mapping[str, At], theme: str) -> "Scatter":
    """Return what stands in the boxes, and what is pointed at and clicked: of words alone Streamlit hears no click."""
    from ui.charts.figures import Scatter

    into: dict[str, list[str]] = {}
    for line in found.lines:
        if words := told(line):
            into.setdefault(line.target, []).append(words)
    failed, usual = palette.FAILED[theme], palette.TEXT[theme]
    return Scatter(
        x=[at[place.key][0] for place in found.places],
        y=[at[place.key][1] for place in found.places],
        mode="markers+text",
        marker={"size": ROW_PX - 8, "opacity": 0, "symbol": "square"},
        text=["<br>".join(lines_of(place)) for place in found.places],
        textposition="middle center",
        textfont={"size": TEXT_PX, "color": [failed if place.is_broken else usual for place in found.places]},
        cliponaxis=False,
        customdata=[
            place.key if place.column in ("orchestrator", "agent") and not place.is_broken else ""
            for place in found.places
        ],
        hovertext=["<br>".join(_hover(place, into.get(place.key, []))) for place in found.places],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _hover(place: Place, into: list[str]) -> Iterator[str]:
    yield f"<b>{style.plain(place.name.strip() or NAMELESS, 80)}</b>"
    if place.note:
        yield style.plain(place.note, 120)
    yield from (style.plain(words) for words in into[:4])


def lines_of(place: Place) -> list[str]:
    """Return the name on at most two short lines, broken where its words end; and of what is missing, that it is."""
    name = place.name.removeprefix(QUEUE_PREFIX) if place.column == "queue" else place.name
    flat = " ".join(safe.clean(name).split()) or NAMELESS
    if place.is_broken:
        missing = "no such agent" if place.column == "agent" else "no such queue"
        return [style.plain(flat, LINE_LETTERS), missing]
    if len(flat) <= LINE_LETTERS:
        return [style.plain(flat, LINE_LETTERS)]
    ends = [at + 1 for at, letter in enumerate(flat[:LINE_LETTERS]) if letter in " _-."]
    cut = ends[-1] if ends and ends[-1] > 3 else LINE_LETTERS
    return [style.plain(flat[:cut], LINE_LETTERS), style.plain(flat[cut:], LINE_LETTERS)]
