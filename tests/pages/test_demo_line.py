"""Made-up history says so above every page that shows it, and above no other."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.monitor.results import Row
from tests.contract.monitor_support import envelope
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from ui import demo, formats
from ui.time_range import parse, written

SAYS = "Includes seeded demo history"
LONG_AGO = timedelta(hours=30)  # within what ingestion takes; where no other test looks


def tell(control: Control, at: datetime, **marks: str) -> None:
    """Have the workspace hold an answer of that time."""
    named = {"relaydeck.outcome": "answered", **marks}
    base = {"id": "c" * 16, "name": "answer", "duration": "0.00:00:01", "responseCode": "answered"}
    body = json.dumps([envelope("RequestData", {**base, "properties": named}, at)]).encode()
    address = f"{control.azure.connection.http_url}/v2.1/track"
    with urllib.request.urlopen(urllib.request.Request(address, body, method="POST"), timeout=10) as reply:
        assert reply.status == 200


def opened(start: datetime, page: str = "metrics.py") -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    at.query_params["range"] = "custom"
    at.query_params["from"] = written(start)
    at.query_params["to"] = written(start + timedelta(minutes=20))
    at.switch_page(str(ROOT / "pages" / page))
    at.run()
    assert not at.exception
    return at


def queries(control: Control, after: int) -> int:
    return sum(seen["operation"] == "monitor.query_batch" for seen in control.requests(after))


@pytest.fixture
def moment() -> datetime:
    return formats.now().replace(second=0, microsecond=0) - LONG_AGO


def test_a_range_that_holds_made_up_answers_says_how_many(control: Control, moment: datetime) -> None:
    tell(control, moment + timedelta(minutes=1), **{"relaydeck.demo": "true"})
    tell(control, moment + timedelta(minutes=2))

    told = words(opened(moment))

    assert f"{SAYS}: 1 of 2 answers in" in told and "was made up" in told


def test_a_range_without_any_says_nothing(control: Control, moment: datetime) -> None:
    """The badge means something only when it is not always there."""
    assert SAYS not in words(opened(moment - timedelta(hours=3)))


def test_a_press_of_something_asks_nothing_again(control: Control, moment: datetime) -> None:
    at = opened(moment - timedelta(hours=2))
    runtime.current().services.telemetry.flush(1)
    before = control.last_request()

    at.run()

    assert not at.exception and queries(control, before) == 0


def test_what_cannot_be_read_is_not_claimed(control: Control, moment: datetime) -> None:
    """The cards tell of the failure; the line neither warns nor reassures."""
    control.fail(operation="monitor.query_batch", status=403, times=20)
    at = opened(moment - timedelta(hours=4))
    control.clear_faults()

    assert SAYS not in words(at)


@pytest.mark.usefixtures("without_workspace")
def test_without_a_workspace_there_is_nothing_to_say(moment: datetime) -> None:
    assert SAYS not in words(opened(moment))


@pytest.mark.parametrize(
    ("answers", "demo_answers", "rows", "expected"),
    [
        (5, 0, 0, ""),
        (0, 0, 9, f"{SAYS}: measurements of queues in the last hour."),
        (7, 7, 99, f"{SAYS}: nobody has asked in the last hour; what is shown was made up."),
        (1204, 12, 99, f"{SAYS}: 12 of 1,204 answers in the last hour were made up."),
    ],
    ids=["none", "measurements-only", "all", "some"],
)
def test_the_line_in_words(answers: int, demo_answers: int, rows: int, expected: str) -> None:
    row: Row = {"answers": answers, "demo_answers": demo_answers, "demo": rows}
    shown = parse({"range": "1h"}, datetime(2026, 11, 22, 12, tzinfo=UTC), UTC)

    assert demo.words(row, shown) == expected
