"""Verdicts on runs as such: how they ended, what they wait for besides functions, and what may not be read."""

from collections.abc import Iterator

import pytest
from azure.ai.agents.models import FunctionTool as ClientTool

from emulator.faults import Fault
from emulator.model import ModelError, TurnEnded
from services.models import Answer
from tests.contract.agents_support import (
    FOO_IN,
    Lab,
    Pause,
    call,
    calls,
    connected,
    say,
    start_foo,
)
from tests.contract.answers_support import LEAD, Desk, make_queues
from tests.contract.diagnosis_support import Ward, lights_of, open_ward, put_away
from tests.waiting import wait_for

SET_UP = (
    '{"error": {"code": "invalid_request_error", "message": "Invalid tool value(s): azure_function. '
    'Use the Enterprise Standard offering to access these tool(s)"}}'
)


@pytest.fixture
def ward(lab: Lab) -> Iterator[Ward]:
    with open_ward(lab, workspace=False) as ward:
        yield ward


def begun(ward: Ward, question: str) -> Answer:
    """Ask as a person does."""
    desk = Desk(ward.running)
    make_queues(desk)
    return ward.running.services.answers.ask(question)


# How it ended ----------------------------------------------------------------------------------------


def test_a_run_that_answered_is_not_stuck(ward: Ward) -> None:
    run = start_foo(ward.lab)
    sent = put_away(ward.lab)
    ward.lab.reply("azure-function-foo-output", {"Value": "42", "CorrelationId": sent["CorrelationId"]})
    ward.lab.wait(run)
    before = len(ward.lab.emulator.requests())
    found = ward.diagnose(run)

    assert (found.verdict.code, found.verdict.gravity) == ("answered", "good")
    assert set(lights_of(found).values()) == {"done"}
    asked = [seen.operation for seen in ward.lab.emulator.requests()][before:]
    assert not [operation for operation in asked if operation.startswith("queues.")], (
        "there is nothing to look for"
    )


def test_a_run_that_expired_says_what_it_had_waited_for(ward: Ward) -> None:
    """Ten minutes pass on the emulator's clock, and the message still lies there."""
    run = start_foo(ward.lab)
    ward.lab.emulator.advance(601)
    ward.lab.wait(run)
    found = ward.diagnose(run)

    assert (found.verdict.code, found.verdict.cause) == ("run_expired", "no_consumer")
    assert FOO_IN in found.verdict.sentence and "Start the function app" in found.verdict.next_step
    assert lights_of(found)["Run advanced"] == "failed"


def test_a_run_that_expired_over_a_lost_call_says_that(ward: Ward) -> None:
    run = start_foo(ward.lab)
    put_away(ward.lab)
    ward.lab.emulator.advance(601)
    ward.lab.wait(run)

    assert ward.diagnose(run).verdict.cause == "silent_loss"


def test_a_throttled_model_is_told_with_the_wait_that_it_names(ward: Ward) -> None:
    """HTTP 200 and a run that failed: the 429 stands in its last_error."""
    limit = ModelError("rate_limit_exceeded", "Rate limit is exceeded. Try again in 21 seconds.")
    ward.lab.model.plays("Repeat.", [limit])
    found = ward.diagnose(ward.lab.ask(ward.lab.agent()))

    assert found.verdict.code == "throttled"
    assert "21.0 s" in found.verdict.next_step
    assert found.lights == ()


def test_a_basic_project_is_named_when_the_run_says_so(ward: Ward) -> None:
    refusal = ModelError(
        "server_error", "Invalid tool value(s): azure_function. Use the Enterprise Standard offering"
    )
    ward.lab.model.plays("Repeat.", [refusal])
    found = ward.diagnose(ward.lab.ask(ward.lab.agent()))

    assert found.verdict.code == "basic_setup"
    assert "standard agent set-up" in found.verdict.next_step


def test_a_basic_project_is_named_when_it_refuses_the_run_itself(ward: Ward) -> None:
    """There is no run then; the question's own conversation is asked for."""
    ward.lab.emulator.fail(Fault("foundry.create_run", "status", 400, body=SET_UP))
    ward.lab.model.answers(LEAD, lambda _: say("never"))
    answer = begun(ward, "Hello?")
    done = ward.running.services.answers.finish(answer.id, 15)
    assert done.problem is not None and done.problem.code == "tool_refused"
    found = ward.service.diagnose("", done.thread_id)

    assert found.verdict.code == "basic_setup"


def test_a_project_that_may_not_send_the_call_lacks_a_role(ward: Ward) -> None:
    """The project's own identity, which sends calls and reads replies."""
    ward.lab.emulator.fail(Fault("project.put_message", "status", 403, "AuthorizationPermissionMismatch"))
    run = start_foo(ward.lab)
    found = ward.diagnose(run)

    assert (found.verdict.code, ward.lab.get(run).status) == ("missing_role", "failed")
    assert "Storage Queue Data Contributor" in found.verdict.next_step


def test_a_run_that_failed_for_another_reason_gives_it(ward: Ward) -> None:
    ward.lab.model.plays("Repeat.", [ModelError("server_error", "Sorry, something went wrong.")])
    found = ward.diagnose(ward.lab.ask(ward.lab.agent()))

    assert found.verdict.code == "run_failed"
    assert "Sorry, something went wrong." in found.verdict.sentence


def test_an_answer_that_was_cut_off_says_so(ward: Ward) -> None:
    ward.lab.model.plays("Repeat.", [*say("half")[:-1], TurnEnded(1, 1, "length")])
    assert ward.code(ward.lab.ask(ward.lab.agent())) == "cut_off"


def test_a_run_that_was_told_to_stop_is_cancelled(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.lab.client.runs.cancel(run.thread_id, run.id)
    ward.lab.wait(run)

    assert ward.code(run) == "cancelled"


# What it waits for -----------------------------------------------------------------------------------


def test_a_run_that_thinks_is_working_until_its_route_allows_no_more(ward: Ward) -> None:
    """Without a workspace the limit is the setting, and the words say so."""
    ward.lab.model.plays("Repeat.", [Pause(), *say("done")])
    run = ward.lab.start(ward.lab.agent())
    ward.lab.wait_for_pause()
    soon, late = ward.diagnose(run, later_s=30), ward.diagnose(run, later_s=70)
    ward.lab.release()
    ward.lab.wait(run)

    assert (soon.verdict.code, late.verdict.code) == ("working", "model_slow")
    assert "RELAYDECK_TOOL_WAIT_S" in soon.verdict.next_step
    assert ward.code(run) == "answered"


def test_a_run_that_waits_for_its_caller_is_not_a_functions_fault(ward: Ward) -> None:
    def here(query: str) -> str:
        """Ask. :param query: what"""
        return query

    ward.lab.model.plays("Repeat.", calls(call("here", query="x")))
    agent = ward.lab.agent(tools=ClientTool({here}).definitions)
    run = ward.lab.wait(ward.lab.start(agent), "requires_action")

    assert ward.code(run) == "caller_tool"


def test_a_question_behind_another_run_names_the_run_that_holds_the_thread(ward: Ward) -> None:
    holder = start_foo(ward.lab)
    desk = Desk(ward.running)
    make_queues(desk)
    answer = ward.running.services.answers.ask("And now?", holder.thread_id)
    desk.until_noted(answer, holder.id)
    found, held = ward.service.diagnose("", holder.thread_id), ward.diagnose(holder, later_s=45)
    ward.running.services.answers.cancel(answer.id)

    assert found.verdict.code == "thread_locked"
    assert holder.id in found.verdict.sentence
    assert held.verdict.code == "no_consumer"
    assert any("1 question in this conversation cannot begin" in note for note in held.notes)


def test_the_call_of_a_connected_agent_is_looked_for_where_it_was_made(ward: Ward) -> None:
    """The main run only waits for its connected agent; the call stands in that agent's run."""
    lab = ward.lab
    tool = lab.function_tool()
    lab.model.plays("Use foo.", calls(call("foo", query="why")), say("Foo says so."))
    lab.model.plays("Lead.", calls(call("foo_bot", query="why")), say("So it is."))
    inner = lab.agent("Use foo.", tools=tool.definitions)
    run = lab.start(lab.agent("Lead.", tools=[connected(inner, "foo_bot")]))
    wait_for(lambda: lab.left(FOO_IN))
    found = ward.diagnose(run, later_s=45)

    assert (found.verdict.code, found.tool) == ("no_consumer", "foo")
    assert found.lights[5].evidence.startswith("Run state in_progress")


def test_queues_are_those_that_the_agent_names_whatever_their_names(ward: Ward) -> None:
    """Another project's agents do not follow our convention."""
    lab = ward.lab
    for name in ("ask-here", "answers-there"):
        lab.queues.create_queue(name)
    definition = lab.function_tool("odd").definitions[0]
    definition["azure_function"]["input_binding"]["storage_queue"]["queue_name"] = "ask-here"
    definition["azure_function"]["output_binding"]["storage_queue"]["queue_name"] = "answers-there"
    lab.model.plays("Use odd.", calls(call("odd", query="why")), say("Odd."))
    run = lab.wait(lab.start(lab.agent("Use odd.", tools=[definition])), "requires_action")
    found = ward.diagnose(run, later_s=45)

    assert found.verdict.code == "no_consumer"
    assert "ask-here" in found.verdict.sentence


# What may not, or cannot, be read -----------------------------------------------------------------------


def test_a_project_that_may_not_be_read_lacks_a_role(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.lab.emulator.fail(Fault("foundry.get_run", "status", 403, "Forbidden"))
    found = ward.diagnose(run)

    assert found.verdict.code == "missing_role"
    assert "Foundry User" in found.verdict.next_step


def test_a_service_that_is_too_busy_to_be_read_says_when_to_look_again(ward: Ward) -> None:
    run = start_foo(ward.lab)
    headers = {"Retry-After": "86400"}
    ward.lab.emulator.fail(Fault("foundry.get_run", "status", 429, "TooManyRequests", headers=headers))
    assert ward.code(run) == "throttled"


def test_a_run_that_is_gone_is_not_known(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.lab.client.threads.delete(run.thread_id)
    assert ward.code(run) == "not_known"


@pytest.mark.parametrize("thread", ["thread_none", "../agents", ""], ids=["unknown", "path", "empty"])
def test_a_thread_that_there_is_not_is_not_known(ward: Ward, thread: str) -> None:
    for run in ("run_none", ""):
        assert ward.service.diagnose(run, thread).verdict.code == "not_known"


def test_a_conversation_without_an_open_run_has_nothing_to_diagnose(ward: Ward) -> None:
    assert ward.service.diagnose("", ward.lab.thread("Hello").id).verdict.code == "not_known"


def test_a_run_whose_steps_cannot_be_read_is_still_judged_by_itself(ward: Ward) -> None:
    run = start_foo(ward.lab)
    ward.lab.emulator.fail(Fault("foundry.list_run_steps", "status", 403, "Forbidden", times=2))
    found, later = ward.diagnose(run, later_s=20), ward.diagnose(run, later_s=90)

    assert (found.verdict.code, later.verdict.code) == ("working", "not_known")
    assert any("steps could not be read" in note for note in found.notes)
