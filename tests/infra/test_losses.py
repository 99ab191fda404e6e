"""docs/ha-dr.md promises what infra/ gives: how often each part stands, and what keeps it from being deleted."""

import functools
from collections.abc import Sequence

import pytest

from tests.infra.asked import Asked
from tests.infra.bicep import sources
from tests.infra.cases import ALWAYS, FULL
from tests.infra.evaluate import deploy
from tests.markdown import DOCS, rows, section

PAGE = (DOCS / "ha-dr.md").read_text("utf-8")
TABLE = {row[0]: row[1:] for row in rows(section(PAGE, "What stands twice"))}
SIZES = ("dev", "test", "prod")


@functools.cache
def asked(size: str) -> Sequence[Asked]:
    return deploy(
        sources(), {**ALWAYS, **FULL, "environmentType": size, "secondaryHost": "b.example.io"}
    ).asked


def only(size: str, kind: str) -> Asked:
    return [one for one in asked(size) if one.type == kind][-1]


@pytest.mark.parametrize("size", SIZES)
def test_what_stands_twice_is_what_is_deployed(size: str) -> None:
    """Whoever trusts the table in an outage must not find one replica where it says two."""
    told = {part: cells[SIZES.index(size)] for part, cells in TABLE.items()}
    scale = only(size, "Microsoft.App/containerApps").body["properties"]["template"]["scale"]
    storage = only(size, "Microsoft.Storage/storageAccounts").body["sku"]["name"]
    replicas = only(size, "Microsoft.Search/searchServices").body["properties"]["replicaCount"]
    (place,) = only(size, "Microsoft.DocumentDB/databaseAccounts").body["properties"]["locations"]
    ready = only(size, "Microsoft.Web/sites").body["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    locks = [one for one in asked(size) if one.type == "Microsoft.Authorization/locks"]

    assert told["dashboard"].startswith(f"{scale['minReplicas']} to {scale['maxReplicas']} replicas")
    assert told["Storage (queues, files)"] == f"`{storage}`"
    assert told["AI Search"].split()[0] == str(replicas)
    assert ("zone redundant" in told["Cosmos DB (threads, messages)"]) == place["isZoneRedundant"]
    assert ("ready" in told["function app"]) == bool(ready["alwaysReady"])
    assert told["against deletion"].startswith("locks" if locks else "nothing")


@pytest.mark.parametrize("size", SIZES)
def test_the_back_up_of_the_conversations_is_kept_for_as_long_as_is_said(size: str) -> None:
    """Seven days, in every size."""
    policy = only(size, "Microsoft.DocumentDB/databaseAccounts").body["properties"]["backupPolicy"]

    assert policy["continuousModeProperties"]["tier"] == "Continuous7Days"
    assert "continuous back-up of seven days" in PAGE


def test_front_door_looks_as_often_as_is_said() -> None:
    """The time to the second region is made of these figures."""
    group = only("prod", "Microsoft.Cdn/profiles/originGroups").body["properties"]
    probe, samples = group["healthProbeSettings"], group["loadBalancingSettings"]
    told = section(PAGE, "The second region")

    assert f"`{probe['probePath']}` of the first every {probe['probeIntervalInSeconds']} seconds" in told
    assert (samples["successfulSamplesRequired"], samples["sampleSize"]) == (3, 4)
    assert "fewer than three of the last four looks" in told
    assert "--origin-group-name regions --origin-name first" in told


@pytest.mark.parametrize("size", SIZES)
def test_the_table_of_sizes_is_that_of_the_bicep(size: str) -> None:
    """docs/deploy.md is where one chooses."""
    sizes = rows(section((DOCS / "deploy.md").read_text("utf-8"), "Sizes"))
    told = {row[0]: row[1:][SIZES.index(size)] for row in sizes}
    template = only(size, "Microsoft.App/containerApps").body["properties"]["template"]
    memory = only(size, "Microsoft.Web/sites").body["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    search = only(size, "Microsoft.Search/searchServices").body
    workspace = only(size, "Microsoft.OperationalInsights/workspaces").body["properties"]["retentionInDays"]
    audit = only(size, "Microsoft.OperationalInsights/workspaces/tables").body["properties"][
        "retentionInDays"
    ]
    scale, resources = template["scale"], template["containers"][0]["resources"]

    assert told["dashboard"].startswith(f"{scale['minReplicas']} to {scale['maxReplicas']}")
    assert {"0.5": "half a core", "1.0": "one core"}[str(float(resources["cpu"]))] in told["dashboard"]
    assert told["function app"].startswith({512: "512 MB", 2048: "2 GB"}[memory["instanceMemoryMB"]])
    assert told["AI Search"].startswith(search["sku"]["name"])
    assert told["telemetry, audit trail"] == f"{workspace}, {audit} days"
    alerts = any(one.type == "Microsoft.Insights/scheduledQueryRules" for one in asked(size))
    locks = any(one.type == "Microsoft.Authorization/locks" for one in asked(size))
    assert told["alerts, locks on conversations"] == ", ".join(
        "yes" if one else "no" for one in (alerts, locks)
    )
