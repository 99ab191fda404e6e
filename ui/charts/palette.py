"""Colours with a meaning, for light and dark. Charts read them here; the theme's configuration has the same."""

import streamlit as st

from services.monitor.shapes import BarKind

KINDS: dict[str, dict[BarKind, str]] = {
    "light": {"run": "#96a2b8", "model": "#2f6fdb", "wait": "#d98a06", "function": "#159a62"},
    "dark": {"run": "#66718a", "model": "#5b9bf3", "wait": "#e9a53a", "function": "#3fbf87"},
}
FAILED = {"light": "#d13b3b", "dark": "#ef6b6b"}
SERIES = {  # for what has no meaning of its own, told apart also by those who see red and green alike
    "light": ("#3a4fd0", "#d98a06", "#159a62", "#b5459b", "#0f8aa6", "#7a4fd6", "#8a6d3b", "#667089"),
    "dark": ("#8b9bff", "#e9a53a", "#3fbf87", "#e07cc8", "#4cc3de", "#a486f2", "#c9a96b", "#8a94ad"),
}
WORDS = {  # small text in a colour of KINDS would be hard to read
    "light": {"run": "#545d75", "wait": "#8f5600"},
    "dark": {"run": "#a9b2c8", "wait": "#f4c274"},
}
PAGE = {"light": "#ffffff", "dark": "#10141f"}
PANEL = {"light": "#ffffff", "dark": "#1a2031"}
TEXT = {"light": "#182034", "dark": "#e8ebf5"}
GRID = {"light": "#d9deea", "dark": "#2d364d"}
MEANINGS: dict[BarKind, str] = {
    "run": "agent run",
    "model": "model",
    "wait": "queue wait",
    "function": "function",
}


def theme() -> str:
    """Return `light` or `dark`, as the reader sees the page."""
    return "dark" if st.context.theme.type == "dark" else "light"
