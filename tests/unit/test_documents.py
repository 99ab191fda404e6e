"""The documents lead where they say: links, anchors, files, modules and commands that they name are there."""

import importlib.util
import re
import textwrap
from pathlib import Path
from urllib.parse import unquote

import pytest

from commands.__main__ import COMMANDS
from services.models import FunctionTool
from tests.markdown import DOCS, ROOT, anchors, code, files, links, name_of, prose, section

FILES = files()
INDEX = DOCS / "README.md"
FUNCTION_APP = (ROOT / "functions" / "function_app.py").read_text("utf-8")
TOP = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} | {
    ".github",
    ".streamlit",
}
TO_BE_WRITTEN = {
    "functions/tools/weather.py",
    "functions/data/weather.csv",
}  # by whoever follows docs/function-tools.md
ELSEWHERE = ("https://", "http://", "mailto:")


def wrong_links(text: str, where: Path) -> list[str]:
    """Return the targets of *text*, the content of *where*, that lead nowhere."""
    wrong = []
    for target in links(text):
        if target.startswith(ELSEWHERE):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (where.parent / path).resolve() if path else where
        if not file.is_relative_to(ROOT) or not file.exists():
            wrong.append(target)
        elif anchor and file.suffix == ".md":
            there = text if file == where else file.read_text("utf-8")
            if anchor not in anchors(there):
                wrong.append(target)
    return wrong


def missing_files(text: str) -> list[str]:
    """Return the paths that *text* sets as code and that are not there. Placeholders and globs with a match are."""
    wrong = []
    for said in code(text):
        path = said.partition(" ")[0].partition("::")[0].rstrip("/")
        if path.partition("/")[0] not in TOP or "/" not in path or re.search(r"[<>{}$…]", path):
            continue
        if not any(ROOT.glob(path)):
            wrong.append(said)
    return wrong


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_link_leads_somewhere(file: Path) -> None:
    """A reader at three in the morning has no time for a page that moved."""
    assert wrong_links(file.read_text("utf-8"), file) == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_file_that_is_named_is_there(file: Path) -> None:
    """`services/x.py` sends somebody there."""
    assert set(missing_files(file.read_text("utf-8"))) <= TO_BE_WRITTEN


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_command_and_module_that_is_named_is_there(file: Path) -> None:
    """What is to be typed works; the changelog too tells of what there is now."""
    text = file.read_text("utf-8")
    commands = set(re.findall(r"run\.py ([a-z][a-z-]+)", text))
    modules = {name.rstrip(".") for name in re.findall(r"python3? -m ([\w.]+)", text)}
    ours = {name for name in modules if name.partition(".")[0] in TOP}

    assert commands <= set(COMMANDS)
    assert [name for name in sorted(ours) if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_half_done_merge_is_left_in_a_document(file: Path) -> None:
    """Nothing else notices: Markdown draws the marks as text."""
    assert re.findall(r"^(?:<{7}|>{7})(?: .*)?$", file.read_text("utf-8"), re.M) == []


def test_every_document_is_in_the_index_and_the_index_is_in_the_readme() -> None:
    """A page that nobody is led to is not there."""
    listed = {(DOCS / target.partition("#")[0]).resolve() for target in links(INDEX.read_text("utf-8"))}
    pages = {path for path in FILES if path.is_relative_to(DOCS) and path != INDEX}
    # A folder that has an index of its own leads to its own pages.
    led = {path for path in pages if path.name != "README.md" and (path.parent / "README.md") in listed}

    assert sorted(name_of(path) for path in pages - listed - led) == []
    assert "docs/README.md" in set(links((ROOT / "README.md").read_text("utf-8")))


def test_the_readme_lists_every_command() -> None:
    """It is where people look first; `serve` is the one without a name."""
    listed = set(
        re.findall(r"^python3 run\.py ([a-z][a-z-]+)", (ROOT / "README.md").read_text("utf-8"), re.M)
    )

    assert listed == set(COMMANDS) - {"serve"}


def test_the_readme_fits_one_screen_and_a_half() -> None:
    """Who has to scroll further has left."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 100


@pytest.mark.parametrize(
    "text",
    [
        "[x](nowhere.md)",
        "[x](#nowhere)",
        "[x](README.md#nowhere)",
        "![x](no.png)",
        "[a]: no.md",
        '<img src="no.png">',
    ],
)
def test_a_link_that_leads_nowhere_is_seen(text: str) -> None:
    """A checker that finds nothing would pass the tests above."""
    assert wrong_links(f"# Here\n\n{text}\n", ROOT / "other.md")


def test_anchors_are_those_that_the_web_page_has() -> None:
    """By GitHub's rule: small letters, no signs, blanks as hyphens, a number behind the second of a name."""
    text = "# `run.py` & what it *does*\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n"

    assert anchors(text) == {"runpy--what-it-does", "twice", "twice-1"}


def test_a_file_that_is_not_there_is_seen() -> None:
    """Globs and folders count when something is behind them; what is to be filled in does not."""
    text = (
        "`services/errors.py`, `services/`, `infra/alerts/*.kql`, `docs/<page>.md`, `services/nowhere.py`\n"
    )

    assert missing_files(text) == ["services/nowhere.py"]
    assert prose("a\n```\n`services/nowhere.py`\n```\nb") == "a\n\n\n\nb"


def test_the_fourth_tool_of_the_guide_works() -> None:
    """docs/function-tools.md is followed word by word: its code runs, and its entry is one that the catalogue takes."""
    guide = section((DOCS / "function-tools.md").read_text("utf-8"), "Add a fourth tool")
    tool, registered, entry = (
        textwrap.dedent(block) for block in re.findall(r"```python\n(.*?) *```", guide, re.S)
    )
    there: dict[str, object] = {}
    exec(compile(tool, "weather.py", "exec"), there)
    there["forecasts"] = lambda: {"Oslo": "Light snow"}
    (described,) = eval(f"[{entry}]", {"FunctionTool": FunctionTool})

    assert there["answer"]({"city": "Oslo"}) == "Light snow"  # type: ignore[operator]  # what the guide defines
    assert f'queue_name="{described.input_queue}"' in registered
    assert f'queue_name="{described.output_queue}"' in registered
    for line in FUNCTION_APP.split("\n\n\n")[-1].splitlines()[:4]:
        assert re.sub(r"order.status", "weather", line) in registered
