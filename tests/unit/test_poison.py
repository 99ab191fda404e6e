"""The poison desk's judgements: contracts of strangers, odd encodings, changed messages, joined executions. Pure."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from services.monitor.results import Row
from services.poison import reading
from services.poison.causes import failures, raised
from services.poison.contract import Contract, check
from services.poison.edit import draft, judge_edit
from services.poison.shapes import Outcome, Report
from services.poison.store import Stored

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
SCHEMA = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
CONTRACT = Contract("foo", SCHEMA, "catalogue")


def nested(depth: int) -> dict[str, object]:
    found: dict[str, object] = {"type": "object"}
    for _ in range(depth):
        found = {"allOf": [found]}
    return found


@pytest.mark.parametrize(
    ("schema", "unchecked"),
    [
        ({"properties": {"query": {"pattern": "(a+)+$"}}}, "pattern"),
        ({"patternProperties": {"(a+)+$": False}, "additionalProperties": False}, "patternProperties"),
        ({"$ref": "https://stranger.example/schema"}, "$ref"),
        ({"$ref": "#"}, "$ref"),
        ({"type": "nothing"}, "the schema: it is not valid"),
        ({"properties": 5}, "the schema: it is not valid"),
        ({"properties": {"query": {"enum": ["x" * 70_000]}}}, "the schema: it is too large"),
        (nested(400), "the schema: it cannot be used"),
    ],
    ids=["bomb", "bombs", "remote", "endless", "kind", "shape", "large", "deep"],
)
def test_a_schema_of_a_stranger_can_neither_fetch_nor_stall_and_what_is_left_out_is_said(
    schema: dict[str, object], unchecked: str
) -> None:
    """Anybody who may make an agent writes one."""
    verdict = check({"query": "a" * 40 + "!"}, schema)

    assert verdict.problems == ()
    assert unchecked in " ".join(verdict.unchecked)


def test_a_parameter_may_be_named_like_a_rule() -> None:
    verdict = check({"pattern": 5}, {"properties": {"pattern": {"type": "string"}}})

    assert (verdict.problems, verdict.unchecked) == (("pattern: 5 is not of type 'string'",), ())


def test_many_problems_are_cut_and_long_ones_too() -> None:
    wanted = {f"p{n}": {"type": "string"} for n in range(50)}
    verdict = check(dict.fromkeys(wanted, "x" * 5_000) | dict.fromkeys(wanted, 5), {"properties": wanted})

    assert len(verdict.problems) == 10
    assert all(len(one) <= 240 for one in verdict.problems)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le"])
def test_text_in_utf_16_is_read_and_called_by_its_name(codec: str) -> None:
    """What .NET's Encoding.Unicode makes."""
    content = base64.b64encode('{"query": "ä", "CorrelationId": "c"}'.encode(codec)).decode()

    assert reading.read(content).encoding == "utf-16"
    assert reading.read(content).arguments == {"query": "ä"}


def test_line_ends_within_base64_are_no_fault() -> None:
    """.NET's decoder, which the host uses, takes them."""
    content = reading.encode('{"query": "x", "CorrelationId": 7}')

    found = reading.read(content[:10] + "\r\n" + content[10:])

    assert (found.encoding_fault, found.form_fault, found.correlation) == ("", "", "7")


def test_json_that_is_too_deep_is_no_json_and_no_failure() -> None:
    assert reading.read(reading.encode("[" * 20_000)).form_fault.startswith("It holds text that is no JSON")


def test_the_trace_context_is_not_held_against_the_contract() -> None:
    carried = f"00-{'a' * 32}-{'b' * 16}-01"
    for body in (
        f'{{"query": "x", "CorrelationId": "c", "traceparent": "{carried}"}}',
        f'{{"function_args": {{"query": "x", "traceparent": "{carried}"}}, "CorrelationId": "c"}}',
    ):
        found = reading.read(reading.encode(body))
        assert (found.arguments, found.trace_id) == ({"query": "x"}, "a" * 32)


def test_a_change_that_changes_nothing_is_the_same_call() -> None:
    """The function knows a repeat by CorrelationId and arguments."""
    original = reading.read(reading.encode('{"query": "größer", "CorrelationId": "c"}'))

    edit = judge_edit(original, draft(original), CONTRACT)

    assert (edit.faults, edit.problems) == ((), ())
    assert reading.read(edit.content).body == original.body


def test_a_message_in_no_encoding_is_mended_by_sending_it_as_it_reads() -> None:
    original = reading.read('{"query": "x", "CorrelationId": "c"}')

    edit = judge_edit(original, draft(original), CONTRACT)

    assert original.encoding_fault
    assert not reading.read(edit.content).encoding_fault


def test_half_a_character_survives_being_edited() -> None:
    """JSON may hold what no text encoding can; the page must be able to draw it, and the function to read it."""
    original = reading.read(reading.encode('{"query": "\\ud800", "CorrelationId": "c"}'))

    text = draft(original)

    assert text.encode()
    assert reading.read(judge_edit(original, text, CONTRACT).content).body == original.body


def stored(name: str, seconds: float) -> Stored:
    return Stored(name, AT + timedelta(seconds=seconds), None, 0, reading.encode(f'{{"q": "{name}"}}'))


def execution(seconds: float, message: str, deliveries: int = 3, exception: str = "KeyError: 'a'") -> Row:
    return {
        "ended": AT + timedelta(seconds=seconds),
        "invocation": f"i-{message}-{deliveries}",
        "message_id": message,
        "deliveries": deliveries,
        "correlation_id": "",
        "exception": exception,
    }


def certainty(messages: list[Stored], rows: list[Row]) -> list[str | None]:
    found = failures(messages, {one.id: reading.read(one.content) for one in messages}, rows)
    return [found[one.id].certainty if one.id in found else None for one in messages]


def test_an_execution_is_joined_by_time_only_as_surely_as_nothing_else_fits() -> None:
    """The copy in the poison queue has another id than the message that failed."""
    alone, other = stored("a", 0), stored("b", 5)

    assert certainty([alone], [execution(0.2, "m1", 3), execution(-0.5, "m1", 2)]) == ["strong"]
    assert certainty([alone], [execution(0.2, "m1"), execution(0.1, "m2")]) == ["guess"]
    assert certainty([alone, other], [execution(0.2, "m1")]) == ["guess", "guess"]
    assert certainty([alone], [execution(-600, "m1")]) == [None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Exception while executing function: Functions.f. Result: Failure\nException: ValueError: no\nStack:  x",
            "ValueError: no",
        ),
        ("Result: Failure\nException: A: b\nc", "A: b c"),
        (
            "Timeout value of 00:02:00 exceeded by function 'Functions.f'",
            "Timeout value of 00:02:00 exceeded by function 'Functions.f'",
        ),
        ("", ""),
    ],
    ids=["host", "inner", "timeout", "none"],
)
def test_the_host_s_words_are_cut_to_the_exception(text: str, expected: str) -> None:
    assert raised(text) == expected


def test_a_report_counts_every_fate() -> None:
    """Nothing that happened to a message is swallowed."""
    fates = [
        Outcome("a", "done"),
        Outcome("b", "gone"),
        Outcome("c", "left"),
        Outcome("d", "unsure"),
        Outcome("e", "kept"),
        Outcome("f", "untried"),
    ]
    report = Report("replayed", "q-poison", tuple(fates), "q")

    assert report.words.startswith("1 message replayed to q. 1 message no longer there")
    assert report.words.count("1 message") == len(fates)
    assert not report.is_whole
