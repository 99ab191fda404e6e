"""The Trace page: what it shows of runs that are over, open, of others, and of none."""

import json

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, Open, answer_on, shown, words
from ui import context

pytestmark = pytest.mark.usefixtures("without_workspace")


@pytest.fixture
def asked(open_page: Open) -> tuple[str, str]:
    """A run that is over, and its thread."""
    at = open_page()
    at.chat_input(key="question").set_value("What is (12.5 + 7) * 3?").run()
    answer = answer_on(at)
    return answer.run_id, answer.thread_id


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    at.switch_page(str(ROOT / "pages" / "trace.py"))
    at.run()
    assert not at.exception
    return at


def test_a_finished_run_shows_its_verdict_hops_and_steps(asked: tuple[str, str]) -> None:
    run_id, thread_id = asked
    at = opened(run=run_id, thread=thread_id)
    told = words(at).replace("\\", "")

    for expected in ("Answered in", "Enqueued", "Picked up", "Executed", "Run advanced"):
        assert expected in told, expected
    assert "No Log Analytics workspace is set" in told
    assert any("function calculate" in expander.label.replace("\\", "") for expander in at.expander)


def test_the_waterfall_draws_a_bar_for_each_part(asked: tuple[str, str], control: Control) -> None:
    """The figure itself: kinds in their colours, lengths at the ends."""
    trace = context.services().traces.read(*asked)
    figure = context.waterfall(trace.bars, trace.took_s or 0.0, "light")

    *drawn, ends = figure.data
    assert {"agent run", "model", "queue wait", "function"} >= {one.name for one in drawn}
    assert sum(len(one.y) for one in drawn if one.text is not None) == len(trace.bars) == len(ends.text)
    assert all(text.endswith(("s", "known")) for text in ends.text)


def test_raw_holds_everything_as_json(asked: tuple[str, str]) -> None:
    run_id, thread_id = asked
    at = opened(run=run_id, thread=thread_id)
    at.segmented_control(key="show").set_value("Raw").run()

    assert not at.exception
    document = json.loads(next(code.value for code in at.code if '"bars"' in code.value))
    assert document["run"] == run_id
    assert "58.5" in document["answer"]["text"]


def test_the_conversation_is_shown(asked: tuple[str, str]) -> None:
    at = opened(run=asked[0], thread=asked[1])
    at.segmented_control(key="show").set_value("Conversation").run()

    assert "58.5" in words(at).replace("\\", "")


def test_an_open_run_is_shown_while_it_works(open_page: Open, control: Control) -> None:
    control.pace(think_s=1.5)
    at = open_page()
    at.chat_input(key="question").set_value("What is 6 * 7?").run()
    answers = runtime.current().services.answers
    (answer,) = shown(at)
    while not answer.run_id:
        answer = answers.wait(answer.id, answer.version, 5)
    page = opened(run=answer.run_id, thread=answer.thread_id)

    assert "Still on its way" in words(page)
    answers.finish(answer.id, 30)
    page.run()
    assert "Answered in" in words(page)


@pytest.mark.parametrize(
    "run",
    ["run_unknown", "../agents", 'x" | take 1', "%00", "x" * 500],
    ids=["no", "path", "kql", "zero", "long"],
)
def test_a_run_that_there_is_not_is_said_to_be_unknown(control: Control, run: str) -> None:
    assert "This run is not known here" in words(opened(run=run))


def test_a_run_of_another_conversation_is_not_found_in_this_one(asked: tuple[str, str]) -> None:
    assert "This run is not known here" in words(opened(run="run_other", thread=asked[1]))


def test_without_a_run_the_page_asks_for_one(control: Control) -> None:
    at = opened()
    assert "Which answer?" in words(at)
    at.text_input(key="trace-run").set_value(" run_unknown ")
    at.button(key="trace-open").click().run()
    assert "This run is not known here" in words(at)


def test_a_failure_to_read_is_told_and_passes(asked: tuple[str, str], control: Control) -> None:
    context.traces().clear_all()
    control.fail(operation="foundry.get_thread", status=403, code="PermissionDenied")
    at = opened(run=asked[0], thread=asked[1])

    assert "HTTP 403" in words(at)
    at.button(key="retry-trace").click().run()
    assert "Answered in" in words(at)
