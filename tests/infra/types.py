"""Resources against Microsoft's own index of types: names, kinds, choices and what must be there."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.infra.asked import Asked
from tests.infra.functions import Later

INDEX = Path(__file__).with_name("types.json")
REQUIRED, READ_ONLY = 1, 2
OF_BICEP = {"dependsOn", "parent", "scope"}
# What the services take and the index does not know, each with its source.
BEYOND_THE_INDEX = {
    # learn.microsoft.com/azure/azure-monitor/data-collection/data-collection-rule-structure
    ("Microsoft.Insights/dataCollectionRules", ".kind"),
    ("Microsoft.Insights/dataCollectionRules", ".properties.dataFlows[0].streams[0]"),
    # github.com/Azure-Samples/microsoft-foundry-baseline, ai-foundry-project.bicep
    ("Microsoft.CognitiveServices/accounts/projects/capabilityHosts", ".properties.capabilityHostKind"),
}


@cache
def index() -> Mapping[str, Any]:
    """Return types.json: `types`, type@version to the number of its shape, and `shapes`."""
    found: Mapping[str, Any] = json.loads(INDEX.read_text("utf-8"))
    return found


def wrong(asked: Asked) -> Iterator[str]:
    """Yield what Azure would refuse, or pass over, in *asked*."""
    name = f"{asked.type}@{asked.version}"
    if name not in index()["types"]:
        yield f"{asked.where}: {name} is not in types.json (run tests.infra.compile_types)"
        return
    body = {key: value for key, value in asked.body.items() if key not in OF_BICEP}
    for path, problem in _check(body, index()["types"][name], ""):
        if (asked.type, path) not in BEYOND_THE_INDEX:
            yield f"{asked.where}: {asked.type}: {path} {problem}"


def readable(name: str, path: str) -> bool:
    """Return whether a resource of the type *name* has what *path* names."""
    if name not in index()["types"]:
        return False
    at = index()["types"][name]
    for part in path.replace("[]", "").split("."):
        while "list" in (shape := index()["shapes"][at]):
            at = shape["list"]
        found = shape.get("p", {}).get(part)
        if found is None:
            return "more" in shape or shape.get("is") == "any"
        at = found[1]
    return True


def _check(value: Any, at: int, path: str) -> Iterator[tuple[str, str]]:
    shape = index()["shapes"][at]
    if value is None or isinstance(value, Later) or shape.get("is") == "any":
        return
    if "p" in shape:
        yield from _check_object(value, shape, path)
    elif "list" in shape:
        if not isinstance(value, list):
            yield path, "must be a list"
            return
        for number, item in enumerate(value):
            yield from _check(item, shape["list"], f"{path}[{number}]")
    elif "one" in shape:
        if not isinstance(value, str):
            yield path, f"must be a text, not {value!r}"
        elif value not in shape["one"] and "‹" not in value and not _other_value(shape):
            yield path, f"cannot be {value!r}; it is one of {', '.join(shape['one'])}"
    else:
        yield from _check_plain(value, shape, path)


def _other_value(shape: Mapping[str, Any]) -> bool:
    """The index leaves nearly every choice open to values of the future. Those known to it are all that infra/ needs."""
    return bool(shape["open"]) and not shape["one"]


def _check_plain(value: Any, shape: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    kinds: Mapping[str, tuple[type, ...]] = {"string": (str,), "int": (int, float), "bool": (bool,)}
    fits = isinstance(value, kinds[shape["is"]]) and not (shape["is"] == "int" and isinstance(value, bool))
    if not fits:
        yield path, f"must be a {shape['is']}, not {value!r}"
    elif isinstance(value, str) and "‹" not in value and not _fits(len(value), shape):
        yield path, f"has the wrong length: {value!r}"


def _fits(length: int, shape: Mapping[str, Any]) -> bool:
    return bool(shape.get("least", 0) <= length <= shape.get("most", length))


def _check_object(value: Any, shape: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        yield path, f"must be an object, not {value!r}"
        return
    known = dict(shape["p"])
    if "key" in shape:
        chosen = value.get(shape["key"])
        if chosen not in shape["of"]:
            yield f"{path}.{shape['key']}", f"cannot be {chosen!r}; it is one of {', '.join(shape['of'])}"
            return
        inner = index()["shapes"][shape["of"][chosen]]
        known.update(inner["p"])
        shape = {**inner, "more": inner.get("more", shape.get("more"))}
    for name, (flags, at) in known.items():
        if flags & REQUIRED and not flags & READ_ONLY and value.get(name) is None:
            yield f"{path}.{name}", "is missing"
        if flags & READ_ONLY and name in value:
            yield f"{path}.{name}", "cannot be set"
        elif name in value:
            yield from _check(value[name], at, f"{path}.{name}")
    for name in value.keys() - known.keys():
        if shape.get("more") is None:
            yield f"{path}.{name}", "is unknown there"
        else:
            yield from _check(value[name], shape["more"], f"{path}.{name}")
