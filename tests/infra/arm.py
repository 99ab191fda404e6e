"""A deployment as an ARM template, for scanners that read no modern Bicep: each value worked out, each size a file.

    python -m tests.infra.arm FOLDER

What only Azure knows stands as a text. Not for deploying: Microsoft's compiler makes templates for that.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.infra.asked import Asked, Deployment
from tests.infra.bicep import sources
from tests.infra.cases import CASES
from tests.infra.evaluate import deploy

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


def template(deployment: Deployment) -> dict[str, Any]:
    """Return all resources of *deployment* side by side."""
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "resources": [_resource(asked) for asked in deployment.asked],
    }


def main(folder: str) -> int:
    for case, parameters in CASES.items():
        text = json.dumps(template(deploy(sources(), parameters)), indent=2)
        (Path(folder) / f"{case}.json").write_text(text + "\n", "utf-8")
    return 0


def _resource(asked: Asked) -> dict[str, Any]:
    kept = {
        key: value for key, value in asked.body.items() if key not in ("parent", "name", "dependsOn", "scope")
    }
    return {"type": asked.type, "apiVersion": asked.version, "name": asked.path, **_plain(kept)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    return [_plain(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
