"""What of a figure is no text, as images: they are stretched to a plot's place, lines keep their width."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ui.charts.picture_axes import ACROSS, UP, Axis, Look, UnpicturedError
from ui.charts.picture_bars import fill_of, lying, standing, stripes_of

DASHES = {"dot": 1, "dash": 3}  # plotly: times the width of a line, and at least 3 px
SYMBOLS = {  # of a size of 2 around 0, as plotly draws them
    "circle": "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
    "square": "M-1-1H1V1H-1Z",
    "diamond": "M0-1.3L1.3 0L0 1.3L-1.3 0Z",
    "x": "M0 .44L.69 1.13L1.13 .69L.44 0L1.13-.69L.69-1.13L0-.44L-.69-1.13L-1.13-.69L-.44 0L-1.13 .69L-.69 1.13Z",
    "cross": "M-.4-1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z",
}
LEGEND_PX = 30, 14
MOST_DOTS = 1_000  # more would be a long address for a moment's look
FILLED = 0.5
Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Word:
    """*at*, *up*: where it begins, or its middle is, as shares. *size*: of its letters, in pixels; 0: as all. *colour*: empty, too."""

    at: float
    up: float
    text: str
    is_centred: bool = False
    size: float = 0
    colour: str = ""


def image_of(traces: Sequence[Look], x: Axis, y: Axis, *, is_stacked: bool) -> str:
    """Return the address, `data:…`, of the image of *traces* between *x* and *y*. Raises UnpicturedError."""
    marks, over, tops = [], [], dict[Any, float]()
    for number, trace in enumerate(traces):
        match trace["type"]:
            case "bar" if trace.get("orientation", "v") == "v":
                bars, hatched = standing(trace, x, y, tops if is_stacked else {}, number)
                marks.append(bars)
                over.append(hatched)
            case "bar":
                over.append(lying(trace, x, y))
            case "scatter" if trace["mode"] == "text" or _is_clear(trace):
                pass  # words_of(), or nothing
            case "scatter":
                stretches = _stretches(trace, x, y)
                marks += _lined(trace, y, stretches)
                over += _dots(trace, [point for points in stretches for point in points])
            case _:
                raise UnpicturedError
    inside = stretched("".join(marks))
    grid = stretched(f"{_lines(x, is_across=True)}{_lines(y, is_across=False)}", "visible")
    return address_of(f"{grid}{inside}{''.join(over)}")


def words_of(trace: Look, x: Axis, y: Axis) -> list[Word]:
    """Return the words that *trace* writes between its axes."""
    if trace["type"] != "scatter" or "text" not in trace["mode"]:
        return []
    position, font = trace.get("textposition"), trace.get("textfont", {})
    if position not in ("middle right", "middle center"):
        raise UnpicturedError
    colour = font.get("color", "")
    colours = [colour] * len(trace["x"]) if isinstance(colour, str) else colour
    placed = zip(trace["x"], trace["y"], trace["text"], colours, strict=True)
    return [
        Word(x.share(at), y.share(up), str(text), position == "middle center", font.get("size", 0), own)
        for at, up, text, own in placed
    ]


def symbol_of(trace: Look) -> str:
    """Return the address of the image that stands beside a trace's name in the legend."""
    width, height = LEGEND_PX
    middle = height / 2
    if trace["type"] == "bar":
        marker = trace["marker"]
        hatch = ""
        if pattern := marker.get("pattern"):
            hatch = stripes_of("h", marker["color"], pattern, scale=0.5)  # as plotly's are in a legend
        fill = "url(#h)" if hatch else marker["color"]
        return address_of(f'{hatch}<path d="M9 1h12v12h-12z" fill="{fill}"/>', LEGEND_PX)
    drawn = ""
    if "lines" in trace["mode"]:
        drawn = f'<path d="M0 {middle:g}H{width}" {pen_of(trace["line"])}/>'
    if "markers" in trace["mode"]:
        marker = trace["marker"]
        place = f"translate({width / 2:g} {middle:g}) scale({marker['size'] / 2:g})"
        drawn += f'<path d="{_symbol(marker)}" transform="{place}" {fill_of(marker)}/>'
    return address_of(drawn, LEGEND_PX)


def _is_clear(trace: Look) -> bool:
    """Whether *trace* is only there to be pointed at."""
    return "lines" not in trace["mode"] and bool(trace.get("marker", {}).get("opacity", 1) == 0)


# Lines and dots --------------------------------------------------------------------------------------------------------


def _lined(trace: Look, y: Axis, stretches: Sequence[Sequence[Point]]) -> list[str]:
    mode, line = trace["mode"], trace.get("line", {})
    if "text" in mode:
        raise UnpicturedError
    if "lines" not in mode:
        return []
    joined = [
        (points, _path(points, is_step=line.get("shape") == "hv")) for points in stretches if len(points) > 1
    ]
    drawn = []
    match trace.get("fill", "none"):
        case "none":
            pass
        case "tozeroy":
            floor = round((1 - y.share(0)) * UP)
            areas = "".join(f"{path}V{floor}H{points[0][0]}z" for points, path in joined)
            drawn.append(f'<path d="{areas}" fill="{line["color"]}" opacity="{FILLED}"/>')
        case _:
            raise UnpicturedError
    return [*drawn, f'<path d="{"".join(path for _, path in joined)}" {pen_of(line)}/>']


def _stretches(trace: Look, x: Axis, y: Axis) -> list[list[Point]]:
    """Return the points of each stretch without a gap."""
    found: list[list[Point]] = [[]]
    for at, value in zip(trace["x"], trace["y"], strict=True):
        if value is None:
            found.append([])
        else:
            found[-1].append((round(x.share(at) * ACROSS), round((1 - y.share(value)) * UP)))
    return [points for points in found if points]


def _path(points: Sequence[Point], *, is_step: bool) -> str:
    first, *_ = points
    written = [f"M{first[0]} {first[1]}"]
    for (_, before), (at, up) in pairwise(points):
        step = f"H{at}" + (f"V{up}" if up != before else "")
        written.append(step if is_step else f"L{at} {up}")
    return "".join(written)


def pen_of(line: Look) -> str:
    """Return how a line is drawn; its width and its dashes in pixels, however far the image is stretched."""
    width = line.get("width", 2)
    pen = f'fill="none" stroke="{line["color"]}" stroke-width="{width}" stroke-miterlimit="2" vector-effect="non-scaling-stroke"'
    match line.get("dash", "solid"):
        case "solid":
            return pen
        case dash if dash in DASHES:
            step = DASHES[dash] * max(3, width)
            return f'{pen} stroke-dasharray="{step:g},{step:g}"'
    raise UnpicturedError


def _dots(trace: Look, points: Sequence[Point]) -> list[str]:
    """Return the dots of *points*: outside of what is stretched, which would make them ovals."""
    if "markers" not in trace["mode"] or not points:
        return []
    if len(points) > MOST_DOTS:
        raise UnpicturedError
    marker = trace["marker"]
    placed = ((f"{at / ACROSS:.2%}", f"{up / UP:.1%}") for at, up in points)
    if marker.get("symbol", "circle") == "circle":
        dots = "".join(f'<circle cx="{at}" cy="{up}" r="{marker["size"] / 2:g}"/>' for at, up in placed)
        return [f"<g {fill_of(marker)}>{dots}</g>"]
    path = f'<path d="{_symbol(marker)}" transform="scale({marker["size"] / 2:g})" {fill_of(marker)}/>'
    return [f'<svg x="{at}" y="{up}" overflow="visible">{path}</svg>' for at, up in placed]


def _symbol(marker: Look) -> str:
    path = SYMBOLS.get(marker.get("symbol", "circle"))
    if path is None:
        raise UnpicturedError
    return path


# Images ----------------------------------------------------------------------------------------------------------------


def _lines(axis: Axis, *, is_across: bool) -> str:
    """Return the lines of an axis at its marks, and at zero."""
    shares = [share for share, _ in axis.marks] if axis.look.get("showgrid", True) else []
    if axis.look.get("zeroline", True) and axis.look.get("type") not in ("log", "date"):
        shares.append(axis.share(0))
    places = dict.fromkeys(shares)
    path = "".join(
        f"M{round(one * ACROSS)} 0V{UP}" if is_across else f"M0 {round((1 - one) * UP)}H{ACROSS}"
        for one in places
    )
    look = 'shape-rendering="crispEdges" vector-effect="non-scaling-stroke"'
    return f'<path d="{path}" stroke="{axis.look["gridcolor"]}" {look}/>' if path else ""


def stretched(inside: str, overflow: str = "hidden") -> str:
    return (
        f'<svg viewBox="0 0 {ACROSS} {UP}" preserveAspectRatio="none" overflow="{overflow}" '
        f'style="x:1px;y:1px;width:calc(100% - 2px);height:calc(100% - 2px)">{inside}</svg>'
    )


def address_of(inside: str, size: tuple[int, int] | None = None) -> str:
    width, height = size or ("100%", "100%")
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{inside}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
