"""The shapes of a figure as images, below all else: lines from corner to corner, and on them boxes of a size in pixels
(ui/charts/dependencies.py)."""

from collections.abc import Sequence

from ui.charts.picture_axes import ACROSS, UP, Look, UnpicturedError
from ui.charts.picture_marks import address_of, pen_of, stretched

EDGE_PX = 60  # how much wider the image of boxes is than the plot, on each side: ui/picture.css


def shapes_of(shapes: Sequence[Look]) -> list[str]:
    """Return the addresses of the images of *shapes*: of lines, and on those of boxes; none where there are none. Raises
    UnpicturedError."""
    lines: list[str] = []
    boxes: list[str] = []
    for look in shapes:
        if (look["xref"], look["yref"], look["layer"]) != ("paper", "paper", "below"):
            raise UnpicturedError
        match look["type"]:
            case "path" if not boxes:
                lines.append(_line(look))
            case "rect":
                boxes.append(_box(look))
            case _:
                raise UnpicturedError
    if not shapes:
        return []
    return [address_of(stretched("".join(lines), "visible")), address_of("".join(boxes))]


def _line(look: Look) -> str:
    corners = [tuple(map(float, one.split(","))) for one in look["path"].removeprefix("M").split("L")]
    path = "L".join(f"{round(x * ACROSS)} {round((1 - y) * UP)}" for x, y in corners)
    return f'<path d="M{path}" {pen_of(look["line"])}/>'


def _box(look: Look) -> str:
    if (look.get("xsizemode"), look.get("ysizemode")) != ("pixel", "pixel"):
        raise UnpicturedError
    x, y, line = look["xanchor"], 1 - look["yanchor"], look["line"]
    place = f"x:{_far(x, EDGE_PX, look['x0'])};y:{_far(y, 0, look['y0'])}"
    size = f'width="{look["x1"] - look["x0"]:g}" height="{look["y1"] - look["y0"]:g}"'
    edge = f' stroke="{line["color"]}" stroke-width="{line["width"]:g}"' if line["width"] else ""
    return f'<rect style="{place}" {size} fill="{look["fillcolor"]}"{edge}/>'


def _far(share: float, edge_px: int, more_px: float) -> str:
    """Return how far from the image's edge a place is that lies at *share* of the plot, and *more_px*."""
    return f"calc({share:.3%} + {edge_px * (1 - 2 * share) + more_px:.2f}px)"
