"""From a delivered message to its answer: what every tool does the same way.

An expected fault (ToolError) is answered at once. Anything else that a tool raises goes back to the host, which
delivers the message again; on the last delivery it is answered too, because an agent that gets no answer waits
until its run expires. Logs carry the correlation id, never the arguments.
"""

import functools
import json
import logging
import time
from collections.abc import Callable

import azure.functions as func

from tools.envelope import (
    Arguments,
    CorrelationId,
    Question,
    ToolError,
    UnanswerableError,
    parse,
    render,
    render_error,
    shorten,
)
from tools.order import Answered, in_turn
from tools.queues import max_dequeue_count
from tools.results import Results
from tools.watch import Watch

log = logging.getLogger(__name__)

Run = Callable[[Arguments], object]
Deliver = Callable[[str], None]
Route = Callable[[Arguments], Deliver | None]


def answer(
    message: func.QueueMessage,
    reply: func.Out[str],
    tool: str,
    run: Run,
    route: Route | None = None,
    context: func.Context | None = None,
    *,
    ordered: bool = False,
) -> None:
    """Answer *message* with what *run* makes of its arguments, in *reply* or where *route* says.

    *context*: the host's, for telemetry. *ordered*: the calls of a conversation run one at a time, in order; one whose
    turn has not come is put back into its queue, and not answered yet.

    Raises UnanswerableError when nothing says whom to answer, and, before the last delivery, whatever *run* or the
    delivery raised beyond ToolError. An ordered tool also raises when the ledger of its order cannot be had.
    """
    watch = Watch(message, tool, context)
    try:
        _answer(message, reply, tool, run, route, watch, ordered=ordered)
    finally:
        watch.tell()


def _answer(
    message: func.QueueMessage,
    reply: func.Out[str],
    tool: str,
    run: Run,
    route: Route | None,
    watch: Watch,
    *,
    ordered: bool,
) -> None:
    started_s = time.monotonic()
    delivery = message.dequeue_count or 1
    try:
        question = parse(message.get_body())
    except UnanswerableError as exc:
        log.error("tool.gave_up tool=%s message=%s delivery=%d reason=%s", tool, message.id, delivery, exc)
        raise
    watch.question = question
    work = functools.partial(_value, question, tool, run, delivery)
    answered = _in_turn(message, question, tool, work, delivery) if ordered else work()
    if answered is None:
        watch.outcome = "held"
        log.info("tool.held tool=%s correlation_id=%s", tool, _loggable(question.correlation_id))
        return
    value, outcome = answered
    _send(question, value, tool, reply, route, delivery)
    watch.outcome = outcome
    log.info(
        "tool.answered tool=%s correlation_id=%s delivery=%d outcome=%s took_ms=%d",
        tool,
        _loggable(question.correlation_id),
        delivery,
        outcome,
        (time.monotonic() - started_s) * 1000,
    )


def _in_turn(
    message: func.QueueMessage, question: Question, tool: str, work: Callable[[], Answered], delivery: int
) -> Answered | None:
    """Return what *work* returned in its turn, None when the call was put back; the last delivery is answered."""
    try:
        return in_turn(message, question, tool, work)
    except Exception:
        if delivery < max_dequeue_count():
            raise
        log.exception(
            "tool.order_unknown tool=%s correlation_id=%s", tool, _loggable(question.correlation_id)
        )
        return render_error(
            f"The order of the calls of {tool} could not be found out. Nothing was done."
        ), "failed"


def _value(question: Question, tool: str, run: Run, delivery: int) -> tuple[str, str]:
    """Return the value to answer with, and "repeated", "answered", "refused" or "failed" for the log."""
    with _results().alone(
        tool, question
    ):  # of copies that are delivered together one works, the others repeat it
        return _value_alone(question, tool, run, delivery)


def _value_alone(question: Question, tool: str, run: Run, delivery: int) -> tuple[str, str]:
    if (known := _results().get(tool, question)) is not None:
        return known, "repeated"
    try:
        value, outcome = _checked(run, question), "answered"
    except ToolError as exc:
        value, outcome = render_error(str(exc)), "refused"
    except Exception as exc:
        if delivery < max_dequeue_count():
            log.warning(
                "tool.failed tool=%s correlation_id=%s delivery=%d error=%s",
                tool,
                _loggable(question.correlation_id),
                delivery,
                type(exc).__name__,
            )
            raise
        log.exception(
            "tool.failed_for_good tool=%s correlation_id=%s", tool, _loggable(question.correlation_id)
        )
        value, outcome = render_error(_gave_up(tool, delivery)), "failed"
    return _results().keep(tool, question, value), outcome


def _checked(run: Run, question: Question) -> str:
    """Return what *run* returns, once it is known to fit into an answer. Raises ToolError, or what *run* raises."""
    if question.fault is not None:
        raise ToolError(question.fault)
    value = run(question.arguments)
    if value is None:
        raise ToolError("The function returned nothing.")
    if not isinstance(value, str):
        raise ToolError(f"The function returned {type(value).__name__} where text was due.")
    render(value, question.correlation_id)
    return value


def _send(
    question: Question, value: str, tool: str, reply: func.Out[str], route: Route | None, delivery: int
) -> None:
    try:
        deliver = route(question.arguments) if route and question.fault is None else None
        text = render(value, question.correlation_id)
        if deliver is None:
            reply.set(text)
        else:
            deliver(text)
    except ToolError as exc:
        reply.set(render(render_error(str(exc)), question.correlation_id))
    except Exception:
        if delivery < max_dequeue_count():
            raise
        log.exception("tool.reply_failed tool=%s correlation_id=%s", tool, _loggable(question.correlation_id))
        problem = f"The answer of {tool} could not be written to the queue that was asked for."
        reply.set(render(render_error(problem), question.correlation_id))


def _gave_up(tool: str, delivery: int) -> str:
    times = "once" if delivery == 1 else f"{delivery} times"
    return f"The function {tool} failed {times} and was given up. Its log tells why."


def _loggable(correlation_id: CorrelationId) -> str:
    return json.dumps(shorten(str(correlation_id)))


@functools.cache
def _results() -> Results:
    return Results()
