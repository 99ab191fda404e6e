"""docs/costs.md counts what infra/ asks for, and multiplies rightly: only the price of a unit is taken on trust."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.infra.asked import Asked
from tests.infra.bicep import sources
from tests.infra.cases import ALWAYS, FULL
from tests.infra.evaluate import deploy
from tests.markdown import DOCS, rows, section

PAGE = (DOCS / "costs.md").read_text("utf-8")
SIZES = ("dev", "test", "prod")
HOURS, DAYS = 730, 30.4
SECONDS = HOURS * 3_600
AT_LEAST_READY = 2  # what Azure keeps of each function, and bills, once the plan is zone redundant
READING_GB_A_MONTH = 0.44  # measured: see the page


@functools.cache
def asked(size: str) -> Mapping[str, Asked]:
    """Return the resources of a deployed environment of *size* by their kind; of several, the last."""
    deployment = deploy(sources(), {**ALWAYS, **FULL, "environmentType": size})
    return {one.type: one for one in deployment.asked}


def body(size: str, kind: str) -> Any:
    return asked(size)[kind].body


def search(size: str, tier: str) -> float:
    service = body(size, "Microsoft.Search/searchServices")
    units = service["properties"]["replicaCount"] * service["properties"]["partitionCount"]
    return float(HOURS * units) if service["sku"]["name"] == tier else 0.0


def database(size: str) -> float:
    capabilities = body(size, "Microsoft.DocumentDB/databaseAccounts")["properties"]["capabilities"]
    return 0.0 if capabilities else 30.0 * HOURS  # the agent service makes three containers of 1,000 RU/s


def replicas(size: str) -> int:
    return int(body(size, "Microsoft.App/containerApps")["properties"]["template"]["scale"]["minReplicas"])


def container(size: str, what: str) -> float:
    (one,) = body(size, "Microsoft.App/containerApps")["properties"]["template"]["containers"]
    return replicas(size) * float(str(one["resources"][what]).removesuffix("Gi")) * SECONDS


def ready(size: str) -> float:
    app = body(size, "Microsoft.Web/sites")["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    zones = body(size, "Microsoft.Web/serverfarms")["properties"]["zoneRedundant"]
    kept = sum(max(one["instanceCount"], AT_LEAST_READY if zones else 0) for one in app["alwaysReady"])
    return float(kept * app["instanceMemoryMB"] / 1_024 * SECONDS)


def registry(size: str, tier: str) -> float:
    return DAYS if body(size, "Microsoft.ContainerRegistry/registries")["sku"]["name"] == tier else 0.0


COUNTED: Mapping[str, Callable[[str], float]] = {
    "AI Search, basic": lambda size: search(size, "basic"),
    "AI Search, standard": lambda size: search(size, "standard"),
    "Cosmos DB, provisioned": database,
    "dashboard, cores": lambda size: container(size, "cpu"),
    "dashboard, memory": lambda size: container(size, "memory"),
    "function app, kept ready": ready,
    "registry, Basic": lambda size: registry(size, "Basic"),
    "registry, Standard": lambda size: registry(size, "Standard"),
    "queue readings in Log Analytics": lambda size: READING_GB_A_MONTH * replicas(size),
}


def told() -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in rows(section(PAGE, "While nobody asks anything"))}


@pytest.mark.parametrize("what", COUNTED)
@pytest.mark.parametrize("size", SIZES)
def test_what_is_billed_is_what_is_deployed(what: str, size: str) -> None:
    """A cell is a quantity a month, an equals sign, and USD; a dash is none."""
    _, price, *cells = told()[what]
    cell, counted = cells[SIZES.index(size)], COUNTED[what](size)

    if counted == 0:
        assert cell == "–"
    else:
        quantity, _, cost = cell.replace(",", "").partition(" = ")
        assert float(quantity) == pytest.approx(counted)
        assert float(cost) == round(counted * float(price))


def test_the_sums_are_those_of_the_rows() -> None:
    """And no row is without its count."""
    table = told()
    sums = table.pop("**together**")[2:]

    assert table.keys() == COUNTED.keys()
    for number, size in enumerate(SIZES):
        costs = [
            int(cells[2 + number].rpartition("= ")[2].replace(",", ""))
            for cells in table.values()
            if "=" in cells[2 + number]
        ]
        assert int(re.sub(r"[*,]", "", sums[number])) == sum(costs), size


def test_what_is_switched_on_is_counted_too() -> None:
    """Private endpoints and zones with isolation, alerts in test and prod."""
    full = deploy(sources(), {**ALWAYS, **FULL, "environmentType": "prod", "networkIsolation": True})
    kinds = [one.type for one in full.asked]
    text = section(PAGE, "Switched on")

    assert f"{kinds.count('Microsoft.Network/privateEndpoints')} private endpoints" in text
    assert f"{kinds.count('Microsoft.Network/privateDnsZones')} private zones" in text
    assert f"{kinds.count('Microsoft.Insights/scheduledQueryRules')} log alerts" in text
    assert f"{kinds.count('Microsoft.Insights/metricAlerts')} metric alert" in text
