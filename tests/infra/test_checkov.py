"""checkov's rules for Azure, on each size as a template: its own reader of Bicep passes over most of today's.

It weighs 290 MB with all it needs, so it is not among the test packages: the workflow installs it. Here it runs where it is
found, on the PATH or as RELAYDECK_CHECKOV.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.infra.arm import main

PROGRAM = os.environ.get("RELAYDECK_CHECKOV") or shutil.which("checkov")
OPEN_BUT_FOR_ISOLATION = (
    "dev and test are open to signed-in callers; NETWORK_ISOLATION=true closes them, as in prod.json"
)
# Each rule that is not kept, with the reason; in prod with isolation only the second table counts.
SKIPPED_IN_SMALL_SIZES: Mapping[str, str] = {
    "CKV_AZURE_35": OPEN_BUT_FOR_ISOLATION,
    "CKV_AZURE_59": OPEN_BUT_FOR_ISOLATION,
    "CKV_AZURE_101": OPEN_BUT_FOR_ISOLATION,
    "CKV_AZURE_109": OPEN_BUT_FOR_ISOLATION,
    "CKV_AZURE_134": OPEN_BUT_FOR_ISOLATION,
    "CKV_AZURE_139": OPEN_BUT_FOR_ISOLATION,
    "CKV_AZURE_189": OPEN_BUT_FOR_ISOLATION,
    "CKV_AZURE_42": "azd down must be able to purge a vault of dev and test; prod protects it",
    "CKV_AZURE_110": "azd down must be able to purge a vault of dev and test; prod protects it",
    "CKV_AZURE_163": "scanning is bought with the Premium registry, or with Defender for the subscription",
    "CKV_AZURE_208": "one replica of AI Search has no promise; prod has three",
    "CKV_AZURE_209": "one replica of AI Search has no promise; prod has three",
    "CKV_AZURE_225": "one zone; prod has several",
}
SKIPPED: Mapping[str, str] = {
    "CKV_AZURE_17": "no function is called over HTTP: nobody has a certificate to show",
    "CKV_AZURE_36": "no service of Azure's own needs to pass the firewall of the tools' storage",
    "CKV_AZURE_41": "both secrets are changed by hand, and an expiry would stop the audit trail, and so every action",
    "CKV_AZURE_99": "the rule wants a virtual network filter; the account is closed to the public instead",
    "CKV_AZURE_166": "quarantine wants a scanner of your own that releases images",
    "CKV_AZURE_206": "another region holds no conversation that could go on there; prod is in three zones",
    "CKV_AZURE_212": "Flex Consumption scales by itself; prod keeps instances ready",
    "CKV_AZURE_213": "Flex Consumption has no health check; the alerts watch the queues instead",
    "CKV_AZURE_222": "azd publishes to it; it answers nothing else, as no function is called over HTTP",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if PROGRAM is None:
        pytest.skip("checkov is not installed here; the workflow runs it")
    folder = tmp_path_factory.mktemp("templates")
    main(str(folder))
    words = ["-d", str(folder), "--framework", "arm", "--skip-download", "--compact", "--quiet", "-o", "json"]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [PROGRAM, *words], capture_output=True, text=True, check=False, env=clean, timeout=110
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def failed(report: dict[str, Any], *, prod: bool) -> dict[str, str]:
    """Return each rule that is broken in prod, or in the smaller sizes, with one resource that breaks it."""
    return {
        one["check_id"]: f"{Path(one['file_path']).name}: {one['resource']}"
        for one in report["results"]["failed_checks"]
        if ("prod" in one["file_path"]) == prod
    }


def test_it_read_everything(report: dict[str, Any]) -> None:
    """It passes over what it cannot read, and still says that all is well."""
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] > 250


def test_what_it_finds_has_a_reason(report: dict[str, Any]) -> None:
    small, prod = failed(report, prod=False), failed(report, prod=True)

    assert {rule: small[rule] for rule in small.keys() - SKIPPED.keys() - SKIPPED_IN_SMALL_SIZES.keys()} == {}
    assert {rule: prod[rule] for rule in prod.keys() - SKIPPED.keys()} == {}


def test_no_reason_outlives_what_it_is_for(report: dict[str, Any]) -> None:
    small, prod = failed(report, prod=False), failed(report, prod=True)

    assert set(SKIPPED) <= small.keys() | prod.keys()
    assert set(SKIPPED_IN_SMALL_SIZES) <= small.keys()
