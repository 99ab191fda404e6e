"""Every text that somebody else wrote passes ui.safe before Streamlit reads Markdown in it: shown in the source, file by file."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.security.drawn_text import Drawn

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("pages", "ui") for path in (ROOT / folder).rglob("*.py"))
# What the reader of sources cannot follow, and a person has: the beginning of the expression, and why it is ours.
REVIEWED: dict[str, dict[str, str]] = {
    "pages/agents.py": {"agents_list.source_words(": "names of services and ages"},
    "pages/ask.py": {"f'### :gray[:material/travel_explore:] {title}'": "both callers hand a sentence of the file"},
    "ui/agents_actions.py": {"f'Definition `{context.services().team.definition}`": "a hash of ours"},
    "ui/agents_detail.py": {"words": "`Called by` or `Calls`"},
    "ui/agents_lifecycle.py": {"f':{colour}[{icon}] **{stage.name": "the stages have fixed names"},
    "ui/agents_map.py": {"' · '.join(told)": "names of services and ages", "f'**{title}**'": "a sentence of pages/agents.py"},
    "ui/ask_times.py": {"shown": "figures, and a picture made of figures"},
    "ui/audit_parts.py": {
        "f':green[:material/verified_user:] Every action is put on record": "figures, and this process's own chain",
    },
    "ui/audit_table.py": {"_title(row, view)": "action and target pass safe.inline", "line": "each value passes safe.inline"},
    "ui/bar.py": {"'Custom' if view.moves": "two times"},
    "ui/cards.py": {
        "f'**{title}**'": "questions written in ui/, names of metrics of a closed list",
        "formats.UNKNOWN if value is None else value": "figures as ui/ writes them",
        "None if value is None else note or delta": "figures as ui/ writes them",
        "help or None": "sentences of ui/; names in them pass safe.inline",
        "about": "sentences of ui/; the resource's id passes safe.code",
        "source_words(found, grain)": "names of services and ages",
    },
    "ui/cleanup_parts.py": {"f':orange[:material/rule:] The {part} could": "parts have fixed names"},
    "ui/doctor_dependencies.py": {"formats.told(words)": "figures, times and the class of a failure"},
    "ui/doctor_parts.py": {
        "f\":red[{LOOKS['failed'][1]}] Begin with": "each title passes safe.inline in the line above",
        "known.report": "label of nothing: a condition",
        "f'**{group}**'": "groups of checks have fixed names",
    },
    "ui/export_box.py": {"words": "sentences of three pages, with counts in them", "about": "a sentence of ui/audit_export.py"},
    "ui/fault_parts.py": {
        "told": "counts, and operations of Local Azure through safe.code",
        "scenario.does": "sentences of services/faults/scenarios.py; so are the four below",
        "f'**{safe.inline(scenario.title, 60)}** {badge": "figures and times",
        "f'{watch.words[0]": "likewise",
        "f':material/info: {scenario.leaves}'": "likewise",
        "f':orange[:material/info:] {scenario.leaves}'": "likewise",
        "dial.label": "likewise",
    },
    "ui/feedback.py": {
        "f':orange[:material/history:] {what} is shown": "`This conversation` and its like of ui/context.py; the reason passes safe",
        "words": "what say() was handed: each of its callers is looked at as one that draws",
        "icon": "likewise",
        "' · '.join(filter(None, [*known, reference]))": "place and reference pass safe.inline; a status is a number",
    },
    "ui/filter_bar.py": {"label": "the labels that pages write down for their filters"},
    "ui/guard.py": {"f':material/person: {safe.inline(principal.name": "one of three roles"},
    "ui/metrics_explorer.py": {"f':{colour}-badge[{icon} {badge}] {choice.metric.caveat}'": "of a closed list"},
    "ui/overview_tiles.py": {
        "tile.delta": "a figure",
        "source_words(": "names of services and ages",
    },
    "ui/queue_pairs.py": {
        "f':small[:gray[{name}]]  \\n**{value}** {unit}'.rstrip()": "names and figures, and words of services/monitor/flow.py"
    },
    "ui/shell.py": {"f\":green[:material/check_circle:] {', '.join(well)}": "names of a closed list"},
    "ui/runs_table.py": {"f\":{look.colour}[{look.words}] after": "fixed words, figures and times", "f\"{SORTS[wanted.sort].words}": "sorts have fixed words"},
    "ui/safe.py": {"verbatim(shown)": "this is it", "part.text": "this is it"},
    "ui/charts/sparkline.py": {"f'<img class=\"trend\"": "figures, and a picture made of figures"},
    "ui/charts/style.py": {"seen": "HTML of ui/charts/picture.py, which escapes each word: tests/unit/test_charts_picture.py"},
    "ui/tables.py": {"text": "HTML of ui/sheet.py, which escapes each cell: tests/pages/test_sheet.py"},
    "ui/threads_acts.py": {"f'Prepare {form}'": "a key of FORMS"},
    "ui/threads_table.py": {"f\"{SORTS[wanted.query.sort].words}": "sorts have fixed words"},
    "ui/trace_messages.py": {"'  \\n'.join(told)": "each value passes safe.inline in the line above"},
    "ui/trace_parts.py": {"name": "a key of the table above it; a bar's own name passes safe.inline"},
}  # fmt: skip
FORBIDDEN = {"iframe", "html", "graphviz_chart", "vega_lite_chart", "altair_chart", "pydeck_chart", "bokeh_chart", "data_editor",
             "image", "audio", "video", "pdf", "ImageColumn", "components", "declare_component", "component"}  # fmt: skip
TABLES = "ui/tables.py"
RAW = ("ui/charts/sparkline.py", "ui/charts/style.py", TABLES)  # of which each text has been reviewed above


def test_no_text_is_drawn_that_cannot_be_shown_to_be_ours() -> None:
    """Draw it through safe.inline(), safe.code() or safe.draw(); what is ours, and cannot be followed, is listed above."""
    left = [
        (file, text)
        for file, text in Drawn().findings()
        if not any(text.startswith(known) for known in REVIEWED.get(file, ()))
    ]
    assert left == []


def test_what_was_reviewed_is_still_there() -> None:
    """An entry that fits nothing any more would let the next text of that form through unseen."""
    found = list(Drawn().findings())
    stale = [
        (file, known)
        for file, entries in REVIEWED.items()
        for known in entries
        if not any(one == file and text.startswith(known) for one, text in found)
    ]
    assert stale == []


HEAD = "import streamlit as st\nfrom ui import formats, safe\nLOOKS = {'a': ('red', 'x')}\n"


@pytest.mark.parametrize(
    "body",
    [
        "def draw(answer: Answer) -> None:\n    st.markdown(answer.text)",
        "def draw(answer: Answer) -> None:\n    st.markdown(f'**{answer.text}**')",
        "def draw(row: Row) -> None:\n    name = str(row['name'])\n    st.caption(f'Run `{name}`')",
        "def draw(row: Row) -> None:\n    st.button(label=row['name'], key='x')",
        "def draw(row: Row) -> None:\n    st.metric('Name', row['name'])",
        "def draw(row: Row) -> None:\n    st.markdown(safe.clean(row['name']))",
        "def draw(row: Row) -> None:\n    told = ['x']\n    told.append(row['name'])\n    st.caption(', '.join(told))",
        "def draw(row: Row) -> None:\n    show(row['name'])\ndef show(text: str) -> None:\n    st.markdown(text)",
        "def words(row: Row) -> str:\n    return 'x' if row else row['name']\ndef draw(row: Row) -> None:\n    st.info(words(row))",
        "def draw(rows: list[Row]) -> None:\n    for name in rows:\n        st.expander(f'{name}')",
        "def draw(box: Box, row: Row) -> None:\n    box.markdown(row['name'])",
        "def callback(text: str) -> None:\n    st.toast(text)\nst.button('x', on_click=callback)",
        "def draw(row: Row) -> None:\n    st.text_input('x', help=row['name'])",
        "def draw(row: Row) -> None:\n    if (name := row['name']):\n        st.write(name)",
        "def draw(row: Row) -> None:\n    colour = LOOKS.get(row['x'], row['y'])\n    st.markdown(colour)",
        "def draw(row: Row) -> None:\n    st.markdown('x {}'.format(row['name']))",
        "def draw(row: Row) -> None:\n    st.markdown('x ' + row['name'].upper())",
        "def draw(row: Row) -> None:\n    st.markdown(' '.join(map(str, row)))",
    ],
)  # fmt: skip
def test_a_text_of_others_is_found_on_every_way_to_the_screen(body: str) -> None:
    assert (
        list(Drawn(sources={"ui/x.py": HEAD + body}))
        if False
        else list(Drawn(sources={"ui/x.py": HEAD + body}).findings())
    )


@pytest.mark.parametrize(
    "body",
    [
        "st.markdown('x')",
        "def draw(row: Row) -> None:\n    st.markdown(f'**{safe.inline(row[\"name\"])}** {len(row):,} {row[\"n\"]:.1f}')",
        "def draw(row: Row) -> None:\n    colour, icon = LOOKS.get(row['x'], ('a', 'b'))\n    st.markdown(f':{colour}[{icon}]')",
        "def draw(row: Row, count: int) -> None:\n    show(safe.inline(row['name']), count)\n"
        "def show(text: str, count: int) -> None:\n    st.caption(f'{text} {count} {formats.age(1.0)}')",
        "def draw(row: Row) -> None:\n    told = [safe.inline(one) for one in row]\n    st.caption(' · '.join(filter(None, told)))",
    ],
)  # fmt: skip
def test_a_text_of_ours_is_not(body: str) -> None:
    assert list(Drawn(sources={"ui/x.py": HEAD + body}).findings()) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_page_draws_raw_html_or_fetches_what_others_name(file: Path) -> None:
    """Neither raw HTML nor what takes an address from its data: frames, images, other people's charts and components."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.keyword):
            assert node.arg not in ("unsafe_allow_html", "unsafe_allow_javascript"), (
                f"{file}:{node.value.lineno}"
            )
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("st", "column_config")
        ):
            is_reviewed = node.attr == "html" and file.relative_to(ROOT).as_posix() in RAW
            assert node.attr not in FORBIDDEN or is_reviewed, f"{file}:{node.lineno} st.{node.attr}"
        if isinstance(node, ast.ImportFrom | ast.Import):
            named = [getattr(node, "module", ""), *(alias.name for alias in node.names)]
            assert not any("components" in str(name) for name in named), f"{file}:{node.lineno}"


def test_a_table_links_only_to_pages_of_ours() -> None:
    """A LinkColumn opens whatever its cell holds: each one's cells are made by a function that knows our pages alone."""
    found = [file.relative_to(ROOT).as_posix() for file in FILES if "LinkColumn" in file.read_text("utf-8")]
    assert found == ["ui/metrics_parts.py"]
    from ui import metrics_parts

    for run in (
        "run_abc",
        "https://evil.example",
        "javascript:alert(1)",
        "//evil.example",
        "../x",
        "run_a b&c=d",
        "",
    ):
        row = {"run_id": run, "thread_id": run, "newest_run": run, "newest_thread": run}
        address = metrics_parts._trace_address(row)
        assert address is None or address.startswith("trace?run="), address


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_all_tables_are_drawn_in_one_place(file: Path) -> None:
    """Streamlit lets every reader save a table as CSV and copy its cells, and guards neither."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("dataframe", "table")
        ):
            owner = ast.unparse(node.func.value)
            assert file.relative_to(ROOT).as_posix() == TABLES or owner == "safe", f"{file}:{node.lineno}"


def test_what_a_table_holds_is_no_formula_in_a_spreadsheet() -> None:
    def page() -> None:
        from ui import tables

        tables.draw([{"Name": "=1+1", "Parts": ["@sum(a)"], "Calls": 2}], key="some", alt="Some")

    cells = AppTest.from_function(page).run().dataframe[0].value.iloc[0]
    assert cells["Name"] == "\u2060=1+1"
    assert list(cells["Parts"]) == ["\u2060@sum(a)"]
    assert cells["Calls"] == 2
