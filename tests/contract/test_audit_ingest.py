"""The Logs Ingestion API of Local Azure, through Microsoft's own client."""

import gzip
import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.faults import Fault
from emulator.monitor.collect import MAX_CALL_BYTES, MAX_TEXT_BYTES
from emulator.monitor.schemas import AUDIT, AUDIT_RULE, AUDIT_STREAM
from emulator.server import Emulator, EmulatorSettings
from services.audit.record import COLUMNS, TABLE, stamp
from tests.contract.audit_support import UPLOAD, ingestion
from tests.contract.monitor_support import rows

# Takes one row, says so, and waits to be killed.
SERVER = """
import sys, time
from pathlib import Path
from emulator.server import Emulator, EmulatorSettings
from tests.contract.audit_support import ingestion
from emulator.monitor.schemas import AUDIT_RULE, AUDIT_STREAM
with Emulator(EmulatorSettings(state=Path(sys.argv[1]))) as emulator, ingestion(emulator) as client:
    client.upload(AUDIT_RULE, AUDIT_STREAM, [{"TargetId": "kept"}])
    print("taken", flush=True)
    time.sleep(120)
"""


def upload(
    emulator: Emulator, *items: dict[str, object], rule: str = AUDIT_RULE, stream: str = AUDIT_STREAM
) -> None:
    with ingestion(emulator) as client:
        client.upload(rule, stream, list(items))


def refusal(emulator: Emulator, body: bytes) -> HttpResponseError:
    with ingestion(emulator) as client, pytest.raises(HttpResponseError) as caught:
        client.upload(AUDIT_RULE, AUDIT_STREAM, io.BytesIO(body))
    return caught.value


def test_rows_are_in_the_table_once_they_were_taken(emulator: Emulator) -> None:
    at = emulator.clock.now() - timedelta(minutes=5)
    upload(
        emulator,
        {"TimeGenerated": stamp(at), "Seq": 7, "TargetId": "asst_1"},
        {"TimeGenerated": stamp(at), "Seq": 8, "TargetId": "asst_2", "NoSuchColumn": 1},
    )

    found = rows(emulator, f"{TABLE} | order by Seq asc | project stamp = tostring(Seq), TargetId, Type")

    assert found == [["7", "asst_1", TABLE], ["8", "asst_2", TABLE]]


def test_the_table_has_the_columns_that_records_need() -> None:
    """Services and Local Azure never meet: the schema is written down on both sides."""
    assert set(AUDIT.own) == {*COLUMNS.values(), "Delivery", "Seal"}


def test_a_time_that_log_analytics_does_not_take_becomes_that_of_arrival(emulator: Emulator) -> None:
    now = emulator.clock.now()
    upload(emulator, {"TimeGenerated": stamp(now - timedelta(days=3))}, {"TimeGenerated": "no time"})

    assert rows(emulator, f"{TABLE} | where TimeGenerated > ago(1h) | count") == [[2]]


def test_what_does_not_fit_a_column_is_null_and_what_is_too_long_is_cut(emulator: Emulator) -> None:
    """As the service does it: without a word."""
    upload(emulator, {"Seq": "seven", "TargetId": "ä" * MAX_TEXT_BYTES})

    (found,) = rows(emulator, f"{TABLE} | project isnull(Seq), strlen(TargetId)")
    assert [bool(found[0]), found[1]] == [True, MAX_TEXT_BYTES // 2]


@pytest.mark.parametrize(
    ("rule", "stream", "status", "said"),
    [
        ("dcr-" + "f" * 32, AUDIT_STREAM, 404, "dcr-ffff"),
        (AUDIT_RULE, "Custom-Other_CL", 400, "Custom-Other_CL"),
    ],
    ids=["rule", "stream"],
)
def test_an_unknown_rule_or_stream_is_refused(
    emulator: Emulator, rule: str, stream: str, status: int, said: str
) -> None:
    with pytest.raises(HttpResponseError) as caught:
        upload(emulator, {"Seq": 1}, rule=rule, stream=stream)

    assert caught.value.status_code == status
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"Seq": 1}', 400),
        (b"[1, 2]", 400),
        (b"[{", 400),
        (gzip.compress(b"[]")[:-6], 400),
        (json.dumps([{"TargetId": "x" * MAX_CALL_BYTES}]).encode(), 413),
        (gzip.compress(json.dumps([{"TargetId": "x" * MAX_CALL_BYTES}]).encode()), 413),
    ],
    ids=["object", "numbers", "cut", "torn-gzip", "large", "large-unpacked"],
)
def test_a_body_that_cannot_be_used_is_refused(emulator: Emulator, body: bytes, status: int) -> None:
    assert refusal(emulator, body).status_code == status
    assert rows(emulator, f"{TABLE} | count") == [[0]]


def test_a_token_for_another_service_is_refused(emulator: Emulator) -> None:
    token = emulator.call(lambda: emulator.tokens.issue("https://storage.azure.com", 60)[0])
    with ingestion(emulator, token) as client, pytest.raises(HttpResponseError) as caught:
        client.upload(AUDIT_RULE, AUDIT_STREAM, [{"Seq": 1}])

    assert caught.value.status_code == 401


def test_a_token_for_azure_monitor_is_accepted(emulator: Emulator) -> None:
    token = emulator.call(lambda: emulator.tokens.issue("https://monitor.azure.com", 60)[0])
    with ingestion(emulator, token) as client:
        client.upload(AUDIT_RULE, AUDIT_STREAM, [{"Seq": 1}])

    assert rows(emulator, f"{TABLE} | count") == [[1]]


@pytest.mark.parametrize(
    ("status", "headers"),
    [(403, {}), (429, {"Retry-After": "7"}), (503, {})],
    ids=["forbidden", "slow-down", "away"],
)
def test_what_azure_may_answer_can_be_scripted(
    emulator: Emulator, status: int, headers: dict[str, str]
) -> None:
    emulator.fail(Fault(UPLOAD, status=status, headers=headers))

    with pytest.raises(HttpResponseError) as caught:
        upload(emulator, {"Seq": 1})
    assert caught.value.status_code == status
    assert rows(emulator, f"{TABLE} | count") == [[0]]


def test_what_was_taken_survives_a_kill(state: Path) -> None:
    """An intent that was acknowledged must be there, whatever happens to Local Azure a moment later."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(state)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        process.kill()
    with Emulator(EmulatorSettings(state=state)) as emulator:
        assert rows(emulator, f"{TABLE} | project TargetId") == [["kept"]]
