"""What a reader who did not know the rules asked of the model, and found wanting: each case once failed."""

import json
from typing import Any

import pytest

from emulator.model import Tool
from tests.unit.rule_model import agent, function, run

FOO_RULES = (
    "You are a helpful support agent. Use the provided function any time the prompt contains the string "
    "'What would foo say?'. When you invoke the function, ALWAYS specify the output queue uri parameter as "
    "'https://store.example/replies'. Always responds with \"Foo says\" and then the response from the tool."
)
FOO = function(
    "foo",
    "Get answers from the foo bot.",
    query="The question to ask.",
    outputqueueuri="The full output queue uri.",
)
NUMBER, INTEGER, TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}


def schema_of(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), **more}
    return {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}}


def test_a_trigger_after_the_question_is_one_call_about_the_question() -> None:
    """Azure's own sample asks «What is …? What would foo say?»; two half answers would be the first thing people see."""
    outcome = run(
        "What is the most prevalent element in the universe? What would foo say?",
        FOO_RULES,
        [FOO],
        {"foo": "Bar"},
    )
    asked = {
        "query": "What is the most prevalent element in the universe?",
        "outputqueueuri": "https://store.example/replies",
    }
    assert outcome.calls == (("foo", asked),)
    assert outcome.text == "Foo says Bar"


def test_only_the_asked_entry_of_an_enumeration_is_said() -> None:
    """A list of all prices is no answer to the price of one."""
    prices = "You report prices. Known prices: Contoso 118.42 USD, Fabrikam 57.10 USD, Northwind 9.95 USD."
    assert run("What is the price of Fabrikam?", prices).text == "Known prices: Fabrikam 57.10 USD."
    staff = (
        "Employees: Priya Nair (Legal, ext. 4471), Tom Becker (Sales, ext. 4472), Lucía Ruiz (IT, ext. 4480)"
    )
    assert run("Who is at extension 4480?", staff).text == "Employees: Lucía Ruiz (IT, ext. 4480)."
    shipping = "Shipping to Iceland costs 35 euros, to Spain 12 euros."
    assert run("What does shipping to Iceland cost?", shipping).text == "Shipping to Iceland costs 35 euros."


def test_an_enumeration_stays_whole_when_the_question_is_about_all_of_it() -> None:
    """Cutting a list to one entry that merely shares a word would lose what was asked."""
    text = "Opening hours: Monday 9-17, Saturday 10-14, Sunday 11-13."
    assert run("What are the opening hours?", text).text == text


def test_a_pronoun_is_said_as_what_it_stands_for() -> None:
    """The sentence before is not part of the answer."""
    told = "The vault is painted green. It has 12 doors."
    assert run("How many doors does the vault have?", told).text == "The vault has 12 doors."


def test_answering_as_json_is_no_reply_to_give() -> None:
    """«Answer as JSON» once made «JSON» the answer to everything."""
    told = "The Eiffel tower is 330 metres high. It stands in Paris. Answer as JSON."
    answer = run(
        "How high is the Eiffel tower?", told, response_format=schema_of({"answer": TEXT, "height_m": NUMBER})
    ).text
    assert json.loads(answer) == {"answer": "The Eiffel tower is 330 metres high.", "height_m": 330}


def test_decimals_are_no_clock_times_and_large_numbers_stay_exact() -> None:
    """12.50 was read as half past twelve, and 5.972168E24 was written with digits it never had."""
    planet = {
        "type": "object",
        "properties": {"planet": {"enum": ["Earth", "Mars"]}, "mass": NUMBER},
        "required": ["planet", "mass"],
    }
    text = "The mass of the Mars is 6.4171E23 kg; the mass of the Earth is 5.972168E24 kg;"
    answer = run(
        text,
        "Extract the planets.",
        response_format=schema_of({"planets": {"type": "array", "items": planet}}),
    ).text
    assert "5.972168e+24" in answer
    assert json.loads(answer) == {
        "planets": [{"planet": "Mars", "mass": 6.4171e23}, {"planet": "Earth", "mass": 5.972168e24}]
    }
    tip = function("tip", "Work out the tip for a bill", bill={"type": "number"})
    assert run("What is the tip for a bill of 12.50?", tools=[tip]).calls == (("tip", {"bill": 12.5}),)


def test_a_flag_that_is_said_outright_is_passed_once() -> None:
    """Guessing false, then trying true with the answer, toggled the flag twice."""
    toggle = function(
        "toggle_flag",
        "Toggles a boolean flag.",
        flag={"type": "boolean", "description": "The flag to toggle."},
    )
    outcome = run(
        "Toggle a flag that is currently set to true.",
        tools=[toggle],
        outputs={"toggle_flag": '{"toggled_flag": false}'},
    )
    assert outcome.calls == (("toggle_flag", {"flag": True}),)


def test_values_that_a_description_spells_out_are_used_as_spelled() -> None:
    """A function that knows south_america does not know «South America»."""
    events = function(
        "next_event",
        "Next visible event",
        location="continent to look in (e.g. 'north_america', 'south_america', 'australia')",
    )
    assert run("What is the next visible event in South America?", tools=[events]).calls == (
        ("next_event", {"location": "south_america"}),
    )
    cost = function(
        "observation_cost",
        "Cost of an observation",
        telescope_tier="standard, advanced or premium",
        hours=NUMBER,
        priority="low, normal or high",
    )
    outcome = run(
        "How much does 5 hours of observation on the premium telescope cost with high priority?", tools=[cost]
    )
    assert outcome.calls == (
        ("observation_cost", {"telescope_tier": "premium", "hours": 5, "priority": "high"}),
    )


def test_an_order_is_read_apart_from_the_address_it_goes_to() -> None:
    """The house number once became five of a dish called Elm Street."""
    items = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": TEXT, "quantity": INTEGER},
            "required": ["name", "quantity"],
        },
    }
    order = function("place_order", "Place a pizza order", items=items, address="Where to deliver")
    outcome = run(
        "I'd like to order 2 Margherita and 1 Diavola please, delivery to 5 Elm Street.", tools=[order]
    )
    wanted = [{"name": "Margherita", "quantity": 2}, {"name": "Diavola", "quantity": 1}]
    assert outcome.calls == (("place_order", {"items": wanted, "address": "5 Elm Street"}),)


def test_currencies_in_words_lead_to_the_tool_that_converts_them() -> None:
    """Nobody asks for ISO codes by name."""
    convert = function(
        "convert_currency",
        "Convert an amount",
        amount=NUMBER,
        from_currency="ISO code",
        to_currency="ISO code",
    )
    outcome = run("How much is 250 euros in Japanese yen?", tools=[convert])
    assert outcome.calls == (
        ("convert_currency", {"amount": 250, "from_currency": "EUR", "to_currency": "JPY"}),
    )


def test_my_favorite_city_is_looked_up_before_its_weather() -> None:
    """«favorite city» is no place on a map: another tool knows which one it is."""
    tools = [
        function(
            "getCurrentWeatherAtLocation",
            "Gets the current weather at a provided location.",
            location="The city and state",
        ),
        function("getUserFavoriteCity", "Gets the user's favorite city."),
    ]
    outcome = run(
        "What's the weather like in my favorite city?",
        tools=tools,
        outputs={"getUserFavoriteCity": "Seattle, WA", "getCurrentWeatherAtLocation": "70f"},
    )
    assert outcome.calls == (
        ("getUserFavoriteCity", {}),
        ("getCurrentWeatherAtLocation", {"location": "Seattle, WA"}),
    )
    assert "70f" in outcome.text


def _office() -> list[Tool]:
    return [
        function("current_time", "Get the current time"),
        function("fetch_weather", "Fetches the weather for a location", location="The location"),
        function(
            "send_email",
            "Sends an email",
            recipient="Email address",
            subject="Subject of the email",
            body="Body of the email",
        ),
    ]


def test_an_email_carries_what_other_tools_found() -> None:
    """The body must be made of their outputs, so the mail is sent last."""
    found = {
        "current_time": '{"current_time": "06:07"}',
        "fetch_weather": '{"weather": "Sunny"}',
        "send_email": '{"message": "Sent."}',
    }
    outcome = run(
        "Send an email to ops@contoso.com with the time and the weather in New York",
        tools=_office(),
        outputs=found,
    )
    assert outcome.called == ["current_time", "fetch_weather", "send_email"]
    sent = outcome.calls[-1][1]
    assert sent["recipient"] == "ops@contoso.com"
    assert sent["body"] == "The current time is 06:07. The weather is Sunny."


def test_what_was_asked_back_is_taken_up_from_a_statement() -> None:
    """«My email is …» is the answer to the question for it, not something to note."""
    ticket = function(
        "submit_ticket", "Submits a support ticket", email_address="The user's email", description="The issue"
    )
    rules = "You are a technical support agent. When a user has a technical issue, you submit a support ticket using the function."
    first = run("I have a technical problem", rules, [ticket])
    assert first.calls == ()
    answer = "My email is dana@contoso.com and my laptop screen is flickering since yesterday"
    outcome = run(
        answer,
        rules,
        [ticket],
        {"submit_ticket": '{"message": "Ticket 4f2a submitted."}'},
        before=["I have a technical problem", first.text],
    )
    assert outcome.called == ["submit_ticket"]
    assert outcome.calls[0][1]["email_address"] == "dana@contoso.com"
    assert "flickering" in outcome.calls[0][1]["description"]


def test_an_order_in_another_language_is_no_name() -> None:
    """The verb at the head of a Spanish sentence was searched for as an author."""
    books = function("buscar_libros", "Busca libros por autor", autor="Nombre del autor")
    outcome = run("Busca libros de Gabriel García Márquez", "Eres un asistente.", [books])
    assert outcome.calls == (("buscar_libros", {"autor": "Gabriel García Márquez"}),)


def test_a_count_is_no_part_of_the_product() -> None:
    """Another part of the message spoke of Iceland, which is not what the quote is for."""
    tools = [
        agent("shipping_agent", "Shipping costs per country", "Shipping to Iceland costs 35 euros."),
        function("get_quote", "Get a price quote for a product", product=TEXT, quantity=INTEGER),
    ]
    outcome = run(
        "What does shipping to Iceland cost and what is the quote for 40 chairs?",
        "You are a shop assistant.",
        tools,
    )
    assert ("get_quote", {"product": "chairs", "quantity": 40}) in outcome.calls


TRIAGE = "Triage the given ticket. Use the connected tools to determine the ticket's priority and which team it should be assigned to."
PRIORITY = "Assess how urgent a ticket is.\n\nRespond with one of the following levels:\n- High: User-facing or blocking issues\n- Medium: Time-sensitive issues\n- Low: Cosmetic tasks"


def test_a_ticket_goes_to_every_agent_that_the_triage_names() -> None:
    """A ticket asks nothing; it is worked on by all of them."""
    tools = [
        agent("priority_agent", "Assess the priority of a ticket", PRIORITY),
        agent("team_agent", "Determines the team"),
    ]
    ticket = "Users can't reset their password from the mobile app."
    outcome = run(ticket, TRIAGE, tools, {"priority_agent": "High.", "team_agent": "Backend."})
    assert outcome.calls == (("priority_agent", {"query": ticket}), ("team_agent", {"query": ticket}))
    assert outcome.text == "High. Backend."
    assert run("Hello!", TRIAGE, tools).calls == ()


def test_a_text_gets_one_of_the_labels_that_the_instructions_list() -> None:
    """An agent that classifies answers with a label, not with its own instructions."""
    assert run("Users can't reset their password.", PRIORITY).text == "High: User-facing or blocking issues."
    inline = "Classify each review as positive, negative or neutral."
    assert run("This is the worst blender I ever bought. It broke.", inline).text.startswith("negative")
    assert run("It is a blender.", inline).text == "neutral."
    enum = schema_of({"sentiment": {"type": "string", "enum": ["positive", "negative", "neutral"]}})
    assert json.loads(run("The worst blender ever.", inline, response_format=enum).text) == {
        "sentiment": "negative"
    }


def test_a_destination_goes_with_every_question_after_it() -> None:
    """Asked alone, «which hotel do you recommend?» gets the hotels of all cities."""
    tools = [
        agent("hotel_agent", "Hotels per city", "Hotels: in Lisbon the Tejo, in Oslo the Fjord Inn."),
        agent("flight_agent", "Flight prices", "Flights: Lisbon 129 EUR, Oslo 210 EUR."),
    ]
    outcome = run(
        "I want to go to Lisbon: which hotel do you recommend, and what does the flight cost?",
        "You plan trips.",
        tools,
        {"hotel_agent": "Tejo", "flight_agent": "129 EUR"},
    )
    assert outcome.called == ["hotel_agent", "flight_agent"]
    assert all("Lisbon" in arguments["query"] for _, arguments in outcome.calls)


def test_city_and_country_are_told_apart() -> None:
    """«Ghent, Belgium» is one place and two fields."""
    told = "The festival takes place in Ghent, Belgium."
    answer = run(
        "Where does the festival take place?",
        told,
        response_format=schema_of({"city": TEXT, "country": TEXT}),
    ).text
    assert json.loads(answer) == {"city": "Ghent", "country": "Belgium"}


def test_an_entry_is_not_cut_off_from_what_is_said_of_the_same_thing() -> None:
    """«… holds 1.7 litres, …, and has a warranty of 5 years» is one sentence about one kettle."""
    told = "The Aurora kettle holds 1.7 litres, boils in 3 minutes and has a warranty of 5 years."
    assert run("How long is the warranty on the Aurora kettle?", told).text == told


def test_an_order_with_a_tool_is_no_fact() -> None:
    """«When a user …, you submit a ticket using the function» was once read out to the user."""
    rules = "When a user has a technical issue, you submit a support ticket using the function."
    ticket = function("submit_ticket", "Submits a support ticket", email_address="The user's email")
    assert "When a user" not in run("I have a technical problem", rules, [ticket]).text


@pytest.mark.parametrize(
    ("question", "instructions", "answer"),
    [
        ("My printer shows error E-502, what should I do?", "Error codes:\n- E-501: replace the toner\n- E-502: clear tray 2", "E-502: clear tray 2"),
        ("Where is the treasure?", "You're a parrot. Say 'Squawk!' before each answer. The treasure lies under the oak.", "Squawk! The treasure lies under the oak."),
        ("Which doctor works on Thursdays?", "Duty roster:\nTuesday: Dr. Lindqvist\nThursday: Dr. Mbeki", "Thursday: Dr. Mbeki"),
        ("Wie lautet das WLAN-Passwort?", "Frühstück gibt es um 7 Uhr. Das WLAN-Passwort lautet Seestern7.", "Das WLAN-Passwort lautet Seestern7."),
        ("When is the exam in Algebra and in which room?", "| Course | Date | Room |\n|---|---|---|\n| Algebra | 12 June | H-204 |\n| Statistics | 15 June | B-001 |", "course: Algebra, date: 12 June, room: H-204"),
        ("Hi! How are you?", "You are a helpful agent.", "Hello! I am a helpful agent. How can I help you? I am ready."),
    ],
)  # fmt: skip
def test_the_fact_is_found_and_nothing_else_is_said(question: str, instructions: str, answer: str) -> None:
    """Each of these went unanswered, or was answered with what belongs to something else."""
    assert run(question, instructions).text == answer


@pytest.mark.parametrize(
    ("question", "tool", "arguments"),
    [
        ("I weigh 80 kg and I am 1.78 m tall. What's my BMI?", function("calculate_bmi", "Calculates the BMI", weight_kg=NUMBER, height_m=NUMBER), {"weight_kg": 80, "height_m": 1.78}),
        ("Convert 10 miles to kilometers", function("convert_units", "Converts a value between units", value=NUMBER, from_unit=TEXT, to_unit=TEXT), {"value": 10, "from_unit": "miles", "to_unit": "kilometers"}),
        ("How is MSFT doing?", function("get_stock", "Gets a quote", symbol="Ticker symbol"), {"symbol": "MSFT"}),
        ("Show my list", function("list_todos", "Lists all to-do entries"), {}),
    ],
)  # fmt: skip
def test_a_call_gets_what_the_sentence_holds(question: str, tool: Tool, arguments: dict[str, Any]) -> None:
    """Metres are no millions, a unit is no product, and what the agent is for is no answer."""
    outcome = run(question, "You manage a to-do list.", [tool])
    assert outcome.calls == ((tool.name, arguments),)


def test_thanks_that_close_the_talk_and_sums_that_stand_alone_are_left_as_they_are() -> None:
    """«That's all for today» asks nothing; «144 / 12 is 144 / 12 = 12» says it twice."""
    tax = agent("tax_agent", "Tax law", "VAT is 17 %.")
    assert run("Thanks a lot, that's all for today!", tools=[tax]).text == "You are welcome!"
    calculator = agent("calculator", "Does arithmetic", "Use the calculate function.")
    assert (
        run("What is 144 / 12?", tools=[calculator], outputs={"calculator": "144 / 12 = 12"}).text
        == "144 / 12 = 12"
    )
