"""The only way to draw text that somebody else wrote: questions, answers, tool output, names, messages of services.

Such text is parsed as Markdown and written again from the parsed tree, with everything in it that Streamlit would
take for more than text disarmed. Nothing is fetched, nothing runs, no link hides where it leads.
"""

import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from ui import markup

SHOWN_CHARACTERS = 20_000
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_UNSEEN = "\u2060"
_KEPT = {"\n", "\t", "\u200c", "\u200d"}  # the last two shape letters and join emoji
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,20}")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a text. *code*: shown as it is; otherwise *text* is Markdown that is safe to draw."""

    text: str
    code: bool = False
    language: str | None = None


def draw(text: str, *, key: str, limit: int = SHOWN_CHARACTERS) -> None:
    """Draw *text* as Markdown. Beyond *limit* characters only the beginning, with a button that shows the rest."""
    _draw_limited(text, key, limit, lambda shown: draw_parts(parts(shown)))


def draw_verbatim(text: str, *, key: str, limit: int = SHOWN_CHARACTERS) -> None:
    """Draw *text* letter by letter, line by line: no markup in it means anything."""
    _draw_limited(text, key, limit, lambda shown: st.markdown(verbatim(shown), anchors=False))


def draw_parts(found: tuple[Part, ...]) -> None:
    for part in found:
        if part.code:
            st.code(part.text, language=part.language, wrap_lines=True)
        else:
            st.markdown(part.text, anchors=False)


@functools.lru_cache(maxsize=256)
def parts(text: str) -> tuple[Part, ...]:
    """Return *text* as safe Markdown, cut where a block of code stands by itself. No request, no exception."""
    found: list[Part] = []
    prose: list[str] = []

    def close() -> None:
        if prose:
            found.append(Part("\n\n".join(prose)))
            prose.clear()

    for block in markup.parse(clean(text)):
        if block.type in ("fence", "code_block"):
            close()
            found.append(Part(block.content.rstrip("\n"), code=True, language=language(block.info)))
        elif lines := markup.write_block(block):
            prose.append("\n".join(lines))
    close()
    return tuple(found)


@functools.lru_cache(maxsize=256)
def verbatim(text: str) -> str:
    """Return Markdown that shows *text* exactly, with its line breaks and its leading spaces."""
    return "\\\n".join(_keep_indent(line) for line in clean(text).strip("\n").split("\n"))


def inline(text: str, limit: int = 200) -> str:
    """Return *text* on one line, for a label, a caption or a sentence of ours; cut after *limit* characters.

    No address in it is a link: cut, or with a sign of ours behind it, it would lead to another host.
    """
    flat = " ".join(clean(text).split())
    return markup.escape(flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…", links=False)


def code(text: str, limit: int = 200) -> str:
    """Return *text* on one line as code, for an id or a name within a sentence of ours; cut after *limit* characters."""
    flat = " ".join(clean(text).split())
    return markup.code(flat if len(flat) <= limit else flat[: limit - 1] + "…")


def for_spreadsheet(text: str) -> str:
    """Return *text* on one line, with an apostrophe in front when a spreadsheet would take it for a formula."""
    flat = " ".join(clean(text).split())
    return f"'{flat}" if flat.startswith(FORMULA_STARTS) else flat


def table(rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return *rows* for a table on a page, whose reader may save it or copy a cell: what a spreadsheet would take for a
    formula begins with a letter that cannot be seen, so that it is text there and reads here as it is."""
    return [{name: _as_cell(value) for name, value in row.items()} for row in rows]


def _as_cell(value: object) -> object:
    if isinstance(value, str):
        shown = clean(value)
        return f"{_UNSEEN}{shown}" if shown.lstrip().startswith(FORMULA_STARTS) else shown
    if isinstance(value, list | tuple):
        return [_as_cell(one) for one in value]
    return value


def clean(text: str) -> str:
    """Return *text* without control characters, without what changes the writing direction, without hidden tags."""
    if text.isascii() and text.isprintable():
        return text
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        letter
        for letter in unified
        if letter in _KEPT or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co")
    )


def language(info: str) -> str | None:
    """Return the language a block of code may be coloured in. Never mermaid: that would be drawn, not shown."""
    word = info.strip().split(" ")[0]
    if not _LANGUAGE.fullmatch(word) or word.lower() == "mermaid":
        return None
    return word.lower()


def _draw_limited(text: str, key: str, limit: int, show: Callable[[str], object]) -> None:
    if len(text) <= limit:
        show(text)
        return
    opened = bool(st.session_state.get(f"{key}-whole"))
    show(text if opened else text[:limit])
    if not opened:
        st.caption(f"The first {limit:,} of {len(text):,} characters are shown.")
    st.button(
        "Show less" if opened else "Show all",
        key=f"{key}-all",
        icon=":material/unfold_less:" if opened else ":material/unfold_more:",
        on_click=_toggle,
        args=[f"{key}-whole"],
    )


def _toggle(name: str) -> None:
    st.session_state[name] = not st.session_state.get(name)


def _keep_indent(line: str) -> str:
    text = line.lstrip(" \t")
    width = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip(" "))
    return "\u00a0" * width + markup.escape(text, links=False)
