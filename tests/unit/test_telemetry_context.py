"""Trace context: how it is told, carried by the built-in model, and kept from people's eyes."""

import json
from datetime import date

import pytest

from emulator.model import ModelRequest, Tool, Turn
from emulator.model.rules import decide
from emulator.model.tracing import find_context, with_context, without_context
from services.agents import turns
from services.agents.catalogue import CATALOGUE
from services.agents.plan import plan_team
from services.agents.turns import with_turn
from services.settings import Settings
from services.telemetry.context import instructions_for, trace_of, with_parameter, without_trace
from tools.envelope import parse

TRACE = trace_of("ans_1")
CALCULATE = next(tool for tool in CATALOGUE if tool.name == "calculate")
TURN = turns.Turn("thread_Ab1", 12, 9)
SCHEMA = with_parameter(CALCULATE.parameters)


def test_every_process_finds_the_same_trace_for_an_answer() -> None:
    """A replica that takes an answer up must not begin another trace."""
    assert trace_of("ans_1") == TRACE != trace_of("ans_2")
    assert TRACE.traceparent == f"00-{TRACE.trace_id}-{TRACE.span_id}-01" and len(TRACE.traceparent) == 55


@pytest.mark.parametrize(
    ("travelled", "shown"),
    [
        (f"It is 42.\ntraceparent='{TRACE.traceparent}'", "It is 42."),
        (f"It is 42 (traceparent: {TRACE.traceparent}).", "It is 42."),
        (json.dumps({"query": f"6 * 7\ntraceparent='{TRACE.traceparent}'"}), '{"query": "6 * 7"}'),
        (json.dumps({"query": f'6 * 7 traceparent="{TRACE.traceparent}"'}), '{"query": "6 * 7"}'),
        (json.dumps({"expression": "6 * 7", "traceparent": TRACE.traceparent}), '{"expression": "6 * 7"}'),
        (json.dumps({"traceparent": "", "expression": "6 * 7"}), '{"expression": "6 * 7"}'),
        (json.dumps({"traceparent": TRACE.traceparent}), "{}"),
        (f"It is 42.\ntraceparent='{TRACE.traceparent}'\nconversation_turn='{TURN.value}'", "It is 42."),
        (json.dumps({"expression": "6 * 7", "conversation_turn": TURN.value}), '{"expression": "6 * 7"}'),
        (json.dumps({"conversation_turn": TURN.value, "traceparent": TRACE.traceparent}), "{}"),
        (f"Done (conversation_turn: {TURN.value}).", "Done."),
        ("The header is called traceparent.", "The header is called traceparent."),
    ],
)
def test_people_see_texts_without_the_trace_context(travelled: str, shown: str) -> None:
    """It is plumbing; and a text that merely speaks of the word stays as it is."""
    assert without_trace(travelled) == shown


def test_every_tool_declares_the_parameter_unless_it_is_switched_off() -> None:
    """Optional, so that a model that forgets it still makes a valid call."""
    place = Settings().at(project_endpoint="https://p", storage_endpoint="https://s", model="m")

    for member in plan_team(place, CATALOGUE).members:
        parameters = dict(member.functions[0].parameters)
        assert "traceparent" in parameters["properties"]  # type: ignore[operator]  # a JSON schema
        assert "traceparent" not in parameters["required"]  # type: ignore[operator]  # a JSON schema
    off = plan_team(place.model_copy(update={"trace_context": False}), CATALOGUE)
    assert "traceparent" not in str(off.members)


def test_the_built_in_model_passes_the_context_on_and_thinks_of_nothing_else() -> None:
    """Its digits must not become part of a sum, and the same call must not be made twice for its sake."""
    tool = Tool("calculate", CALCULATE.description, "azure_function", SCHEMA)
    question = f"What is 6 * 7?\ntraceparent='{TRACE.traceparent}'"
    request = ModelRequest("m", CALCULATE.agent_instructions, (Turn("user", question),), (tool,))

    decision = decide(without_context(request), date(2026, 11, 22))
    context = find_context(request)
    arguments = with_context("calculate", decision.calls[0].arguments, request.tools, context)

    assert arguments == {"expression": "6 * 7", "traceparent": TRACE.traceparent}


def test_the_turn_of_an_ordered_tool_travels_with_it() -> None:
    """Both in the same way: the orchestrator hands them over, the agent puts them into the call."""
    agent = Tool("calculator", CALCULATE.agent_description, "connected_agent")
    tool = Tool("calculate", CALCULATE.description, "azure_function", with_turn(SCHEMA))
    told = f"You lead. {instructions_for(TRACE)} {turns.instructions_for(TURN)}"
    lead = ModelRequest("m", told, (Turn("user", "6 * 7?"),), (agent,))

    handed = with_context("calculator", {"query": "6 * 7?"}, lead.tools, find_context(lead))
    asked = ModelRequest("m", "You calculate.", (Turn("user", str(handed["query"])),), (tool,))
    called = with_context("calculate", {"expression": "6 * 7"}, asked.tools, find_context(asked))

    assert without_context(lead).instructions == "You lead."
    assert decide(without_context(asked), date(2026, 11, 22)).calls[0].arguments == {"expression": "6 * 7"}
    carried = {"traceparent": TRACE.traceparent, "conversation_turn": TURN.value}
    assert called == {"expression": "6 * 7", **carried}
    question = parse(json.dumps({**called, "CorrelationId": "1"}).encode())
    assert question.arguments == {"expression": "6 * 7"} and question.turn == TURN.value


def test_an_agent_gets_it_with_the_question() -> None:
    """It sees nothing else of the conversation."""
    agent = Tool("calculator", CALCULATE.agent_description, "connected_agent")
    request = ModelRequest("m", f"You lead.\n{instructions_for(TRACE)}", (Turn("user", "6 * 7?"),), (agent,))

    given = with_context("calculator", {"query": "6 * 7?"}, request.tools, find_context(request))

    assert given == {"query": f"6 * 7?\ntraceparent='{TRACE.traceparent}'"}
    assert without_context(request).instructions == "You lead."


def test_a_tool_never_sees_the_trace_context() -> None:
    """It would count as another question: answers to repeats are found by the arguments."""
    sent = {"expression": "6 * 7", "traceparent": TRACE.traceparent}

    for body in ({**sent, "CorrelationId": "1"}, {"function_args": sent, "CorrelationId": "1"}):
        question = parse(json.dumps(body).encode())
        assert question.arguments == {"expression": "6 * 7"} and question.trace == TRACE.traceparent
