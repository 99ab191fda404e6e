"""One turn of the rule-based model: its events, its limits, and that nothing makes it fall over or slow down."""

import asyncio
import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.clock import Clock
from emulator.control import Pace
from emulator.model import (
    CallWanted,
    FinishedCall,
    ModelEvent,
    ModelRequest,
    TextPiece,
    Tool,
    Turn,
    TurnEnded,
)
from emulator.model.rules import RuleModel
from tests.unit.rule_model import agent, events, function, request, run

WEATHER = function("get_weather", "Get weather of a city", location="city")
STOCKS = agent("stock_bot", "Gets stock prices")
FACT = "The library opens at nine and closes at five."


def test_a_reply_comes_word_by_word_and_ends_with_its_cost() -> None:
    """A page that streams shows words, not one block."""
    turned = events(request("When does the library open?", FACT))

    pieces = [event.text for event in turned[:-1] if isinstance(event, TextPiece)]
    assert "".join(pieces) == FACT
    assert pieces[:2] == ["The ", "library "]
    assert turned[-1] == TurnEnded(prompt_tokens=19, completion_tokens=12, reason="stop")


def test_the_same_request_gets_the_same_events() -> None:
    """A demonstration that differs each time cannot be tested."""
    asked = request("What is the weather in Rome?", "Help.", [WEATHER])

    assert events(asked) == events(asked)


def test_a_wanted_call_ends_the_turn() -> None:
    """The service runs the call and asks again."""
    turned = events(request("What is the weather in Rome?", "Help.", [WEATHER]))

    assert turned[0] == CallWanted("get_weather", '{"location": "Rome"}')
    assert isinstance(turned[1], TurnEnded)
    assert (turned[1].reason, turned[1].completion_tokens > 0) == ("tool_calls", True)


def test_pace_lets_the_model_think_on_the_emulators_clock() -> None:
    """Demonstrations need a model that takes its time; tests move the clock instead of waiting."""

    async def watch() -> tuple[int, int, int]:
        clock, seen = Clock(), list[ModelEvent]()

        async def collect() -> None:
            async for event in RuleModel(Pace(think_s=5, token_s=60), clock).turn(
                request("When does the library open?", FACT)
            ):
                seen.append(event)

        async def advance(seconds: float) -> int:
            clock.advance(seconds)
            for _ in range(5):
                await asyncio.sleep(0)
            return len(seen)

        task = asyncio.ensure_future(collect())
        await advance(0)
        counts = (await advance(4), await advance(61), await advance(60))
        task.cancel()
        return counts

    thinking, first, second = asyncio.run(watch())

    assert (thinking, first, second) == (0, 0, 1)


@pytest.mark.parametrize(
    ("limit", "text", "reason"),
    [(3, "The library", "length"), (1, "The", "length"), (100, FACT, "stop"), (0, "", "length")],
)
def test_a_token_limit_cuts_the_reply_and_says_so(limit: int, text: str, reason: str) -> None:
    """The run becomes incomplete instead of pretending to be whole."""
    outcome = run("When does the library open?", FACT, max_completion_tokens=limit)

    assert (outcome.text, outcome.ended.reason) == (text, reason)
    assert outcome.ended.completion_tokens <= limit


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("auto", []),
        ("none", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "get_weather"}}, ["get_weather"]),
        ({"type": "connected_agent", "connected_agent": {"name": "stock_bot"}}, ["stock_bot"]),
        ({"type": "connected_agent"}, ["stock_bot"]),
        ({"type": "function", "function": {"name": "nobody"}}, []),
        ({"type": "file_search"}, []),
        (17, []),
    ],
    ids=[
        "auto",
        "none",
        "required",
        "function",
        "agent",
        "kind-only",
        "unknown-name",
        "unknown-kind",
        "nonsense",
    ],
)
def test_tool_choice_rules_the_first_round_only(choice: object, called: list[str]) -> None:
    """A forced call is made once; then the model answers with what came back."""
    outcome = run(
        "Tell me a joke",
        "Help.",
        [WEATHER, STOCKS],
        {"get_weather": "fine", "stock_bot": "fine"},
        tool_choice=choice,
    )

    assert outcome.called == called
    assert ("fine" in outcome.text) == bool(called)


def test_tool_choice_none_keeps_every_tool_uncalled() -> None:
    """The caller said no tools, so a question for one is answered without."""
    assert run("What is the weather in Rome?", "Help.", [WEATHER], tool_choice="none").called == []


def test_a_run_that_made_many_calls_answers_in_the_end() -> None:
    """Whatever a tool returns, there is a last round."""
    calls = tuple(
        FinishedCall("get_weather", json.dumps({"location": f"City{n}"}), "x", n) for n in range(40)
    )

    turned = events(request("What is the weather in Rome?", "Help.", [WEATHER], calls=calls))

    assert not [event for event in turned if isinstance(event, CallWanted)]


LONG = 256_000
SHAPES = {
    "empty": "", "spaces": " " * 9_000, "control": "\x00\x01\x1b[31m\u202e\ufeff" * 900, "lone-surrogate": "a \ud800 b", "emoji": "😀👩‍👩‍👧" * 900,
    "right-to-left": "ما هو الطقس في باريس؟ " * 300, "markup": "<script>alert('x')</script>" * 300, "quotes": "'\"“`" * 2_000,
    "brackets": "[{(<" * 2_000, "open-json": '{"a":' * 4_000, "one-word": "a" * LONG, "digits": "1" * 50_000, "question-marks": "?" * 50_000,
    "sums": "1+" * 9_000, "ids": "A-1 " * 5_000, "commas": "a, b and c, " * 2_000, "if-rules": "If asked about x, say y. " * 900,
    "table": "| a | b |\n" * 900, "json": json.dumps([{"name": f"n{k}", "price": k} for k in range(300)]), "newlines": "\n" * LONG,
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_no_text_makes_the_model_fall_over_or_hang(shape: str) -> None:
    """As instructions, question, earlier turn and output alike. Each in bounded time: no pattern runs away."""
    text = SHAPES[shape]
    tools = [
        Tool("lookup", text[:500], "function", {"type": "object", "properties": {"q": {"type": "string"}}}),
        STOCKS,
    ]
    started_s = time.process_time()

    outcomes = [
        run("What is the price in Rome of A-7?", text, tools, {"lookup": "x"}),
        run(text, "Help. Use stock_bot.", tools, {"stock_bot": "y"}),
        run("Look A-7 up", "Use lookup.", tools, {"lookup": text}),
        run("and what about that?", "Help.", tools, {"stock_bot": "y"}, before=[text, text]),
    ]

    assert all(outcome.ended.prompt_tokens >= 0 for outcome in outcomes)
    assert time.process_time() - started_s < 20


@settings(max_examples=25, deadline=None, database=None)
@given(question=st.text(max_size=200), instructions=st.text(max_size=200), output=st.text(max_size=60))
def test_any_text_gets_an_answer(question: str, instructions: str, output: str) -> None:
    """The model has no input that it cannot reply to."""
    outcome = run(question, instructions, [WEATHER, STOCKS], {"get_weather": output, "stock_bot": output})

    assert isinstance(outcome.text, str)


@pytest.mark.parametrize(
    "parameters",
    [None, {}, {"type": "object"}, {"properties": []}, {"type": "string"}, {"properties": {"a": None, "b": True, "c": {"type": ["null"]}, "d": {"enum": []}, "e": {"$ref": "#/nowhere"}}, "required": ["a", "b"]}],
)  # fmt: skip
def test_a_broken_tool_definition_does_not_break_the_turn(parameters: dict[str, object] | None) -> None:
    """The service takes what clients send; the model makes the best of it."""
    tool = Tool("lookup_order", "Looks up an order", "function", parameters)

    assert run("Look up the order A-1", "Use lookup_order.", [tool], {"lookup_order": "found"}).text


def prose(size: int, seed: int) -> str:
    """Return *size* characters of sentences that no cache has seen."""
    chance = random.Random(seed)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(3_000)
    ]
    sentences = [" ".join(chance.choices(words, k=12)).capitalize() + "." for _ in range(size // 70)]
    return " ".join(sentences)[:size]


def test_long_instructions_are_read_in_time() -> None:
    """256,000 characters are what the service accepts. The best of three, as other programs share the machine."""
    taken_s = []
    for seed in range(3):
        asked = request("What is the price of tea in Rome?", prose(LONG, seed))
        started_s = time.process_time()
        events(asked)
        taken_s.append(time.process_time() - started_s)

    assert min(taken_s) < 5


def test_an_ordinary_turn_costs_little() -> None:
    """The model must not be what a benchmark of the service measures."""
    tools = (STOCKS, WEATHER)
    turns = [
        ModelRequest(
            "m",
            "You help with weather and stocks.",
            (Turn("user", f"What is the weather in Town{n}, please?"),),
            tools,
        )
        for n in range(40)
    ]
    events(turns[0])
    taken_s = []
    for asked in turns[1:]:
        started_s = time.process_time()
        events(asked)
        taken_s.append(time.process_time() - started_s)

    assert sorted(taken_s)[len(taken_s) // 2] < 0.1
