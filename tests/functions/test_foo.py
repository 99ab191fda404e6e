"""The foo bot: answers from its facts, and says when it has none."""

import pytest

from tools.envelope import ToolError
from tools.foo import answer, facts


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("What would foo say about the most prevalent element in the universe?", "hydrogen"),
        ("most abundant element in the cosmos", "hydrogen"),
        ("What is the second most common element in the universe after hydrogen?", "helium"),
        ("Which ELEMENT is the most common in the Earth's crust?", "oxygen"),
        ("the capital of France", "Paris"),
        ("How fast does light travel?", "299792458"),
        ("how many bones are in the human body", "206"),
        ("How many planets does our solar system have?", "eight"),
        ("What does DNA stand for?", "deoxyribonucleic"),
    ],
)
def test_a_question_finds_its_fact_however_it_is_put(query: str, expected: str) -> None:
    """The words come from a model that rephrases."""
    assert expected in answer({"query": query})


@pytest.mark.parametrize(
    "query",
    [
        "capital",
        "Why is the sky blue?",
        "the most prevalent element in the ocean",
        "?!",
        "x" * 4000,
        "<b>&amp;\x00",
    ],
    ids=["one word", "other", "near miss", "signs", "long", "markup"],
)
def test_what_it_does_not_know_it_says(query: str) -> None:
    """A wrong fact is worse than none."""
    assert answer({"query": query}).startswith("The foo bot does not know.")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "query is missing"),
        ({"query": None}, "query is missing"),
        ({"query": 7}, "must be text, not a number"),
        ({"query": ["a"]}, "must be text, not an array"),
        ({"query": {"a": 1}}, "must be text, not an object"),
        ({"query": " \n"}, "query is empty"),
        ({"query": "x" * 4001}, "4,001 characters"),
    ],
    ids=["absent", "null", "number", "list", "object", "blank", "long"],
)
def test_a_query_that_cannot_be_used_is_refused_by_name(arguments: dict[str, object], error: str) -> None:
    """The model reads the text and can call again with the right parameter."""
    with pytest.raises(ToolError, match=error):
        answer(arguments)


def test_unknown_parameters_are_ignored() -> None:
    """Trace context and other additions travel as parameters, too."""
    assert "Paris" in answer({"query": "capital of France", "traceparent": "00-1-2-01", "x": [1]})


def test_every_fact_is_found_by_its_own_words() -> None:
    """A fact that another one shadows would never be given."""
    assert len(facts()) >= 60
    for fact in facts():
        question = " ".join(sorted(min(group) for group in fact.groups))
        assert answer({"query": question}) == fact.answer, question
