"""What of a figure is no text, as images: they are stretched to a plot's place, lines keep their width."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import log10
from typing import Any

ACROSS, UP = 4_000, 1_000  # steps of the place of a mark
DASHES = {"dot": 1, "dash": 3}  # plotly: times the width of a line, and at least 3 px
SYMBOLS = {  # of a size of 2 around 0, as plotly draws them
    "circle": "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
    "square": "M-1-1H1V1H-1Z",
    "diamond": "M0-1.3L1.3 0L0 1.3L-1.3 0Z",
    "x": "M0 .44L.69 1.13L1.13 .69L.44 0L1.13-.69L.69-1.13L0-.44L-.69-1.13L-1.13-.69L-.44 0L-1.13 .69L-.69 1.13Z",
    "cross": "M-.4-1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z",
}
LEGEND_PX = 30, 14
HATCH_PX = 6
MOST_DOTS = 1_000  # more would be a long address for a moment's look
FILLED = 0.5
Look = Mapping[str, Any]
Point = tuple[int, int]


class UnpicturedError(Exception):
    """plotly draws this in a way that is not written here."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis as the figure describes it. Its range and its marks must be told: plotly would choose by the width."""

    look: Look

    @property
    def domain(self) -> tuple[float, float]:
        low, high = self.look.get("domain", (0.0, 1.0))
        return float(low), float(high)

    @property
    def title(self) -> str:
        return str(self.look.get("title", {}).get("text") or "")

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Return place, as a share of the axis, and word of each mark within the range."""
        placed = zip(self.look.get("tickvals", ()), self.look.get("ticktext", ()), strict=True)
        found = [(self.share(value), str(word)) for value, word in placed]
        return [(share, word) for share, word in found if -1e-6 <= share <= 1 + 1e-6]

    def share(self, value: Any) -> float:
        """Return where *value* lies, from 0 to 1 within the range."""
        if "range" not in self.look or "tickvals" not in self.look:
            raise UnpicturedError
        low, high = self.look["range"]
        if self.look.get("type") == "log":
            value = log10(value)
        if type(value) is not type(low) and not _are_numbers(value, low):
            raise UnpicturedError
        return float((value - low) / (high - low))

    def length(self, size: float) -> float:
        """Return how long *size* is, of the range as a whole; milliseconds along time."""
        low, high = self.look["range"]
        return float(
            timedelta(milliseconds=size) / (high - low) if isinstance(low, datetime) else size / (high - low)
        )


def image_of(traces: Sequence[Look], x: Axis, y: Axis, *, is_stacked: bool) -> str:
    """Return the address, `data:…`, of the image of *traces* between *x* and *y*. Raises UnpicturedError."""
    marks, over, hatches, tops = [], [], [], dict[Any, float]()
    for trace in traces:
        match trace["type"]:
            case "bar" if trace.get("orientation", "v") == "v":
                bars = _bars(trace, x, y, tops if is_stacked else {})
                if trace["marker"].get("pattern"):
                    hatches += [(bar, trace["marker"]["color"]) for bar in bars]
                else:
                    marks.append(_filled("".join(map(_rectangle, bars)), trace["marker"]))
            case "scatter":
                stretches = _stretches(trace, x, y)
                marks += _lined(trace, y, stretches)
                over += _dots(trace, [point for points in stretches for point in points])
            case _:
                raise UnpicturedError
    inside = _stretched("".join(marks))
    grid = _stretched(f"{_lines(x, is_across=True)}{_lines(y, is_across=False)}", "visible")
    return _address(f"{grid}{inside}{_hatched(hatches)}{''.join(over)}")


def symbol_of(trace: Look) -> str:
    """Return the address of the image that stands beside a trace's name in the legend."""
    width, height = LEGEND_PX
    middle = height / 2
    if trace["type"] == "bar":
        marker = trace["marker"]
        hatch = _pattern(0, marker["color"]) if marker.get("pattern") else ""
        fill = "url(#h0)" if hatch else marker["color"]
        return _address(f'{hatch}<path d="M9 1h12v12h-12z" fill="{fill}"/>', LEGEND_PX)
    drawn = ""
    if "lines" in trace["mode"]:
        drawn = f'<path d="M0 {middle:g}H{width}" {_pen(trace["line"])}/>'
    if "markers" in trace["mode"]:
        marker = trace["marker"]
        place = f"translate({width / 2:g} {middle:g}) scale({marker['size'] / 2:g})"
        drawn += f'<path d="{_symbol(marker)}" transform="{place}" {_fill(marker)}/>'
    return _address(drawn, LEGEND_PX)


# Bars ------------------------------------------------------------------------------------------------------------------

Bar = tuple[float, float, float, float]  # left, bottom, width and height, as shares


def _bars(trace: Look, x: Axis, y: Axis, tops: dict[Any, float]) -> list[Bar]:
    """Return the bars that have a height, on top of those before; *tops*: how high they come, which grows."""
    if not isinstance(trace.get("width"), int | float):
        raise UnpicturedError
    width = x.length(trace["width"])
    aside = x.length(trace["offset"]) if "offset" in trace else -width / 2
    found = []
    for at, value in zip(trace["x"], trace["y"], strict=True):
        if not value:
            continue
        low = tops.get(at, 0.0)
        tops[at] = low + value
        found.append((x.share(at) + aside, y.share(low), width, y.share(low + value) - y.share(low)))
    return found


def _rectangle(bar: Bar) -> str:
    left, bottom, width, height = bar
    across = round(width * ACROSS)
    return f"M{round(left * ACROSS)} {round((1 - bottom) * UP)}v{-round(height * UP)}h{across}v{round(height * UP)}z"


def _filled(path: str, marker: Look) -> str:
    return f'<path d="{path}" {_fill(marker)}/>' if path else ""


def _hatched(bars: Iterable[tuple[Bar, str]]) -> str:
    """Return hatched bars: outside of what is stretched, which would change the angle."""
    placed = list(bars)
    colours = list(dict.fromkeys(colour for _, colour in placed))
    patterns = "".join(_pattern(place, colour) for place, colour in enumerate(colours))
    return patterns + "".join(
        f'<rect x="{left:.3%}" y="{1 - bottom - height:.3%}" width="{width:.3%}" height="{height:.3%}" '
        f'fill="url(#h{colours.index(colour)})"/>'
        for (left, bottom, width, height), colour in placed
    )


def _pattern(number: int, colour: str) -> str:
    size = HATCH_PX
    return (
        f'<pattern id="h{number}" width="{size}" height="{size}" patternUnits="userSpaceOnUse">'
        f'<path d="M-1 1L1-1M0 {size}L{size} 0M{size - 1} {size + 1}L{size + 1} {size - 1}" '
        f'stroke="{colour}" stroke-width="1.7"/></pattern>'
    )


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
    return [*drawn, f'<path d="{"".join(path for _, path in joined)}" {_pen(line)}/>']


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


def _pen(line: Look) -> str:
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
        return [f"<g {_fill(marker)}>{dots}</g>"]
    path = f'<path d="{_symbol(marker)}" transform="scale({marker["size"] / 2:g})" {_fill(marker)}/>'
    return [f'<svg x="{at}" y="{up}" overflow="visible">{path}</svg>' for at, up in placed]


def _symbol(marker: Look) -> str:
    path = SYMBOLS.get(marker.get("symbol", "circle"))
    if path is None:
        raise UnpicturedError
    return path


def _fill(marker: Look) -> str:
    if not isinstance(marker["color"], str):
        raise UnpicturedError
    return f'fill="{marker["color"]}" fill-opacity="{marker.get("opacity", 1)}"'


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


def _stretched(inside: str, overflow: str = "hidden") -> str:
    return (
        f'<svg viewBox="0 0 {ACROSS} {UP}" preserveAspectRatio="none" overflow="{overflow}" '
        f'style="x:1px;y:1px;width:calc(100% - 2px);height:calc(100% - 2px)">{inside}</svg>'
    )


def _address(inside: str, size: tuple[int, int] | None = None) -> str:
    width, height = size or ("100%", "100%")
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{inside}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
