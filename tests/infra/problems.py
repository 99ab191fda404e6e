"""All that is wrong with a set of Bicep files, in sentences: what tests hold infra/ to, and what is tried on defects."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.agreement import disagreements
from tests.infra.asked import Asked, Deployment
from tests.infra.bicep import Sources
from tests.infra.cases import CASES
from tests.infra.evaluate import deploy
from tests.infra.rules import broken_rules
from tests.infra.tables import GRANTS, LOGGED, LONGEST_NAME, MUST, MUST_NOT, PRIVATE, ROLES
from tests.infra.types import readable, wrong
from tools.ledger import PREFIX, SHARDS


def all_problems(sources: Sources) -> list[str]:
    """Return every sentence there is to say about *sources*, each once. Empty: nothing is known to be wrong."""
    found = [*broken_rules(sources)]
    if any("syntax error" in one for one in found):
        return found
    found += _roles_file(sources)
    for case, parameters in CASES.items():
        deployment = deploy(sources, parameters)
        found += deployment.problems
        found += _unreadable(deployment)
        found += [f"{case}: {one}" for one in _of_deployment(deployment, isolated=case == "prod")]
        if not found:  # else what they compare may not be there
            found += [f"{case}: {one}" for one in disagreements(sources, case, deployment)]
    found += _ordered(sources)
    return list(dict.fromkeys(found))


def _unreadable(deployment: Deployment) -> Iterator[str]:
    for name, path, where in sorted(deployment.reads):
        if not readable(name, path):
            yield f"{where}: {name} has no {path}"


def _ordered(sources: Sources) -> Iterator[str]:
    """No tool of the catalogue keeps an order yet. One that will gets its queues, and the function app a role on each."""
    given = {**CASES["dev"], "names": {"toolStorage": "sttools"}, "size": {"storageSku": "Standard_LRS"}}
    given |= {
        "tools": ["order_status"],
        "orderedTools": ["order_status"],
        "poisonDesk": False,
        "deployerId": "",
    }
    queues = [f"{PREFIX}order-status-{shard}" for shard in range(SHARDS)]
    for name in ("modules/tool-storage.bicep", "modules/tool-roles.bicep"):
        deployment = deploy(sources, {**given, "accountName": "sttools", "orderQueues": queues}, name)
        yield from deployment.problems
        yield from _unreadable(deployment)
        for asked in deployment.asked:
            yield from wrong(asked)
        there = [
            re.sub(".*/", "", one.scope).strip("›")
            for one in deployment.asked
            if one.symbol == "functionKeepsOrder"
        ]
        there = there or [one.name for one in deployment.asked if one.symbol == "order"]
        if there != queues:
            yield f"{name}: of an ordered tool's queues there are {there}"


def _of_deployment(deployment: Deployment, *, isolated: bool) -> Iterator[str]:
    for asked in deployment.asked:
        yield from wrong(asked)
        yield from _must(asked, isolated)
        if len(asked.name) > LONGEST_NAME.get(asked.type, 10_000):
            yield f"{asked.where}: the name {asked.name} is too long"
    yield from _grants(deployment)
    yield from _logged(deployment)
    yield from _order(deployment)
    made = {(one.type, one.path) for one in deployment.asked}
    for kind, path, where in sorted(deployment.relied_on):
        if (kind, path) not in made:
            yield f"{where}: nobody makes the {kind} {path}"
    names = [(one.type, one.scope, one.name) for one in deployment.asked]
    for one in sorted({one for one in names if names.count(one) > 1}):
        yield f"{one[0]} {one[2]} is made twice on {one[1]}"


def _must(asked: Asked, isolated: bool) -> Iterator[str]:
    properties = asked.body.get("properties", {})
    for path, value in MUST.get(asked.type, {}).items():
        if (asked.symbol, path) not in MUST_NOT and _at(properties, path) != value:
            yield f"{asked.where}: {path} must be {value!r}, not {_at(properties, path)!r}"
    metadata = properties.get("metadata", {}).keys()
    if asked.type.endswith("/connections") and metadata != {"ApiType", "ResourceId", "location"}:
        yield f"{asked.where}: a connection tells ApiType, ResourceId and location, not {sorted(metadata)}"
    if isolated and asked.type in PRIVATE and properties.get("publicNetworkAccess") != "Disabled":
        yield f"{asked.where}: {asked.name} is open to the public in spite of networkIsolation"


def _at(of: Any, path: str) -> Any:
    for part in path.split("."):
        of = of.get(part) if isinstance(of, Mapping) else None
    return of


def grants(deployment: Deployment) -> Iterator[tuple[str, str, str, str]]:
    """Yield who, role, on what and where it is written, of every role assignment."""
    names = {guid: name for name, guid in ROLES.items()}
    for one in deployment.asked:
        if one.type == "Microsoft.Authorization/roleAssignments":
            properties = one.body.get("properties", {})
            who = re.search(r"-(web|function|project)\.properties", str(properties.get("principalId")))
            guid = str(properties.get("roleDefinitionId")).rpartition(":")[2].strip("›")
            yield who[1] if who else "deployer", names.get(guid, guid), one.scope, one.where


def _grants(deployment: Deployment) -> Iterator[str]:
    for who, role, scope, where in grants(deployment):
        allowed = GRANTS.get((who, role), ())
        if not any(part in scope for part in allowed) or (role.startswith("storageQueue") and allowed == ()):
            yield f"{where}: {who} gets {role} on {scope}"
    for one in deployment.asked:
        if one.type == "Microsoft.Authorization/roleAssignments":
            properties = one.body.get("properties", {})
            kind = properties.get("principalType")
            identity = "properties.principalId" in str(properties.get("principalId"))
            if identity and kind != "ServicePrincipal":
                yield f"{one.where}: a new identity is found in time only as a ServicePrincipal"


def _logged(deployment: Deployment) -> Iterator[str]:
    logs = {one.scope for one in deployment.asked if one.type == "Microsoft.Insights/diagnosticSettings"}
    for one in deployment.asked:
        scoped = any(f"‹{one.type}:" in scope and one.name in scope for scope in logs)
        is_agents = one.type == "Microsoft.Storage/storageAccounts/queueServices"
        if one.type in LOGGED and not scoped and not (is_agents and "stagents" in one.scope):
            yield f"{one.where}: {one.name} has no diagnostic setting"


def _order(deployment: Deployment) -> Iterator[str]:
    """Connections of a project, and its capability host, are made one after the other, in this order."""
    wanted = ["threads", "files", "vectors", "traces", "host"]
    there = [one.symbol for one in deployment.asked if "/projects/" in one.type]
    if there != wanted:
        yield f"the project's connections and host must be {', '.join(wanted)}, not {', '.join(there)}"
    before = dict(zip(wanted[1:], wanted, strict=False))
    for one in deployment.asked:
        if one.symbol in before and "/projects/" in one.type:
            waits = [getattr(name, "address", "") for name in one.body.get("dependsOn", [])]
            if not any(name.endswith(f"/{before[one.symbol]}›") for name in waits):
                yield f"{one.where}: {one.symbol} must wait for {before[one.symbol]}"


def _roles_file(sources: Sources) -> Iterator[str]:
    given: dict[str, str] = json.loads(sources["roles.json"])
    for name, guid in given.items():
        if ROLES.get(name) != guid:
            yield f"roles.json: {name} is {ROLES.get(name)}, not {guid}"
    text = "".join(body for name, body in sources.items() if name.endswith(".bicep"))
    for name in given:
        if f"roles.{name}" not in text:
            yield f"roles.json: {name} is used nowhere"
