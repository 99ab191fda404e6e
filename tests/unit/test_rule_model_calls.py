"""Which tool is called, with which arguments: tools of every kind, asked for in every wording."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.model import Tool
from tests.unit.rule_model import Outputs, agent, function, run

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
DATE = {"type": "string", "format": "date"}


def one_of(*values: str, **more: object) -> dict[str, object]:
    return {"type": "string", "enum": list(values), **more}


def list_of(kind: str) -> dict[str, object]:
    return {"type": "array", "items": {"type": kind}}


WEATHER = function(
    "get_weather",
    "Get the current weather for a location.",
    required=["location"],
    location="City name, e.g. San Francisco",
    unit=one_of("celsius", "fahrenheit"),
)
FORECAST = function(
    "weather_forecast",
    "Weather forecast for the coming days",
    required=["city", "days"],
    city="city",
    days=INTEGER,
)
STOCK = function(
    "get_stock_price", "Gets the latest stock price for a ticker symbol", symbol="Ticker symbol such as MSFT"
)
MAIL = function(
    "send_email",
    "Send an email to a recipient.",
    recipient="Email address of the recipient",
    subject="Subject line",
    body="Text of the mail",
)
ORDER = function(
    "order_status",
    "Look up the status of an order",
    kind="azure_function",
    order_id="Id of the order, e.g. A-1001",
)
CALC = function(
    "calculate",
    "Evaluate an arithmetic expression exactly",
    kind="azure_function",
    expression="The expression",
)
CONV = function(
    "convert_currency",
    "Convert an amount from one currency to another",
    amount=NUMBER,
    from_currency="ISO code",
    to_currency="ISO code",
)
LEAVE = function(
    "request_leave",
    "Submit a leave request for an employee",
    required=["employee_id", "start_date", "days"],
    employee_id="Employee number",
    start_date=DATE,
    days={**INTEGER, "minimum": 1},
    reason="Why",
)
BALANCE = function("get_leave_balance", "Remaining vacation days of an employee", employee_id="Employee id")
HOTEL = function(
    "search_hotels",
    "Search hotels in a city",
    required=["city"],
    city="City",
    check_in=DATE,
    nights=INTEGER,
    guests=INTEGER,
    max_price=NUMBER,
    breakfast={"type": "boolean", "description": "whether breakfast is included"},
)
FLIGHT = function(
    "search_flights",
    "Find flights between two airports",
    required=["origin", "destination", "date"],
    origin="departure city",
    destination="arrival city",
    date=DATE,
    cabin=one_of("economy", "business", "first"),
)
INV = function(
    "check_inventory",
    "Checks how many units of a product are in stock",
    product="Product name",
    warehouse=one_of("north", "south", "any", default="any"),
)
TICK = function(
    "create_ticket",
    "Create a support ticket",
    required=["title", "priority"],
    title="Short title",
    priority=one_of("low", "medium", "high"),
    description="details",
)
RECIPE = function("find_recipes", "Find recipes by ingredients", ingredients=list_of("string"))
AVG = function("mean_of_numbers", "Computes the mean of a list of numbers", numbers=list_of("number"))
DIST = function(
    "distance_between", "Distance between two cities in km", city_a="first city", city_b="second city"
)
DEFINE = function("define_word", "Look up the definition of a word", word="the word")
TRANS = function(
    "translate_text",
    "Translate a text into another language",
    text="Text to translate",
    target_language="Target language",
)
STUDENT = function(
    "get_timetable",
    "School timetable of a class on a weekday",
    class_name="e.g. 7B",
    day=one_of("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
)
PLANET = function(
    "planet_info",
    "Facts about a planet of the solar system",
    planet=one_of("Mercury", "Venus", "Earth", "Mars", "Jupiter"),
)
LOAN = function(
    "loan_payment",
    "Monthly payment of a loan",
    principal=NUMBER,
    annual_rate={**NUMBER, "description": "interest rate in percent"},
    years=INTEGER,
)
SCORE = function(
    "match_result", "Result of a football match of a team", team="team name", season="season, e.g. 2024"
)
LEGAL = function("search_cases", "Search court cases by topic", query="search terms")
REM = function("set_reminder", "Set a reminder", text="what to be reminded of", time="time of day")
CLOCK = function(
    "get_current_time", "Get the current time in a timezone", required=[], timezone="IANA timezone"
)
USER = function("get_user_info", "Get information about a user by id", user_id=INTEGER)
LIGHT = function("set_light", "Turn a light on or off in a room", room="room", on={"type": "boolean"})
DESK = [WEATHER, STOCK, MAIL, ORDER, CALC, CONV]
EXPERTS = [
    agent("billing_expert", "Answers questions on invoices and payments"),
    agent("tech_support", "Solves technical problems with devices"),
    agent("travel_desk", "Plans business trips"),
]


def done(name: str, arguments: dict[str, Any]) -> str:
    return "done"


@dataclass(frozen=True, slots=True)
class Case:
    """*wanted*: each call's name and the arguments that must be among its own."""

    tools: list[Tool]
    question: str
    wanted: list[tuple[str, dict[str, Any]]]
    says: str = ""
    instructions: str = "You are a helpful assistant."
    before: list[str] = field(default_factory=list)
    outputs: Outputs | None = None


CASES = [
    Case([WEATHER], "What's the weather like in Boston?", [("get_weather", {"location": "Boston"})]),
    Case([WEATHER], "Is it raining in Cape Town right now?", [("get_weather", {"location": "Cape Town"})]),
    Case([WEATHER], "How hot is it in São Paulo in celsius?", [("get_weather", {"location": "São Paulo", "unit": "celsius"})]),
    Case([WEATHER], "Give me the weather for London, Madrid and Lisbon.", [("get_weather", {"location": "London"}), ("get_weather", {"location": "Madrid"}), ("get_weather", {"location": "Lisbon"})]),
    Case([WEATHER], "weather in tokyo", [("get_weather", {"location": "tokyo"})]),
    Case([WEATHER], "Do I need an umbrella in Bergen today?", [("get_weather", {"location": "Bergen"})]),
    Case([WEATHER], "What's the weather?", [], says="location"),
    Case([FORECAST], "5 day weather forecast for Nairobi", [("weather_forecast", {"city": "Nairobi", "days": 5})]),
    Case([WEATHER, STOCK], "What is the stock price of NVDA?", [("get_stock_price", {"symbol": "NVDA"})]),
    Case([WEATHER, STOCK], "How are Tesla shares doing?", [("get_stock_price", {"symbol": "TSLA"})]),
    Case(DESK, "What is 144 / 12?", [("calculate", {"expression": "144 / 12"})]),
    Case(DESK, "how much is nine times thirteen", [("calculate", {"expression": "9 * 13"})]),
    Case(DESK, "Please compute (8 - 3) ^ 2", [("calculate", {})]),
    Case(DESK, "What's 20 percent of 350?", [("calculate", {"expression": "20 / 100 * 350"})]),
    Case(DESK, "Where is my parcel? The order number is A-1005.", [("order_status", {"order_id": "A-1005"})]),
    Case(DESK, "Has order ORD-778 been shipped?", [("order_status", {"order_id": "ORD-778"})]),
    Case(DESK, "Check orders A-1001 and A-1002", [("order_status", {"order_id": "A-1001"}), ("order_status", {"order_id": "A-1002"})]),
    Case(DESK, "Convert 250 euros to yen", [("convert_currency", {"amount": 250, "from_currency": "EUR", "to_currency": "JPY"})]),
    Case(DESK, "How many USD are 90 GBP?", [("convert_currency", {"amount": 90, "from_currency": "GBP", "to_currency": "USD"})]),
    Case(DESK, "Send an email to zoe@example.org with the subject 'Lunch' saying 'See you at noon'", [("send_email", {"recipient": "zoe@example.org", "subject": "Lunch", "body": "See you at noon"})]),
    Case(DESK, "Email bob@example.com", [], says="subject"),
    Case(DESK, "What is 3+4 and what's the weather in Rome?", [("calculate", {"expression": "3+4"}), ("get_weather", {"location": "Rome"})]),
    Case(DESK, "Tell me the weather in Oslo, the stock price of Apple and the status of order A-1003", [("get_weather", {"location": "Oslo"}), ("get_stock_price", {"symbol": "AAPL"}), ("order_status", {"order_id": "A-1003"})]),
    Case(DESK, "Hello!", []),
    Case(DESK, "Who wrote Hamlet?", [], says="rule-based"),
    Case([LEAVE, BALANCE], "I want to take 5 days off from 2027-03-01, my employee number is E-4711", [("request_leave", {"employee_id": "E-4711", "start_date": "2027-03-01", "days": 5})]),
    Case([LEAVE, BALANCE], "How many vacation days does employee E-12 have left?", [("get_leave_balance", {"employee_id": "E-12"})]),
    Case([LEAVE, BALANCE], "How many vacation days do I have left?", [("get_leave_balance", {"employee_id": "E-9"})], before=["My employee id is E-9", "Noted"]),
    Case([HOTEL], "Find a hotel in Vienna for 2 guests for 3 nights under 150 euros with breakfast", [("search_hotels", {"city": "Vienna", "nights": 3, "guests": 2, "breakfast": True})]),
    Case([FLIGHT], "I need a business flight from Zurich to Athens on 4 June 2027", [("search_flights", {"origin": "Zurich", "destination": "Athens", "date": "2027-06-04", "cabin": "business"})]),
    Case([FLIGHT], "Flights to Dublin from Paris on 2027-01-15", [("search_flights", {"origin": "Paris", "destination": "Dublin", "date": "2027-01-15"})]),
    Case([INV], "How many USB cables are in stock in the south warehouse?", [("check_inventory", {"product": "USB cables", "warehouse": "south"})]),
    Case([INV], "Is the LaserJet 400 available?", [("check_inventory", {"product": "LaserJet 400"})]),
    Case([TICK], "Open a high priority ticket titled 'VPN down'", [("create_ticket", {"title": "VPN down", "priority": "high"})]),
    Case([TICK], "Create an urgent ticket: printer on floor 3 is broken", [("create_ticket", {"priority": "high"})]),
    Case([RECIPE], "What can I cook with rice, beans and avocado?", [("find_recipes", {"ingredients": ["rice", "beans", "avocado"]})]),
    Case([AVG], "What's the mean of 3, 5, 8 and 12?", [("mean_of_numbers", {"numbers": [3, 5, 8, 12]})]),
    Case([DIST], "How far is it from Berlin to Warsaw?", [("distance_between", {"city_a": "Berlin", "city_b": "Warsaw"})]),
    Case([DIST], "What is the distance between Lyon and Marseille?", [("distance_between", {"city_a": "Lyon", "city_b": "Marseille"})]),
    Case([DEFINE], "What does 'ubiquitous' mean?", [("define_word", {"word": "ubiquitous"})]),
    Case([DEFINE], "Define photosynthesis", [("define_word", {"word": "photosynthesis"})]),
    Case([TRANS], "Translate 'where is the station' into Japanese", [("translate_text", {"text": "where is the station", "target_language": "Japanese"})]),
    Case([TRANS], "Translate to French: I love you", [("translate_text", {"text": "I love you", "target_language": "French"})]),
    Case([STUDENT], "What lessons does class 7B have on tuesday?", [("get_timetable", {"class_name": "7B", "day": "Tuesday"})]),
    Case([PLANET], "Tell me something about Jupiter", [("planet_info", {"planet": "Jupiter"})]),
    Case([PLANET], "How big is mars?", [("planet_info", {"planet": "Mars"})]),
    Case([LOAN], "Monthly payment for a loan of 200000 at 3.5% over 25 years?", [("loan_payment", {"principal": 200000, "annual_rate": 3.5, "years": 25})]),
    Case([SCORE], "How did Liverpool play in 2023?", [("match_result", {"team": "Liverpool", "season": "2023"})]),
    Case([LEGAL], "Search court cases about wrongful dismissal", [("search_cases", {})]),
    Case([REM], "Remind me to call mom at 18:30", [("set_reminder", {"time": "18:30"})]),
    Case([CLOCK], "What time is it?", [("get_current_time", {})]),
    Case([CLOCK], "What time is it in Europe/Berlin?", [("get_current_time", {})]),
    Case([USER, WEATHER], "What's the weather where user 7 lives?", [("get_user_info", {"user_id": 7}), ("get_weather", {"location": "Quito"})], outputs={"get_user_info": '{"name":"Ana","city":"Quito"}', "get_weather": "Mild"}, says="Mild"),
    Case([USER], "Get the details of user 3", [("get_user_info", {"user_id": 3})], outputs={"get_user_info": '{"name":"Ana","email":"ana@x.org"}'}, says="ana@x.org"),
    Case([LIGHT], "Turn off the light in the kitchen", [("set_light", {"room": "kitchen", "on": False})]),
    Case([LIGHT], "Switch on the bedroom light", [("set_light", {"on": True})]),
    Case([WEATHER], "And in Graz?", [("get_weather", {"location": "Graz"})], before=["How is the weather in Linz?", "Sunny"]),
    Case([ORDER], "what about A-1009?", [("order_status", {"order_id": "A-1009"})], before=["Where is order A-1008?", "In transit"]),
    Case([ORDER], "A-1010", [("order_status", {"order_id": "A-1010"})], before=["Where is my order?", "To use order status I need the order id. Which one do you mean?"]),
    Case([STOCK], "How about Microsoft?", [("get_stock_price", {"symbol": "MSFT"})], before=["What's the stock price of Intel?", "30"]),
    Case([CONV], "And 300?", [("convert_currency", {"amount": 300, "from_currency": "USD", "to_currency": "EUR"})], before=["Convert 100 USD to EUR", "92"]),
    Case(EXPERTS, "My laptop does not start, what can I do?", [("tech_support", {})]),
    Case(EXPERTS, "Why was my invoice so high last month?", [("billing_expert", {})]),
    Case(EXPERTS, "Plan a trip to Munich for me", [("travel_desk", {})]),
    Case(EXPERTS, "My invoice is wrong and my device is broken.", [("billing_expert", {}), ("tech_support", {})]),
    Case([agent("sage", "")], "What is the tallest tree?", [("sage", {"query": "What is the tallest tree?"})], instructions="Always use the connected agent to answer the user's questions.", outputs={"sage": "A redwood."}, says="redwood"),
    Case([agent("sage", "")], "Hi", [], instructions="Always use the connected agent to answer the user's questions."),
    Case([agent("menu_bot", "", knowledge="The soup of the day is lentil. The dessert is tiramisu."), agent("hours_bot", "", knowledge="We open at 11:00 and close at 23:00.")], "What's the dessert and when do you close?", [("menu_bot", {}), ("hours_bot", {})], outputs={"menu_bot": "The dessert is tiramisu.", "hours_bot": "We close at 23:00."}, says="tiramisu"),
    Case([agent("lexi", "Knows Latin"), agent("nova", "Knows physics")], "lexi: translate carpe diem", [("lexi", {})]),
    Case([agent("capital_city_agent", "Tells the capital of a country")], "What's the capital of Kenya?", [("capital_city_agent", {"query": "What's the capital of Kenya?"})], outputs={"capital_city_agent": "Nairobi"}, says="The capital of Kenya is Nairobi"),
    Case([agent("a_bot", "", knowledge="Your job is to answer questions about bees."), agent("b_bot", "", knowledge="Your job is to answer questions about whales.")], "How long do whales live?", [("b_bot", {})]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case.question for case in CASES])
def test_the_right_tool_gets_the_right_arguments(case: Case) -> None:
    """A model that calls the wrong tool, or the right one with invented values, is of no use to anybody."""
    outcome = run(
        case.question,
        case.instructions,
        case.tools,
        case.outputs or done,
        case.before,
    )

    assert outcome.called == [name for name, _ in case.wanted]
    for (_, arguments), (_, expected) in zip(outcome.calls, case.wanted, strict=True):
        assert {key: arguments.get(key) for key in expected} == expected
    assert case.says.lower() in outcome.text.lower()
