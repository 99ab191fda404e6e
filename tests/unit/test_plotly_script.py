"""What is left out of plotly's script: nothing that we draw with, and of one release's script only."""

import ast
from pathlib import Path

import pytest

from ui import plotly_cuts as command
from ui.plotly_cuts import UnknownBuildError, edits, told
from ui.plotly_script import DRAWN, PLAN, Plan, plan, stock

ROOT = Path(__file__).parent.parent.parent
NO_TRACES = {"Figure"}


def script() -> bytes:
    found = stock()
    assert found is not None, "Streamlit does not ship plotly in one script any more"
    return found.read_bytes()


def test_the_plan_is_that_of_the_installed_release() -> None:
    """When this fails, type: python3 run.py fix"""
    assert told(plan().file, script()) == PLAN.read_text("utf-8")


def test_most_of_it_is_left_out_and_what_is_drawn_is_not() -> None:
    short = plan().applied(script())

    assert len(short) < len(script()) / 3
    for kept in ("lib/core", "src/traces/scatter/index", *(f"lib/{kind}" for kind in DRAWN)):
        assert f'"{kept}.js"'.encode() in short
    for left_out in (b"maplibre-gl.mjs", b"stackgl_modules", b'"lib/sankey.js"', b'"lib/surface.js"'):
        assert left_out in script() and left_out not in short


def test_every_kind_of_trace_that_a_figure_is_made_of_is_kept() -> None:
    imported = {
        name.name
        for folder in ("ui", "pages")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("plotly")
        for name in node.names
    }

    assert {kind.lower() for kind in imported - NO_TRACES} == {"scatter", *DRAWN}


def test_another_releases_script_is_left_as_it_is() -> None:
    assert plan().applied(b"another") == b"another"


def test_another_plan_for_the_same_script_has_another_digest() -> None:
    """By it a browser learns that what it keeps is out of date."""
    mine = plan()
    assert Plan(mine.file, mine.sha256, mine.edits[:-1]).digest != mine.digest


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ((b"return window.Plotly=e,e}", b"return e}"), "0 times"),
        ((b'"lib/heatmap.js"', b'"lib/hot.js"'), "not all of bar, heatmap"),
        ((b".register([", b".add(["), "no list of the kinds"),
        ((b".theme,", b".look,"), "before its width is known"),
    ],
)
def test_a_build_of_another_form_is_said_and_not_guessed_at(changed: tuple[bytes, bytes], words: str) -> None:
    with pytest.raises(UnknownBuildError, match=words):
        edits(script().replace(*changed))


def test_a_plan_that_cannot_be_made_leaves_the_last_one_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a script that is not there, and of one that is built otherwise: what is served then is the script, whole."""
    other, kept = tmp_path / "PlotlyChart.0.js", tmp_path / "plan.json"
    other.write_bytes(b"export default 1;")
    kept.write_text("the last one")
    monkeypatch.setattr(command, "PLAN", kept)
    for found, words in ((None, "does not have plotly in one script"), (other, "is served whole")):
        monkeypatch.setattr(command, "stock", lambda found=found: found)
        assert words in str(command.main())
        assert kept.read_text() == "the last one"
