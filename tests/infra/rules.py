"""What holds for Bicep files whatever they deploy: names, modules, versions, keys. Each rule yields sentences."""

import re
from collections.abc import Iterator, Mapping

from tests.infra.bicep import BicepFile, Sources, parse, syntax_errors, walk
from tests.infra.functions import FUNCTIONS

BUILT_IN = {
    *FUNCTIONS,
    "map",
    "loadJsonContent",
    "loadTextContent",
    "description",
    "secure",
    "allowed",
    "minLength",
} | {
    "maxLength",
    "metadata",
}
OF_A_MODULE = {"name", "scope", "params", "dependsOn"}
# One version of a resource type in all files: generally available, in the index, and not of the last weeks, so that every
# region has it.
VERSIONS: Mapping[str, str] = {
    "Microsoft.App": "2025-07-01",
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.CognitiveServices": "2026-03-01",
    "Microsoft.Consumption": "2024-08-01",
    "Microsoft.ContainerRegistry": "2025-11-01",
    "Microsoft.Cdn": "2025-06-01",
    "Microsoft.DocumentDB": "2026-03-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/dataCollectionRules": "2024-03-11",
    # The only preview: the versions that are generally available, of 2015 and 2016, do not know most services' logs.
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault": "2025-05-01",
    "Microsoft.ManagedIdentity": "2024-11-30",
    "Microsoft.Network": "2025-05-01",
    "Microsoft.Network/FrontDoorWebApplicationFirewallPolicies": "2025-03-01",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.OperationalInsights": "2025-07-01",
    "Microsoft.Resources": "2025-04-01",
    "Microsoft.Search": "2025-05-01",
    "Microsoft.Storage": "2025-06-01",
    "Microsoft.Web": "2025-03-01",
}
# Calls that hand out keys or differ from run to run; deployment scripts need a storage key.
FORBIDDEN = (
    "list[A-Z]\\w*\\(",
    "utcNow\\(",
    "newGuid\\(",
    "deploymentScripts",
    "sharedKey",
    "primaryKey",
    "adminUserEnabled: true",
)


def files_of(sources: Sources) -> list[BicepFile]:
    return [parse(name, text) for name, text in sources.items() if name.endswith(".bicep")]


def broken_rules(sources: Sources) -> Iterator[str]:
    """Yield every sentence of every rule."""
    yield from _outputs(sources)
    for file in files_of(sources):
        yield from syntax_errors(file)
        yield from _names(file)
        yield from _modules(file, sources)
        yield from _versions(file)
        yield from _forbidden(file)
        yield from _sizes(file)


def _names(file: BicepFile) -> Iterator[str]:
    """Every name is declared once, and every name that is declared is used."""
    for name in file.twice:
        yield f"{file.name}: {name} is declared twice"
    used: set[str] = set()
    for node in walk(file.root):
        if node.type != "identifier" or node.parent is None:
            continue
        text, parent = file.text_of(node), node.parent
        is_key = parent.type == "object_property" and parent.named_children[0] == node
        is_declaration = parent.type.endswith("_declaration") and parent.named_children[0] == node
        if is_key or is_declaration or parent.type in ("for_loop_parameters", "for_statement"):
            if parent.type == "for_statement" and node != parent.named_children[0]:
                used.add(text)
            continue
        used.add(text)
    known = file.declared() | _local(file) | BUILT_IN
    for name in sorted(used - known):
        yield f"{file.name}: {name} is not declared"
    for name in sorted((file.parameters.keys() | file.variables.keys()) - used):
        yield f"{file.name}: {name} is declared and never used"
    for name, resource in file.resources.items():
        if resource.existing and name not in used:
            yield f"{file.name}: {name} exists already and is never used"


def _local(file: BicepFile) -> set[str]:
    """Return the names of loops and lambdas."""
    found: set[str] = set()
    for node in walk(file.root):
        if node.type in ("loop_variable", "loop_enumerator"):
            found.add(file.text_of(node))
        if node.type in ("for_statement", "lambda_expression"):
            head = node.named_children[0]
            if head.type == "identifier":
                found.add(file.text_of(head))
            elif head.type == "parenthesized_expression":
                found.update(file.text_of(one) for one in head.named_children)
    return found


def _modules(file: BicepFile, sources: Sources) -> Iterator[str]:
    """A module's file is there, gets every parameter it needs and no other, and is asked for outputs that it has."""
    folder = file.name.rpartition("/")[0]
    for module in file.modules.values():
        path = f"{folder}/{module.target}" if folder else module.target
        where = file.line_of(module.node)
        if path not in sources:
            yield f"{where}: there is no module {path}"
            continue
        for part in module.body.named_children:
            key = file.text_of(part.named_children[0]) if part.type == "object_property" else "params"
            if key not in OF_A_MODULE:
                yield f"{where}: a module has no {key}"
        inner = parse(path, sources[path])
        given = _parameters_given(file, module.body)
        for name in sorted(given - inner.parameters.keys()):
            yield f"{where}: {path} has no parameter {name}"
        for name, one in inner.parameters.items():
            if name not in given and one.value is None:
                yield f"{where}: {path} needs the parameter {name}"
    for node in walk(file.root):
        if node.type != "member_expression":
            continue
        found = re.fullmatch(r"(\w+)\.outputs\.(\w+)", file.text_of(node))
        if found and found[1] in file.modules:
            module = file.modules[found[1]]
            path = f"{folder}/{module.target}" if folder else module.target
            if path in sources and found[2] not in parse(path, sources[path]).outputs:
                yield f"{file.line_of(node)}: {path} has no output {found[2]}"


def _outputs(sources: Sources) -> Iterator[str]:
    """Every output of a module is asked for by somebody."""
    files = files_of(sources)
    asked = {
        (f"{file.name.rpartition('/')[0]}/{file.modules[found[1]].target}".strip("/"), found[2])
        for file in files
        for node in walk(file.root)
        if node.type == "member_expression"
        and (found := re.fullmatch(r"(\w+)\.outputs\.(\w+)", file.text_of(node)))
        and found[1] in file.modules
    }
    for file in files:
        for name in file.outputs:
            if file.name != "main.bicep" and (file.name, name) not in asked:
                yield f"{file.name}: nobody asks for the output {name}"


def _parameters_given(file: BicepFile, body: object) -> set[str]:
    for part in getattr(body, "named_children", []):
        if part.type == "object_property" and file.text_of(part.named_children[0]) == "params":
            given = part.named_children[-1].named_children
            return {file.text_of(one.named_children[0]) for one in given if one.type == "object_property"}
    return set()


def _versions(file: BicepFile) -> Iterator[str]:
    for resource in file.resources.values():
        kind, _, version = resource.target.partition("@")
        wanted = VERSIONS.get(kind)
        parent = kind
        while wanted is None and "/" in parent:
            parent = parent.rpartition("/")[0]
            wanted = VERSIONS.get(parent)
        if version != wanted:
            yield f"{file.line_of(resource.node)}: {kind} is used in version {version}, not {wanted}"


def _sizes(file: BicepFile) -> Iterator[str]:
    """Each row of the size table has each column, and each column is read by somebody."""
    if (sizes := file.variables.get("sizes")) is None or sizes.value is None:
        return
    rows = {
        file.text_of(row.named_children[0]): {
            file.text_of(one.named_children[0])
            for one in row.named_children[-1].named_children
            if one.type == "object_property"
        }
        for row in sizes.value.named_children
        if row.type == "object_property"
    }
    for name, columns in rows.items():
        for other in sorted(set.union(*rows.values()) - columns):
            yield f"{file.name}: the size {name} does not say {other}"


def _forbidden(file: BicepFile) -> Iterator[str]:
    text = re.sub(r"(?m)(^|\s)//.*$", "", file.text.decode())
    for pattern in FORBIDDEN:
        for found in re.finditer(pattern, text):
            yield f"{file.name}: {found[0]} is not wanted here"
    for match in re.finditer(r"'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'", text):
        yield f"{file.name}: {match[0]} belongs into roles.json"
    for name, one in file.parameters.items():
        if re.search(r"(?i)secret$|key$|password", name) and "secure" not in one.decorators:
            yield f"{file.name}: the parameter {name} is a secret and not @secure()"
    for name in file.outputs:
        if re.search(r"(?i)secret$|key$|password", name):
            yield f"{file.name}: the output {name} looks like a secret"
