"""When tools are called: never in vain, in the right order, never twice, and not with invented values."""

import pytest

from tests.unit.rule_model import function, run

INTEGER = {"type": "integer"}
WEATHER = function(
    "get_weather", "Get the current weather for a location.", location="City name, e.g. San Francisco"
)
CALC = function(
    "calculate",
    "Evaluate an arithmetic expression exactly",
    kind="azure_function",
    expression="The expression",
)
ORDER = function(
    "order_status",
    "Look up the status of an order",
    kind="azure_function",
    order_id="Id of the order, e.g. A-1001",
)
SHIPMENT = function(
    "track_shipment", "Returns where a shipment is", tracking_number="Tracking number, e.g. TRK-0001"
)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of Italy?",
        "Tell me a story",
        "Who are you?",
        "thanks",
        "Can you speak German?",
        "What's your favourite book?",
        "Why is the sky blue?",
        "My name is Omar",
        "Good morning",
        "I am sad today",
        "Write a poem about autumn",
        "How do I bake bread?",
        "What year did WW2 end?",
        "Is 17 a prime number?",
    ],
)
def test_what_no_tool_is_for_calls_none(question: str) -> None:
    """A needless call costs a queue round trip and answers nothing."""
    assert run(question, tools=[WEATHER, SHIPMENT, CALC]).called == []


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Where's TRK-0042?", "track_shipment"),
        ("Can you track the shipment with number TRK-0042 for me please", "track_shipment"),
        ("I'd like to know 35 minus 8", "calculate"),
        ("what is six hundred divided by 24", "calculate"),
        ("Hey, quick one: weather in Kyoto tomorrow?", "get_weather"),
        ("Wheather in Lagos?", "get_weather"),
    ],
)
def test_loose_wording_still_finds_its_tool(question: str, name: str) -> None:
    """People do not ask in the words of a tool's description."""
    assert run(question, tools=[WEATHER, SHIPMENT, CALC]).called == [name]


def test_one_question_for_two_tools_calls_both_in_one_round() -> None:
    """Both queues work at the same time; the answer keeps the order of the question."""
    outputs = {"track_shipment": "Kiel", "calculate": "27"}

    outcome = run(
        "I need to know where my shipment TRK-0007 is and what 3*9 makes",
        tools=[SHIPMENT, CALC],
        outputs=outputs,
    )

    assert (outcome.called, outcome.rounds) == (["track_shipment", "calculate"], (0, 0))
    assert outcome.text.index("Kiel") < outcome.text.index("27")


def test_without_parallel_calls_each_round_makes_one() -> None:
    """parallel_tool_calls=False is a promise to the caller."""
    outcome = run(
        "Weather in Rome and Oslo?",
        tools=[WEATHER],
        outputs={"get_weather": "fine"},
        parallel_tool_calls=False,
    )

    assert outcome.rounds == (0, 1)


def test_the_output_of_one_call_becomes_the_argument_of_the_next() -> None:
    """Nobody knows the address by heart: the first tool finds it, the second needs it."""
    find = function("find_email", "Finds the email address of a person", name="name of the person")
    send = function("send_message", "Sends a message to an email address", email="address", message="text")

    outcome = run(
        "Look up the email of Maria Lopez and send her a message saying 'Hello'",
        tools=[find, send],
        outputs={"find_email": "maria@example.org", "send_message": "sent"},
    )

    assert outcome.calls == (
        ("find_email", {"name": "Maria Lopez"}),
        ("send_message", {"email": "maria@example.org", "message": "Hello"}),
    )


def test_a_call_waits_for_the_time_it_speaks_of() -> None:
    """«at that time» is known only once the clock was read."""
    clock = function("get_time", "Returns the current time", required=[])
    weather = function("get_weather", "Weather for a city", required=["city"], city="city", time="time")

    outcome = run(
        "What time is it and what's the weather in Rome at that time?",
        tools=[clock, weather],
        outputs={"get_time": "2026-11-22T10:00", "get_weather": "Sunny"},
    )

    assert outcome.called == ["get_time", "get_weather"]
    assert outcome.rounds == (0, 1)
    assert outcome.calls[1][1] == {"city": "Rome", "time": "2026-11-22T10:00"}


def test_a_failed_provider_is_told_and_not_called_again() -> None:
    """A loop between two tools would burn the whole run."""
    find = function("get_user_city", "Returns the city of a user", user_id=INTEGER)

    outcome = run(
        "What is the weather in the city of user 42?",
        tools=[WEATHER, find],
        outputs={"get_user_city": '{"error": "no such user"}'},
    )

    assert outcome.called == ["get_user_city"]
    assert "no such user" in outcome.text


def test_a_missing_value_is_asked_for_and_the_reply_completes_the_call() -> None:
    """Inventing an order id would look up somebody else's order."""
    asked = run("Where is my order?", tools=[ORDER])
    outcome = run(
        "A-1007", tools=[ORDER], outputs={"order_status": "sent"}, before=["Where is my order?", asked.text]
    )

    assert (asked.called, asked.text.endswith("?")) == ([], True)
    assert "order id" in asked.text
    assert outcome.calls == (("order_status", {"order_id": "A-1007"}),)
