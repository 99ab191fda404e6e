"""Where the time of an answer went: model, queue wait, function. Icon, word and colour, never colour alone."""

import base64

import streamlit as st

from services.models import Answer, Certainty, TimeParts
from ui import formats

PARTS = (
    ("model_s", "Model", "blue", ":material/psychology:", "#4a86e8"),
    ("queue_wait_s", "Queue wait", "orange", ":material/hourglass_top:", "#e09a2b"),
    ("function_s", "Function", "green", ":material/function:", "#2fac77"),
)
CERTAINTIES: dict[Certainty, str] = {
    "exact": "measured",
    "strong": "wait and function told apart closely",
    "guess": "wait and function told apart by estimate",
}
BAR_WIDTH, BAR_HEIGHT = 1000, 7
LEAST_WIDTH = 4


def draw(answer: Answer) -> None:
    """Draw the total's three parts; what is not known is said."""
    if answer.parts is None:
        if answer.measuring:
            st.caption(":shimmer[Reading where the time went]")
        return
    shown = words(answer)
    if drawing := bar(answer.parts):
        # An image of our own making inside Markdown: unlike st.image it has a text for those who cannot see it.
        encoded = base64.b64encode(drawing.encode()).decode()
        shown = f"![{spoken(answer.parts)}](data:image/svg+xml;base64,{encoded})\\\n{shown}"
    st.markdown(shown)


def spoken(parts: TimeParts) -> str:
    """Return what the bar shows, in words."""
    return ", ".join(f"{name} {formats.duration(getattr(parts, field))}" for field, name, *_ in PARTS)


def words(answer: Answer) -> str:
    """Return the three figures, how sure their separation is, and the tokens."""
    parts = answer.parts
    assert parts is not None
    figures = [
        f":{colour}-badge[{icon} {name} {formats.duration(getattr(parts, field))}]"
        for field, name, colour, icon, _ in PARTS
    ]
    notes = ["no function was called" if called_nothing(parts) else CERTAINTIES[parts.certainty]]
    if answer.tokens:
        notes.append(formats.count(answer.tokens.total, "token"))
    return f"{' '.join(figures)} :small[:gray[{' · '.join(notes)}]]"


def called_nothing(parts: TimeParts) -> bool:
    return parts.queue_wait_s == 0 and parts.function_s == 0


def bar(parts: TimeParts) -> str:
    """Return the bar as SVG; empty when a part is not known, for a bar cannot show that."""
    values_s = [getattr(parts, field) for field, *_ in PARTS]
    if None in values_s or not sum(values_s):
        return ""
    total_s = sum(values_s)
    shapes, left = [], 0.0
    for (*_, colour), value_s in zip(PARTS, values_s, strict=True):
        if not value_s:
            continue
        width = max(LEAST_WIDTH, BAR_WIDTH * value_s / total_s)
        shapes.append(f'<rect x="{left:.1f}" width="{width:.1f}" height="{BAR_HEIGHT}" fill="{colour}"/>')
        left += width
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left:.1f} {BAR_HEIGHT}" width="{BAR_WIDTH}" '
        f'height="{BAR_HEIGHT}" preserveAspectRatio="none">{"".join(shapes)}</svg>'
    )
