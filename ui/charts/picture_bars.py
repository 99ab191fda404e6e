"""The bars of a figure as parts of an image: those that stand, each on those before, and those that lie (ui/charts/waterfall.py)."""

from collections.abc import Sequence
from typing import Any

from ui.charts.picture_axes import ACROSS, UP, Axis, Look, UnpicturedError

HATCH_PX, HATCHED = 8, 0.3  # plotly's own: a stripe's room, and its share of that
OVER = {"light": "#fff", "dark": "#444"}
Bar = tuple[float, float, float, float]  # left, bottom, width and height, as shares


def standing(trace: Look, x: Axis, y: Axis, tops: dict[Any, float], number: int) -> tuple[str, str]:
    """Return the bars of *trace*: what is stretched of them, and what is not, for stripes would change their angle.

    *tops*: how high the bars before come, where this one's stand on them; it grows. *number*: no other trace's of the image.
    """
    bars, marker = _upright(trace, x, y, tops), trace["marker"]
    if pattern := marker.get("pattern"):
        name = f"h{number}"
        drawn = "".join(f'<rect {_box(bar)} fill="url(#{name})"/>' for bar in bars)
        return "", stripes_of(name, marker["color"], pattern) + drawn
    return f'<path d="{"".join(map(_rectangle, bars))}" {fill_of(marker)}/>' if bars else "", ""


def lying(trace: Look, x: Axis, y: Axis) -> str:
    """Return bars that lie, each with its own look: not to be stretched, for their edges and stripes."""
    beams, marker = _beams(trace, x, y), trace["marker"]
    if not beams:
        return ""
    edge, pattern = marker["line"], marker["pattern"]
    drawn = [stripes_of(name, colour, {**pattern, "shape": "/"}) for name, colour in OVER.items()]
    looks = zip(marker["color"], marker["opacity"], edge["width"], pattern["shape"], strict=True)
    for bar, (colour, opacity, width, shape) in zip(beams, looks, strict=True):
        drawn.append(f'<g opacity="{opacity}"><rect {_box(bar)} fill="{colour}"/>')
        if shape:
            stripes = f'fill="url(#{_over(colour)})" fill-opacity="{pattern["fgopacity"]}"'
            drawn.append(f"<rect {_box(bar)} {stripes}/>")
        if width:
            line = f'fill="none" stroke="{edge["color"]}" stroke-width="{width}"'
            drawn.append(f"<rect {_box(bar)} {line}/>")
        drawn.append("</g>")
    if trace["error_x"].get("visible", True):
        drawn.append(_whiskers(trace["error_x"], beams, x))
    return "".join(drawn)


def stripes_of(name: str, colour: str, look: Look, *, scale: float = 1.0) -> str:
    """Return a pattern of that name: from below left to above right, as plotly measures it."""
    if look.get("shape") != "/":
        raise UnpicturedError
    size = look.get("size", HATCH_PX) * scale
    step, quarter = size * 2**0.5, size * 2**0.5 / 4
    stripes = (
        f"M{-quarter:.2f} {quarter:.2f}L{quarter:.2f} {-quarter:.2f}M0 {step:.2f}L{step:.2f} 0"
        f"M{3 * quarter:.2f} {5 * quarter:.2f}L{5 * quarter:.2f} {3 * quarter:.2f}"
    )
    wide_px = look.get("solidity", HATCHED) * size
    return (
        f'<pattern id="{name}" width="{step:.2f}" height="{step:.2f}" patternUnits="userSpaceOnUse">'
        f'<path d="{stripes}" stroke="{colour}" stroke-width="{wide_px:.2f}"/></pattern>'
    )


def fill_of(marker: Look) -> str:
    if not isinstance(marker["color"], str):
        raise UnpicturedError
    return f'fill="{marker["color"]}" fill-opacity="{marker.get("opacity", 1)}"'


def _upright(trace: Look, x: Axis, y: Axis, tops: dict[Any, float]) -> list[Bar]:
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


def _box(bar: Bar) -> str:
    left, bottom, width, height = bar
    return f'x="{left:.3%}" y="{1 - bottom - height:.3%}" width="{width:.3%}" height="{height:.3%}"'


def _beams(trace: Look, x: Axis, y: Axis) -> list[Bar]:
    """Return the bars of *trace*, from where they begin to the right; none of what only the legend shows."""
    placed = zip(trace["y"], trace.get("base", trace["x"]), trace["x"], strict=True)
    thick = abs(y.length(trace.get("width", 0)))
    return [
        (x.share(start), y.share(at) - thick / 2, x.length(long), thick)
        for at, start, long in placed
        if at is not None
    ]


def _over(colour: str) -> str:
    """Return the name of the stripes on a bar of *colour*, `#rrggbb`: plotly takes light ones on what is dark, and none other."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "light" if red * 299 + green * 587 + blue * 114 < 128_000 else "dark"


def _whiskers(look: Look, beams: Sequence[Bar], x: Axis) -> str:
    """Return a line around the end of each bar that has a blur, with a short one across at both its ends."""
    drawn = []
    for (left, low, width, height), blur in zip(beams, look["array"], strict=True):
        if not blur:
            continue
        up, end, far = f"{1 - low - height / 2:.3%}", left + width, x.length(blur)
        drawn.append(f'<line x1="{end - far:.3%}" x2="{end + far:.3%}" y1="{up}" y2="{up}"/>')
        drawn += [
            f'<svg x="{one:.3%}" y="{up}" overflow="visible"><path d="M0-{look["width"]}V{look["width"]}"/></svg>'
            for one in (end - far, end + far)
        ]
    return f'<g stroke="{look["color"]}" stroke-width="{look["thickness"]}">{"".join(drawn)}</g>'
