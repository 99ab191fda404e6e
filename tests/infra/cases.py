"""The deployments that are looked at: each size, the last with everything switched on that can be."""

from collections.abc import Mapping
from typing import Any

ALWAYS: Mapping[str, Any] = {
    "environmentName": "demo",
    "location": "swedencentral",
    "auditKey": "a" * 32,
    "cookieSecret": "c" * 32,
}
FULL: Mapping[str, Any] = {
    "principalId": "22222222-2222-2222-2222-222222222222",
    "authClientId": "33333333-3333-3333-3333-333333333333",
    "alertEmail": "ops@contoso.com",
    "budgetAmount": 500,
    "webExists": True,
}
CASES: Mapping[str, Mapping[str, Any]] = {
    "dev": {**ALWAYS, "environmentType": "dev"},
    "test": {**ALWAYS, **FULL, "environmentType": "test"},
    "prod": {
        **ALWAYS,
        **FULL,
        "environmentType": "prod",
        "networkIsolation": True,
        "secondaryHost": "web-b.example.io",
    },
}
