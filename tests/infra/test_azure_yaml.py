"""azure.yaml and the parameters: what azd reads before it asks Azure for anything."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.infra.tables import GRANTS, ROLES

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(Path(__file__).with_name("azure.yaml.schema.json").read_text("utf-8"))


def azure_yaml() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text("utf-8"))
    return found


def test_azd_can_read_azure_yaml() -> None:
    """By azd's own schema, of which the source is named in the file."""
    jsonschema.Draft201909Validator.check_schema(SCHEMA)
    jsonschema.Draft201909Validator(SCHEMA).validate(azure_yaml())


def test_the_schema_sees_a_hook_that_azd_would_refuse() -> None:
    """A schema that lets everything through proves nothing."""
    document = azure_yaml()
    document["hooks"]["predeploy"] = {"runs": "infra/hooks/predeploy.py"}

    assert not jsonschema.Draft201909Validator(SCHEMA).is_valid(document)


def test_hooks_and_folders_are_there_and_run_on_every_system() -> None:
    """One Python file each: no pair of scripts for two shells that drift apart."""
    document = azure_yaml()

    for hook in document["hooks"].values():
        assert (ROOT / hook["run"]).is_file() and hook["run"].endswith(".py")
    assert (ROOT / document["infra"]["path"] / f"{document['infra']['module']}.bicep").is_file()
    assert (ROOT / document["services"]["tool"]["project"] / "host.json").is_file()


def test_each_service_is_a_tag_in_the_bicep() -> None:
    """azd finds what it deploys to by this tag."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "infra").rglob("*.bicep"))

    assert set(re.findall(r"'azd-service-name': '(\w+)'", text)) == set(azure_yaml()["services"])


def test_every_variable_of_a_deployment_is_explained() -> None:
    """Each of main.parameters.json in docs/deploy.md, and no other."""
    given = json.loads((ROOT / "infra" / "main.parameters.json").read_text("utf-8"))["parameters"]
    named = {re.sub(r"\$\{(\w+).*", r"\1", one["value"]) for one in given.values()}
    table = (
        (ROOT / "docs" / "deploy.md").read_text("utf-8").partition("## Parameters")[2].partition("\n## ")[0]
    )

    assert set(re.findall(r"^\| `(\w+)`", table, re.M)) == named


def test_the_table_of_roles_is_the_one_that_is_held_to() -> None:
    """docs/deploy.md names the roles that problems.py allows, in Microsoft's words."""
    spoken = {name: re.sub(r"([a-z])([A-Z])", r"\1 \2", name).title() for name in ROLES}
    spoken |= {"acrPull": "AcrPull", "cosmosDbOperator": "Cosmos DB Operator"}
    who = {"dashboard": "web", "function app": "function", "project": "project", "who deploys": "deployer"}
    table = (ROOT / "docs" / "deploy.md").read_text("utf-8").partition("## Roles")[2].partition("\n## ")[0]
    found, current = set(), ""
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[1] not in ("Role", "---"):
            current = cells[0] or current
            found |= {(who[current], role) for role in re.split(r"[,;] ", cells[1]) if "Built-in" not in role}

    assert found == {(one, spoken[role]) for one, role in GRANTS}


def test_permissions_are_told_by_the_same_ids() -> None:
    """A wrong id in a table sends somebody to a role that does not exist, or worse, to one that does."""
    rows = re.findall(
        r"^\| ([^|(,]+?)(?: \(.*?\)|,.*?)? \| `([0-9a-f-]{36})`",
        (ROOT / "docs" / "permissions.md").read_text("utf-8"),
        re.M,
    )
    ours = {name.lower(): guid for name, guid in ROLES.items()}

    assert len(rows) > 8
    for name, guid in rows:
        assert ours[name.replace(" ", "").lower()] == guid, name


def test_a_secret_is_in_no_file() -> None:
    """The parameters name variables; azd keeps the values beside the repository's files, where git does not look."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()

    assert ".azure/" in ignored
