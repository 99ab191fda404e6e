"""ClassicBackend's runs against Local Azure: streams, steps, queues in between, cancel."""

import threading

import pytest

from emulator.model import ModelError
from services.agents.backend import (
    AgentDefinition,
    BackendEvent,
    ConnectedAgent,
    MessageEnded,
    QueueBinding,
    QueueFunction,
    RunChanged,
    RunStep,
    StepChanged,
    TextAdded,
)
from services.errors import Conflict, InvalidInput, NotFound, Unavailable
from tests.contract.agents_support import Lab, Pause, call, calls, say
from tests.contract.seam_support import Seam
from tests.waiting import wait_for

TAGS = {"opid": "op_run"}


def agent(seam: Seam, instructions: str = "Repeat.", **fields: object) -> str:
    definition = AgentDefinition("tested", "gpt-4o", instructions, **fields)  # type: ignore[arg-type]  # fields by name
    return seam.backend.create_agent(definition, {"opid": f"op_{instructions}"}).id


def thread(seam: Seam) -> str:
    return seam.backend.create_thread({"opid": "op_thread"}).id


def queue_function(seam: Seam, lab: Lab) -> QueueFunction:
    lab.function_tool("foo")
    endpoint = seam.settings.storage_endpoint
    ways = (QueueBinding(endpoint, f"azure-function-foo-{way}") for way in ("input", "output"))
    return QueueFunction("foo", "Get answers.", {"type": "object", "properties": {}}, *ways)


def states(events: list[BackendEvent]) -> list[str]:
    return [event.run.state for event in events if isinstance(event, RunChanged)]


def last_steps(events: list[BackendEvent]) -> list[RunStep]:
    steps = {event.step.id: event.step for event in events if isinstance(event, StepChanged)}
    return list(steps.values())


def test_an_answer_streams_from_question_to_usage(seam: Seam, lab: Lab) -> None:
    """One request carries the question and starts the run; every event arrives typed."""
    lab.model.plays("Repeat", say("Hydro", "gen."))
    where = thread(seam)

    events = list(seam.backend.start_run(where, agent(seam), "What is it?", TAGS))

    assert "".join(event.text for event in events if isinstance(event, TextAdded)) == "Hydrogen."
    assert states(events)[0] == "queued" and states(events)[-1] == "completed"
    (ended,) = (event.message for event in events if isinstance(event, MessageEnded))
    last = events[-1]
    assert isinstance(last, RunChanged) and last.run.usage is not None and last.run.usage.prompt > 0
    assert (ended.text, ended.role, ended.run_id) == ("Hydrogen.", "assistant", last.run.id)
    answer, question = seam.backend.list_messages(where, 10)
    assert (question.role, question.text, question.metadata) == ("user", "What is it?", TAGS)
    assert answer.text == "Hydrogen." and answer.run_id == last.run.id
    assert seam.backend.list_runs(where, 5)[0].metadata == TAGS


def test_a_connected_agents_call_names_its_own_run(seam: Seam, lab: Lab) -> None:
    """The SDK's model of a step drops all of this; the child's steps are read by these ids."""
    child = agent(seam, "Knows the answer.")
    leader = agent(seam, "Lead.", connected=(ConnectedAgent(child, "sage", "Knows."),))
    lab.model.plays("Lead", calls(call("sage", query="Which?")), say("It is 42."))
    lab.model.plays("Knows", say("42"))

    events = list(seam.backend.start_run(thread(seam), leader, "Which?", TAGS))

    (made,) = (one for step in last_steps(events) for one in step.calls)
    assert (made.kind, made.name, made.output) == ("connected_agent", "sage", "42")
    assert "Which?" in made.arguments
    assert seam.backend.get_run(made.child_thread_id, made.child_run_id).state == "completed"


def test_a_queue_function_is_waited_for_and_its_call_told(seam: Seam, lab: Lab) -> None:
    """`requires_action` here means: wait. The answer comes through the queues while the stream stays open."""
    asked = agent(seam, "Ask foo.", functions=(queue_function(seam, lab),))
    lab.model.plays("Ask foo", calls(call("foo", query="hello")), say("Foo says hi."))
    events: list[BackendEvent] = []

    def read() -> None:
        events.extend(seam.backend.start_run(thread(seam), asked, "Hello?", TAGS))

    reader = threading.Thread(target=read)
    reader.start()
    sent = lab.sent("azure-function-foo-input")
    lab.reply("azure-function-foo-output", {"Value": "hi", "CorrelationId": sent["CorrelationId"]})
    reader.join(10)

    waiting = [event.run for event in events if isinstance(event, RunChanged) and event.run.waits_for]
    assert waiting and waiting[0].state == "requires_action" and waiting[0].waits_for == ("azure_function",)
    (made,) = (one for step in last_steps(events) for one in step.calls)
    assert (made.kind, made.name, made.output) == ("azure_function", "foo", "hi")
    assert states(events)[-1] == "completed"


def test_the_stored_steps_are_those_of_the_stream(seam: Seam, lab: Lab) -> None:
    """So that an answer looks the same live and after a reload; oldest first."""
    child = agent(seam, "Knows the answer.")
    leader = agent(seam, "Lead.", connected=(ConnectedAgent(child, "sage", "Knows."),))
    lab.model.plays("Lead", calls(call("sage", query="Which?")), say("It is 42."))
    where = thread(seam)

    events = list(seam.backend.start_run(where, leader, "Which?", TAGS))
    run = events[-1].run if isinstance(events[-1], RunChanged) else None

    assert run is not None
    assert seam.backend.list_steps(where, run.id) == last_steps(events)
    assert [step.kind for step in last_steps(events)] == ["calls", "message"]


def test_a_run_whose_reply_is_lost_is_started_once(seam: Seam, lab: Lab) -> None:
    """One run, one question in the thread; the caller goes on by polling."""
    seam.fail("foundry.create_run", kind="reset", when="after")
    where = thread(seam)

    (event,) = list(seam.backend.start_run(where, agent(seam), "Hello", TAGS))

    assert isinstance(event, RunChanged)
    wait_for(lambda: seam.backend.get_run(where, event.run.id).state == "completed", every_s=0.005)
    assert len(seam.backend.list_runs(where, 10)) == 1
    assert [m.role for m in seam.backend.list_messages(where, 10)] == ["assistant", "user"]


def test_a_failed_run_says_why(seam: Seam, lab: Lab) -> None:
    """Inside a reply with status 200: nothing is raised, the run carries the reason."""
    lab.model.plays("Repeat", [ModelError("rate_limit_exceeded", "Try again in 60 seconds.")])

    events = list(seam.backend.start_run(thread(seam), agent(seam), "Hello", TAGS))

    last = events[-1]
    assert isinstance(last, RunChanged) and last.run.state == "failed"
    assert (last.run.error_code, last.run.error_message) == (
        "rate_limit_exceeded",
        "Try again in 60 seconds.",
    )


def test_a_thread_works_on_one_run_at_a_time(seam: Seam, lab: Lab) -> None:
    """The second question meets a Conflict, which the answers service turns into a queue."""
    lab.model.plays("Repeat", [Pause(), *say("Done.")])
    where, who = thread(seam), agent(seam)
    running = iter(seam.backend.start_run(where, who, "First", TAGS))
    next(running)

    with pytest.raises(Conflict):
        seam.backend.start_run(where, who, "Second", {"opid": "op_second"})
    lab.release()
    assert states(list(running))[-1] == "completed"


def test_a_waiting_run_is_cancelled(seam: Seam, lab: Lab) -> None:
    """And its stream ends with it; cancelling what has ended returns it as it is."""
    lab.model.plays("Repeat", [Pause(), *say("Never.")])
    where = thread(seam)
    running = iter(seam.backend.start_run(where, agent(seam), "First", TAGS))
    first = next(running)
    assert isinstance(first, RunChanged)
    lab.wait_for_pause()

    cancelled = seam.backend.cancel_run(where, first.run.id)

    assert cancelled.state in ("cancelling", "cancelled")
    assert states(list(running))[-1] == "cancelled"
    assert seam.backend.cancel_run(where, first.run.id).state == "cancelled"


def test_a_finished_run_stays_finished_when_cancelled(seam: Seam) -> None:
    """Stop was pressed a moment too late."""
    where = thread(seam)
    last = list(seam.backend.start_run(where, agent(seam), "Hello", TAGS))[-1]
    assert isinstance(last, RunChanged)

    assert seam.backend.cancel_run(where, last.run.id).state == "completed"


def test_closing_a_stream_leaves_the_run_going(seam: Seam, lab: Lab) -> None:
    """A closed tab ends nothing."""
    lab.model.plays("Repeat", [Pause(), *say("Done.")])
    where = thread(seam)
    running = seam.backend.start_run(where, agent(seam), "Hello", TAGS)
    events = iter(running)
    first = next(events)
    assert isinstance(first, RunChanged)
    lab.wait_for_pause()

    running.close()
    list(events)
    lab.release()

    wait_for(lambda: seam.backend.get_run(where, first.run.id).state == "completed", every_s=0.005)


def test_tags_can_be_added_to_a_run(seam: Seam) -> None:
    """What happened to an answer is written where it is found again."""
    where = thread(seam)
    last = list(seam.backend.start_run(where, agent(seam), "Hello", TAGS))[-1]
    assert isinstance(last, RunChanged)

    run = seam.backend.update_run(where, last.run.id, {**TAGS, "note": "kept"})

    assert run.metadata["note"] == "kept"


def test_a_run_of_a_deleted_agent_is_not_found(seam: Seam) -> None:
    """The team service then looks its team up again."""
    gone = agent(seam)
    seam.backend.delete_agent(gone)

    with pytest.raises(NotFound):
        seam.backend.start_run(thread(seam), gone, "Hello", TAGS)


def test_a_run_in_an_unknown_thread_is_not_found(seam: Seam) -> None:
    """The id came from the address bar."""
    with pytest.raises(NotFound):
        seam.backend.start_run("thread_unknown", agent(seam), "Hello", TAGS)
    with pytest.raises(NotFound):
        seam.backend.list_runs("thread_unknown", 5)


def test_a_message_that_is_too_long_is_refused_in_words(seam: Seam) -> None:
    """256,000 characters is what the service takes."""
    with pytest.raises(InvalidInput):
        seam.backend.start_run(thread(seam), agent(seam), "x" * 300_000, TAGS)


def test_a_stopped_azure_is_unavailable(seam: Seam) -> None:
    """Not an empty list, and not a traceback."""
    seam.fail("foundry.list_threads", kind="reset", times=4)

    with pytest.raises(Unavailable):
        seam.backend.list_threads(5)
