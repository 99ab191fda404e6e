"""A response format is kept to the letter: always JSON, always of the schema, filled from what is known."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.model.schemas import is_valid
from emulator.model.structured import minimal
from tests.unit.rule_model import function, run

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
WEATHER = function("get_weather", "Get weather of a city", location="city")


def schema_format(**properties: object) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}


def filled(
    question: str, wanted: dict[str, Any], instructions: str = "Extract the data.", **more: Any
) -> Any:
    schema = wanted["json_schema"]["schema"]
    document = json.loads(run(question, instructions, response_format=wanted, **more).text)
    assert is_valid(document, schema, schema)
    return document


def test_a_schema_is_filled_from_a_tool_output_and_the_question() -> None:
    """The usual case: a tool knows most fields, the question the rest."""
    wanted = schema_format(city=TEXT, temperature=NUMBER, conditions=TEXT)
    outputs = {"get_weather": '{"temperature": 21.5, "conditions": "Sunny"}'}

    document = filled("What is the weather in Rome?", wanted, "Help.", tools=[WEATHER], outputs=outputs)

    assert document == {"city": "Rome", "temperature": 21.5, "conditions": "Sunny"}


def test_a_schema_is_filled_from_the_instructions() -> None:
    """A fact has its value and its sentence."""
    document = filled(
        "How many vacation days are there?",
        schema_format(days=INTEGER, answer=TEXT),
        "Employees get 25 vacation days.",
    )

    assert document == {"days": 25, "answer": "Employees get 25 vacation days."}


@pytest.mark.parametrize(
    ("question", "wanted", "document"),
    [
        ("Maria is 34 years old and lives in Porto.", schema_format(name=TEXT, age=INTEGER, city=TEXT), {"name": "Maria", "age": 34, "city": "Porto"}),
        (
            "Alice and Bob are going to a science fair on Friday.",
            schema_format(name=TEXT, date=TEXT, participants={"type": "array", "items": TEXT}),
            {"name": "science fair", "date": "Friday", "participants": ["Alice", "Bob"]},
        ),
        (
            "Order 3 laptops and 2 monitors",
            schema_format(items={"type": "array", "items": {"type": "object", "properties": {"product": TEXT, "quantity": INTEGER}, "required": ["product", "quantity"]}}),
            {"items": [{"product": "laptops", "quantity": 3}, {"product": "monitors", "quantity": 2}]},
        ),
        ("Write to eva@example.org about invoice INV-77.", schema_format(email=TEXT, invoice_id=TEXT), {"email": "eva@example.org", "invoice_id": "INV-77"}),
        ("It is an urgent problem.", schema_format(priority={"type": "string", "enum": ["low", "high"]}), {"priority": "high"}),
    ],
    ids=["person", "event", "order-lines", "addresses", "enum"],
)  # fmt: skip
def test_a_schema_is_filled_from_what_the_user_wrote(
    question: str, wanted: dict[str, Any], document: object
) -> None:
    """Extraction is what most people use a schema for."""
    assert filled(question, wanted) == document


def test_references_of_the_schema_are_followed() -> None:
    """pydantic writes every enum and every nested model as a reference."""
    schema = {
        "$defs": {"Planets": {"enum": ["Earth", "Mars"], "type": "string"}},
        "properties": {"planet": {"$ref": "#/$defs/Planets"}, "mass": {"type": "number"}},
        "required": ["planet", "mass"],
        "type": "object",
    }

    document = filled(
        "The mass of Mars is 6.4171E23 kg.",
        {"type": "json_schema", "json_schema": {"name": "m", "schema": schema}},
    )

    assert document == {"planet": "Mars", "mass": 6.4171e23}


def test_what_is_not_known_is_null_where_the_schema_allows_it() -> None:
    """Zero would be a value; null says that there is none."""
    document = filled(
        "Hello",
        schema_format(
            price={"type": ["number", "null"]},
            due={"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        ),
    )

    assert document == {"price": None, "due": None}


def test_json_without_a_schema_is_still_json() -> None:
    """json_object promises an object, whatever is in it."""
    plain = run("What is 2+2?", response_format={"type": "json_object"}).text
    output = run(
        "Weather in Rome?",
        tools=[WEATHER],
        outputs={"get_weather": '{"sky": "clear"}'},
        response_format={"type": "json_object"},
    ).text
    keyed = run("Where is Ann?", "Ann is in Oslo. Answer in JSON with the keys 'person' and 'city'.").text

    assert json.loads(plain) == {"answer": "2+2 = 4"}
    assert json.loads(output) == {"sky": "clear"}
    assert json.loads(keyed) == {"person": "Ann", "city": "Oslo"}


LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span}, st.integers(-50, 50), st.integers(0, 9)),
    st.builds(lambda low: {"type": "number", "exclusiveMinimum": low}, st.integers(-9, 9)),
    st.builds(lambda step: {"type": "integer", "minimum": 1, "multipleOf": step}, st.integers(1, 7)),
    st.builds(lambda least: {"type": "string", "minLength": least, "maxLength": least + 3}, st.integers(0, 12)),
    st.builds(lambda values: {"enum": values}, st.lists(st.one_of(st.text(max_size=4), st.integers()), min_size=1, max_size=3)),
    st.sampled_from([{"type": "string", "format": "date"}, {"type": ["string", "null"]}, {"const": 5}, {}]),
)  # fmt: skip
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda item, least: {"type": "array", "items": item, "minItems": least}, inner, st.integers(0, 2)
        ),
        st.builds(
            lambda parts: {
                "type": "object",
                "properties": parts,
                "required": list(parts),
                "additionalProperties": False,
            },
            st.dictionaries(
                st.sampled_from(["name", "city", "total_price", "id", "tags", "answer", "due_date", "x"]),
                inner,
                max_size=4,
            ),
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None, database=None)
@given(schema=SCHEMAS, question=st.text(max_size=60))
def test_whatever_the_schema_the_reply_satisfies_it(schema: dict[str, Any], question: str) -> None:
    """One reply that does not parse breaks the program that asked for it."""
    wrapped: dict[str, object] = {"type": "object", "properties": {"value": schema}, "required": ["value"]}

    document = json.loads(
        run(
            question or "?",
            "Ann is 30.",
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": wrapped}},
        ).text
    )

    assert is_valid(document, wrapped, wrapped)
    assert is_valid(minimal(schema, schema), schema, schema)


def test_a_schema_that_refers_to_itself_ends() -> None:
    """Trees are described by schemas that contain themselves."""
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"child": {"$ref": "#"}, "name": TEXT},
        "required": ["name"],
    }

    text = run(
        "Ann",
        "Extract.",
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    ).text

    assert "name" in json.loads(text)
