"""What the Functions host tells Application Insights of its invocations: the lines that an operator reads later."""

import logging
from collections.abc import Iterator

import pytest

from emulator.functions_host.insights import CAPACITY, INVOCATION, InsightsHandler, Invocation, attach
from tests.ingestion import Ingestion, open_ingestion, properties

log = logging.getLogger("tests.functions.insights")


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    with open_ingestion() as found:
        yield found


@pytest.fixture
def handler(ingestion: Ingestion, caplog: pytest.LogCaptureFixture) -> Iterator[InsightsHandler]:
    caplog.set_level(logging.INFO, log.name)
    found = attach({"APPLICATIONINSIGHTS_CONNECTION_STRING": ingestion.connection_string})
    assert found is not None
    yield found
    logging.getLogger().removeHandler(found)


def write(*lines: str, by_user: bool = True) -> None:
    token = INVOCATION.set(Invocation("foo", "i-1", by_user=by_user))
    for line in lines:
        log.info(line)
    INVOCATION.reset(token)


def test_a_line_carries_its_invocation_and_who_wrote_it(
    ingestion: Ingestion, handler: InsightsHandler
) -> None:
    """InvocationId is what joins a line with the execution in a trace."""
    write("from the function")
    write("from the host", by_user=False)
    assert handler.finish()
    told = ingestion.of("MessageData")

    assert [one["data"]["baseData"]["message"] for one in told] == ["from the function", "from the host"]
    assert [properties(one)["Category"] for one in told] == ["Function.foo.User", "Function.foo"]
    assert {properties(one)["InvocationId"] for one in told} == {"i-1"}
    assert told[0]["data"]["baseData"]["severityLevel"] == 1


def test_lines_outside_of_an_invocation_are_not_told(ingestion: Ingestion, handler: InsightsHandler) -> None:
    log.info("nobody's")
    assert handler.finish()
    assert ingestion.envelopes == []


def test_lines_that_cannot_be_sent_are_lost_and_counted(
    ingestion: Ingestion, handler: InsightsHandler
) -> None:
    ingestion.manner = "fail"
    write("one", "two")
    assert handler.finish()
    assert handler.lost == 2


def test_an_endpoint_that_never_answers_holds_up_nobody(
    ingestion: Ingestion, handler: InsightsHandler
) -> None:
    """A bounded buffer: the oldest lines give way."""
    ingestion.manner = "hang"
    write("first")
    ingestion.until(lambda: bool(ingestion.requests))
    write(*(f"line {n}" for n in range(CAPACITY + 10)))
    assert handler.lost == 10


@pytest.mark.parametrize(
    "text", ["", "InstrumentationKey=x", "IngestionEndpoint=ftp://x;InstrumentationKey=x", ";;="]
)
def test_without_a_usable_connection_string_nothing_is_told(text: str) -> None:
    assert attach({"APPLICATIONINSIGHTS_CONNECTION_STRING": text}) is None
