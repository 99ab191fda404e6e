"""Runs that end early, all at once, or with very much to say: cancelled, expired, deleted, long."""

import pytest
from azure.core.exceptions import HttpResponseError

from emulator.model import ModelRequest, TextPiece
from tests.contract.agents_support import USED, Lab, Pause, Turn, say

ENDED = ("completed_at", "failed_at", "cancelled_at")


def test_a_run_that_is_cancelled_says_cancelling_then_cancelled(lab: Lab) -> None:
    """Pollers that stop at cancelling, as the SDK's own does, see a terminal state soon after."""
    lab.model.plays("Slow.", [TextPiece("Half an"), Pause(), *say("never")])
    run = lab.start(lab.agent("Slow."))
    lab.wait_for_pause()

    answered = lab.client.runs.cancel(run.thread_id, run.id)

    assert answered.status == "cancelling"
    ended = lab.wait(run)
    assert (ended.status, ended["required_action"], ended["last_error"]) == ("cancelled", None, None)
    assert ended.cancelled_at is not None
    assert ended["usage"]["total_tokens"] == 0
    (step,) = lab.steps(run)
    (message,) = lab.client.messages.list(run.thread_id, run_id=run.id)
    assert step["status"] == "cancelled"
    assert message["incomplete_details"] == {"reason": "run_cancelled"}
    assert message.text_messages[0].text.value == "Half an"
    lab.client.messages.create(run.thread_id, role="user", content="The thread is free again")


def test_a_run_that_has_ended_cannot_be_cancelled(lab: Lab) -> None:
    """Told by its state, so that a client can treat it as done."""
    run = lab.ask(lab.agent())

    with pytest.raises(HttpResponseError, match="Cannot cancel run with status 'completed'"):
        lab.client.runs.cancel(run.thread_id, run.id)


def test_a_run_expires_after_ten_minutes(lab: Lab) -> None:
    """create_and_process waits without end; only the service's expiry frees it."""
    lab.model.plays("Slow.", [Pause(), *say("never")])
    run = lab.start(lab.agent("Slow."))
    lab.wait_for_pause()

    lab.emulator.advance(595)
    before = lab.get(run).status
    lab.emulator.advance(10)

    ended = lab.wait(run)
    assert (before, ended.status, ended["last_error"]) == ("in_progress", "expired", None)
    assert ended.expires_at == run.expires_at
    assert [ended[name] for name in ENDED] == [None, None, None]


def test_deleting_a_thread_ends_its_run(lab: Lab) -> None:
    """Nothing goes on in a thread that is gone."""
    lab.model.plays("Slow.", [Pause(), *say("never")])
    run = lab.start(lab.agent("Slow."))
    lab.wait_for_pause()

    lab.client.threads.delete(run.thread_id)

    assert list(lab.client.threads.list()) == []
    assert lab.ask(lab.agent()).status == "completed"


def test_many_runs_go_on_at_once(lab: Lab) -> None:
    """One slow answer holds up no other thread."""
    lab.model.plays("Slow.", [Pause(), *say("late")])
    agent = lab.agent("Slow.")
    runs = [lab.start(agent) for _ in range(20)]
    lab.wait_for_pause(20)

    quick = lab.ask(lab.agent("Quick."))
    lab.release()

    assert quick.status == "completed"
    assert {lab.wait(run).status for run in runs} == {"completed"}


def test_an_answer_may_be_long_and_hold_any_character(lab: Lab) -> None:
    """Megabytes, line ends, separators and control characters pass unharmed."""
    text = "a\r\n\u2028\u0000\u202e<b>\U0001f680\n\nevent: done\n" * 20_000

    def answer(request: ModelRequest) -> Turn:
        return [*(TextPiece(text[n : n + 5000]) for n in range(0, len(text), 5000)), USED]

    lab.model.answers("Long.", answer)

    run = lab.ask(lab.agent("Long."))

    assert lab.answer(run) == text
