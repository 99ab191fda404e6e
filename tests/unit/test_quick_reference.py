"""docs/quick-reference.md: two pages to have at hand. Every list on them is the code's own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from commands.__main__ import COMMANDS
from commands.serve import FIRST_PORT, PORTS_TRIED
from emulator.monitor.schemas import TABLES
from services.access import Role
from services.diagnosis.verdicts import CODES
from services.settings import Settings
from ui import agents_filters, audit_filters, metrics_choice, runs_controls, threads_controls, time_range
from ui.menu import MENU, Screen
from ui.probes import ROUTES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "quick-reference.md").read_text("utf-8")
LINES_ON_TWO_PAGES, CHARACTERS = 150, 10_000
BARS = (agents_filters.BAR, audit_filters.BAR, runs_controls.BAR, threads_controls.BAR)
SCREENS = [screen for section in MENU.values() for screen in section]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the tables below *heading*, without their heads."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in cells] for cells in found if not set(cells[0]) <= {"-"}][1:]


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def commands_of(cell: str) -> list[str]:
    """Return the commands of a row: the first words of what is set as code, and `serve` for the one without a name."""
    if cell == "(none)":
        return ["serve"]
    return list(dict.fromkeys(said.split()[0] for said in code(cell) if said.split()[0] in COMMANDS))


def source(command: str) -> str:
    return (ROOT / "commands" / f"{command.replace('-', '_')}.py").read_text("utf-8")


def test_it_fits_two_printed_pages() -> None:
    assert TEXT.count("\n") <= LINES_ON_TWO_PAGES
    assert len(TEXT) <= CHARACTERS


def test_every_command_is_there() -> None:
    assert {name for cells in rows("Commands") for name in commands_of(cells[0])} == set(COMMANDS)


@pytest.mark.parametrize("cells", rows("Commands"), ids=lambda cells: cells[0])
def test_every_option_is_one_that_the_command_takes(cells: list[str]) -> None:
    taken = "".join(source(name) for name in commands_of(cells[0]))
    taken += source("serve") if cells[0] == "`azure`" else ""  # shared with it

    for option in re.findall(r"--[a-z][a-z-]*", " ".join(cells[:2])):
        assert f'"{option}"' in taken, option
    for word in [said.split()[1] for said in code(cells[0]) if re.match(r"(poison|audit|faults) ", said)]:
        assert f'add_parser("{word}"' in taken or f'"{word}"' in taken, word


@pytest.mark.parametrize("cells", rows("Commands"), ids=lambda cells: cells[0])
def test_the_exit_codes_are_those_that_the_command_documents(cells: list[str]) -> None:
    """Scripts depend on them. Of a command that documents none, nothing is compared."""
    for name in commands_of(cells[0]):
        documented = set(re.findall(r"(?<!\w)\d+(?!\w)", exit_words(name)))

        assert not documented or set(re.findall(r"(?<!\w)\d+", cells[2])) == documented, name


def exit_words(command: str) -> str:
    """Return what a command says of its exit codes, the `Exit codes:` of its head or of its help; empty: nothing."""
    said = re.search(r"Exit codes(?: of verify)?: +(\d.*?)(?:\n\n|\"\"\"|\n\))", source(command), re.DOTALL)
    return said[1] if said else ""


def test_exit_codes_are_read_from_the_commands() -> None:
    """A search that finds nothing would let any code pass."""
    assert sum(bool(exit_words(name)) for name in COMMANDS) >= 8
    assert exit_words("backup").startswith("0 done, 1 ")


def test_every_page_is_there_with_its_address() -> None:
    shown = [(cells[0], cells[1]) for cells in rows("Pages and what their addresses hold")]

    assert sorted(shown) == sorted((screen.title, f"`{address_of(screen)}`") for screen in SCREENS)


def address_of(screen: Screen) -> str:
    return "/" if screen.default else f"/{screen.file.removesuffix('.py')}"


def test_every_parameter_of_an_address_is_there() -> None:
    """Those that the code reads, writes or binds a widget to."""
    shown = {name for cells in rows("Pages and what their addresses hold") for name in code(cells[2])}

    assert shown | set(time_range.NAMES) == parameters()


@pytest.mark.parametrize("cells", rows("Pages and what their addresses hold"), ids=lambda cells: cells[0])
def test_a_parameter_stands_with_the_page_that_has_it(cells: list[str]) -> None:
    """The page's own docstring tells its state; there, filters are named by their last part."""
    screen = next(one for one in SCREENS if one.title == cells[0])
    said = ast.get_docstring(ast.parse((ROOT / "pages" / screen.file).read_text("utf-8"))) or ""

    assert ("bar" in cells[2].split(";")[0].split()) == screen.bar
    for name in set(code(cells[2])) - {"zone"}:
        assert f"?{name}=" in said or f"-{name.partition('-')[2]}" in said, name


def parameters() -> set[str]:
    found = set(time_range.NAMES) | set(metrics_choice.NAMES)
    for bar in BARS:
        more = {*bar.names, *bar.keeps, *bar.forgets, *({"sort"} & bar.defaults.keys())}
        found |= {bar.prefix + name for name in more}
    for file in [*(ROOT / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py")]:
        found |= set(named_in(ast.parse(file.read_text("utf-8"))))
    return found


def named_in(tree: ast.Module) -> Iterator[str]:
    """Yield the parameters that a file names: by their text, or by a constant at its top."""
    constants: dict[str, str] = {}
    for one in tree.body:
        if isinstance(one, ast.Assign):
            pairs = [(one.targets[0], one.value)]
            if isinstance(one.targets[0], ast.Tuple) and isinstance(one.value, ast.Tuple):
                pairs = list(zip(one.targets[0].elts, one.value.elts, strict=True))
            for target, value in pairs:
                if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                    constants[target.id] = str(value.value)
    for node in ast.walk(tree):
        for place in places_in(node):
            if isinstance(place, ast.Constant):
                yield str(place.value)
            elif isinstance(place, ast.Name) and place.id in constants:
                yield constants[place.id]


def places_in(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what stands where the name of a parameter stands."""
    if isinstance(node, ast.Subscript) and is_address(node.value):
        yield node.slice
    elif isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Attribute) and is_address(called.value) and called.attr in ("get", "pop"):
            yield node.args[0]
        elif isinstance(called, ast.Attribute) and is_address(called.value) and called.attr == "from_dict":
            yield from (
                key for one in node.args if isinstance(one, ast.Dict) for key in one.keys if key is not None
            )
        words = {keyword.arg: keyword.value for keyword in node.keywords}
        if "bind" in words:
            yield words["key"]


def is_address(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "query_params"


def test_every_setting_that_is_named_is_one() -> None:
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", " ".join(cells[0] for cells in rows("Settings most used"))))

    assert named <= {str(field.alias) for field in Settings.model_fields.values()}
    assert len(named) > 10


def test_every_verdict_is_there_once() -> None:
    assert sorted(name for cells in rows("Verdicts") for name in code(cells[0])) == sorted(CODES)


def test_the_roles_are_those_of_the_code_and_of_the_permissions() -> None:
    permissions = (ROOT / "docs" / "permissions.md").read_text("utf-8")

    assert re.findall(r"\*\*(\w+)\*\*", TEXT) == list(get_args(Role))
    assert [cells[0] for cells in rows("Roles") if f"| {cells[0]}" not in permissions] == []


def test_ports_and_addresses_for_machines_are_those_of_the_code() -> None:
    told = {cells[0]: cells[1] for cells in rows("Addresses, ports, files")}

    assert f"port {FIRST_PORT}, or the next free one of {PORTS_TRIED}" in told["dashboard"]
    assert set(code(told["liveness, readiness, state"])) == {route.path for route in ROUTES}


def test_every_file_of_the_state_folder_is_one_that_the_code_names() -> None:
    """By its name in quotes; a renamed file would leave people looking for the old one."""
    folders = ("emulator", "commands", "services/audit")
    texts = "".join(path.read_text("utf-8") for one in folders for path in (ROOT / one).rglob("*.py"))
    told = {cells[0]: cells[1] for cells in rows("Addresses, ports, files")}
    names = [*code(told["`.relaydeck/`"]), *code(told["what it holds"])]

    assert [name for name in names if f'"{name.rstrip("/")}"' not in texts] == []
    assert len(names) > 8


def test_the_variables_for_scripts_are_those_that_local_azure_prints() -> None:
    tree = ast.parse((ROOT / "emulator" / "server.py").read_text("utf-8"))
    made = next(
        one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == "environment"
    )
    printed = {
        key.value
        for one in ast.walk(made)
        if isinstance(one, ast.Dict)
        for key in one.keys
        if isinstance(key, ast.Constant)
    }
    section = TEXT.partition("\n## In scripts\n")[2].partition("\n## ")[0]

    assert {name for name in code(section) if re.fullmatch(r"[A-Za-z_]+", name)} == printed


def test_every_table_of_the_workspace_is_there() -> None:
    assert sorted(code(cells[0])[0] for cells in rows("Tables to ask in KQL")) == sorted(TABLES)
