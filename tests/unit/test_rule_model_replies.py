"""How an answer is worded: the words instructions ask for, outputs made readable, failures told plainly."""

import pytest

from emulator.model import Tool
from tests.unit.rule_model import agent, function, run

WEATHER = function("get_weather", "Get weather of a city", location="city")
FOO = function(
    "foo",
    "Get answers from the foo bot.",
    kind="azure_function",
    required=[],
    query="The question to ask.",
    outputqueueuri="The full output queue URI.",
)
FOO_RULES = (
    "You are a helpful support agent. Use the provided function any time the prompt contains the string "
    "'What would foo say?'. When you invoke the function, ALWAYS specify the output queue URI parameter as "
    "'https://acct.queue.core.windows.net/azure-function-tool-output'. "
    'Always responds with "Foo says" and then the response from the tool.'
)
QUEUE = "https://acct.queue.core.windows.net/azure-function-tool-output"


@pytest.mark.parametrize(
    "question",
    [
        "What would foo say about the most prevalent element in the universe?",
        "What would foo say?",
        "what would FOO say - about cats",
        "Hi! What would foo say about the moon?",
        "Tell me: what would foo say about rain",
        "What would the foo say about tea?",
        "What does foo say about tea?",
    ],
)
def test_a_quoted_trigger_calls_the_function_with_the_queue_the_instructions_give(question: str) -> None:
    """The sample that every Azure Functions tutorial starts with, in the wordings people try."""
    outcome = run(question, FOO_RULES, [FOO], {"foo": "Hydrogen"})

    ((name, arguments),) = outcome.calls
    assert (name, arguments["outputqueueuri"]) == ("foo", QUEUE)
    assert "foo" in arguments["query"].lower()
    assert outcome.text == "Foo says Hydrogen"


def test_without_its_trigger_the_function_stays_uncalled() -> None:
    """«any time the prompt contains» says when, and so also when not."""
    assert run("What is the capital of France?", FOO_RULES, [FOO]).called == []


BAR = function(
    "bar", "Answers of the bar service.", required=[], query="The question", outputqueueuri="Queue URI"
)
FORTUNE = function("fortune_teller", "Tells fortunes", query="q")


@pytest.mark.parametrize(
    ("instructions", "tool", "question", "answer"),
    [
        (
            "Whenever the user asks 'What does bar think?', call the bar function. Always pass the output queue URI parameter as "
            "'https://x.queue.core.windows.net/q'. Reply with \"Bar thinks:\" followed by the function's answer.",
            BAR, "WHAT DOES BAR THINK, about coffee", "Bar thinks: yes",
        ),
        (
            "Invoke the bar function if the message has the phrase \"what does the oracle say\". Then answer 'The oracle says: {output}'.",
            BAR, "What does the oracle say about love?", "The oracle says: yes",
        ),
        ("For questions about fortune, call fortune_teller and respond with 'Fortune: ' and then the result.", FORTUNE, "What does fortune hold?", "Fortune: yes"),
        ("Use get_weather. Answer with \"Report: <answer>\".", WEATHER, "Weather in Rome?", "Report: yes"),
        ("Use get_weather. Start every answer with 'Well,' and end with 'Bye!'", WEATHER, "Weather in Rome?", "Well, yes. Bye!"),
    ],
    ids=["followed-by", "placeholder", "and-then", "template", "both-ends"],
)  # fmt: skip
def test_the_words_round_an_answer_are_those_of_the_instructions(
    instructions: str, tool: Tool, question: str, answer: str
) -> None:
    """Testers assert on exactly these words."""
    outcome = run(question, instructions, [tool], lambda _name, _arguments: "yes")

    assert outcome.text == answer
    assert len(outcome.called) == 1


@pytest.mark.parametrize(
    ("instructions", "output", "answer"),
    [
        ("Answer in upper case.", "sunny", "SUNNY"),
        ("Prefix every reply with '[BOT]'.", "It is sunny.", "[BOT] It is sunny."),
        ("End every answer with 'Have a nice day!'", "It is sunny.", "It is sunny. Have a nice day!"),
        ("Answer in one sentence.", "It is sunny. It is warm.", "It is sunny; It is warm."),
        ("Answer in at most 3 words.", "It is sunny and warm today.", "It is sunny…"),
        ("Answer in bullet points.", "It is sunny. It is warm.", "- It is sunny.\n- It is warm."),
        ("Reply using the template 'In {location}: {sky}, {degrees} degrees'.", '{"sky": "clear", "degrees": 25}', "In Rome: clear, 25 degrees"),
        ("Always start your answer with 'ANSWER:'.", "ANSWER: sunny all day.", "ANSWER: sunny all day."),
    ],
    ids=["upper-case", "prefix", "suffix", "one-sentence", "few-words", "bullets", "several-slots", "not-twice"],
)  # fmt: skip
def test_the_style_that_rules_can_keep_is_kept(instructions: str, output: str, answer: str) -> None:
    """What cannot be kept (another language, a friendlier tone) is documented instead of pretended."""
    assert run("Weather in Rome?", instructions, [WEATHER], {"get_weather": output}).text == answer


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ('{"weather": "Sunny", "temperature": 72}', "The weather is Sunny and the temperature is 72."),
        ('{"result": {"weather": "Sunny", "wind": null, "alerts": []}}', "The weather is Sunny, the wind is not given and the alerts: none."),
        ('"Sunny and 21"', "The weather in Rome is Sunny and 21."),
        ("Sunny", "The weather in Rome is Sunny."),
        ("It will be sunny.", "It will be sunny."),
        ('[{"day": "Mon", "sky": "sun"}, {"day": "Tue", "sky": "rain"}]', "day: Mon, sky: sun; day: Tue, sky: rain"),
        ('{"umbrella": false}', "Umbrella: no."),
        ('{"error": "no such city"}', "get_weather failed: no such city."),
        ('{"error": {"code": 7, "message": "no such city"}}', "get_weather failed: no such city."),
        ('{"error": null, "sky": "clear"}', "The error is not given and the sky is clear."),
        ("Error: timed out", "get_weather failed: timed out."),
        ("", "get_weather gave no answer: its output was empty."),
        ("{}", "get_weather gave no answer: its output was empty."),
        ('{"broken": ', '{"broken":'),
        ("<b>sunny</b>", "<b>sunny</b>"),
    ],
)  # fmt: skip
def test_an_output_is_told_in_words(output: str, answer: str) -> None:
    """A failure and an empty output are told as such; nothing is shown as if it were a result."""
    text = run("What is the weather in Rome?", "Be helpful.", [WEATHER], {"get_weather": output}).text

    assert text.rstrip(".") == answer.rstrip(".") or answer.rstrip(".") in text


def test_several_values_are_told_apart() -> None:
    """Two bare values in a row would say nothing."""
    outputs = {"Rome": "sun", "Oslo": "snow"}

    outcome = run(
        "Weather in Rome and Oslo?",
        tools=[WEATHER],
        outputs=lambda _name, arguments: outputs[arguments["location"]],
    )

    assert outcome.text == "Rome: sun. Oslo: snow"


def test_a_failure_is_told_in_the_words_the_instructions_give() -> None:
    """An agent's author decides what its users read when a tool is down."""
    outcome = run(
        "Weather in Rome?", "If a tool fails, say 'Back soon'.", [WEATHER], {"get_weather": '{"error": "x"}'}
    )

    assert outcome.text == "Back soon"


STOCKS = agent(
    "stock_price_bot",
    "Gets the stock price of a company",
    "Your job is to get the stock price of a company. If asked for the Microsoft stock price, always return $350.",
)
SKY = agent(
    "weather_bot",
    "Gets the weather for a given location",
    "Your job is to get the weather for a given location. If asked for the weather in Seattle, always return 60 degrees and cloudy.",
)


@pytest.mark.parametrize(
    ("question", "called", "texts"),
    [
        ("What is the stock price of Microsoft and the weather in Seattle?", ["stock_price_bot", "weather_bot"], ["$350", "60 degrees"]),
        ("What is the weather in Seattle, and what is the stock price of Microsoft?", ["weather_bot", "stock_price_bot"], ["60 degrees", "$350"]),
        ("Tell me the stock price of Microsoft", ["stock_price_bot"], ["$350"]),
        ("weather in seattle please", ["weather_bot"], ["60 degrees"]),
        ("What's Microsoft trading at, and do I need an umbrella in Seattle?", ["stock_price_bot", "weather_bot"], ["$350", "60 degrees"]),
    ],
)  # fmt: skip
def test_connected_agents_are_asked_and_their_answers_combined_in_order(
    question: str, called: list[str], texts: list[str]
) -> None:
    """The connected agents of Microsoft's own sample, run with the model on both levels."""
    knowledge = {tool.name: tool.knowledge for tool in (STOCKS, SKY)}

    outcome = run(
        question,
        "You are a helpful assistant, and use the connected agents to get stock prices and weather.",
        [STOCKS, SKY],
        lambda name, arguments: run(arguments["query"], knowledge[name]).text,
    )

    assert outcome.called == called
    assert set(outcome.rounds) == {0}
    places = [outcome.text.index(text) for text in texts]
    assert places == sorted(places)


ORCHESTRATOR = "You are the orchestrator. Delegate each question to the connected agent that fits and give back its answer."
CALCULATE = function(
    "calculate",
    "Computes an arithmetic expression exactly.",
    kind="azure_function",
    expression="An arithmetic expression",
)
ORDER_STATUS = function(
    "order_status",
    "Looks an order up and tells its status.",
    kind="azure_function",
    order_id="The id of the order, e.g. A-1001",
)
TEAM = {
    "foo_bot": (FOO_RULES, FOO, "Hydrogen"),
    "calculator": ("You compute. Use the calculate function for every calculation; never compute yourself.", CALCULATE, "87.5"),
    "order_desk": ("You know about orders. Use the order_status function to look an order up.", ORDER_STATUS, "in transit"),
}  # fmt: skip
MEMBERS = [
    agent("foo_bot", "Answers what foo would say.", f"{FOO_RULES}\nfoo: {FOO.description}"),
    agent("calculator", "Does arithmetic.", f"{TEAM['calculator'][0]}\ncalculate: {CALCULATE.description}"),
    agent(
        "order_desk",
        "Knows the status of orders.",
        f"{TEAM['order_desk'][0]}\norder_status: {ORDER_STATUS.description}",
    ),
]


@pytest.mark.parametrize(
    ("question", "path", "arguments", "texts"),
    [
        ("What would foo say about the most prevalent element in the universe?", ["foo_bot"], [{"query": "What would foo say about the most prevalent element in the universe?", "outputqueueuri": QUEUE}], ["Foo says Hydrogen"]),
        ("What is 12.5 * (3 + 4)?", ["calculator"], [{"expression": "12.5 * (3 + 4)"}], ["87.5"]),
        ("Where is order A-1002?", ["order_desk"], [{"order_id": "A-1002"}], ["in transit"]),
        ("What is 2+2 and where is order A-1001?", ["calculator", "order_desk"], [{"expression": "2+2"}, {"order_id": "A-1001"}], ["87.5", "in transit"]),
        ("Has A-1003 been shipped yet?", ["order_desk"], [{"order_id": "A-1003"}], ["in transit"]),
        ("Hello!", [], [], ["Hello"]),
    ],
)  # fmt: skip
def test_a_question_goes_through_the_team_to_the_function(
    question: str, path: list[str], arguments: list[dict[str, str]], texts: list[str]
) -> None:
    """Relaydeck's own team: orchestrator, connected agent, Azure function and all the way back."""
    reached: list[dict[str, str]] = []

    def ask_member(name: str, sent: dict[str, str]) -> str:
        instructions, tool, output = TEAM[name]
        inner = run(sent["query"], instructions, [tool], {tool.name: output})
        reached.extend(arguments for _, arguments in inner.calls)
        return inner.text

    outcome = run(question, ORCHESTRATOR, MEMBERS, ask_member)

    assert (outcome.called, reached) == (path, arguments)
    assert all(text in outcome.text for text in texts)
