"""What becomes of a message: answered, retried, given up. Real host, real emulator, one clock each."""

import json
import logging
import re
from pathlib import Path

import pytest

from emulator.server import Emulator
from tests.functions.hosting import Hosted, Queues, eventually, settings_for, write_app

ECHO = """
import azure.functions as func

app = func.FunctionApp()

@app.queue_trigger("msg", queue_name="work", connection="STORE")
@app.queue_output("out", queue_name="results", connection="STORE")
def echo(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(f"{msg.get_body().decode()} on delivery {msg.dequeue_count}")
"""

FAILING = """
import azure.functions as func

app = func.FunctionApp()
deliveries = []

@app.queue_trigger("msg", queue_name="work", connection="STORE")
def failing(msg: func.QueueMessage) -> None:
    deliveries.append(msg.dequeue_count)
    raise ValueError("no")
"""


def test_a_message_is_answered_deleted_and_logged_as_the_real_host_logs_it(
    emulator: Emulator, queues: Queues, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Charts and operators read these lines; queue wait is told from InsertionTime."""
    app = write_app(tmp_path / "app", ECHO)
    with caplog.at_level(logging.INFO), Hosted(app, settings_for(emulator)):
        queues.send("work", "hello")

        assert queues.await_texts("results", 1) == ["hello on delivery 1"]
        queues.await_empty("work")

    lines = [record.getMessage() for record in caplog.records if record.name.endswith("worker")]
    begun = next(number for number, line in enumerate(lines) if line.startswith("Executing"))
    guid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(
        rf"Executing 'Functions.echo' \(Reason='New queue message detected on 'work'.', Id={guid}\)",
        lines[begun],
    )
    assert re.fullmatch(
        rf"Trigger Details: MessageId: {guid}, DequeueCount: 1, "
        r"InsertionTime: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00",
        lines[begun + 1],
    )
    assert re.fullmatch(
        rf"Executed 'Functions.echo' \(Succeeded, Id={guid}, Duration=\d+ms\)", lines[begun + 2]
    )


def test_a_function_that_raises_is_retried_and_then_given_up_with_the_message_intact(
    emulator: Emulator, queues: Queues, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Three deliveries, then the poison queue, which is made on demand, holds exactly what was sent."""
    app = write_app(tmp_path / "app", FAILING)
    with caplog.at_level(logging.INFO), Hosted(app, settings_for(emulator)) as hosted:
        queues.send("work", {"text": "größer <&>"})

        assert queues.await_texts("work-poison", 1) == ['{"text": "gr\\u00f6\\u00dfer <&>"}']
        queues.await_empty("work")
        deliveries = hosted.host.functions[0].run.__globals__["deliveries"]

    assert deliveries == [1, 2, 3]
    assert "Message has reached MaxDequeueCount of 3. Moving message to queue 'work-poison'." in caplog.text
    assert "Executed 'Functions.failing' (Failed, Id=" in caplog.text
    assert "ValueError: no" in caplog.text


def test_a_failed_message_stays_hidden_for_the_visibility_timeout(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """It spaces the retries; ten seconds pass on the emulator's clock only."""
    app = write_app(tmp_path / "app", FAILING, visibilityTimeout="00:00:10")
    with Hosted(app, settings_for(emulator)) as hosted:
        queues.send("work", "x")
        deliveries = hosted.host.functions[0].run.__globals__["deliveries"]
        eventually(
            lambda: any(seen.operation.endswith("update_message") for seen in emulator.requests()),
            "an update",
        )
        emulator.advance(9)
        polls = len(emulator.requests())
        eventually(lambda: len(emulator.requests()) > polls + 3, "more polls")
        assert deliveries == [1]

        emulator.advance(1.5)

        eventually(lambda: deliveries == [1, 2], "a second delivery")


def test_a_message_taken_too_often_is_moved_before_it_runs(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """It has killed every host that took it; running it once more would go on for ever."""
    queues.service.create_queue("work")
    queues.send("work", "killer")
    for _ in range(3):
        queues.receive("work", hidden_s=1)
        emulator.advance(2)
    with Hosted(write_app(tmp_path / "app", FAILING), settings_for(emulator)) as hosted:
        assert queues.await_texts("work-poison", 1) == ["killer"]
        assert hosted.host.functions[0].run.__globals__["deliveries"] == []


@pytest.mark.parametrize(
    "content", ["plain text!", '{"CorrelationId": "42"}', "AAA"], ids=["text", "json", "short"]
)
def test_a_message_in_another_encoding_goes_to_poison_as_it_is(
    emulator: Emulator, queues: Queues, tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The most reported trap of queue triggers. The real host gives no reason; ours does."""
    queues.service.create_queue("work").send_message(content)
    with (
        caplog.at_level(logging.ERROR),
        Hosted(write_app(tmp_path / "app", FAILING), settings_for(emulator)) as hosted,
    ):
        queues.await_empty("work")
        (poisoned,) = queues.service.get_queue_client("work-poison").peek_messages()
        assert hosted.host.functions[0].run.__globals__["deliveries"] == []

    assert poisoned.content == content
    assert any("messageEncoding in host.json" in str(vars(record)) for record in caplog.records)


def test_without_encoding_messages_travel_as_they_are(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """messageEncoding none is the other setting people use; both ways must agree with it."""
    queues.service.create_queue("work").send_message("plain <text>")
    with Hosted(write_app(tmp_path / "app", ECHO, messageEncoding="none"), settings_for(emulator)):
        queues.await_empty("work")
        (result,) = queues.service.get_queue_client("results").peek_messages()

    assert result.content == "plain <text> on delivery 1"


def test_a_function_that_reads_a_poison_queue_never_moves_its_messages(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """There is no work-poison-poison; such a message stays until the function takes it."""
    app = write_app(tmp_path / "app", FAILING.replace('"work"', '"work-poison"'))
    with Hosted(app, settings_for(emulator)) as hosted:
        queues.send("work-poison", "x")
        deliveries = hosted.host.functions[0].run.__globals__["deliveries"]
        eventually(lambda: len(deliveries) > 4, "more deliveries than the limit")

    assert queues.count("work-poison") == 1
    assert [queue.name for queue in queues.service.list_queues()] == ["work-poison"]


@pytest.mark.parametrize(
    ("declaration", "body", "expected"),
    [
        ("out: func.Out[str]) -> None", "out.set('one')", ["one"]),
        ("out: func.Out[bytes]) -> None", "out.set('zwölf'.encode())", ["zwölf"]),
        ("out: func.Out[typing.List[str]]) -> None", "out.set(['one', 'two'])", ["one", "two"]),
        ("out: func.Out[func.QueueMessage]) -> None", "out.set(func.QueueMessage(body='one'))", ["one"]),
        ("out: func.Out[str]) -> None", "pass", []),
    ],
    ids=["text", "bytes", "list", "message", "nothing"],
)
def test_outputs_of_every_kind_reach_their_queue(
    emulator: Emulator, queues: Queues, tmp_path: Path, declaration: str, body: str, expected: list[str]
) -> None:
    """What a function may set is what azure.functions lets it set."""
    source = f"""
import typing
import azure.functions as func
app = func.FunctionApp()

@app.queue_trigger("msg", queue_name="work", connection="STORE")
@app.queue_output("out", queue_name="results", connection="STORE")
def emit(msg: func.QueueMessage, {declaration}:
    {body}
"""
    with Hosted(write_app(tmp_path / "app", source), settings_for(emulator)):
        queues.send("work", "x")
        queues.await_empty("work")

    assert queues.peek("results") == expected


def test_returns_contexts_and_plain_text_work_in_asynchronous_functions(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """The second programming style of the model: async def, $return, a text instead of a message."""
    source = """
import json
import azure.functions as func
app = func.FunctionApp()

@app.function_name("named")
@app.queue_trigger("text", queue_name="work", connection="STORE")
@app.queue_output("$return", queue_name="results", connection="STORE")
async def other(text: str, context: func.Context) -> str:
    return json.dumps([text, context.function_name, context.function_directory,
                       context.trace_context.trace_parent, context.invocation_id])
"""
    app = write_app(tmp_path / "app", source)
    with Hosted(app, settings_for(emulator)):
        queues.send("work", "hello")
        (result,) = queues.await_texts("results", 1)

    text, name, folder, trace_parent, invocation_id = json.loads(result)
    assert (text, name, folder) == ("hello", "named", str(app))
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace_parent)
    assert len(invocation_id) == 36


def test_a_value_without_a_return_binding_is_a_failure(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """Azure's worker refuses it, so a function that forgot its binding must not seem to work here."""
    source = FAILING.replace('raise ValueError("no")', "return 'lost'").replace("-> None", "-> str")
    with Hosted(write_app(tmp_path / "app", source), settings_for(emulator)):
        queues.send("work", "x")

        assert queues.await_texts("work-poison", 1) == ["x"]
