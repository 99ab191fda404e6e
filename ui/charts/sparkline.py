"""A figure's way over the range as a small picture: drawn by us, so that no charts' library has to come for it.

Streamlit's own (`st.metric(chart_data=)`) brings 0.8 MB of Vega with the first one and takes a third of a second of the
first visit; a picture of 1 kB says the same at once. It is HTML, not Markdown: the front end's parser would go through the address letter by letter.
"""

import base64
from collections.abc import Iterator, Sequence

import streamlit as st

from ui.charts import palette

WIDTH, HEIGHT, PAD = 240, 40, 3
FILLED = 0.12


def draw(values: Sequence[float | None], theme: str) -> None:
    """Draw the picture, as wide as its place; nothing when fewer than two values are known."""
    if address := picture(values, theme):
        st.html(f'<img class="trend" alt="{words(values)}" src="{address}">')


def picture(values: Sequence[float | None], theme: str) -> str:
    """Return the address of the picture, `data:…`; empty when fewer than two values are known. None is a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    return "data:image/svg+xml;base64," + base64.b64encode(_svg(values, theme).encode()).decode()


def words(values: Sequence[float | None]) -> str:
    """Return what the picture shows, for who cannot see it."""
    known = [value for value in values if value is not None]
    return f"Trend: from {min(known):.3g} to {max(known):.3g}, now {known[-1]:.3g}" if known else "No trend"


def _svg(values: Sequence[float | None], theme: str) -> str:
    colour = palette.SERIES[theme][0]
    floor = HEIGHT - PAD
    ground = _ground(values)
    parts = []
    for stretch in _stretches(values, ground):
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
        first, last = stretch[0][0], stretch[-1][0]
        if len(stretch) == 1:
            parts.append(f'<circle cx="{first:.1f}" cy="{stretch[0][1]:.1f}" r="1.6" fill="{colour}"/>')
            continue
        if ground <= 0:
            points = f"{first:.1f},{floor} {line} {last:.1f},{floor}"
            parts.append(f'<polygon points="{points}" fill="{colour}" opacity="{FILLED}"/>')
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6" '
            f'stroke-linejoin="round" stroke-linecap="round"/>'
        )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'


def _ground(values: Sequence[float | None]) -> float:
    """Return what lies at the bottom: zero, or the least below it; for values far above zero, a bit less than the least.

    Only what stands on zero is filled: an area says how much there is.
    """
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    return low - (high - low) * 0.2 if low > high / 2 else min(0.0, low)


def _stretches(values: Sequence[float | None], low: float) -> Iterator[list[tuple[float, float]]]:
    """Yield the points of each stretch without a gap; *low* lies at the bottom."""
    high = max(value for value in values if value is not None)
    step = (WIDTH - 2 * PAD) / max(1, len(values) - 1)
    stretch: list[tuple[float, float]] = []
    for place, value in enumerate(values):
        if value is None:
            if stretch:
                yield stretch
            stretch = []
            continue
        share = (value - low) / (high - low) if high > low else 0.0
        stretch.append((PAD + place * step, HEIGHT - PAD - share * (HEIGHT - 2 * PAD)))
    if stretch:
        yield stretch
