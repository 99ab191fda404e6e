"""docs/emulator.md tells what is implemented and what is not: generated where it can be, and never behind the code."""

import importlib.util
import re
from pathlib import Path

import pytest

from emulator.coverage import BEGIN, PAGE, page_with, table
from emulator.faults import KINDS, ODD
from emulator.foundry.routes import ROUTES, UNSUPPORTED_NAMES, find
from emulator.monitor.catalogue import NAMESPACES
from emulator.server import Emulator

TEXT = PAGE.read_text("utf-8")
WRITTEN = TEXT.partition(BEGIN)[0]
REQUIREMENTS = (PAGE.parents[1] / "requirements.txt").read_text("utf-8")


def test_the_table_of_operations_is_what_runs(emulator: Emulator) -> None:
    """When this fails, type: python -m emulator.coverage"""
    assert page_with(TEXT, table(emulator.routes())) == TEXT


def test_every_service_is_listed(emulator: Emulator) -> None:
    services = {service for service, *_ in emulator.routes()}

    assert {"foundry", "queues", "identity", "control"} <= services


def test_every_call_that_steers_it_is_explained(emulator: Emulator) -> None:
    """The generated table has its names; what it does stands above, by method and path."""
    steering = {(method, path) for service, _, method, path in emulator.routes() if service == "control"}
    told = set(re.findall(r"`(GET|POST|DELETE) (/_emulator/\w+)", WRITTEN))
    told |= {("GET", path) for path in re.findall(r"`GET` and `POST (/_emulator/\w+)`", WRITTEN)}

    assert told == steering


def test_every_kind_of_fault_is_explained_with_the_operations_that_it_can_meet() -> None:
    section = WRITTEN.partition("What goes wrong on the wire:")[2].partition("## Azure Monitor")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    kinds = [kind for row in rows for kind in re.findall(r"`(\w+)`", row.split("|")[1]) if kind != "kind"]

    assert sorted([*kinds, "weather"]) == sorted(KINDS)
    for operation in {operation for operations in ODD.values() for operation in operations}:
        assert operation in section or operation.removeprefix("foundry.") in section, operation


def test_every_metric_that_is_measured_is_named() -> None:
    section = WRITTEN.partition("**Metrics.**")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", section))

    assert named == {metric for metrics in NAMESPACES.values() for metric in metrics}
    assert all(f"`{namespace}`" in section for namespace in NAMESPACES)


@pytest.mark.parametrize(
    ("package", "said"), [("azure-storage-queue", "azure-storage-queue {}"), ("duckdb-kql", "duckdb-kql {}")]
)
def test_a_version_that_is_named_is_the_locked_one(package: str, said: str) -> None:
    """What is said to hold for a package was seen with that one."""
    locked = re.search(rf"^{package}==([\d.]+)", REQUIREMENTS, re.MULTILINE)
    named = re.search(re.escape(said.format("")) + r"([\d.]+\d)", WRITTEN)

    assert locked and named and f"{locked[1]}.".startswith(f"{named[1]}.")


def operations_of(package: str) -> list[tuple[str, str]]:
    """Return method and path of each request that an SDK of the agent service can build, from its source."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    source = (Path(spec.origin).parent / "operations" / "_operations.py").read_text("utf-8")
    found = re.findall(r'_url = "([^"]+)".*?method="(\w+)"', source, re.DOTALL)
    return sorted({(method, path) for path, method in found})


def test_every_operation_of_the_agents_sdk_is_implemented_or_refused_by_name() -> None:
    """A new version of the SDK brings new ones; they are then to be told here."""
    operations = operations_of("azure.ai.agents")

    assert [one for one in operations if find(one[0], one[1].strip("/").split("/")) is None] == []
    assert len(operations) > 40


def test_of_the_projects_sdk_there_are_connections_and_deployments_alone() -> None:
    """As the page says."""
    there = {
        path.strip("/").partition("/")[0]
        for method, path in operations_of("azure.ai.projects")
        if find(method, path.strip("/").split("/")) is not None
    }

    assert there == {"connections", "deployments"}


def test_what_is_refused_by_name_is_no_operation_that_runs() -> None:
    assert not UNSUPPORTED_NAMES & {operation for operation, _, _ in ROUTES}
    assert all(f"`{name}`" in TEXT for name in UNSUPPORTED_NAMES)
