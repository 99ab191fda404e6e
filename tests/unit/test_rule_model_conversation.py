"""What was said before counts: memory, follow-ups, small talk."""

import pytest

from emulator.model import Turn
from emulator.model.questions import read_question
from tests.unit.rule_model import agent, function, run


@pytest.mark.parametrize(
    ("before", "question", "answer"),
    [
        (["My name is Ann.", "Noted"], "What is my name?", "Ann"),
        (["My favourite colour is green.", "Noted"], "What's my favorite color?", "green"),
        (["I live in Lima and work at a bank.", "ok"], "Where do I live?", "Lima"),
        (["I have two cats named Tik and Tok.", "ok"], "How many cats do I have?", "two cats"),
        (["Remember that the meeting is at 15:00.", "ok"], "When is the meeting?", "15:00"),
        (["Is it late?", "No", "What is 2+2?", "4"], "What did I ask you before?", "What is 2+2?"),
        (["Is it late?", "No", "What is 2+2?", "4"], "What was my first question?", "Is it late?"),
        (["What is 2+2?", "4"], "Repeat your last answer", "4"),
        (["What is 2+2?", "4", "Thanks", "You are welcome!"], "Summarise our conversation", "You asked: What is 2+2? I answered: 4"),
        (["What is 2+2?", "4"], "How many questions have I asked?", "1 message"),
        ([], "What did I ask before?", "not asked anything"),
        ([], "My name is Ann. What is my name?", "Ann"),
        ([], "The code word is falcon. What is the code word?", "falcon"),
        ([], "My name is Ann.", "your name is Ann"),
    ],
)  # fmt: skip
def test_what_was_said_before_is_remembered(before: list[str], question: str, answer: str) -> None:
    """A thread that forgets its first message is no conversation."""
    assert answer.lower() in run(question, before=before).text.lower()


@pytest.mark.parametrize(
    ("turns", "completed"),
    [
        (["What is the weather in Oslo?", "Snow", "and in Paris?"], "What is the weather in Paris?"),
        (
            ["What is the weather in Oslo today?", "Snow", "And tomorrow?"],
            "What is the weather in Oslo tomorrow?",
        ),
        (["Where is order A-1001?", "Sent", "what about order A-1002?"], "Where is order A-1002?"),
        (["Where is order A-1001?", "Sent", "When will it arrive?"], "When will order A-1001 arrive?"),
        (
            ["What's the stock price of Intel?", "30", "How about Microsoft?"],
            "What's the stock price of Microsoft?",
        ),
        (["Convert 100 USD to EUR", "92", "and 250?"], "Convert 250 USD to EUR"),
        (["What's the weather?", "Which city do you mean?", "Seattle"], "What's the weather: Seattle"),
        (["What is the population of Norway?", "5 million", "And its capital?"], "What is Norway's capital"),
        (["Where is order A-1?", "Sent", "Thanks!"], "Thanks!"),
        (
            ["Where is order A-1?", "Sent", "Who is the manager of the Berlin office?"],
            "Who is the manager of the Berlin office?",
        ),
    ],
)
def test_a_follow_up_is_completed_from_the_question_before(turns: list[str], completed: str) -> None:
    """A connected agent sees only what it is sent: «and in Paris?» alone would tell it nothing."""
    conversation = [Turn("user" if at % 2 == 0 else "assistant", text) for at, text in enumerate(turns)]

    assert read_question(conversation).message.rstrip("?") == completed.rstrip("?")


def test_a_follow_up_reaches_the_connected_agent_complete() -> None:
    """The child runs in a thread of its own."""
    outcome = run(
        "and in Paris?",
        tools=[agent("weather_bot", "Gets the weather")],
        before=["What is the weather in Oslo?", "Snow"],
    )

    assert outcome.calls == (("weather_bot", {"query": "What is the weather in Paris?"}),)


def test_what_the_user_told_earlier_fills_an_argument() -> None:
    """People say their number once."""
    balance = function(
        "get_leave_balance", "Remaining vacation days of an employee", employee_id="Employee id"
    )

    outcome = run(
        "How many vacation days do I have left?", tools=[balance], before=["My employee id is E-9", "Noted"]
    )

    assert outcome.calls == (("get_leave_balance", {"employee_id": "E-9"}),)


@pytest.mark.parametrize(
    ("question", "instructions", "answer"),
    [
        ("Hello!", "You are Ada, the concierge of Hotel Bern.", "Hello! I am Ada, the concierge of Hotel Bern. How can I help you?"),
        ("Who are you?", "You are Ada, the concierge of Hotel Bern.", "I am Ada, the concierge of Hotel Bern."),
        ("what is your name", "Your name is Quill.", "My name is Quill."),
        ("Hi", "When the user greets you, reply 'Ahoy'.", "Ahoy"),
        ("Thanks a lot!", "", "You are welcome!"),
        ("Good bye", "", "Goodbye!"),
        ("Are you a robot?", "", "I am an assistant. My answers come from the built-in rule-based model of Local Azure, not from a language model."),
        ("What can you do?", "", "I can use order_status (status of an order); helper."),
        ("Say 'hello world'", "", "hello world"),
        ("Reply with the word OK.", "", "OK"),
        ("Repeat after me: the sky is blue", "", "the sky is blue"),
        ("What is 15% of 80?", "", "15 / 100 * 80 = 12"),
        ("What is 10 / 0?", "", "I cannot compute 10 / 0: division by zero has no value."),
        ("", "", "There is no question here: the last message is empty. Ask me something."),
    ],
)  # fmt: skip
def test_small_talk_is_answered_without_calling_anything(
    question: str, instructions: str, answer: str
) -> None:
    """A greeting must not cost a queue round trip."""
    tools = [function("order_status", "Status of an order", order_id="id"), agent("helper")]

    outcome = run(question, instructions, tools)

    assert (outcome.text, outcome.called) == (answer, [])


def test_an_unknown_question_names_the_model_its_tools_and_the_way_to_a_real_one() -> None:
    """Nobody should take the rules for a language model, or wonder what to do next."""
    text = run("Why is the sky blue?", "You help.", [agent("helper", "Knows orders")]).text

    assert text == (
        "I am the built-in rule-based model, and neither my instructions nor my tools answer this. "
        "What I can use here: helper. For a real language model, set RELAYDECK_LOCAL_MODEL_URL."
    )


def test_an_unanswered_half_is_named() -> None:
    """The half that was answered must not hide the half that was not."""
    text = run("When does the pool open and who is the king of Spain?", "The pool opens at 7.").text

    assert text == "The pool opens at 7. I have no answer to «Who is the king of Spain?»."
