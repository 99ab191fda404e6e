"""What every tool does the same way: envelopes, faults, repeats, limits."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.messages import Reply, message
from tools import answering
from tools.answering import answer
from tools.envelope import MAX_REPLY_BYTES, Arguments, ToolError, UnanswerableError, parse
from tools.results import Results

LAST = 3


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Results]:
    """A store of this test's own."""
    results = Results(tmp_path / "results")
    monkeypatch.setattr(answering, "_results", lambda: results)
    yield results
    results.close()


def echo(arguments: Arguments) -> str:
    return json.dumps(arguments)


@pytest.mark.parametrize(
    "envelope",
    [
        {"city": "Seattle", "CorrelationId": "42"},
        {"function_args": {"city": "Seattle"}, "CorrelationId": "42"},
    ],
    ids=["flat", "nested"],
)
def test_both_envelopes_reach_the_tool_alike(envelope: dict[str, object]) -> None:
    """Classic agents send the first, newer ones the second; a tool must not care."""
    reply = Reply()
    answer(message(envelope), reply, "echo", echo)

    assert reply.document == {"Value": '{"city": "Seattle"}', "CorrelationId": "42"}


@pytest.mark.parametrize(
    "correlation_id", ["42", 42, "ü\ud800", "x" * 512], ids=["text", "number", "odd", "long"]
)
def test_the_correlation_id_comes_back_as_it_came(correlation_id: object) -> None:
    """The agent finds its call by it; a changed type would be another id."""
    reply = Reply()
    answer(message({"CorrelationId": correlation_id}), reply, "echo", echo)

    assert reply.document["CorrelationId"] == correlation_id


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "an array"),
        ('"text"', "text"),
        ({"query": "x"}, "no CorrelationId"),
        ({"query": "x", "CorrelationId": None}, "no CorrelationId"),
        ({"query": "x", "CorrelationId": ""}, "no CorrelationId"),
        ({"query": "x", "CorrelationId": True}, "true or false"),
        ({"query": "x", "CorrelationId": ["42"]}, "an array"),
        ({"query": "x", "CorrelationId": "x" * 513}, "longer than 512"),
    ],
    ids=["text", "bytes", "deep", "array", "string", "absent", "null", "empty", "bool", "list", "huge"],
)
def test_a_message_that_names_nobody_goes_to_poison_with_its_reason(
    body: object, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nobody to answer, so the host must give it up, on the last delivery too, and the log says why."""
    reply = Reply()
    with caplog.at_level(logging.ERROR), pytest.raises(UnanswerableError, match=reason):
        answer(message(body, LAST), reply, "echo", echo)

    assert reply.text is None
    assert reason in caplog.text


def test_arguments_that_are_no_object_are_answered_with_an_error() -> None:
    """The caller is known, so it hears what is wrong instead of waiting."""
    reply = Reply()
    answer(message({"function_args": "city=Seattle", "CorrelationId": "42"}), reply, "echo", echo)

    assert reply.error == "function_args must be a JSON object, not text."


def fails(arguments: Arguments) -> str:
    raise ToolError("No such city.")


def crashes(arguments: Arguments) -> str:
    raise ConnectionError("secret detail")


def test_an_expected_fault_is_answered_on_the_first_delivery() -> None:
    """Trying again would not help, and the agent can react at once."""
    reply = Reply()
    answer(message({"CorrelationId": "42"}), reply, "echo", fails)

    assert reply.error == "No such city."


def test_an_unexpected_fault_is_left_to_the_host_until_the_last_delivery() -> None:
    """The host retries; the last delivery answers, or the run would wait for its expiry."""
    reply = Reply()
    for delivery in range(1, LAST):
        with pytest.raises(ConnectionError):
            answer(message({"CorrelationId": "42"}, delivery), reply, "echo", crashes)
    assert reply.text is None

    answer(message({"CorrelationId": "42"}, LAST), reply, "echo", crashes)

    assert reply.error == "The function echo failed 3 times and was given up. Its log tells why."


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (None, "returned nothing"),
        (7, "returned int where text was due"),
        ("x" * 100_000, "too long to send: 100,036 bytes"),
    ],
    ids=["nothing", "number", "100 kB"],
)
def test_a_result_that_cannot_be_sent_becomes_an_error_answer(result: object, error: str) -> None:
    """A tool that forgets its return, or returns too much, must not leave the agent waiting."""
    reply = Reply()
    answer(message({"CorrelationId": "42"}), reply, "echo", lambda _: result)

    assert error in reply.error


@pytest.mark.parametrize(
    "letter", ["x", "ü", "\N{GRINNING FACE}", '"', "\x00"], ids=["a", "u", "face", "quote", "nul"]
)
def test_the_largest_answer_that_fits_is_sent_and_one_more_letter_is_not(letter: str) -> None:
    """65,536 bytes is what a queue takes, after base64 and after JSON has escaped the text."""
    escaped = len(json.dumps(letter)) - 2
    room = MAX_REPLY_BYTES - len(json.dumps({"Value": "", "CorrelationId": "42"}))
    fits, over = Reply(), Reply()
    answer(message({"CorrelationId": "42"}), fits, "fits", lambda _: letter * (room // escaped))
    answer(message({"CorrelationId": "42"}), over, "over", lambda _: letter * (room // escaped + 1))

    assert len(fits.get()) <= MAX_REPLY_BYTES
    assert fits.value == letter * (room // escaped)
    assert "too long" in over.error


class Counter:
    """A tool that does something each time, so that a repeat would show."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, arguments: Arguments) -> str:
        self.calls += 1
        return f"call {self.calls}"


def test_a_repeated_message_gets_the_first_answer_again_without_running_the_tool() -> None:
    """Queues deliver at least once: after a crash between answer and delete the message comes back."""
    tool, first, second = Counter(), Reply(), Reply()
    body = {"query": "x", "CorrelationId": "42"}
    answer(message(body), first, "counter", tool)
    answer(message(body, 2), second, "counter", tool)

    assert (tool.calls, second.get()) == (1, first.get())


def test_another_question_under_the_same_id_is_not_a_repeat() -> None:
    """Samples send every question as "42"; a stale answer to another question would be worse than two runs."""
    tool, first, second = Counter(), Reply(), Reply()
    answer(message({"query": "x", "CorrelationId": "42"}), first, "counter", tool)
    answer(message({"query": "y", "CorrelationId": "42"}), second, "counter", tool)

    assert second.value == "call 2"


def test_a_process_that_starts_anew_remembers_the_answers_of_the_last(tmp_path: Path) -> None:
    """The worker that crashed is the one whose messages come back."""
    before = Results(tmp_path / "shared")
    question = parse(b'{"CorrelationId": "42"}')
    before.keep("foo", question, "first")
    before.close()

    after = Results(tmp_path / "shared")

    assert after.get("foo", question) == "first"
    assert after.keep("foo", question, "second") == "first"
    after.close()


def test_the_store_holds_a_bounded_number_of_answers(tmp_path: Path) -> None:
    """It lives in a temporary folder of an instance that may run for months."""
    store = Results(tmp_path / "bounded")
    for number in range(1300):
        store.keep("foo", parse(json.dumps({"CorrelationId": str(number)}).encode()), "x")

    assert store.get("foo", parse(b'{"CorrelationId": "1299"}')) == "x"
    assert store.get("foo", parse(b'{"CorrelationId": "0"}')) is None
    store.close()


def test_a_folder_that_cannot_be_used_costs_the_memory_not_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some plans mount a read-only disk; a tool must still answer, and repeats within the process are still known."""
    (tmp_path / "taken").write_text("a file, not a folder")
    store = Results(tmp_path / "taken")
    monkeypatch.setattr(answering, "_results", lambda: store)
    tool, first, second = Counter(), Reply(), Reply()
    answer(message({"CorrelationId": "42"}), first, "counter", tool)
    answer(message({"CorrelationId": "42"}, 2), second, "counter", tool)

    assert (tool.calls, second.value) == (1, "call 1")
    store.close()


def test_a_store_that_fails_later_costs_the_memory_not_the_answer(results: Results) -> None:
    """A full disk must not fail an answer that is already worked out."""
    reply = Reply()
    results.close()  # every statement fails from here on

    answer(message({"CorrelationId": "42"}), reply, "echo", echo)

    assert reply.value == "{}"


def test_logs_carry_the_correlation_id_and_never_the_arguments(caplog: pytest.LogCaptureFixture) -> None:
    """Arguments are what people wrote; the id is enough to find the run. A hostile id cannot forge a line."""
    with caplog.at_level(logging.DEBUG):
        answer(message({"query": "my secret", "CorrelationId": "42\nforged"}), Reply(), "echo", echo)

    assert 'correlation_id="42 forged"' in caplog.text
    assert "my secret" not in caplog.text
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_an_answer_can_be_routed_past_the_own_output_queue() -> None:
    """foo does so when the question names a queue."""
    sent: list[str] = []
    reply = Reply()
    answer(message({"CorrelationId": "42"}), reply, "echo", echo, route=lambda _: sent.append)

    assert reply.text is None
    assert json.loads(sent[0]) == {"Value": "{}", "CorrelationId": "42"}


def test_a_refused_address_is_answered_to_the_own_output_queue() -> None:
    """The agent reads that queue whatever address it was told to pass on."""

    def refuse(arguments: Arguments) -> None:
        raise ToolError("Another account.")

    reply = Reply()
    answer(message({"CorrelationId": "42"}), reply, "echo", echo, route=refuse)

    assert reply.error == "Another account."


def test_a_delivery_that_keeps_failing_is_reported_on_the_last_delivery() -> None:
    """Storage may refuse for a moment; the host's retries cover that, and the end is still an answer."""

    def broken(text: str) -> None:
        raise ConnectionError

    reply = Reply()
    with pytest.raises(ConnectionError):
        answer(message({"CorrelationId": "42"}, 1), reply, "echo", echo, route=lambda _: broken)
    answer(message({"CorrelationId": "42"}, LAST), reply, "echo", echo, route=lambda _: broken)

    assert "could not be written" in reply.error
