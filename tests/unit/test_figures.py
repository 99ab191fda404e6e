"""docs/performance.md shows the newest of every figure, and hides no goal that was missed."""

import json
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

import pytest

from bench.report import header
from commands.figures import PAGE, UNEXPLAINED, newest, page_with, reasons

EMPTY = "# Figures\n\n## Why a goal is missed\n\n| Figures | Why |\n|---|---|\n{}\n<!-- figures: begin --><!-- figures: end -->\n"


def results(
    folder: Path, name: str, *figures: tuple[str, float, float | None, bool | None], at: str = ""
) -> None:
    head = {"benchmark": "start", "commit": name.rpartition("-")[2], "changed_files": 0} | (
        {"at": at} if at else {}
    )
    lines = [{"figure": f, "value": v, "unit": "s", "goal": g, "ok": ok} for f, v, g, ok in figures]
    (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, [head, *lines])))


def test_the_committed_page_is_what_the_results_say() -> None:
    """When this fails, type: python3 run.py fix"""
    text = PAGE.read_text("utf-8")

    assert page_with(text, newest()) == text


def test_the_latest_line_of_a_figure_counts(tmp_path: Path) -> None:
    """A day has results of several commits; since they tell the time, that decides."""
    results(tmp_path, "2026-11-25-fffffff", ("start.warm", 1, 6, True))
    results(tmp_path, "2026-11-26-bbbbbbb", ("start.warm", 3, 6, True), at="2026-11-26T10:00:00Z")
    results(tmp_path, "2026-11-26-ccccccc", ("start.warm", 2, 6, True), at="2026-11-26T09:00:00Z")
    results(tmp_path, "2026-11-26-aaaaaaa", ("start.warm", 4, 6, True))

    (figure,) = newest(tmp_path)

    assert (figure.value, figure.commit) == (3, "bbbbbbb")


def test_a_missed_goal_is_shown_as_missed_whether_or_not_somebody_has_said_why(tmp_path: Path) -> None:
    results(tmp_path, "2026-11-25-fffffff", ("start.warm", 9, 6, False), ("start.cold_set_up", 99, 90, False))

    page = page_with(EMPTY.format("| `start.w*` | It is slow. |"), newest(tmp_path))

    assert "2 figures, 2 with a goal: 0 met, 2 missed." in page
    assert "| `start.warm` | 9 s | at most 6 | `start.w*` |" in page
    assert f"| `start.cold_set_up` | 99 s | at most 90 | {UNEXPLAINED} |" in page


def test_a_goal_says_which_way_is_better(tmp_path: Path) -> None:
    goals = (
        ("start.a", 9, 6, True),
        ("start.b", 5, 6, True),
        ("start.c", 6, 6, True),
        ("start.d", 1, None, None),
    )
    results(tmp_path, "2026-11-25-fffffff", *goals)

    page = page_with(EMPTY.format(""), newest(tmp_path))

    assert "`start.a` | 9 s | at least 6 | met" in page
    assert "`start.b` | 5 s | at most 6 | met" in page
    assert "`start.c` | 6 s | 6 | met" in page
    assert "without a goal: `start.d` 1 s." in page


def test_every_reason_is_about_figures_that_there_are() -> None:
    names = [figure.name for figure in newest()]

    for pattern in reasons(PAGE.read_text("utf-8")):
        assert any(fnmatch(name, pattern) for name in names), pattern


def test_a_run_of_a_benchmark_says_when_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Two commits of one day are told apart by nothing else."""
    header("start", rounds=1)

    told = datetime.fromisoformat(json.loads(capsys.readouterr().out)["at"])

    assert abs((datetime.now(UTC) - told).total_seconds()) < 60
