"""Imports point one way. The table is the rule; every file of the repository is held to it."""

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STANDARD = sys.stdlib_module_names

# What a folder or file may import beside the standard library; the longest prefix that fits a file counts.
# A dotted entry allows that module and what lies under it.
MAY_IMPORT: dict[str, set[str]] = {
    "run.py": set(),
    "app.py": {
        "streamlit",
        "starlette",
        "runtime",
        "ui",
        "services.errors",
        "services.redaction",
        "services.settings",
        "services.settings_source",
        "services.signin",
    },
    "runtime.py": {"services", "emulator", "azure", "pydantic"},
    "pages": {"streamlit", "ui", "services.models", "services.errors"},
    "ui": {"streamlit", "starlette", "plotly", "markdown_it", "ui", "runtime", "services"},
    "ui/charts/figures.py": {"plotly", "pandas"},
    "ui/plotly_cuts.py": {"ui.plotly_script", "tree_sitter", "tree_sitter_javascript"},  # run by fix alone
    "commands": {"commands", "runtime", "services", "emulator"},
    "commands/history.py": {"commands", "runtime", "services", "emulator", "tools.telemetry"},
    "services": {"services", "azure.core", "azure.identity", "pydantic"},
    "services/settings_source.py": {"services", "pydantic", "dotenv"},
    "services/errors.py": {"services"},
    "services/models.py": set(),
    "services/ids.py": set(),
    "services/endpoints.py": set(),
    "services/redaction.py": set(),
    "services/translation.py": {"services", "azure.core", "requests", "urllib3"},
    "services/transport.py": {"services", "azure.core", "requests", "urllib3"},
    "services/clients.py": {
        "services",
        "azure.ai.agents",
        "azure.ai.projects",
        "azure.core",
        "azure.identity",
        "azure.monitor.ingestion",
        "azure.monitor.query",
        "azure.monitor.querymetrics",
        "azure.storage.queue",
    },
    "services/faults": {"services"},
    "services/monitor": {"services"},
    "services/monitor/logs.py": {"services", "azure.core", "azure.monitor.query"},
    "services/monitor/metrics.py": {"services", "azure.core", "azure.monitor.querymetrics"},
    "services/monitor/replies.py": {"services", "azure.core"},
    "services/queue_shapes.py": {"services", "azure.core", "azure.storage.queue"},
    "services/queues.py": {"services", "azure.core", "azure.storage.queue"},
    "services/poison": {"services"},
    "services/poison/store.py": {"services", "azure.core", "azure.storage.queue"},
    "services/poison/contract.py": {"services", "jsonschema", "referencing"},
    "services/housekeeping/lease.py": {"services", "azure.core", "azure.storage.queue"},
    "services/telemetry/azure_monitor.py": {
        "services",
        "azure.core",
        "azure.monitor.opentelemetry",
        "opentelemetry",
    },
    "services/agents": {"services"},
    "services/agents/replies.py": {"services", "azure.core"},
    "services/agents/classic.py": {"services", "azure.ai.agents", "azure.core"},
    "emulator": {
        "emulator",
        "starlette",
        "uvicorn",
        "uvloop",
        "orjson",
        "duckdb",
        "duckdb_kql",
        "cryptography",
    },
    "emulator/monitor": {"emulator", "orjson", "duckdb", "duckdb_kql", "pyarrow"},
    "emulator/certificates.py": {"emulator", "cryptography", "certifi"},
    "emulator/model": {"emulator", "openai", "httpx", "httpx2"},
    "emulator/connection.py": set(),
    "emulator/steering.py": {"emulator.connection"},
    "emulator/functions_host": {"emulator", "azure", "certifi"},
    "container": set(),
    "docs": {"commands", "playwright", "PIL"},
    "infra/hooks": {"common"},  # azd runs them before anything is installed
    "functions": {"azure.functions", "azure.core", "azure.identity", "azure.storage.queue", "tools"},
    "functions/tools/telemetry.py": {"azure.monitor.opentelemetry", "opentelemetry"},
    "infra/hooks/smoke.py": {"common", "postdeploy"},
    ".github": set(),  # the workflows run it before anything is installed
}
TAKES_POISON = "services/poison/store.py"  # nobody reads a poison queue: it refuses to take from any other
LEASE = "services/housekeeping/lease.py"  # receives from a queue of its own alone; its contract test says so
WRITES_SWITCHES = "services/telemetry/quiet.py"  # for a library that takes them from nowhere else
SKIPPED = {"tests", "bench", "chaos", ".venv", ".relaydeck", "node_modules", ".git"}
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in ROOT.rglob("*.py")
    if not SKIPPED & set(path.relative_to(ROOT).parts)
)


def allowed_in(file: str) -> set[str]:
    rules = [prefix for prefix in MAY_IMPORT if file == prefix or file.startswith(prefix + "/")]
    assert rules, f"{file} lies outside the table: say in MAY_IMPORT what it may import"
    return MAY_IMPORT[max(rules, key=len)]


@functools.cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def imports_of(source: str, file: str) -> Iterator[str]:
    """Yield every module that the file names, also inside functions and for type checkers."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def forbidden(source: str, file: str) -> list[str]:
    allowed = allowed_in(file)
    return [
        name
        for name in imports_of(source, file)
        if name.partition(".")[0] not in STANDARD
        and not any(name == entry or name.startswith(entry + ".") for entry in allowed)
    ]


@pytest.mark.parametrize("file", FILES)
def test_a_file_imports_only_what_its_place_allows(file: str) -> None:
    """Any other edge makes the seam leak: pages that call Azure, services that know the emulator."""
    assert forbidden((ROOT / file).read_text(), file) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("pages/ask.py", "import azure.storage.queue"),
        ("pages/ask.py", "from services import queues"),
        ("services/x.py", "import streamlit"),
        ("services/x.py", "from emulator.clock import Clock"),
        ("services/answers/x.py", "from azure.ai.agents import AgentsClient"),
        ("emulator/x.py", "def f():\n    import services.errors"),
        ("functions/x.py", "import requests"),
        ("run.py", "import emulator"),
    ],
)
def test_the_table_forbids_what_it_should(file: str, line: str) -> None:
    """A table that allows everything would pass the test above."""
    assert forbidden(line, file)


def test_the_environment_is_read_in_one_place() -> None:
    """services get Settings; a variable read elsewhere is neither checked nor documented."""
    for file in FILES:
        if file.startswith("services/") and file != WRITES_SWITCHES:
            names = {
                node.attr
                for node in ast.walk(parsed((ROOT / file).read_text()))
                if isinstance(node, ast.Attribute)
            }
            assert not names & {"environ", "getenv"}, file


def test_no_service_receives_messages() -> None:
    """One receive hides a message from the function or the agent that waits for it."""
    for file in FILES:
        if file.startswith(("services/", "ui/", "pages/", "runtime.py", "app.py")) and file not in (
            TAKES_POISON,
            LEASE,
        ):
            source = (ROOT / file).read_text()
            assert "receive_message" not in source and "messages.dequeue" not in source, file


def drawn() -> set[tuple[str, str]]:
    """Return who may import whom by the picture in docs/architecture.md."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    (picture,) = re.findall(r"```mermaid\nflowchart TD\n(.*?)```", page, re.S)
    return set(re.findall(r"^ +([\w.]+) -(?:-> |- [\w, ]+ --> )([\w.]+)$", picture, re.M))


def test_the_picture_shows_the_table() -> None:
    """docs/architecture.md draws which of our own parts may know which; a new edge belongs there."""
    parts = {rule.partition("/")[0] for rule in MAY_IMPORT} - {"container", "infra"}
    modules = {part.removesuffix(".py"): part for part in parts}
    allowed = {
        (rule.partition("/")[0], modules[name])
        for rule, names in MAY_IMPORT.items()
        for name in {one.partition(".")[0] for one in names}
        if name in modules
    }

    assert drawn() == {(one, other) for one, other in allowed if one != other}
