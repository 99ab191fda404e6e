"""A replayed call, with the real function app on its host and a run that waits: however often, it has one effect."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.ai.agents.models import ThreadRun

from tests.contract.agents_support import Lab, start_foo
from tests.contract.poison_support import INPUT, POISON, Bench, open_bench
from tests.functions.conftest import import_path  # noqa: F401 - a host leaves its app on sys.path
from tests.functions.hosting import Hosted, settings_for, write_app
from tests.waiting import wait_for
from tools import answering

APP = Path(__file__).parents[2] / "functions"
BROKEN = f"""
import azure.functions as func

app = func.FunctionApp()

@app.queue_trigger("message", queue_name="{INPUT}", connection="STORE")
def foo(message: func.QueueMessage) -> None:
    raise RuntimeError("the disk is full")
"""


@pytest.fixture
def bench(lab: Lab) -> Iterator[Bench]:
    with open_bench(lab.emulator) as found:
        yield found


@pytest.fixture(autouse=True)
def no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The app has answered nothing yet; another test may have asked with the same CorrelationId."""
    monkeypatch.setenv("TOOL_RESULTS_FOLDER", str(tmp_path / "results"))
    answering._results.cache_clear()
    yield
    answering._results().close()
    answering._results.cache_clear()


@pytest.fixture
def given_up(lab: Lab, bench: Bench, tmp_path: Path) -> tuple[ThreadRun, str]:
    """A run that waits for foo, and the id of its call in the poison queue: the app was broken while it was tried."""
    run = start_foo(lab, query="why")
    with Hosted(write_app(tmp_path / "broken", BROKEN), settings_for(lab.emulator)):
        wait_for(lambda: POISON in bench.run.services.queues.list_names(POISON) and bench.contents(POISON))
        wait_for(lambda: bench.count(INPUT) == 0)
    (message,) = bench.desk.look(POISON).messages
    assert message.run_state == "" or message.awaited == "yes"
    return run, message.id


def mended(lab: Lab) -> Hosted:
    """Return the host with the app as it is published."""
    return Hosted(APP, settings_for(lab.emulator))


def said(caplog: pytest.LogCaptureFixture, start: str) -> list[str]:
    return [line for record in caplog.records if (line := record.getMessage()).startswith(start)]


def test_a_call_replayed_twice_is_worked_on_once_and_answers_its_run_once(
    lab: Lab,
    bench: Bench,
    given_up: tuple[ThreadRun, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first replay breaks off after it has sent the call: the second sends it again."""
    run, message = given_up
    bench.fail("queues.delete_message", status=403, code="AuthorizationPermissionMismatch")
    with caplog.at_level(logging.INFO):
        first = bench.moves.replay(POISON, [message])
        with mended(lab):
            ended = lab.wait(run)
            second = bench.moves.replay(POISON, [message])
            wait_for(lambda: len(said(caplog, "tool.answered")) == 2)
            wait_for(lambda: bench.count(INPUT) == 0)

    assert [one.state for one in (*first.outcomes, *second.outcomes)] == ["left", "done"]
    outcomes = [line.partition("outcome=")[2].split(" ")[0] for line in said(caplog, "tool.answered")]
    assert outcomes == ["answered", "repeated"]
    assert ended.status == "completed" and lab.answer(ended) == "Foo says so."
    assert len(lab.tool_calls(lab.get(run))) == 1
    assert len(list(lab.client.messages.list(run.thread_id))) == 2
    assert bench.count(POISON) == 0


def test_a_call_that_lies_in_the_queue_twice_advances_its_run_once(
    lab: Lab,
    bench: Bench,
    given_up: tuple[ThreadRun, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Both copies are taken in one batch: the worst moment for a repeat."""
    run, message = given_up
    bench.fail("queues.delete_message", status=403, code="AuthorizationPermissionMismatch")
    bench.moves.replay(POISON, [message])
    bench.moves.replay(POISON, [message])
    assert len(bench.contents(INPUT)) == 2

    with caplog.at_level(logging.INFO), mended(lab):
        ended = lab.wait(run)
        wait_for(lambda: bench.count(INPUT) == 0)
        wait_for(lambda: len(said(caplog, "reply.")) == 2)

    assert sorted(said(caplog, "reply.")) == ["reply.delivered", "reply.duplicate"]
    assert ended.status == "completed"
    assert len(lab.tool_calls(lab.get(run))) == 1
    assert len(list(lab.client.messages.list(run.thread_id))) == 2
