"""Markdown as HTML: of what Streamlit's front end understands, that which our pages say."""

import re
from collections.abc import Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

COLOURS = ("red", "orange", "green", "blue", "violet", "gray", "primary")
_CLASSES = {
    **{name: name for name in COLOURS},
    **{f"{name}-badge": f"badge {name}" for name in COLOURS},
    "small": "small",
    "shimmer": "shimmer",
    "color": "",  # ui/markup.py keeps signs apart with it
}
_ICON = re.compile(r":material/\w+:")
_NAMED = re.compile(r":([a-z-]+)\[")
_BLOCKS = {"paragraph_open", "paragraph_close", "heading_open", "heading_close", "inline"}
PICTURE = "data:image/svg+xml"


class UndrawnError(Exception):
    """The front end draws this in a way that is not written here."""


def html_of(body: str) -> str:
    """Return the HTML of a text of its own. Raises UndrawnError where it holds more than paragraphs and headings."""
    tokens = _PARSER.parse(body)
    if any(token.type not in _BLOCKS for token in tokens):
        raise UndrawnError(body[:60])
    return _written(tokens)


def inline_of(body: str) -> str:
    """Return the HTML of a label."""
    return _written(_PARSER.parseInline(body))


def _written(tokens: Sequence[Token]) -> str:
    written: str = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return written.strip()


def _directive(state: StateInline, silent: bool) -> bool:
    """`:red[words]`, `:material/check:`, as Streamlit has them: https://docs.streamlit.io/develop/api-reference/text/st.markdown"""
    if state.src[state.pos] != ":":
        return False
    icon = _ICON.match(state.src, state.pos, state.posMax)
    if icon is not None:
        if not silent:
            _open(state, "i", "icon")
            state.push("directive_close", "i", -1)
        state.pos = icon.end()
        return True
    named = _NAMED.match(state.src, state.pos, state.posMax)
    if named is None or named[1] not in _CLASSES:
        return False
    ends = state.md.helpers.parseLinkLabel(state, named.end() - 1)
    if ends < 0:
        return False
    if not silent:
        last, state.pos, state.posMax = state.posMax, named.end(), ends
        _open(state, "span", _CLASSES[named[1]])
        state.md.inline.tokenize(state)
        state.push("directive_close", "span", -1)
        state.posMax = last
    state.pos = ends + 1
    if state.src[state.pos : state.pos + 2] == "{}":
        state.pos += 2
    return True


def _open(state: StateInline, tag: str, name: str) -> None:
    token = state.push("directive_open", tag, 1)
    if name:
        token.attrSet("class", name)


def _is_safe(address: str) -> bool:
    """Pictures are ours (ui/ask_times.py), links lead to the web or into the dashboard."""
    return address.startswith((PICTURE, "https://", "http://", "/", "#"))


def _picture(tokens: Sequence[Token], place: int, *_: object) -> str:
    token = tokens[place]
    source = str(token.attrGet("src") or "")
    words = f' alt="{escape(token.content)}"'
    return f'<img src="{escape(source)}"{words}>' if source.startswith(PICTURE) else ""


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
    parser.inline.ruler.before("link", "directive", _directive)
    parser.validateLink = _is_safe  # type: ignore[assignment,method-assign]  # its own refuses pictures of ours
    parser.renderer.rules["image"] = _picture  # type: ignore[attr-defined]
    return parser


_PARSER = _parser()
