"""Whether the checks see anything: deliberate defects, each as somebody could make it, put into infra/ one by one."""

import random
from dataclasses import dataclass
from functools import cache

import pytest

from tests.infra.bicep import INFRA, sources
from tests.infra.problems import all_problems
from tests.infra.sweep import is_seen, misspellings

LEAST_CAUGHT = 17


@dataclass(frozen=True)
class Defect:
    """*old* becomes *new* in *file*, once. *seen*: False for those that nothing here can know."""

    what: str
    file: str
    old: str
    new: str
    seen: bool = True


M = "modules/"
DEFECTS = (
    Defect("a brace is lost", f"{M}budget.bicep", "  properties: {", "  properties: "),
    Defect(
        "a property is misspelt", f"{M}tool-storage.bicep", "allowSharedKeyAccess", "allowSharedKeysAccess"
    ),
    Defect(
        "a property deep inside is misspelt", f"{M}web.bicep", "failureThreshold: 30", "failureTreshold: 30"
    ),
    Defect("a required property is lost", f"{M}workbook.bicep", "    category: 'workbook'\n", ""),
    Defect("a choice that there is not", f"{M}agent-stores.bicep", "'Continuous7Days'", "'Continuous8Days'"),
    Defect("a text where a number belongs", f"{M}alerts.bicep", "threshold: 2", "threshold: '2'"),
    Defect(
        "a read of what no resource has",
        f"{M}tool-storage.bicep",
        "primaryEndpoints.queue",
        "primaryEndpoints.queues",
    ),
    Defect("a role's id with a turned digit", "roles.json", "974c5e8b", "974c5e8d"),
    Defect("the wrong role", f"{M}foundry.bicep", "roles.foundryUser)\n  }", "roles.monitoringReader)\n  }"),
    Defect("a role on more than it need be", f"{M}tool-roles.bicep", "scope: outputs[i]", "scope: account"),
    Defect(
        "a role for the wrong identity",
        "main.bicep",
        "functionPrincipalId: identities.outputs.functionPrincipalId",
        "functionPrincipalId: identities.outputs.webPrincipalId",
    ),
    Defect(
        "a parameter that the module has not",
        "main.bicep",
        "    addressPrefix: addressPrefix\n",
        "    addressPrefixes: addressPrefix\n",
    ),
    Defect("a parameter that the module needs", "main.bicep", "    poisonDesk: poisonDesk\n", ""),
    Defect(
        "an output that the module has not", "main.bicep", "audit.outputs.ruleId", "audit.outputs.ruleName"
    ),
    Defect(
        "a variable that nothing uses", f"{M}web.bicep", "var port = 8501", "var port = 8501\nvar spare = 1"
    ),
    Defect("a name that is not declared", f"{M}registry.bicep", "location: location", "location: region"),
    Defect("a queue by another name", f"{M}tool-storage.bicep", "-input-poison'", "-input-poisoned'"),
    Defect(
        "a tool that is forgotten", "main.bicep", "'foo', 'calculate', 'order_status'", "'foo', 'calculate'"
    ),
    Defect(
        "a setting by another name",
        "main.bicep",
        "  RELAYDECK_LOGS_WORKSPACE: mon",
        "  RELAYDECK_LOG_WORKSPACE: mon",
    ),
    Defect(
        "a setting that is no output",
        "main.bicep",
        "output RELAYDECK_AUDIT_RULE_ID string = settings.RELAYDECK_AUDIT_RULE_ID\n",
        "",
    ),
    Defect(
        "the wrong address for a setting",
        "main.bicep",
        "STORAGE_SERVICE_ENDPOINT: toolStorage.outputs.queueEndpoint",
        "STORAGE_SERVICE_ENDPOINT: 'https://x.blob.core.windows.net'",
    ),
    Defect(
        "keys are allowed again",
        f"{M}agent-stores.bicep",
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: true",
    ),
    Defect(
        "local sign-in is allowed again",
        f"{M}foundry.bicep",
        "disableLocalAuth: true",
        "disableLocalAuth: false",
    ),
    Defect(
        "a key is handed out",
        f"{M}function-app.bicep",
        "output name string = app.name",
        "output name string = listKeys(app.id, '2025-03-01').masterKey",
    ),
    Defect(
        "another version of a type",
        f"{M}tool-roles.bicep",
        "storageAccounts@2025-06-01",
        "storageAccounts@2023-05-01",
    ),
    Defect(
        "the connections are made at once",
        f"{M}capability-host.bicep",
        "  dependsOn: [\n    vectors\n  ]\n",
        "",
    ),
    Defect(
        "a column of the audit trail is lost",
        "audit-columns.json",
        '  {"name": "PrevHash", "type": "string"},\n',
        "",
    ),
    Defect(
        "a parameter without a variable",
        "main.parameters.json",
        '"${MODEL_SKU=GlobalStandard}"',
        '"Standard"',
    ),
    Defect(
        "isolation leaves a door open",
        f"{M}secrets.bicep",
        "networkIsolation ? 'Disabled' : 'Enabled'",
        "'Enabled'",
    ),
    Defect("a diagnostic setting is lost", f"{M}secrets.bicep", "  scope: vault\n", "  scope: audit\n"),
    Defect(
        "an ordered tool gets no queues",
        f"{M}tool-storage.bicep",
        "map(orderedTools, tool =>",
        "map(orderedTools, one =>",
    ),
    # What only Azure, or a person, can know.
    Defect("a metric that is not there", f"{M}alerts.bicep", "'RestartCount'", "'RestartsCount'", seen=False),
    Defect("a region without a service", "main.bicep", "  'uksouth'\n", "  'ukwest'\n", seen=False),
    Defect(
        "a log category that is not there",
        f"{M}web.bicep",
        "'ContainerAppSystemLogs'",
        "'ContainerAppsSystemLogs'",
        seen=False,
    ),
)


@cache
def caught(defect: Defect) -> bool:
    before = sources()
    assert before[defect.file].count(defect.old) >= 1, f"{defect.what}: {defect.file} has changed"
    return bool(all_problems({**before, defect.file: before[defect.file].replace(defect.old, defect.new, 1)}))


@pytest.mark.parametrize("defect", [one for one in DEFECTS if one.seen], ids=lambda one: one.what)
def test_a_defect_is_seen(defect: Defect) -> None:
    assert caught(defect)


def test_of_all_defects_nearly_all_are_seen() -> None:
    """Those that are not are named in docs/deploy.md, as what only a deployment shows; and so is their number."""
    missed = [one.what for one in DEFECTS if not caught(one)]

    assert missed == [one.what for one in DEFECTS if not one.seen]
    assert len(DEFECTS) - len(missed) >= LEAST_CAUGHT * len(DEFECTS) / 20
    said = f"of {len(DEFECTS)} deliberate defects {len(DEFECTS) - len(missed)} are caught"
    assert said in (INFRA.parent / "docs" / "deploy.md").read_text("utf-8")


def test_keys_that_nobody_chose_are_seen_when_they_are_misspelt() -> None:
    """Thirty of the 1,300, drawn by chance from a fixed seed: whoever picks defects by hand picks those that are seen."""
    there = sources()
    drawn = random.Random(20261126).sample(list(misspellings(there)), 30)
    missed = [f"{slip.file}:{slip.line} {slip.old}" for slip in drawn if not is_seen(slip, there)]

    assert len(missed) <= 1, missed
