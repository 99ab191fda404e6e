"""Where infra/ and the rest of Relaydeck must say the same: queues, settings, columns, parameters. In sentences."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from streamlit import config

from emulator.functions_host.worker import POISON_SUFFIX
from emulator.monitor.schemas import AUDIT
from services.agents.catalogue import CATALOGUE
from services.audit.record import COLUMNS, TABLE
from services.errors import ConfigurationError
from services.queues import LEASE_PREFIX
from services.settings import Settings
from services.settings_source import REQUIRED_IN_AZURE, load_settings
from tests.infra.asked import Asked, Deployment
from tests.infra.bicep import Sources, literal, parse
from tools.ledger import PREFIX, SHARDS
from tools.queues import STORAGE

SETTINGS = {str(field.alias): field.description or "" for field in Settings.model_fields.values()}
# Outputs that are no settings: azd needs the first three, hooks and people the others.
OTHER_OUTPUTS = {
    "AZURE_LOCATION",
    "AZURE_RESOURCE_GROUP",
    "AZURE_CONTAINER_REGISTRY_ENDPOINT",
    "RELAYDECK_WEB_HOST",
    "RELAYDECK_FRONT_DOOR_HOST",
    "RELAYDECK_FUNCTION_APP",
}
# Settings of Azure mode that a deployment leaves alone, with the reason.
LEFT_ALONE = {
    "RELAYDECK_PRICES": "nobody's prices but your own",
    "RELAYDECK_AUDIT_STREAM": "its default is the stream that audit.bicep declares",
}
# Of the dashboard in Azure alone: on a laptop they would be wrong, so they are no outputs.
OF_THE_CONTAINER = {
    "AZURE_CLIENT_ID",
    "RELAYDECK_AUTH",
    "RELAYDECK_AUTH_CLIENT_ID",
    "RELAYDECK_AUTH_TENANT_ID",
    "RELAYDECK_AUDIT_KEY",
    "RELAYDECK_LOG_FORMAT",
    "RELAYDECK_STATE_DIR",
    "RELAYDECK_WITHOUT_SETTINGS",
}
SAMPLES = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=2f1c5f3a-7d0b-4a57-9a64-5e8f6b1c0d2e;"
    "IngestionEndpoint=https://swedencentral-0.in.applicationinsights.azure.com/",
    "RELAYDECK_LOGS_WORKSPACE": "2f1c5f3a-7d0b-4a57-9a64-5e8f6b1c0d2e",
    "STORAGE_SERVICE_ENDPOINT": "https://sttoolsabc.queue.core.windows.net/",
    "RELAYDECK_AUDIT_ENDPOINT": "https://dcr-audit-abc-x1y2.swedencentral-1.ingest.monitor.azure.com",
    "RELAYDECK_AUDIT_RULE_ID": "dcr-0123456789abcdef0123456789abcdef",
    "RELAYDECK_AUDIT_KEY": "k" * 32,
    "RELAYDECK_AUTH_CLIENT_ID": "33333333-3333-3333-3333-333333333333",
    "AZURE_CLIENT_ID": "44444444-4444-4444-4444-444444444444",
}
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-demo/providers/"


def disagreements(sources: Sources, case: str, deployment: Deployment) -> Iterator[str]:
    """Yield every sentence. *case*: which size *deployment* is of."""
    yield from _azd(deployment)
    yield from _queues(case, deployment)
    yield from _functions(deployment)
    yield from _dashboard(deployment)
    yield from _outputs(deployment)
    yield from _audit(deployment)
    yield from _parameters(sources)


@cache
def decorated(word: str) -> tuple[str, ...]:
    """Return what function_app.py gives its decorators as *word*: an argument's name, or a decorator with one argument."""
    path = Path(__file__).parents[2] / "functions" / "function_app.py"
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    named = [one.value for call in calls for one in call.keywords if one.arg == word]
    alone = [
        call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == word
    ]
    return tuple(str(one.value) for one in (*named, *alone) if isinstance(one, ast.Constant))


def _only(deployment: Deployment, kind: str) -> Asked:
    return next(one for one in deployment.asked if one.type == kind)


def _azd(deployment: Deployment) -> Iterator[str]:
    """azd finds the group of an environment by its tag, and what it deploys to by theirs."""
    group = _only(deployment, "Microsoft.Resources/resourceGroups").body
    if group.get("tags", {}).get("azd-env-name") != "demo":
        yield "the resource group does not bear the environment's name as azd looks for it"
    for kind, service in (("Microsoft.App/containerApps", "web"), ("Microsoft.Web/sites", "tool")):
        if _only(deployment, kind).body.get("tags", {}).get("azd-service-name") != service:
            yield f"azd does not find where to deploy {service}"


def _queues(case: str, deployment: Deployment) -> Iterator[str]:
    wanted = {f"{LEASE_PREFIX}{case}"}
    for tool in CATALOGUE:
        wanted |= {tool.input_queue, tool.output_queue, tool.input_queue + POISON_SUFFIX}
        if tool.ordered:
            wanted |= {f"{PREFIX}{tool.name.replace('_', '-')}-{shard}" for shard in range(SHARDS)}
    made = {one.name for one in deployment.asked if one.type.endswith("/queueServices/queues")}
    if made != wanted:
        yield f"queues made and queues used differ: {sorted(made ^ wanted)}"
    bound = set(decorated("queue_name"))
    if not bound <= made:
        yield f"function_app.py binds queues that nobody makes: {sorted(bound - made)}"


def _functions(deployment: Deployment) -> Iterator[str]:
    site = _only(deployment, "Microsoft.Web/sites").body["properties"]
    settings = {one["name"] for one in site["siteConfig"]["appSettings"]}
    for connection in (STORAGE, "AzureWebJobsStorage"):
        host = ("blobServiceUri",) if connection == "AzureWebJobsStorage" else ()
        for part in ("queueServiceUri", "credential", "clientId", *host):
            if f"{connection}__{part}" not in settings:
                yield f"the function app lacks {connection}__{part}"
    if "APPLICATIONINSIGHTS_CONNECTION_STRING" not in settings:
        yield "the function app tells nobody what it does"
    ready = {one["name"] for one in site["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"]}
    names = {f"function:{name}" for name in decorated("function_name")}
    if ready and ready != names:
        yield f"functions kept ready and functions there are differ: {sorted(ready ^ names)}"


def environment_of(deployment: Deployment) -> dict[str, str]:
    """Return what the dashboard's process finds in its environment, with samples for what only Azure knows."""
    app = _only(deployment, "Microsoft.App/containerApps").body["properties"]["template"]
    found = {one["name"]: str(one.get("value", "‹secret›")) for one in app["containers"][0]["env"]}
    for name, value in found.items():
        if value.startswith("‹Microsoft."):
            kind, _, path = value.strip("‹›").partition(":")
            parts = kind.split("/")
            pairs = "/".join(f"{part}/{name}" for part, name in zip(parts[1:], path.split("/"), strict=True))
            found[name] = f"{GROUP}{parts[0]}/{pairs}"
        elif "‹" in value:
            found[name] = SAMPLES.get(name, value)
    return found


def _dashboard(deployment: Deployment) -> Iterator[str]:
    found = environment_of(deployment)
    known = SETTINGS.keys() | {option.env_var for option in config.get_config_options().values()}
    for name in sorted(found.keys() - known):
        yield f"the dashboard reads no {name}"
    must = {name for name, text in SETTINGS.items() if "Azure mode only" in text} | set(REQUIRED_IN_AZURE)
    for name in sorted(must - found.keys() - LEFT_ALONE.keys()):
        yield f"the dashboard is not told {name}"
    try:
        load_settings({name: value for name, value in found.items() if not name.startswith("STREAMLIT_")})
    except ConfigurationError as exc:
        yield from (f"the dashboard refuses its settings: {problem}" for problem in exc.problems)
    at_home = {name: value for name, value in found.items() if name not in OF_THE_CONTAINER}
    try:
        load_settings({**at_home, "RELAYDECK_AUDIT_KEY": "k" * 32})  # azd's environment holds that one, too
    except ConfigurationError as exc:
        yield from (f"a dashboard at home refuses the outputs: {problem}" for problem in exc.problems)
    if found.get("RELAYDECK_MODE") != "azure" or found.get("RELAYDECK_AUTH") != "easyauth":
        yield "the dashboard is not told that it is in Azure, behind the platform's sign-in"


def _outputs(deployment: Deployment) -> Iterator[str]:
    given = {
        name for name in environment_of(deployment) if not name.startswith("STREAMLIT_")
    } - OF_THE_CONTAINER
    outputs = deployment.outputs.keys() - OTHER_OUTPUTS
    if outputs != given:
        yield f"outputs and the dashboard's settings differ: {sorted(outputs ^ given)}"
    for name, value in deployment.outputs.items():
        env = _only(deployment, "Microsoft.App/containerApps").body["properties"]["template"]["containers"][
            0
        ]["env"]
        same = next((one for one in env if one["name"] == name), None)
        if same and str(same["value"]) != str(value):
            yield f"the output {name} is not what the dashboard gets"


def _audit(deployment: Deployment) -> Iterator[str]:
    kinds = {"dateTime": "datetime"}
    table = _only(deployment, "Microsoft.OperationalInsights/workspaces/tables").body
    columns: Mapping[str, str] = {
        one["name"]: kinds.get(one["type"], one["type"]) for one in table["properties"]["schema"]["columns"]
    }
    stored = {name: kind for name, kind in {**AUDIT.common, **AUDIT.own}.items() if not name.startswith("_")}
    if columns != stored:
        yield f"the audit table differs from the one that queries are tried on: {sorted(columns ^ stored.keys())}"
    if missing := set(COLUMNS.values()) - columns.keys():
        yield f"the audit table lacks {sorted(missing)}"
    if table["name"] != TABLE:
        yield f"the audit table must be called {TABLE}"
    rule = _only(deployment, "Microsoft.Insights/dataCollectionRules").body["properties"]
    stream = rule["streamDeclarations"].get(f"Custom-{TABLE}", {"columns": []})
    if {one["name"]: one["type"] for one in stream["columns"]} != dict(columns):
        yield "the audit stream has other columns than the audit table"


def _parameters(sources: Sources) -> Iterator[str]:
    main = parse("main.bicep", sources["main.bicep"])
    given: dict[str, Any] = json.loads(sources["main.parameters.json"])["parameters"]
    for name in sorted(given.keys() ^ main.parameters.keys()):
        yield f"main.parameters.json and main.bicep differ: {name}"
    for name, one in given.items():
        found = re.fullmatch(r"\$\{[A-Z_]+(?:=([^}]*))?\}", one["value"])
        if not found:
            yield f"main.parameters.json: {name} comes from no variable"
            continue
        default = main.parameters[name].value if name in main.parameters else None
        if found[1] is not None and default is not None:
            here = literal(main, default) if default.type == "string" else main.text_of(default)
            if here != found[1]:
                yield f"main.parameters.json: {name} is {found[1]} by default, in main.bicep {here}"
    usage = re.search(r"usageName: \['OpenAI\.(\w+)\.([\w.-]+),(\d+)'\]", sources["main.bicep"])
    model = [
        given[name]["value"].partition("=")[2].strip("}")
        for name in ("modelSku", "modelName", "modelCapacity")
    ]
    if usage is None or list(usage.groups()) != model:
        yield f"the quota that azd looks for is not that of the model: {model}"
