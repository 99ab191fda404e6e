"""`run.py chaos`: what it lists, what it writes down, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.__main__ import line, main
from chaos.figure import Figure
from commands import chaos
from commands.serve import with_functions

ROOT = Path(__file__).parents[2]


def test_every_module_is_listed_with_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    """Without importing any: some take a second."""
    assert chaos.main(["--list"]) == 0

    told = dict(row.split(maxsplit=1) for row in capsys.readouterr().out.splitlines())
    assert {"questions", "kills", "tabs"} <= told.keys()
    assert all(len(words) > 20 for words in told.values())
    assert "figure" not in told


def test_every_module_can_be_imported_the_way_the_command_starts_it() -> None:
    """Tests find the tools of functions/ by themselves; a command must be told where they are."""
    names = [f"chaos.{name}" for name in chaos.modules(ROOT / "chaos")]
    command = [sys.executable, "-c", f"import tools.telemetry, {', '.join(names)}"]
    done = subprocess.run(
        command, cwd=ROOT, env=with_functions(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert chaos.main(["weather"]) == 2
    assert "questions" in capsys.readouterr().err
    assert main(["weather"]) == 2


def test_a_missed_goal_is_told_by_the_exit_code_and_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The line has the form of the benchmarks, and stands in their file."""
    package = tmp_path / "chaos"
    package.mkdir()
    for name in ("__init__", "__main__", "figure", "sizes"):
        (package / f"{name}.py").write_text((ROOT / "chaos" / f"{name}.py").read_text())
    (package / "luck.py").write_text(
        '"""Luck: has none."""\nfrom chaos.figure import Figure\n\n\n'
        'def run(size: int, seed: int):\n    yield Figure("luck.had", size, 9, "times", size >= 9, {"seed": seed})\n'
    )
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    file = tmp_path / "results.jsonl"
    monkeypatch.setattr(chaos, "ROOT", tmp_path)
    monkeypatch.setattr(chaos, "results_file", lambda: file)

    assert chaos.main(["luck", "--size", "3", "--seed", "5"]) == 1
    assert chaos.main(["luck", "--size", "9"]) == 0

    lines = [json.loads(text) for text in file.read_text().splitlines()]
    assert [(one["value"], one["ok"]) for one in lines if "figure" in one] == [(3, False), (9, True)]
    assert lines[0]["benchmark"] == "chaos.luck" and lines[0]["seed"] == 5
    assert "Missed a goal: luck" in capfd.readouterr().err


def test_a_line_tells_figure_goal_and_what_else_was_counted() -> None:
    told = json.loads(line(Figure("a.b", 1, 0, "things", False, {"seed": 7})))

    assert told == {
        "figure": "a.b",
        "value": 1,
        "unit": "things",
        "goal": 0,
        "ok": False,
        "spread": [1, 1],
        "detail": {"seed": 7},
    }
