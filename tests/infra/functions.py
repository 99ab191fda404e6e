"""Bicep's functions, as far as infra/ uses them. Source: learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any


class Later(str):
    """What only Azure knows. *type*, *path*: the property of a resource that it is read from, if it is."""

    type: str
    path: str

    def __new__(cls, text: str, type_: str = "", path: str = "") -> "Later":
        made = super().__new__(cls, text)
        made.type, made.path = type_, path
        return made


def later(text: str) -> Later:
    return Later(text if text.startswith("‹") else f"‹{text}›")


def truth(value: Any) -> bool:
    """Return what a condition is; one that only Azure knows holds."""
    return True if isinstance(value, Later) else bool(value)


def _unique(*parts: Any) -> str:
    """Return thirteen letters and digits, as uniqueString does; other ones."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[byte % 32] for byte in digest[:13])


def _guid(*parts: Any) -> str:
    text = hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))


def _items(of: Any) -> Any:
    return [{"key": key, "value": of[key]} for key in sorted(of)] if isinstance(of, Mapping) else []


def _union(*of: Any) -> Any:
    merged: dict[str, Any] = {}
    for one in of:
        merged.update(one)
    return merged


def _concat(*of: Any) -> Any:
    return [item for one in of for item in one] if isinstance(of[0], list) else "".join(of)


def _resource_id(kind: str, *names: str) -> str:
    return f"‹{kind}:{'/'.join(names)}›"


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": _concat,
    "empty": lambda value: False if isinstance(value, Later) else not value,
    "environment": lambda: {
        "suffixes": {"storage": "core.windows.net"},
        "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
    },
    "flatten": lambda value: [item for one in value for item in one],
    "guid": _guid,
    "items": _items,
    "json": lambda text: float(text),
    "replace": lambda text, old, new: str(text).replace(old, new),
    "resourceGroup": lambda: {"id": "‹resource group›", "name": "‹resource group›"},
    "resourceId": _resource_id,
    "string": str,
    "subscription": lambda: {
        "id": "/subscriptions/00000000-0000-0000-0000-000000000000",
        "subscriptionId": "00000000-0000-0000-0000-000000000000",
        "tenantId": "11111111-1111-1111-1111-111111111111",
    },
    "subscriptionResourceId": _resource_id,
    "toLower": lambda text: str(text).lower(),
    "union": _union,
    "uniqueString": _unique,
}
# Those that can say nothing while a part is not known.
NEEDS_ALL = {"concat", "flatten", "json", "union"}
