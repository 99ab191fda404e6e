"""Azure Functions that answer twice, late, wrongly or never, and calls that cannot be made at all."""

import base64
import json
import logging

import pytest

from tests.contract.agents_support import (
    FOO_IN as IN,
)
from tests.contract.agents_support import (
    FOO_OUT as OUT,
)
from tests.contract.agents_support import (
    Lab,
    Pause,
    call,
    calls,
    function_tool,
    say,
    start_foo,
)
from tests.waiting import wait_for


def test_messages_that_are_no_replies_stay_as_evidence(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Wrong encoding, wrong id, no id: the operator finds them, logged once; the run waits for the right one."""
    caplog.set_level(logging.WARNING, "emulator.foundry")
    run = start_foo(lab)
    correlation_id = lab.sent(IN)["CorrelationId"]
    plain = json.dumps({"Value": "x", "CorrelationId": correlation_id})
    lab.put(OUT, plain)
    lab.put(OUT, base64.b64encode(b"{not json").decode())
    lab.reply(OUT, ["a list"])
    lab.reply(OUT, {"Value": "x"})
    lab.reply(OUT, {"Value": "x", "CorrelationId": "of nobody"})

    assert lab.get(run).status == "requires_action"
    lab.reply(OUT, {"Value": "right", "CorrelationId": correlation_id})

    assert lab.wait(run).status == "completed"
    assert lab.model.requests[-1].calls[0].output == "right"
    assert len(lab.left(OUT)) == 5
    assert lab.left(OUT)[0] == plain
    assert [record.reason for record in caplog.records if record.message == "reply.left"] == [  # type: ignore[attr-defined]  # of extra
        "it is not base64",
        "its base64 holds no JSON",
        "it has no CorrelationId",
        "it has no CorrelationId",
        "its CorrelationId is of no call",
    ]


def test_a_second_reply_is_taken_out_and_changes_nothing(lab: Lab) -> None:
    """Functions are delivered at least once, so replies come twice."""
    run = start_foo(lab)
    reply = {"Value": "first", "CorrelationId": lab.sent(IN)["CorrelationId"]}
    lab.reply(OUT, reply)
    lab.wait(run)

    lab.reply(OUT, {**reply, "Value": "second"})

    wait_for(lambda: lab.left(OUT) == [])
    assert lab.tool_calls(run)[0]["azure_function"]["output"] == "first"


def test_a_reply_that_comes_after_the_cancel_is_taken_out(lab: Lab) -> None:
    """It must not lie there for the next run to stumble over."""
    run = start_foo(lab)
    lab.client.runs.cancel(run.thread_id, run.id)
    assert lab.wait(run).status == "cancelled"

    lab.reply(OUT, {"Value": "late", "CorrelationId": lab.sent(IN)["CorrelationId"]})

    wait_for(lambda: lab.left(OUT) == [])
    assert lab.tool_calls(run)[0]["azure_function"]["output"] is None


def test_a_reply_for_a_deleted_thread_is_taken_out(lab: Lab) -> None:
    """Scripts delete everything at their end, whatever is still under way."""
    run = start_foo(lab)
    lab.client.threads.delete(run.thread_id)

    lab.reply(OUT, {"Value": "late", "CorrelationId": lab.sent(IN)["CorrelationId"]})

    wait_for(lambda: lab.left(OUT) == [])


def test_a_reply_that_is_hidden_at_first_is_read_once_it_shows(lab: Lab) -> None:
    """A delay on the output queue is the clock's matter, not a lost answer."""
    run = start_foo(lab)

    lab.reply(OUT, {"Value": "slow", "CorrelationId": lab.sent(IN)["CorrelationId"]}, visibility_timeout=30)
    before = lab.get(run).status
    lab.emulator.advance(31)

    assert (before, lab.wait(run).status) == ("requires_action", "completed")


def test_a_run_whose_function_is_silent_expires(lab: Lab) -> None:
    """The function never answers: ten minutes, then the run ends without an error."""
    run = start_foo(lab)

    lab.emulator.advance(601)

    ended = lab.wait(run)
    assert (ended.status, ended["last_error"], ended["required_action"]) == ("expired", None, None)
    (step,) = lab.steps(run)
    assert step["status"] == "expired"


def test_a_foreign_storage_account_fails_the_run_in_words(lab: Lab) -> None:
    """The emulator never writes to an account on the internet."""
    tool = function_tool("https://foreign.queue.core.windows.net")
    lab.model.plays("Use foo.", calls(call("foo", query="a")))

    run = lab.ask(lab.agent("Use foo.", tools=tool.definitions))

    assert run.status == "failed"
    assert run.last_error is not None
    assert run.last_error.code == "tool_user_error"
    assert (
        "https://foreign.queue.core.windows.net, which is not part of Local Azure" in run.last_error.message
    )
    (step,) = lab.steps(run)
    assert (step["status"], step["last_error"]["message"]) == ("failed", run.last_error.message)


@pytest.mark.parametrize("missing", [IN, OUT])
def test_a_missing_queue_fails_the_run_in_words(lab: Lab, missing: str) -> None:
    """Without its queues a function can neither hear nor answer."""
    tool = lab.function_tool()
    lab.queues.delete_queue(missing)
    lab.model.plays("Use foo.", calls(call("foo", query="a")))

    run = lab.ask(lab.agent("Use foo.", tools=tool.definitions))

    assert run.status == "failed"
    assert run.last_error is not None
    assert f"The queue '{missing}' of the tool 'foo' cannot be used: QueueNotFound" in run.last_error.message


def test_a_call_too_large_for_a_queue_fails_the_run_in_words(lab: Lab) -> None:
    """64 KiB in base64 is 48 KiB of JSON."""
    tool = lab.function_tool()
    lab.model.plays("Use foo.", calls(call("foo", query="q" * 50_000)))

    run = lab.ask(lab.agent("Use foo.", tools=tool.definitions))

    assert run.status == "failed"
    assert run.last_error is not None
    assert "a queue message of 66" in run.last_error.message
    assert "takes 65536" in run.last_error.message
    assert lab.left(IN) == []


def test_arguments_that_are_no_json_object_are_told_to_the_model(lab: Lab) -> None:
    """A small model's broken call costs a round, not the run."""
    broken = call("foo")
    broken = type(broken)("foo", '{"query": ')
    tool = lab.function_tool()
    lab.model.plays("Use foo.", calls(broken), say("Sorry."))

    run = lab.ask(lab.agent("Use foo.", tools=tool.definitions))

    assert lab.answer(run) == "Sorry."
    assert lab.model.requests[-1].calls[0].output == '{"error":"The arguments are not a JSON object."}'


def test_a_cancelled_run_sends_nothing_more(lab: Lab) -> None:
    """Cancelled while the model still thinks: no call goes out afterwards."""
    tool = lab.function_tool()
    lab.model.plays("Use foo.", [Pause(), *calls(call("foo", query="a"))])
    run = lab.start(lab.agent("Use foo.", tools=tool.definitions))
    lab.wait_for_pause()

    lab.client.runs.cancel(run.thread_id, run.id)
    lab.release()

    assert lab.wait(run).status == "cancelled"
    assert lab.left(IN) == []
