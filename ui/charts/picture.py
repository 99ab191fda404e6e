"""A figure as a picture that a browser shows without plotly: what its charts say at the same places, in the same words.

plotly's script is read, run and has drawn a second after a page's text. The picture comes with the text and stands where the
chart will be (ui/charts/style.py), so nobody waits to see; who points at something does. It is drawn from the figure itself, of
which it knows what our figures use; of any other there is none. Words are HTML and take the page's letters; all else is an
image, stretched to a width that only the browser knows (picture_marks.py). ui/picture.css has how it looks.
"""

import logging
import re
from collections.abc import Sequence
from html import escape, unescape
from typing import TYPE_CHECKING

from ui.charts.picture_axes import Axis, Look, UnpicturedError
from ui.charts.picture_marks import Word, image_of, symbol_of, words_of
from ui.charts.picture_shapes import shapes_of

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

# As plotly 6 lays a figure out, measured in Chromium.
MARK_PX = 1  # between an axis and its words, beside the figure's own `pad`
NOTE_PX = 2  # around a note
SIGN_PX = 40  # before a name
log = logging.getLogger(__name__)
_TAG = re.compile(r"<(b|/b|br)>")


def html_of(figure: "Figure", alt: str) -> str | None:
    """Return *figure* as HTML, with *alt* for who cannot see it; None where it holds what is not drawn here."""
    drawn = figure.to_plotly_json()
    try:
        return _page(drawn["data"], drawn["layout"], alt)
    except (
        UnpicturedError,
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
    ) as exc:  # what a figure has, another has not
        log.debug("picture.none", extra={"reason": repr(exc)})
        return None


def _page(traces: Sequence[Look], layout: Look, alt: str) -> str:
    if layout.get("images") or "height" not in layout:
        raise UnpicturedError
    margin = layout["margin"]
    area = ";".join(f"margin-{side}:{margin[side[0]]}px" for side in ("top", "right", "bottom", "left"))
    legend = _legend(traces, layout) if layout.get("showlegend") else ""
    if legend and margin.get("autoexpand", True):
        raise UnpicturedError
    font = layout["font"]
    look = f"height:{layout['height']}px;color:{font['color']};font-size:{font['size']}px"
    plots = "".join(_plots(traces, layout, margin.get("pad", 0)))
    notes = "".join(_note(note) for note in layout.get("annotations", ()))
    shapes = shapes_of(layout.get("shapes", ()))
    ground = "".join(f'<img src="{one}" alt="" decoding="sync">' for one in shapes)
    return (
        f'<div class="picture" role="img" aria-label="{escape(alt)}" style="{look}">'
        f'<div class="area" style="{area}">{legend}{ground}{plots}{notes}</div></div>'
    )


def _plots(traces: Sequence[Look], layout: Look, pad_px: float) -> list[str]:
    """Return what is drawn between each pair of axes."""
    pairs: dict[tuple[str, str], list[Look]] = {}
    for trace in traces:
        pairs.setdefault((trace.get("xaxis", "x"), trace.get("yaxis", "y")), []).append(trace)
    is_stacked = layout.get("barmode") == "stack"
    written, named = [], set[str]()
    for (x_name, y_name), drawn in sorted(pairs.items(), key=lambda one: _number(one[0][1])):
        x, y = _axis(layout, x_name), _axis(layout, y_name)
        (left, right), (low, high) = x.domain, y.domain
        place = f"left:{left:.4%};width:{right - left:.4%};bottom:{low:.4%};height:{high - low:.4%}"
        words = _up(y, pad_px) if y_name not in named else ""
        if x.look.get("anchor", "y") == y_name:
            words += _across(x, pad_px)
        named.add(y_name)
        words += "".join(_word(word) for trace in drawn for word in words_of(trace, x, y))
        written.append(
            f'<div class="plot" style="{place}">'
            f'<img src="{image_of(drawn, x, y, is_stacked=is_stacked)}" alt="" decoding="sync">{words}</div>'
        )
    return written


def _word(word: Word) -> str:
    look = f"left:{word.at:.3%};bottom:{word.up:.2%}"
    if word.size:
        look += f";font-size:{word.size:g}px"
    if word.colour:
        look += f";color:{word.colour}"
    name = "word mid" if word.is_centred else "word"
    return f'<span class="{name}" style="{look}">{_text(word.text)}</span>'


def _number(name: str) -> int:
    return int(name[1:] or 1)


def _axis(layout: Look, name: str) -> Axis:
    return Axis(layout.get(f"{name[0]}axis{name[1:]}", {}))


# Words -----------------------------------------------------------------------------------------------------------------


def _up(axis: Axis, pad_px: float) -> str:
    """Return the words beside an axis upwards, and its title, which stands as far off as they are wide; words that are within
    begin where they are moved to."""
    words = "".join(f'<span style="bottom:{place:.2%}">{_text(word)}</span>' for place, word in axis.marks)
    if axis.look.get("ticklabelposition") == "inside":
        left_px = axis.look.get("ticklabelstandoff", 0) - MARK_PX
        return f'<div class="names" style="left:{left_px:g}px">{words}</div>'
    widest = max((word for _, word in axis.marks), key=len, default="")  # holds the room that all take
    size = axis.look.get("tickfont", {}).get("size")
    small = f";font-size:{size}px" if size else ""
    shown = f"<u>{_text(widest)}</u>{words}" if axis.look.get("showticklabels", True) else ""
    title = f"<small>{_text(axis.title)}</small>" if axis.title else ""
    return (
        f'<div class="up">{title}<div style="margin-right:{pad_px + MARK_PX:g}px{small}">{shown}</div></div>'
    )


def _across(axis: Axis, pad_px: float) -> str:
    words = "".join(f'<span style="left:{place:.2%}">{_text(word)}</span>' for place, word in axis.marks)
    title = f"<small>{_text(axis.title)}</small>" if axis.title else ""
    font = axis.look.get("tickfont", {})
    look = f";font-size:{font['size']}px;color:{font['color']}" if font else ""
    if axis.look.get("side") == "top":
        return f'<div class="across over" style="padding-bottom:{pad_px + MARK_PX:g}px{look}">{words}{title}</div>'
    return f'<div class="across" style="padding-top:{pad_px + MARK_PX:g}px{look}">{words}{title}</div>'


def _note(note: Look) -> str:
    if (note["xref"], note["yref"], note["xanchor"], note["yanchor"]) != ("paper", "paper", "left", "bottom"):
        raise UnpicturedError
    up_px = NOTE_PX + note.get("yshift", 0)
    size = note.get("font", {}).get("size")
    small = f";font-size:{size}px" if size else ""
    place = f"left:calc({note['x']:.4%} + {NOTE_PX}px);bottom:calc({note['y']:.4%} + {up_px}px){small}"
    return f'<span class="note" style="{place}">{_text(note["text"])}</span>'


def _legend(traces: Sequence[Look], layout: Look) -> str:
    """Return the legend; what lies on top in a stack is named first."""
    named = [trace for trace in traces if trace.get("showlegend", True)]
    if not named:
        return ""
    order = layout["legend"].get("traceorder", "reversed" if layout.get("barmode") == "stack" else "normal")
    if order == "reversed":
        named.reverse()
    wide_px = layout["legend"].get("entrywidth")
    size = f' style="width:{SIGN_PX + wide_px:g}px"' if wide_px else ""
    entries = "".join(
        f'<span{size}><img src="{symbol_of(trace)}" alt="">{_text(trace.get("name", ""))}</span>'
        for trace in named
    )
    return f'<div class="legend">{entries}</div>'


def _text(markup: str) -> str:
    """Return a figure's text, in which `<b>` and `<br>` alone mean more than themselves."""
    parts = _TAG.split(str(markup))
    return "".join(f"<{part}>" if place % 2 else escape(unescape(part)) for place, part in enumerate(parts))
