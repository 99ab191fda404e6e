"""Who calls whom: agents, tools and queues in four columns, with what the calls between them took."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from services.answers.narration import seconds
from services.inventory.agents_map import COLUMNS, Column, DependencyMap, Line, Place, rows_of
from services.monitor.shapes import BarKind
from ui import safe
from ui.charts import palette, style

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

NAMELESS = "no name"
HEADS: dict[Column, str] = {
    "orchestrator": "Orchestrators",
    "agent": "Agents",
    "tool": "Tools",
    "queue": "Queues",
}
ROW_PX, FRAME_PX, BOX_PX, SIDE_PX = 44, 48, 84, 46  # on a narrow screen there is still room between two boxes
TEXT_PX, LABEL_PX = 10.5, 10
LINE_LETTERS = 14
QUEUE_PREFIX = "azure-function-"  # by convention in front of every queue of a tool: it tells nothing apart
_BORDERS: dict[Column, BarKind] = {
    "orchestrator": "model",
    "agent": "run",
    "tool": "function",
    "queue": "wait",
}


def height(found: DependencyMap) -> int:
    return FRAME_PX + round(ROW_PX * (max(rows_of(found).values(), default=0.0) + 1))


def figure(found: DependencyMap, theme: str) -> "Figure":
    """Return the map. A click on an agent selects a point whose customdata is its id."""
    from ui.charts.figures import Figure

    rows = rows_of(found)
    places = {place.key: place for place in found.places}
    drawn = Figure()
    for line in sorted(found.lines, key=lambda line: line.is_broken):  # red on top
        drawn.add_trace(_line(line, places, rows, theme))
    drawn.add_trace(_points(found, rows))
    layout = style.layout(theme, height=height(found))
    layout |= {
        "showlegend": False,
        "margin": {"l": SIDE_PX, "r": SIDE_PX, "t": 26, "b": 0, "pad": 0},
        "annotations": [
            *_labels(found, places, rows, theme),
            *(_box(place, rows, theme) for place in found.places),
            *_heads(found, theme),
        ],
    }
    layout["xaxis"] |= {"visible": False, "range": [0, len(COLUMNS) - 1], "automargin": False}
    layout["yaxis"] |= {
        "visible": False,
        "range": [max(rows.values(), default=0.0) + 0.5, -0.5],
        "automargin": False,
        "rangemode": "normal",
    }
    drawn.update_layout(**layout)
    return drawn


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


def _line(line: Line, places: Mapping[str, Place], rows: Mapping[str, float], theme: str) -> Any:
    """Return the line: across, down half-way, across. plotly's Scatter, which is imported late."""
    from ui.charts.figures import Scatter

    left, right = (COLUMNS.index(places[key].column) for key in (line.source, line.target))
    top, bottom = rows[line.source], rows[line.target]
    middle = _middle(left, right)
    colour = palette.FAILED[theme] if line.is_broken else palette.KINDS[theme]["run"]
    return Scatter(
        x=[left, middle, middle, right],
        y=[top, top, bottom, bottom],
        mode="lines",
        line={
            "color": colour,
            "width": 2.0 if line.is_broken else 1.4,
            "dash": "dash" if line.is_broken else "dot" if line.kind == "reply" else "solid",
        },
        hoverinfo="skip",
    )


def _middle(left: int, right: int) -> float:
    """Return where a line goes down: in the gap before its target; one that turns back, in the gap behind both."""
    return right - 0.5 if right > left else left + 0.5


def _labels(
    found: DependencyMap, places: Mapping[str, Place], rows: Mapping[str, float], theme: str
) -> Iterator[dict[str, Any]]:
    """Yield what stands on the lines: beside the agent that a tool is called by, else beside what is called."""
    for line in found.lines:
        if not (words := label(line)):
            continue
        left, right = (COLUMNS.index(places[key].column) for key in (line.source, line.target))
        own = places[line.target].column == "tool"
        colour = palette.KINDS[theme]["wait"] if line.kind == "wait" else palette.TEXT[theme]
        yield {
            **_PLAIN,
            "x": _middle(left, right),
            "y": rows[line.source if own else line.target],
            "text": words,
            "font": {"size": LABEL_PX, "color": colour},
            "bgcolor": palette.PANEL[theme],
            "borderpad": 1,
        }


_PLAIN: dict[str, Any] = {"showarrow": False, "xanchor": "center", "yanchor": "middle"}


def _box(place: Place, rows: Mapping[str, float], theme: str) -> dict[str, Any]:
    failed = palette.FAILED[theme]
    border = failed if place.is_broken else palette.KINDS[theme][_BORDERS[place.column]]
    return {
        **_PLAIN,
        "x": COLUMNS.index(place.column),
        "y": rows[place.key],
        "text": "<br>".join(lines_of(place)),
        "width": BOX_PX,
        "height": ROW_PX - 14,
        "font": {"size": TEXT_PX, "color": failed if place.is_broken else palette.TEXT[theme]},
        "bgcolor": palette.PANEL[theme],
        "bordercolor": border,
        "borderwidth": 2 if place.is_broken else 1.4,
        "borderpad": 2,
    }


def _heads(found: DependencyMap, theme: str) -> Iterator[dict[str, Any]]:
    for column in COLUMNS:
        if found.column(column):
            yield {
                **_PLAIN,
                "x": COLUMNS.index(column),
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "yshift": 4,
                "text": HEADS[column],
                "font": {"size": 12, "color": palette.KINDS[theme]["run"]},
            }


def _points(found: DependencyMap, rows: Mapping[str, float]) -> Any:
    """Return what is hovered and clicked: plotly's annotations take no clicks that Streamlit hears of."""
    from ui.charts.figures import Scatter

    into: dict[str, list[str]] = {}
    for line in found.lines:
        if words := told(line):
            into.setdefault(line.target, []).append(words)
    return Scatter(
        x=[COLUMNS.index(place.column) for place in found.places],
        y=[rows[place.key] for place in found.places],
        mode="markers",
        marker={"size": ROW_PX - 8, "opacity": 0, "symbol": "square"},
        customdata=[
            place.key if place.column in ("orchestrator", "agent") and not place.is_broken else ""
            for place in found.places
        ],
        text=["<br>".join(_hover(place, into.get(place.key, []))) for place in found.places],
        hovertemplate="%{text}<extra></extra>",
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
